"""The company's declaration: what is taken, and how what is wrong in it is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from crm_platform.configuration import ConfigurationError
from crm_platform.sources.company import CommunicationType, load_company
from crm_platform.sources.feeds.permission import COMMUNICATION_TYPES

DECLARED_COMPANY = Path(__file__).parents[3] / "config" / "company.yaml"


@pytest.fixture
def declare(tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Path]:
    """Write the declared company with a change to it."""

    def write(change: Callable[[dict[str, Any]], None]) -> Path:
        content = yaml.safe_load(DECLARED_COMPANY.read_text(encoding="utf-8"))
        change(content)
        path = tmp_path / "company.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return path

    return write


Declare = Callable[[Callable[[dict[str, Any]], None]], Path]


def test_the_declared_company_is_taken() -> None:
    company = load_company(DECLARED_COMPANY)
    nordic = next(locale for locale in company.locales if locale.code == "nordic")
    assert {country.code for country in nordic.countries} == {"NO", "SE", "DK", "FI"}


def test_a_code_that_stands_twice_is_named(declare: Declare) -> None:
    path = declare(lambda content: content["brands"].append(content["brands"][0]))
    with pytest.raises(ConfigurationError, match="brands: the code 'ivory' stands more than once"):
        load_company(path)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("brand", "onyx", "there is no brand 'onyx'; there are amber, ebony, ivory"),
        ("language", "de", "there is no language 'de'"),
        ("locales", ["mars"], "there is no locale 'mars'"),
        ("channels", ["fax"], "there is no channel 'fax'"),
        ("kind", "whim", "communications.0.kind"),
        ("surprise", 1, "communications.0.surprise"),
    ],
)
def test_a_communication_that_names_what_is_not_there_is_refused(
    declare: Declare, field: str, value: object, message: str
) -> None:
    path = declare(lambda content: content["communications"][0].update({field: value}))
    with pytest.raises(ConfigurationError, match=message):
        load_company(path)


def test_an_unquoted_norway_is_explained(tmp_path: Path) -> None:
    """YAML reads NO as false; the message says to quote it rather than that false is no country."""
    text = DECLARED_COMPANY.read_text(encoding="utf-8").replace('code: "NO"', "code: NO")
    path = tmp_path / "company.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match='write it in quotes, such as "NO"'):
        load_company(path)


def test_a_time_zone_that_does_not_exist_is_refused(declare: Declare) -> None:
    path = declare(lambda content: content["locales"][0]["countries"][0].update(time_zone="Europe/Atlantis"))
    with pytest.raises(ConfigurationError, match="'Europe/Atlantis' is no IANA time zone"):
        load_company(path)


def test_a_file_that_is_not_there_or_not_yaml_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="company.yaml cannot be read"):
        load_company(tmp_path / "company.yaml")
    (tmp_path / "company.yaml").write_text("brands: [", encoding="utf-8")
    with pytest.raises(ConfigurationError, match="company.yaml is not YAML"):
        load_company(tmp_path / "company.yaml")


def test_a_communication_is_of_a_type_that_permission_events_know() -> None:
    assert get_args(CommunicationType) == COMMUNICATION_TYPES
