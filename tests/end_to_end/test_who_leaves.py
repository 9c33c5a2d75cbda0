"""Who leaves the demo company, against its truth, as a refresh leaves it.

At 200 customers some 15 had left, and fewer over a trouble, so that one is many percent; these floors are no goals:
those (calibration error 0.03, the reason told to four of five) are measured at 2,000 and more by `python -m benchmarks
churn demo`.
"""

from benchmarks.leavers import leaver_figures
from tests.end_to_end.commands import Platform

LEAST_AUC = 0.7
LEAST_TOLD = 0.4


def test_who_has_left_is_given_higher_chances_and_the_reason_for_it(refreshed_demo: Platform) -> None:
    figures = leaver_figures(refreshed_demo.home)
    assert figures.metrics.auc is not None and figures.metrics.auc > LEAST_AUC, figures
    assert figures.gone_auc is not None and figures.gone_auc > LEAST_AUC, figures
    assert figures.gone >= 5 and figures.silent_told > LEAST_TOLD, figures
    assert figures.told > LEAST_TOLD, figures
