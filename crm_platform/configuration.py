"""The files of `config/`: read, checked, and refused with a message that says what, where and what to do.

Here: what all of them have in common. Not here: what each may say (`settings.py` of its stage, and
`crm_platform/sources/{company,declaration}.py`).
"""

from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from crm_platform.problem import Problem
from crm_platform.yaml_text import read_yaml


class ConfigurationError(Problem):
    """A file of the configuration cannot be used; the message names the file, the place and the mending."""


class Declared(BaseModel):
    """A part of a configuration: nothing undeclared is let in, nothing is changed later."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Configuration = TypeVar("Configuration", bound=BaseModel)


def load_configuration(path: Path, model: type[Configuration], says: str, page: str) -> Configuration:
    """What a file declares. `says` completes 'it says …' for who misses the file; `page` of docs/ describes it.

    Raises:
        ConfigurationError: the file is not there, is not YAML, is incomplete or names what does not exist.
    """
    try:
        return model.model_validate(read_yaml(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigurationError(f"{path.name} cannot be read ({error.strerror}); it says {says}.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path.name} cannot be read: it is no UTF-8 text; it says {says}.") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path.name} is not YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        problems = "; ".join(_problem(detail, model) for detail in error.errors())
        raise ConfigurationError(f"{path.name}: {problems}. See {page}.") from error


def load_configuration_or_defaults(path: Path, model: type[Configuration], says: str, page: str) -> Configuration:
    """The same; where there is no such file, or nothing in it, what the model has by default."""
    if not path.exists() or not path.read_bytes().strip():
        return model()
    return load_configuration(path, model, says, page)


def _problem(detail: Any, model: type[BaseModel]) -> str:
    # pydantic names the function that reads a value beside the value's place.
    place = ".".join(str(part) for part in detail["loc"] if not str(part).startswith("function-"))
    if detail["type"] == "extra_forbidden":
        return f"{place}: there is no such key{_meant(str(detail['loc'][-1]), model)}"
    return f"{place or 'the file'}: {detail['msg'].removeprefix('Value error, ')}"


def _meant(key: str, model: type[BaseModel]) -> str:
    """The key that was probably meant, of all that the model and its parts have."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    near = get_close_matches(key, sorted({name for part in parts for name in part.get("properties", {})}), n=1)
    return f"; is {near[0]!r} meant?" if near else ""
