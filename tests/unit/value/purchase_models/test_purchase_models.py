"""The purchase models against simulated customers of known rates, their derivatives against differences."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import approx_fprime

from crm_platform.value.purchase_models import bg_nbd, gamma_gamma, pareto_nbd
from crm_platform.value.purchase_models.bg_nbd import BgNbd, fit_bg_nbd
from crm_platform.value.purchase_models.gamma_gamma import GammaGamma, fit_gamma_gamma
from crm_platform.value.purchase_models.histories import Floats, Histories, histories_of
from crm_platform.value.purchase_models.maximum_likelihood import FitError
from crm_platform.value.purchase_models.pareto_nbd import ParetoNbd, fit_pareto_nbd

BG = BgNbd(0.8, 20.0, 0.7, 2.5)
PARETO = ParetoNbd(0.8, 20.0, 0.6, 40.0)
CASES = [(0, 0, 50), (1, 10, 50), (3, 45, 50), (6, 30, 100), (12, 99, 100)]
HORIZON = 30.0
DRAWS = 400_000


def histories(cases: list[tuple[float, float, float]]) -> Histories:
    frequency, recency, age = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
    return Histories(frequency, recency, age, np.ones(len(cases)), np.arange(len(cases)))


def bg_posterior(case: tuple[int, int, int]) -> tuple[float, float]:
    """Probability of no purchase and expected purchases, from drawn rates and chances weighed by the history."""
    x, recency, age = case
    draws = np.random.default_rng(1)
    rate = draws.gamma(BG.r + x, 1 / (BG.alpha + age), DRAWS)
    chance = draws.beta(BG.a, BG.b, DRAWS)
    active = (1 - chance) ** x
    left = chance * (1 - chance) ** (x - 1) * np.exp(rate * (age - recency)) if x else np.zeros(DRAWS)
    bought = (1 - np.exp(-rate * chance * HORIZON)) / chance
    return (active * np.exp(-rate * HORIZON) + left).sum() / (active + left).sum(), (active * bought).sum() / (
        active + left
    ).sum()


def pareto_posterior(case: tuple[int, int, int]) -> tuple[float, float]:
    x, recency, age = case
    draws = np.random.default_rng(1)
    rate = draws.gamma(PARETO.r + x, 1 / (PARETO.alpha + age), DRAWS)
    leaving = draws.gamma(PARETO.s, 1 / PARETO.beta, DRAWS)
    both = rate + leaving
    active = np.exp(-leaving * age)
    left = leaving / both * (np.exp(rate * (age - recency) - leaving * recency) - active)
    silent = leaving / both + rate / both * np.exp(-both * HORIZON)
    bought = rate * -np.expm1(-leaving * HORIZON) / np.maximum(leaving, 1e-300)
    total = (active + left).sum()
    return (active * silent + left).sum() / total, (active * bought).sum() / total


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("model", "oracle"), [(BG, bg_posterior), (PARETO, pareto_posterior)])
def test_what_a_model_expects_is_the_mean_over_the_rates_that_the_history_allows(
    model: BgNbd | ParetoNbd, oracle: Callable[[tuple[int, int, int]], tuple[float, float]], case: tuple[int, int, int]
) -> None:
    no_purchase, purchases = oracle(case)
    one = histories([case])
    assert model.probability_no_purchase(one, HORIZON)[0] == pytest.approx(no_purchase, rel=0.02)
    assert model.expected_purchases(one, HORIZON)[0] == pytest.approx(purchases, rel=0.02, abs=0.002)


@pytest.mark.parametrize("model", [BG, PARETO])
def test_in_a_moment_one_purchase_at_most_is_expected(model: BgNbd | ParetoNbd) -> None:
    some = histories(list(CASES))
    bought = 1.0 - model.probability_no_purchase(some, 1e-3)
    assert model.expected_purchases(some, 1e-3) == pytest.approx(bought, rel=1e-3)


@example((1.0, 2.0, 3.0, 0.05), 0, 0.0, 17.0)
@given(
    st.tuples(*[st.floats(0.05, 30.0)] * 4),
    st.integers(0, 300),
    st.floats(0.0, 1.0),
    st.floats(1.0, 400.0),
)
@settings(max_examples=60)
def test_derivatives_are_those_of_the_likelihood(
    parameters: tuple[float, ...], frequency: int, share: float, age: float
) -> None:
    one = histories([(frequency, age * share if frequency else 0.0, age)])
    start = np.array(parameters)
    for likelihood in (bg_nbd._log_likelihood, pareto_nbd._log_likelihood):
        _, gradients = likelihood(start, one)

        def value(at: Floats, likelihood: Callable[[Floats, Histories], tuple[Floats, Floats]] = likelihood) -> float:
            return float(likelihood(at, one)[0][0])

        steps = approx_fprime(start, value, 1e-6 * start)
        assert gradients[:, 0] == pytest.approx(steps, rel=2e-3, abs=2e-3 * max(1.0, frequency))


def test_gamma_gamma_derivatives_are_those_of_the_likelihood() -> None:
    start = np.array([2.0, 3.0, 15.0])
    amounts = gamma_gamma._amounts_of(np.array([3.0, 1.0, 3.0]), np.array([12.0, 7.0, 40.0]))
    _, gradients = gamma_gamma._log_likelihood(2.0, 3.0, 15.0, amounts)

    def value(at: Floats) -> float:
        p, q, v = at
        return gamma_gamma._log_likelihood(p, q, v, amounts)[0]

    steps = approx_fprime(start, value, 1e-6)
    assert gradients == pytest.approx(steps, rel=1e-3, abs=1e-4)


def test_gamma_gamma_likelihood_is_the_density_of_a_mean_over_all_rates() -> None:
    p, q, v, x, mean = 2.0, 3.0, 15.0, 4.0, 9.0
    value, _ = gamma_gamma._log_likelihood(p, q, v, gamma_gamma._amounts_of(np.array([x]), np.array([mean])))
    rates = stats.gamma(q, scale=1 / v)
    density, _ = quad(lambda rate: stats.gamma(p * x, scale=1 / (rate * x)).pdf(mean) * rates.pdf(rate), 0, 5)
    assert value == pytest.approx(np.log(density), rel=1e-6)


def simulated(number: int, leaves_by_time: bool) -> Histories:
    """Customers of BG or PARETO observed for 200 to 400 days."""
    draws = np.random.default_rng(7)
    model = PARETO if leaves_by_time else BG
    rate = draws.gamma(model.r, 1 / model.alpha, number)
    age = draws.integers(200, 400, number).astype(float)
    purchases = draws.exponential(1 / rate[:, None], (number, 400)).cumsum(axis=1)
    if leaves_by_time:
        end = np.minimum(draws.exponential(1 / draws.gamma(PARETO.s, 1 / PARETO.beta, number)), age)
        seen = purchases <= end[:, None]
    else:
        last = draws.geometric(draws.beta(BG.a, BG.b, number))
        seen = (purchases <= age[:, None]) & (np.arange(400) < last[:, None])
    frequency = seen.sum(axis=1).astype(float)
    recency = np.where(seen, purchases, 0.0).max(axis=1)
    return Histories(frequency, recency, age, np.ones(number), np.arange(number))


def test_bg_nbd_finds_the_parameters_that_made_the_customers() -> None:
    fitted = fit_bg_nbd(simulated(40_000, leaves_by_time=False))
    assert [fitted.r, fitted.alpha] == pytest.approx([BG.r, BG.alpha], rel=0.05)
    assert [fitted.a, fitted.b] == pytest.approx([BG.a, BG.b], rel=0.12)


def test_pareto_nbd_finds_the_parameters_that_made_the_customers() -> None:
    fitted = fit_pareto_nbd(simulated(20_000, leaves_by_time=True))
    assert [fitted.r, fitted.alpha] == pytest.approx([PARETO.r, PARETO.alpha], rel=0.06)
    assert [fitted.s, fitted.beta] == pytest.approx([PARETO.s, PARETO.beta], rel=0.2)


def test_a_history_of_many_customers_counts_as_many() -> None:
    all_of_them = simulated(3_000, leaves_by_time=False)
    rounded = (all_of_them.frequency, np.ceil(all_of_them.recency), all_of_them.age)
    features = pl.DataFrame(
        {"number_of_purchases": rounded[0] + 1, "active_days": rounded[1], "tenure_days": rounded[2]}
    )
    distinct = histories_of(features)
    assert len(distinct.weight) < 3_000
    assert distinct.weight.sum() == 3_000
    assert distinct.recency[distinct.place] == pytest.approx(rounded[1])
    one_by_one = Histories(*rounded, np.ones(3_000), np.arange(3_000))
    assert fit_bg_nbd(distinct).alpha == pytest.approx(fit_bg_nbd(one_by_one).alpha, rel=1e-3)


def test_where_chances_hardly_differ_the_two_ways_to_expect_agree() -> None:
    some = histories(list(CASES))
    near = BgNbd(0.8, 20.0, 49.9, 180.0).expected_purchases(some, HORIZON)
    assert near == pytest.approx(BgNbd(0.8, 20.0, 50.1, 180.7).expected_purchases(some, HORIZON), rel=0.01)
    assert np.isfinite(BgNbd(0.8, 20.0, 1e6, 1e7).expected_purchases(some, 3650)).all()


@given(st.lists(st.tuples(st.integers(0, 400), st.floats(0, 1), st.integers(1, 3000)), min_size=1, max_size=30))
@settings(max_examples=50)
def test_probabilities_are_probabilities_and_silence_grows_less_likely_with_time(
    cases: list[tuple[int, float, int]],
) -> None:
    some = histories([(x, age * share if x else 0.0, age) for x, share, age in cases])
    for model in (BG, PARETO, BgNbd(0.05, 1.0, 1.0, 30.0), ParetoNbd(30.0, 0.5, 1.0, 1e6)):
        short, long = (model.probability_no_purchase(some, days) for days in (7.0, 365.0))
        assert ((short >= -1e-9) & (short <= 1 + 1e-9)).all()
        assert (long <= short + 1e-9).all()
        few, many = (model.expected_purchases(some, days) for days in (7.0, 365.0))
        assert np.isfinite(many).all()
        assert (few >= 0).all()
        assert (many >= few - 1e-9).all()


def test_gamma_gamma_finds_its_parameters_and_draws_means_together() -> None:
    draws = np.random.default_rng(3)
    true = GammaGamma(4.0, 5.0, 40.0)
    purchases = draws.integers(1, 12, 30_000).astype(float)
    rate = draws.gamma(true.q, 1 / true.v, 30_000)
    mean = draws.gamma(true.p * purchases, 1 / rate) / purchases
    fitted = fit_gamma_gamma(purchases, mean)
    assert [fitted.p, fitted.q, fitted.v] == pytest.approx([true.p, true.q, true.v], rel=0.06)
    everybody = true.p * true.v / (true.q - 1)
    expected = true.expected_amount(np.array([1.0, 50.0]), np.array([100.0, 100.0]))
    assert everybody < expected[0] < expected[1] < 100.0


def test_amounts_without_a_mean_keep_the_customers_own() -> None:
    assert GammaGamma(1.0, 0.9, 5.0).expected_amount(np.array([1.0]), np.array([70.0])) == pytest.approx([70.0])


def test_amounts_of_nobody_cannot_be_fitted() -> None:
    with pytest.raises(FitError):
        fit_gamma_gamma(np.zeros(3), np.zeros(3))
