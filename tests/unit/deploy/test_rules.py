"""Alerts: each fires in its trouble, says what to do, and watches every role.

What the rules compute is in deploy/prometheus/tests, in promtool's own language.
"""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from agents import ROLES

ROOT = Path(__file__).parents[3]
PROMETHEUS = ROOT / "deploy/prometheus"
UNIT_TESTS = PROMETHEUS / "tests/alerts.yml"
RUNBOOKS = ROOT / "docs/runbooks.md"


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text())
    return document


RULES = [
    rule
    for file in sorted((PROMETHEUS / "rules").glob("*.yml"))
    for group in _read(file)["groups"]
    for rule in group["rules"]
]
ALERTS = {rule["alert"]: rule for rule in RULES if "alert" in rule}
SECTIONS = {
    text.partition("\n")[0]: text
    for text in re.split(r"^## ", RUNBOOKS.read_text(), flags=re.MULTILINE)
}


@pytest.fixture
def promtool() -> str:
    if (found := shutil.which("promtool")) is None:
        pytest.skip("promtool is missing: install the package prometheus")
    return found


@pytest.mark.slow
def test_every_rule_does_what_its_unit_tests_say(promtool: str) -> None:
    ran = subprocess.run(
        [promtool, "test", "rules", UNIT_TESTS], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_configuration_is_one_that_prometheus_takes(promtool: str) -> None:
    ran = subprocess.run(
        [promtool, "check", "config", PROMETHEUS / "prometheus.yml"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 rule files found" in ran.stdout


def test_every_alert_fires_in_a_unit_test() -> None:
    fired = {
        test["alertname"]
        for case in _read(UNIT_TESTS)["tests"]
        for test in case.get("alert_rule_test", [])
        if test["exp_alerts"]
    }

    assert fired == ALERTS.keys()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_waits_and_says_how_grave_it_is_and_what_to_do(name: str) -> None:
    alert = ALERTS[name]

    assert alert["for"] != "0m"
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks.md#{name.lower()}"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_runbook_of_its_severity(name: str) -> None:
    section = SECTIONS[name]

    assert section.startswith(f"{name}\n\n`{ALERTS[name]['labels']['severity']}`.")
    assert all(part in section for part in ("**It means**", "**Look at**", "**Do:**"))


def test_every_runbook_is_of_an_alert() -> None:
    assert [title for title in SECTIONS if title.startswith("Smatrix")] == list(ALERTS)


def test_a_role_that_is_missing_is_found_for_every_role() -> None:
    expression = ALERTS["SmatrixRoleMissing"]["expr"]

    assert set(re.findall(r'absent\(up\{job="(\w+)"\}\)', expression)) == set(ROLES)
