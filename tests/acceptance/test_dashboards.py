"""Every question of every dashboard and rule, asked of a running system in trouble.

A real Prometheus scrapes the workers while frames with faults come in, and ClickHouse goes away;
then ClickHouse is asked, once history has given it all. Whatever is asked must be answered with
data: a typo is a question without an answer.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

import pytest
import urllib3

from deploy.embedded.processes import stop
from deploy.embedded.system import EmbeddedSystem
from deploy.grafana.files import DASHBOARDS
from deploy.grafana.panels import Kind, Panel, Promql, Sql
from schemas.malfunction import TicketEvent, TicketState
from schemas.notifications import NotificationKind, NotificationState, Stage
from schemas.prices import Price
from streams import clock
from streams.codecs.prices import encode as encode_price
from tests.acceptance.mailing import inhabited, states, tell
from tests.acceptance.prometheus import (
    Prometheus,
    labels_in,
    metrics_in,
    rule_files,
    running_prometheus,
)
from tests.acceptance.running import eventually, free_settings, load, send, sent_by, worker_of
from tests.acceptance.steering import tell_of_control
from tests.builders import DAY_S, HOUR_S, MINUTE_S, QUARTER_S, Record, a_frame, a_record
from tests.notified import a_change, a_malfunction

pytestmark = pytest.mark.slow

MINUTES: Final = 180
# So few that each community is measured throughout in most quarter-hours, whatever is lost.
COMMUNITIES: Final = 4
HOUSEHOLDS: Final = 24
# Frames of three hours in about ten seconds, so that every rate has some.
SPEED: Final = 1_200
TABLES: Final = ("household_intervals", "community_minute_sums", "rejections")
_HTTP: Final = urllib3.PoolManager(timeout=30.0, retries=False)

PANELS: Final = [
    pytest.param(panel, query, id=f"{dashboard.uid}/{panel.title}/{query.legend}")
    for dashboard in DASHBOARDS
    for section in dashboard.sections
    for panel in section.panels
    for query in panel.queries
    if isinstance(query, Promql)
]
QUESTIONS: Final = [
    pytest.param(panel, query, id=f"{dashboard.uid}/{panel.title}")
    for dashboard in DASHBOARDS
    for section in dashboard.sections
    for panel in section.panels
    for query in panel.queries
    if isinstance(query, Sql)
]
CHOICES: Final = [
    pytest.param(choice.query, id=choice.name)
    for dashboard in DASHBOARDS
    for choice in dashboard.choices
]
RULES: Final = [
    pytest.param(rule, id=f"{rule.get('record', rule.get('alert'))} {rule.get('labels', '')}")
    for file in rule_files()
    for group in file["groups"]
    for rule in group["rules"]
]


@dataclass(frozen=True)
class Watched:
    """A system that was watched from its first frame into its trouble."""

    system: EmbeddedSystem
    prometheus: Prometheus
    first: float
    last: float

    def series(self, query: Promql) -> list[Any]:
        """Return the series that a panel shows."""
        expression = query.expression.replace("$__rate_interval", "10s").replace("$__range", "5m")
        if query.newest_only:
            return list(self.prometheus.at(expression, self.last))
        return list(self.prometheus.over(expression, self.first, self.last))

    def answer(self, query: Sql) -> dict[str, Any]:
        """Return ClickHouse's answer, with names and types of columns."""
        first, last = (f"toDateTime({int(at)})" for at in (self.first - 86_400, clock.epoch_now()))
        text = re.sub(r"\$__timeFilter\((\w+)\)", rf"(\1 >= {first} AND \1 <= {last})", query.text)
        text = text.replace("${community:singlequote}", "'c0001'").replace("${community}", "c0001")
        assert "$" not in text, text
        answer = _HTTP.request(
            "POST",
            f"{self.system.settings.clickhouse_url}?database=smatrix&default_format=JSON",
            body=text.encode(),
        )
        assert answer.status == 200, answer.data.decode()
        rows: dict[str, Any] = answer.json()
        return rows


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("dashboards")
    with inhabited(EmbeddedSystem(free_settings(), folder / "smatrix")) as system:
        targets: dict[str, list[str]] = {}
        for worker in system.workers:
            targets.setdefault(worker.role, []).append(worker.metrics_url.removeprefix("http://"))
        (folder / "prometheus").mkdir()
        with running_prometheus(folder / "prometheus", targets) as prometheus:
            first = clock.epoch_now()
            eventually(
                "workers are scraped",
                lambda: len(prometheus.at("up == 1", _now())) == len(system.workers),
            )
            loading = load(
                system,
                folder / "truth.parquet",
                communities=COMMUNITIES,
                households=HOUSEHOLDS,
                minutes=MINUTES,
                faults="many",
                speed=SPEED,
                start=(clock.utc_now() - timedelta(minutes=MINUTES + 20)).strftime(
                    "%Y-%m-%dT%H:%M:00"
                ),
            )
            _send_what_is_no_row(system)
            _contradict(system)
            _tell_prices(system)
            tell_of_control(system, _now())
            _tell_people(system)
            sent_by(loading)
            history = worker_of(system, "history")
            eventually(
                "history has given ClickHouse what came",
                lambda: history.metrics().get("smatrix_history_rows_total", 0) > MINUTES,
            )
            _refuse_again_and_again(system)
            _send_again(system)
            clickhouse = next(child for child in system.children if child.name == "ClickHouse")
            stop([clickhouse])
            system.children.remove(clickhouse)
            send(system.settings, _late_frames(2))
            for sign in (
                'ALERTS{alertname="SmatrixHistoryWaiting", alertstate="firing"}',
                'ALERTS{alertname="SmatrixBudgetBurnsSlowly", alertstate="firing"}',
                "sum(rate(smatrix_history_waiting_seconds_total[10s])) > 0",
                'slo:smatrix_budget_remaining:ratio{slo="freshness"} < 1',
                'slo:smatrix_budget_remaining:ratio{slo="refused"} < 1',
            ):
                eventually(sign, lambda sign=sign: prometheus.at(sign, _now()) != [])  # type: ignore[misc]
            last = _now()
            system.start_clickhouse()
            eventually(
                "history has given ClickHouse what waited",
                lambda: history.is_ready() and _lag(history.metrics()) == 0,
            )
            system.require_alive()
            yield Watched(system, prometheus, first, last)


def _now() -> float:
    return clock.epoch_now()


def _lag(metrics: Mapping[str, float]) -> float:
    return sum(
        value for name, value in metrics.items() if name.startswith("smatrix_consumer_lag_records{")
    )


def _tell_people(system: EmbeddedSystem) -> None:
    """Let every kind of news happen, and wait until it is told."""
    at = int(_now()) // QUARTER_S * QUARTER_S - HOUR_S
    fields = {"community_id": "meadow", "technician_id": "tech"}
    opened, cleared = TicketEvent.OPENED, TicketEvent.CLEARED
    life = [
        a_malfunction("t1", step=1, event=opened, at=at, **fields),
        a_malfunction("t1", step=2, at=at, **fields),
        a_malfunction(
            "t1", step=3, event=cleared, state=TicketState.RESOLVED, at=at + HOUR_S, **fields
        ),
        a_malfunction("t2", step=1, event=opened, at=at, **fields),
    ]
    tell(system, *life, a_change("meadow", "m0", period_start=at), a_change("meadow", "mmute"))
    doubtful = NotificationState(
        notification_id="n-doubt",
        version=at * 1000,
        person_id="p1",
        kind=NotificationKind.AUTARKY,
        at=at,
        state=Stage.SENT,
        attempts=2,
        mail_id="n-doubt",
        in_doubt=True,
    )
    send(
        system.settings,
        [Record(b"p1", doubtful.model_dump_json().encode())],
        topic="notification-states",
    )
    eventually(
        "the technician has a mail",
        lambda: states(system, "person_id = 'tech' AND state = 'sent'").total() > 0,
    )


def _tell_prices(system: EmbeddedSystem) -> None:
    first = int(_now()) // QUARTER_S * QUARTER_S - DAY_S
    prices = [
        Price(period_start=start, version=1, price_eur_per_mwh=Decimal("80.00"))
        for start in range(first, first + 3 * DAY_S, QUARTER_S)
    ]
    send(system.settings, [Record(*encode_price(price)) for price in prices], topic="prices")


def _send_what_is_no_row(system: EmbeddedSystem) -> None:
    send(system.settings, [Record(b"c0001", b"?")], topic="household-intervals")


def _contradict(system: EmbeddedSystem) -> None:
    """Let a meter measure less than its register goes on by."""
    begin = int(_now()) // QUARTER_S * QUARTER_S - 3 * QUARTER_S
    send(
        system.settings,
        [
            a_record(
                a_frame(
                    "contradiction",
                    begin + number * MINUTE_S,
                    ["x1"],
                    [5.0],
                    import_register_wh=[1_000 + number * 50.0],
                    export_register_wh=[0.0],
                )
            )
            for number in range(35)
        ],
    )


def _refuse_again_and_again(system: EmbeddedSystem) -> None:
    """Let a meter send what can't be for so long that it gets a ticket."""
    begin = int(_now()) // MINUTE_S * MINUTE_S - HOUR_S
    send(
        system.settings,
        [
            a_record(
                a_frame("c0001", begin + at * MINUTE_S, ["m0001-001"], [-1], sequence=2**60 + at)
            )
            for at in range(8)
        ],
    )
    alerts = worker_of(system, "alerts")
    eventually(
        "it had a ticket",
        lambda: alerts.metrics().get("smatrix_malfunction_steps_total", 0) > 0,
    )


def _send_again(system: EmbeddedSystem) -> None:
    """Make one more insert into each table, after the first of them was scraped."""
    rows = dict.fromkeys(TABLES, 0.0)
    history = worker_of(system, "history")

    def rows_now() -> dict[str, float]:
        found = history.metrics()
        return {
            table: found.get(f'smatrix_history_rows_total{{table="{table}"}}', 0)
            for table in TABLES
        }

    for value in range(2):
        send(system.settings, [Record(b"c0001", b"?"), *_late_frames(value)])
        eventually(
            "history has told each table something",
            lambda before=rows: all(rows_now()[table] > before[table] for table in TABLES),  # type: ignore[misc]
        )
        rows = rows_now()


def _late_frames(value: float) -> list[Record]:
    """Return frames that correct a minute long closed."""
    minute = int(_now()) // MINUTE_S * MINUTE_S - 2 * HOUR_S
    sequence = 2**61 + int(value)  # above the load's
    return [
        a_record(a_frame(f"c{at:04}", minute, [f"m{at:04}-001"], [value], sequence=sequence))
        for at in range(1, 5)
    ]


@pytest.mark.parametrize(("panel", "query"), PANELS)
def test_a_panel_of_prometheus_shows_data(watched: Watched, panel: Panel, query: Promql) -> None:
    shown = watched.series(query)

    assert shown, f"{panel.title}: nothing for {query.expression}"
    require_names_exist(watched.prometheus, query.expression)
    for label in re.findall(r"\{\{(\w+)\}\}", query.legend):
        assert all(label in series["metric"] for series in shown), label


@pytest.mark.parametrize(("panel", "query"), QUESTIONS)
def test_a_panel_of_clickhouse_shows_data(watched: Watched, panel: Panel, query: Sql) -> None:
    answer = watched.answer(query)

    assert answer["rows"] > 0, panel.title
    values = [value for row in answer["data"] for name, value in row.items() if name != "time"]
    assert any(value is not None for value in values)
    types = {column["name"]: column["type"] for column in answer["meta"]}
    if panel.kind is not Kind.TABLE:
        assert next(iter(types)) == "time"
        assert types.pop("time").startswith("DateTime")
        # A text beside the numbers parts them into series.
        assert all(re.search(r"Int|Float|String", kind) for kind in types.values()), types
        assert any(re.search(r"Int|Float", kind) for kind in types.values()), types


@pytest.mark.parametrize("query", CHOICES)
def test_a_choice_has_something_to_choose(watched: Watched, query: Sql) -> None:
    answer = watched.answer(query)

    assert answer["rows"] == COMMUNITIES + 1, "the load's, and one that contradicts itself"
    assert len(answer["meta"]) == 1


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_asks_for_what_there_is(watched: Watched, rule: dict[str, Any]) -> None:
    require_names_exist(watched.prometheus, rule["expr"])
    if "record" in rule:
        labels = ",".join(f'{name}="{value}"' for name, value in rule.get("labels", {}).items())
        found = watched.prometheus.at(f"{rule['record']}{{{labels}}}", watched.last)
        assert found, f"{rule['record']} has no value"


def test_prometheus_could_compute_every_rule(watched: Watched) -> None:
    rules = [rule for group in watched.prometheus.ask("rules")["groups"] for rule in group["rules"]]

    assert len(rules) == len(RULES)
    assert [rule for rule in rules if rule["health"] != "ok"] == []


def test_what_went_wrong_rang(watched: Watched) -> None:
    rang = {
        series["metric"]["alertname"]
        for series in watched.prometheus.at('ALERTS{alertstate="firing"}', watched.last)
    }

    assert {"SmatrixHistoryWaiting", "SmatrixWorkerNotReady", "SmatrixMalformedMessages"} <= rang
    assert not {"SmatrixRoleMissing", "SmatrixStoreRebuilt"} & rang


@pytest.mark.parametrize(
    "expression",
    [
        "sum(rate(smatrix_frmes_total[10s]))",
        "sum by (rul) (rate(smatrix_rejections_total[10s]))",
        'slo:smatrix_error:ratio_1h{slow="refused"}',
        "sum(smatrix_frames) or vector(0)",
        "job:smatrix_backlog",
    ],
)
def test_a_name_that_is_misspelt_is_found(watched: Watched, expression: str) -> None:
    with pytest.raises(AssertionError, match="Prometheus has no"):
        require_names_exist(watched.prometheus, expression)


@pytest.mark.parametrize(
    ("expression", "because"),
    [("sum(rate(up[10s])", "parse error"), ("histogram_quantil(0.5, up)", "unknown function")],
)
def test_an_expression_that_is_none_is_found(
    watched: Watched, expression: str, because: str
) -> None:
    with pytest.raises(AssertionError, match=because):
        watched.series(Promql(expression))


@pytest.mark.parametrize(
    "text", ["SELECT consumtion_wh FROM grid_quarter_hours", "SELECT 1 FROM grid_quarters"]
)
def test_a_question_that_is_misspelt_is_found(watched: Watched, text: str) -> None:
    with pytest.raises(AssertionError, match="Exception"):
        watched.answer(Sql(text))


def require_names_exist(prometheus: Prometheus, expression: str) -> None:
    """Check that all metrics and labels of an expression exist: a sum of nothing may be 0."""
    expression = expression.replace("$__rate_interval", "10s").replace("$__range", "5m")
    metrics = metrics_in(expression) - prometheus.names()
    labels = labels_in(expression) - prometheus.labels()
    assert not metrics | labels, f"Prometheus has no {sorted(metrics | labels)}: {expression}"
