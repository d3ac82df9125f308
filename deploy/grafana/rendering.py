"""Dashboards as the JSON that Grafana provisions."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.grafana.panels import Choice, Dashboard, Kind, Panel, Promql, Sql, Steps

PROMETHEUS: Final = {"type": "prometheus", "uid": "smatrix-prometheus"}
CLICKHOUSE: Final = {"type": "grafana-clickhouse-datasource", "uid": "smatrix-clickhouse"}
TAG: Final = "smatrix"

# Of Grafana 12; older ones are migrated when they are opened.
_SCHEMA_VERSION: Final = 41
_HEADING_HEIGHT: Final = 1
# The ClickHouse plugin's: rows as they are, or a series for each combination of texts.
_AS_SERIES, _AS_TABLE = 0, 1

Json = dict[str, Any]


def render(dashboard: Dashboard) -> Json:
    """Return a dashboard's JSON."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.meaning,
        "tags": [TAG],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": f"now-{dashboard.range}", "to": "now"},
        "timezone": "browser",
        "links": [_LINK],
        "templating": {"list": [_choice(choice) for choice in dashboard.choices]},
        "annotations": {"list": []},
        "panels": list(_panels(dashboard)),
    }


def _panels(dashboard: Dashboard) -> Iterator[Json]:
    number, top = 1, 0
    for section in dashboard.sections:
        yield {
            "id": number,
            "type": "row",
            "title": section.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": top, "w": sum(section.widths()), "h": _HEADING_HEIGHT},
        }
        top, left = top + _HEADING_HEIGHT, 0
        for panel, width in zip(section.panels, section.widths(), strict=True):
            number += 1
            where = {"x": left, "y": top, "w": width, "h": section.height}
            yield {"id": number, "gridPos": where, **_panel(panel)}
            left += width
        number, top = number + 1, top + section.height


def _panel(panel: Panel) -> Json:
    source = CLICKHOUSE if isinstance(panel.queries[0], Sql) else PROMETHEUS
    targets = [
        {"refId": chr(ord("A") + at), "datasource": source, **_target(query, panel.kind)}
        for at, query in enumerate(panel.queries)
    ]
    drawn: Json = {
        "type": panel.kind.value,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": source,
        "targets": targets,
        "fieldConfig": {"defaults": _field(panel), "overrides": list(_overrides(panel))},
        "options": _OPTIONS[panel.kind],
    }
    if panel.hidden:
        drawn["transformations"] = [
            {"id": "organize", "options": {"excludeByName": dict.fromkeys(panel.hidden, True)}}
        ]
    return drawn


def _target(query: Promql | Sql, kind: Kind) -> Json:
    match query:
        case Promql():
            return {
                "expr": query.expression,
                "legendFormat": query.legend or "__auto",
                "instant": query.newest_only,
                "range": not query.newest_only,
                "format": "table" if kind is Kind.TABLE else "time_series",
            }
        case Sql():
            is_table = kind is Kind.TABLE
            return {
                "editorType": "sql",
                "rawSql": query.text,
                "queryType": "table" if is_table else "timeseries",
                "format": _AS_TABLE if is_table else _AS_SERIES,
            }


def _field(panel: Panel) -> Json:
    follows_steps = panel.kind is not Kind.SERIES
    field: Json = {
        "unit": panel.unit,
        "color": {"mode": "thresholds" if follows_steps else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": _steps(panel.steps)},
    }
    if panel.lowest is not None and panel.kind is Kind.SERIES:
        field["min"] = panel.lowest
    if panel.names:
        options = {
            str(value): {"text": text, "index": at}
            for at, (value, text) in enumerate(panel.names.items())
        }
        field["mappings"] = [{"type": "value", "options": options}]
    if panel.kind is Kind.SERIES:
        field["custom"] = {
            "lineWidth": 1,
            "fillOpacity": 30 if panel.is_stacked else 0,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.is_stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "dashed" if panel.shows_steps else "off"},
        }
    return field


def _steps(steps: Steps) -> list[Json]:
    return [
        {"value": None, "color": steps.lowest.value},
        *({"value": value, "color": colour.value} for value, colour in steps.above),
    ]


def _overrides(panel: Panel) -> Iterator[Json]:
    for column, unit in panel.column_units.items():
        yield {
            "matcher": {"id": "byName", "options": column},
            "properties": [{"id": "unit", "value": unit}],
        }


def _choice(choice: Choice) -> Json:
    return {
        "type": "query",
        "name": choice.name,
        "label": choice.label,
        "datasource": CLICKHOUSE,
        "query": choice.query.text,
        "definition": choice.query.text,
        # Again whenever the range changes.
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": False,
        "current": {"text": "", "value": ""},
        "options": [],
    }


_LEGEND: Final = {"displayMode": "list", "placement": "bottom", "calcs": []}
_TOOLTIP: Final = {"mode": "multi", "sort": "desc"}
_OPTIONS: Final[Mapping[Kind, Json]] = {
    Kind.STAT: {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "percentChangeColorMode": "standard",
        "showPercentChange": False,
        "textMode": "auto",
        "wideLayout": True,
    },
    Kind.SERIES: {"legend": _LEGEND | {"showLegend": True}, "tooltip": _TOOLTIP},
    Kind.TABLE: {"showHeader": True, "cellHeight": "sm", "frameIndex": 0},
    Kind.STATES: {
        "showValue": "never",
        "mergeValues": True,
        "rowHeight": 0.9,
        "legend": _LEGEND | {"showLegend": False},
        "tooltip": _TOOLTIP,
    },
}
_LINK: Final = {
    "type": "dashboards",
    "tags": [TAG],
    "title": "",
    "icon": "",
    "tooltip": "",
    "asDropdown": False,
    "includeVars": False,
    "keepTime": True,
    "targetBlank": False,
}
