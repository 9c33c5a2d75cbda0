"""Model files: the same model after a round trip, and refused when anything about them is not as it was written."""

import json
from pathlib import Path
from typing import Any

import pytest

from crm_platform.churn.store import FORMAT, ModelRefused, load_model, model_bytes, model_digest, save_model
from tests.unit.churn.test_training import MODEL, NOW


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "model.json"
    save_model(MODEL, path)
    return path


def test_a_model_scores_the_same_after_it_was_stored(file: Path) -> None:
    loaded = load_model(file, expected_digest=model_digest(MODEL))
    assert loaded == MODEL
    assert loaded.probabilities(NOW.rows).tobytes() == MODEL.probabilities(NOW.rows).tobytes()
    assert model_bytes(loaded) == file.read_bytes()


def test_a_changed_number_is_refused(file: Path) -> None:
    document = json.loads(file.read_bytes())
    document["model"]["calibration"]["offset"] += 1e-9
    file.write_text(json.dumps(document))
    with pytest.raises(ModelRefused, match="changed after it was written"):
        load_model(file)


def test_another_model_than_the_registry_names_is_refused(file: Path) -> None:
    with pytest.raises(ModelRefused, match="not the model of that name"):
        load_model(file, expected_digest="0" * 64)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04\x95pickle",
        b"[1, 2]",
        b"{}",
        b'{"format": "other", "digest": "", "model": {}}',
        b"[" * 100_000,
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "model.json"
    file.write_bytes(content)
    with pytest.raises(ModelRefused):
        load_model(file)
    with pytest.raises(ModelRefused):
        load_model(tmp_path / "missing.json")


def _lengthen(model: dict[str, Any]) -> None:
    model["terms"][0]["table"].append(1.0)


def _add_field(model: dict[str, Any]) -> None:
    model["loader"] = "os.system"


def _put_text(model: dict[str, Any]) -> None:
    model["silence_centre"] = "zero"


def _overflow(model: dict[str, Any]) -> None:
    model["silence_centre"] = None


@pytest.mark.parametrize("spoil", [_lengthen, _add_field, _put_text, _overflow])
def test_a_file_that_was_forged_with_its_digest_holds_numbers_or_is_refused(file: Path, spoil: Any) -> None:
    from crm_platform.churn.store import _digest

    content = json.loads(file.read_bytes())["model"]
    spoil(content)
    file.write_text(json.dumps({"format": FORMAT, "digest": _digest(content), "model": content}))
    with pytest.raises(ModelRefused, match="no model file"):
        load_model(file)
