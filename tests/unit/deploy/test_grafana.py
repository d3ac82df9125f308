"""The dashboards' files are the code's, and such as Grafana takes; no Grafana is started."""

import re
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree as ET

import orjson
import pytest
import yaml

from deploy.grafana import files
from deploy.grafana.panels import Dashboard, Kind, Panel, Promql, Section, Sql
from deploy.grafana.rendering import CLICKHOUSE, PROMETHEUS, render
from streams.settings import Settings

ROOT = Path(__file__).parents[3]
GRAFANA = ROOT / "deploy/grafana"
PANELS = [
    (dashboard, section, panel)
    for dashboard in files.DASHBOARDS
    for section in dashboard.sections
    for panel in section.panels
]

Json = dict[str, Any]


def _provisioned(name: str) -> Json:
    return cast("Json", yaml.safe_load((GRAFANA / "provisioning" / name).read_text()))


@pytest.fixture(params=files.DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def drawn(request: pytest.FixtureRequest) -> Json:
    content = (files.FOLDER / f"{request.param.uid}.json").read_bytes()
    return cast("Json", orjson.loads(content))


def a_panel(**given: Any) -> Panel:  # noqa: ANN401 - of a panel
    words = {"title": "P", "kind": Kind.STAT, "queries": (Promql("up"),), "meaning": "M"}
    return Panel(**(words | given))


def test_the_files_are_what_the_code_says() -> None:
    assert list(files.differences()) == [], "run `python -m deploy.grafana`"


def test_writing_mends_what_differs_and_removes_what_is_left_over(tmp_path: Path) -> None:
    files.write(tmp_path)
    (tmp_path / "smatrix-grid.json").write_text("{}")
    (tmp_path / "smatrix-old.json").write_text("{}")
    (tmp_path / "smatrix-quality.json").unlink()

    differing = list(files.differences(tmp_path))
    files.write(tmp_path)

    assert differing == ["smatrix-grid.json", "smatrix-old.json", "smatrix-quality.json"]
    assert list(files.differences(tmp_path)) == []


def test_a_dashboard_has_what_grafana_expects(drawn: Json) -> None:
    assert {"uid", "title", "tags", "time", "templating", "annotations"} <= drawn.keys()
    assert re.fullmatch(r"[a-z-]{1,40}", drawn["uid"])
    assert drawn["schemaVersion"] >= 39
    for panel in drawn["panels"]:
        assert {"id", "type", "title", "gridPos"} <= panel.keys()
        if panel["type"] != "row":
            assert {"targets", "fieldConfig", "options", "datasource"} <= panel.keys()
            assert panel["description"]


def test_panels_have_numbers_of_their_own(drawn: Json) -> None:
    numbers = [panel["id"] for panel in drawn["panels"]]

    assert len(set(numbers)) == len(numbers)
    assert min(numbers) > 0


def test_panels_lie_in_the_grid_and_not_on_each_other(drawn: Json) -> None:
    places = [panel["gridPos"] for panel in drawn["panels"]]

    for place in places:
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        assert place["h"] > 0
    for one, other in combinations(places, 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_beside or is_above, (one, other)


def test_every_question_names_itself_and_a_provisioned_source(drawn: Json) -> None:
    sources = {
        (source["type"], source["uid"])
        for source in _provisioned("datasources/smatrix.yaml")["datasources"]
    }

    for panel in drawn["panels"]:
        targets = panel.get("targets", [])
        assert len({target["refId"] for target in targets}) == len(targets)
        for target in targets:
            source = target["datasource"]
            assert (source["type"], source["uid"]) in sources
            assert target["expr" if source == PROMETHEUS else "rawSql"]
    assert all(choice["datasource"] == CLICKHOUSE for choice in drawn["templating"]["list"])


def test_thresholds_rise(drawn: Json) -> None:
    for panel in drawn["panels"]:
        steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps")
        if steps:
            values = [step["value"] for step in steps]
            assert values[0] is None
            assert all(low < high for low, high in pairwise(values[1:]))


def test_dashboards_have_names_of_their_own() -> None:
    assert len({dashboard.uid for dashboard in files.DASHBOARDS}) == len(files.DASHBOARDS)
    assert len({dashboard.title for dashboard in files.DASHBOARDS}) == len(files.DASHBOARDS)


def test_a_choice_is_made_wherever_a_panel_needs_it() -> None:
    for dashboard, section, panel in PANELS:
        words = [section.title, *(q.text for q in panel.queries if isinstance(q, Sql))]
        needed = {name for text in words for name in re.findall(r"\$\{?([a-z]+)\b", text)}
        assert needed <= {choice.name for choice in dashboard.choices}, panel.title


def test_no_panel_asks_two_databases() -> None:
    assert all(len({type(query) for query in panel.queries}) == 1 for *_, panel in PANELS)


def test_columns_that_have_a_unit_are_there() -> None:
    for *_, panel in PANELS:
        for column in panel.column_units:
            assert any(f'AS "{column}"' in q.text for q in panel.queries if isinstance(q, Sql))


def test_panels_without_a_width_share_what_is_left() -> None:
    section = Section(title="S", panels=(a_panel(width=10), a_panel(), a_panel()))

    assert section.widths() == [10, 7, 7]


@pytest.mark.parametrize("widths", [(10, 10), (None,) * 5, (20, 20, None)])
def test_panels_that_do_not_fill_a_line_are_refused(widths: tuple[int | None, ...]) -> None:
    panels = tuple(a_panel(width=width) for width in widths)

    with pytest.raises(ValueError, match=r"'S'.* 24 columns"):
        render(
            Dashboard(
                uid="u", title="T", meaning="M", sections=(Section(title="S", panels=panels),)
            )
        )


def test_grafana_finds_the_dashboards_and_the_databases_where_compose_puts_them() -> None:
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    grafana, clickhouse = services["grafana"], services["clickhouse"]
    mounts = dict(
        mount.removesuffix(":ro").split(":")
        for mount in [*grafana["volumes"], *clickhouse["volumes"]]
    )
    (provider,) = _provisioned("dashboards/smatrix.yaml")["providers"]
    prometheus, database = _provisioned("datasources/smatrix.yaml")["datasources"]

    assert mounts["./grafana/dashboards"] == provider["options"]["path"]
    assert mounts["./grafana/provisioning"] == "/etc/grafana/provisioning"
    assert mounts["./grafana/reader.xml"].startswith("/etc/clickhouse-server/users.d/")
    home = grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (files.FOLDER / Path(home).name).exists()
    assert home == f"{provider['options']['path']}/{Path(home).name}"
    plugin = grafana["environment"]["GF_PLUGINS_PREINSTALL_SYNC"]
    assert plugin.partition("@")[0] == database["type"]
    assert prometheus["url"] == "http://prometheus:9090"
    assert database["jsonData"]["host"] == "clickhouse"
    assert database["jsonData"]["defaultDatabase"] == (
        Settings.model_fields["clickhouse_database"].default
    )


def test_a_password_of_a_source_is_a_file_that_only_its_services_get() -> None:
    services = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    _, database = _provisioned("datasources/smatrix.yaml")["datasources"]
    name = "clickhouse-reader-password"

    assert database["secureJsonData"] == {"password": f"$__file{{/run/secrets/{name}}}"}
    having = {role for role, service in services.items() if name in service.get("secrets", [])}
    assert having == {"grafana", "clickhouse"}


def test_grafana_asks_as_the_user_that_is_made_for_it() -> None:
    users = ET.parse(GRAFANA / "reader.xml").getroot().find("users")  # noqa: S314 - our own
    _, database = _provisioned("datasources/smatrix.yaml")["datasources"]

    assert users is not None
    assert [user.tag for user in users] == [database["jsonData"]["username"]]
