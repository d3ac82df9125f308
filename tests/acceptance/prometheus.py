"""A real Prometheus with the repository's rules, and how to ask it."""

import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import urllib3
import yaml

from deploy.embedded.processes import free_port, start, stop
from tests.acceptance.running import ROOT, eventually

CONFIGURATION: Final = ROOT / "deploy/prometheus"
KEYWORDS: Final = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
_HTTP: Final = urllib3.PoolManager(timeout=10.0, retries=False)

Series = Mapping[str, Any]


def rule_files() -> Iterator[dict[str, Any]]:
    """Yield the repository's files of rules."""
    for path in sorted((CONFIGURATION / "rules").glob("*.yml")):
        yield yaml.safe_load(path.read_text())


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus."""

    url: str

    def ask(self, path: str, **fields: object) -> Any:  # noqa: ANN401 - JSON
        """Return the data of an answer; the test fails with its words when it is an error."""
        answer = _HTTP.request("GET", f"{self.url}/api/v1/{path}", fields=_texts(fields)).json()
        assert answer["status"] == "success", f"{fields}: {answer['error']}"
        return answer["data"]

    def names(self) -> set[str]:
        """Return the names of all metrics that it has."""
        return set(self.ask("label/__name__/values"))

    def labels(self) -> set[str]:
        """Return the names of all labels that it has."""
        return set(self.ask("labels"))

    def at(self, expression: str, instant: float) -> Sequence[Series]:
        """Return the series of an expression that have a number at an instant."""
        found = self.ask("query", query=expression, time=instant)["result"]
        return [series for series in found if _is_number(series["value"])]

    def over(self, expression: str, first: float, last: float) -> Sequence[Series]:
        """Return the series of an expression that have a number in a range, its end included."""
        span = {"start": last - math.ceil(last - first), "end": last, "step": 1}
        found = self.ask("query_range", query=expression, **span)["result"]
        return [series for series in found if any(map(_is_number, series["values"]))]


def metrics_in(expression: str) -> set[str]:
    """Return the names of the metrics that an expression selects."""
    bare = re.sub(r'\{[^}]*\}|\[[^\]]*\]|"[^"]*"', " ", expression)
    bare = re.sub(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?!\s*\(|[\w:])", bare)
    return set(words) - KEYWORDS


def labels_in(expression: str) -> set[str]:
    """Return the names of the labels that an expression groups by, joins on or selects."""
    lists = re.findall(r"\b(?:by|on|without|ignoring|group_left)\s*\(([^)]*)\)", expression)
    selected = re.findall(r"[{,]\s*(\w+)\s*[=!]", expression)
    return {name.strip() for names in lists for name in names.split(",") if name.strip()} | set(
        selected
    )


@contextmanager
def running_prometheus(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """Run Prometheus on the repository's rules, hurried: alerts wait for nothing.

    Args:
        folder: For its configuration and data.
        targets: The addresses of each job.
    """
    if (program := shutil.which("prometheus")) is None:
        pytest.skip("prometheus is missing: install the package prometheus")
    for number, rules in enumerate(rule_files()):
        for group in rules["groups"]:
            group.pop("interval", None)
            for rule in group["rules"]:
                rule.pop("for", None)
        (folder / f"rules-{number}.yml").write_text(yaml.safe_dump(rules))
    configuration = yaml.safe_load((CONFIGURATION / "prometheus.yml").read_text())
    configuration["global"] = {
        "scrape_interval": "2s",
        "scrape_timeout": "2s",
        "evaluation_interval": "1s",
    }
    configuration["rule_files"] = ["rules-*.yml"]
    jobs = [job["job_name"] for job in configuration["scrape_configs"]]
    assert set(jobs) == set(targets)
    configuration["scrape_configs"] = [
        {"job_name": job, "static_configs": [{"targets": list(targets[job])}]} for job in jobs
    ]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    address = f"127.0.0.1:{free_port()}"
    child = start(
        "Prometheus",
        [
            program,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={address}",
        ],
        log=folder / "prometheus.log",
        environment={},
    )
    try:
        eventually("Prometheus is ready", lambda: _is_ready(child.require_alive, address))
        yield Prometheus(f"http://{address}")
    finally:
        stop([child])


def _is_ready(require_alive: Any, address: str) -> bool:  # noqa: ANN401 - a method
    require_alive()
    try:
        return bool(_HTTP.request("GET", f"http://{address}/-/ready").status == 200)
    except urllib3.exceptions.HTTPError:
        return False


def _is_number(sample: Sequence[Any]) -> bool:
    return math.isfinite(float(sample[1]))


def _texts(fields: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items()}
