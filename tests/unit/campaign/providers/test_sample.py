"""The sample of providers' events: the same type and recipient as its normalised form, on all of it."""

import json
import os
from pathlib import Path

import pytest

from crm_platform.campaign.providers.normalise import normalise
from crm_platform.sources.readers.batch import SOURCE_LINE, FileForm
from tests.unit.sources.readers.reading import read_path

SAMPLE = Path(os.environ.get("CRM_EVAL_DATA", "../shared/data")) / "esp_events" / "events.jsonl"


@pytest.mark.skipif(not SAMPLE.exists(), reason="evaluation data is not here: set CRM_EVAL_DATA")
def test_type_and_recipient_are_those_of_the_sample(tmp_path: Path) -> None:
    records = [json.loads(line) for line in SAMPLE.read_text().splitlines()]
    bodies = tmp_path / "bodies.jsonl"
    bodies.write_text("\n".join(json.dumps(record["raw"]) for record in records))
    rows = read_path(bodies, FileForm(kind="provider_events")).rows
    found = normalise(rows)
    lines = rows[SOURCE_LINE].gather(found["place"])
    told: dict[int, set[tuple[str, str | None]]] = {}
    for line, *event in zip(lines, found["event_type"], found["recipient"], strict=True):
        told.setdefault(line, set()).add((event[0], event[1]))
    different = [
        line
        for line, record in enumerate(records, start=1)
        if (record["normalized"]["event_type"], record["normalized"]["recipient"]) not in told[line]
    ]
    assert different == []
