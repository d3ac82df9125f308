import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from deploy.report.result import DemoResult, write_result
from tests.unit.report.builders import a_result


def test_the_file_has_every_figure(tmp_path: Path) -> None:
    write_result(tmp_path, a_result(readings_sent=3_000, end_to_end_s=2.0))

    figures = json.loads((tmp_path / "result.json").read_text())
    assert set(figures) == {*DemoResult.model_fields, *DemoResult.model_computed_fields}
    assert figures["readings_per_s"] == 1500.0
    assert figures["exact"] is True
    assert figures["phases_s"] == {"Play the day": 12.1, "Compare": 1.4}
    assert figures["started_at"] == "2026-11-24T22:10:00Z"


def test_a_run_is_exact_when_rows_were_compared_and_none_differs() -> None:
    assert a_result().exact
    assert not a_result(rows_compared=0).exact
    assert not a_result(rows_differing=1).exact
    assert not a_result(difference_mwh=1).exact


def test_a_run_that_took_no_time_cant_be() -> None:
    with pytest.raises(ValidationError, match="end_to_end_s"):
        a_result(end_to_end_s=0.0)
