"""A model as a file: JSON of numbers and names, with the digest of its content.

Here: writing and reading. A file is read into declared fields of declared types and nothing else, so that it can run
no code; one that was changed, cut short or made by something else is refused.
"""

import hashlib
import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from crm_platform.churn.model import ChurnModel, Term
from crm_platform.problem import Problem
from crm_platform.warehouse.files import written_durably

FORMAT = "crm churn model 1"
_LARGEST = 64 * 1024 * 1024
_MODEL = TypeAdapter(ChurnModel)


class ModelRefused(Problem):
    """A file is no model of ours, or is not as it was written; the message says which."""


def model_bytes(model: ChurnModel) -> bytes:
    """The file of a model: the same model gives the same bytes."""
    content = _MODEL.dump_python(model, mode="json")
    return _canonical({"format": FORMAT, "digest": _digest(content), "model": content})


def model_digest(model: ChurnModel) -> str:
    """SHA-256 of the model's content, by which the registry knows it."""
    return _digest(_MODEL.dump_python(model, mode="json"))


def save_model(model: ChurnModel, path: Path) -> None:
    """Write the file whole, or not at all."""
    with written_durably(path) as prepared:
        prepared.write_bytes(model_bytes(model))


def load_model(path: Path, expected_digest: str | None = None) -> ChurnModel:
    """Read a model; `expected_digest` is what the registry says of it.

    Raises:
        ModelRefused: the file is missing, foreign, changed, or not the expected one.
    """
    if not path.is_file() or path.stat().st_size > _LARGEST:
        raise ModelRefused(f"{path} is no model file.")
    try:
        document = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise ModelRefused(f"{path} is no model file: it is not JSON.") from None
    if not isinstance(document, dict) or document.keys() != {"format", "digest", "model"}:
        raise ModelRefused(f"{path} is no model file: it is not of the form that `crm churn train` writes.")
    if document["format"] != FORMAT:
        raise ModelRefused(f"{path} is of the form {document['format']!r}; this release reads {FORMAT!r}. Train anew.")
    digest = _digest(document["model"])
    if digest != document["digest"] or digest != (expected_digest or digest):
        raise ModelRefused(f"{path} was changed after it was written, or is not the model of that name. Train anew.")
    try:
        model = _MODEL.validate_json(_canonical(document["model"]), strict=True)
    except ValidationError as wrong:
        place = ".".join(str(part) for part in wrong.errors()[0]["loc"])
        raise ModelRefused(f"{path} is no model file: {place} is not what it should be.") from None
    if any(not _fits(term) for term in model.terms):
        raise ModelRefused(f"{path} is no model file: a term does not fit its column.")
    return model


def _fits(term: Term) -> bool:
    column = term.column
    return len(term.table) == len(term.shares) == column.number_of_codes and len(term.coefficients) == column.width


def _digest(content: object) -> str:
    return hashlib.sha256(_canonical(content)).hexdigest()


def _canonical(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is no number of a model")
