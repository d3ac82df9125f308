"""The grid and its communities now: what flows, and how much of it is known."""

from typing import Final

from deploy.grafana.panels import (
    Choice,
    Colour,
    Dashboard,
    Kind,
    Panel,
    Promql,
    Section,
    Sql,
    Steps,
)

# Energy of a quarter-hour times four, and of a minute times sixty, is its mean power in W.
_GRID_POWER: Final = """\
SELECT period_start AS time,
       toFloat64(consumption_wh) * 4 AS "Consumption",
       toFloat64(production_wh) * 4 AS "Production",
       toFloat64(import_wh) * 4 AS "Import",
       toFloat64(export_wh) * 4 AS "Export"
FROM grid_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""

_MEASURED: Final = Steps(Colour.BAD, ((0.9, Colour.DOUBTFUL), (0.98, Colour.GOOD)))

_NOW: Final = Section(
    title="Newest quarter-hour",
    height=4,
    panels=(
        Panel(
            title="Mean power",
            kind=Kind.STAT,
            width=12,
            unit="watt",
            meaning="The whole grid in the newest quarter-hour of the range. While its last "
            "communities are still to come, it is low: see how much is measured.",
            queries=(Sql(_GRID_POWER),),
        ),
        Panel(
            title="Measured",
            kind=Kind.STAT,
            unit="percentunit",
            steps=_MEASURED,
            meaning="Minutes measured of all that the households then known should have.",
            queries=(
                Sql("""\
SELECT period_start AS time, measured_minutes / (15 * households) AS "Measured"
FROM grid_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Households",
            kind=Kind.STAT,
            meaning="Households of which something was measured.",
            queries=(
                Sql("""\
SELECT period_start AS time, toFloat64(households) AS "Households"
FROM grid_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Age of the newest",
            kind=Kind.STAT,
            unit="s",
            steps=Steps(Colour.GOOD, ((2_400, Colour.DOUBTFUL), (3_600, Colour.BAD))),
            meaning="Since the end of the newest quarter-hour in ClickHouse. Up to 20 min are "
            "ordinary: the next one has to end, and waits for what is late.",
            queries=(
                Sql("""\
SELECT now() AS time,
       dateDiff('second', maxOrNull(period_start) + INTERVAL 15 MINUTE, now()) AS "Age"
FROM grid_quarter_hours
WHERE $__timeFilter(period_start)"""),
            ),
        ),
    ),
)

_GRID: Final = Section(
    title="Grid",
    panels=(
        Panel(
            title="Power of the grid",
            kind=Kind.SERIES,
            width=16,
            unit="watt",
            meaning="Mean power of each quarter-hour, all communities together.",
            queries=(Sql(_GRID_POWER),),
        ),
        Panel(
            title="Measured share",
            kind=Kind.SERIES,
            width=8,
            unit="percentunit",
            lowest=None,
            meaning="A dip is a terminal or a community that was silent; late readings fill it.",
            queries=(
                Sql("""\
SELECT period_start AS time, measured_minutes / (15 * households) AS "Measured"
FROM grid_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
    ),
)

_AUTARKY: Final = Section(
    title="Autarky",
    panels=(
        Panel(
            title="Self-sufficiency",
            kind=Kind.SERIES,
            width=16,
            unit="percentunit",
            meaning="Share of the consumption that the own sun met, neighbours' included. "
            "The grid: over the communities that are known. A gap in a community: a household "
            "was not measured throughout the quarter-hour.",
            queries=(
                Sql("""\
SELECT period_start AS time, self_sufficiency_of_known AS "Grid"
FROM grid_autarky_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""),
                Sql("""\
SELECT period_start AS time, self_sufficiency AS "Community"
FROM community_autarky_quarter_hours
WHERE community_id = ${community:singlequote} AND $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Households by state",
            kind=Kind.SERIES,
            width=8,
            is_stacked=True,
            meaning="As the workers of alerts have them now; unknown: not measured throughout.",
            queries=(
                Promql('sum by (state) (smatrix_autarky_states{subject="household"})', "{{state}}"),
            ),
        ),
    ),
)

_COMMUNITIES: Final = Section(
    title="Communities",
    height=10,
    panels=(
        Panel(
            title="Each community's newest quarter-hour, the least measured first",
            kind=Kind.TABLE,
            unit="watt",
            meaning="An old quarter-hour is a community that has fallen silent.",
            column_units={
                "Quarter-hour": "dateTimeAsIso",
                "Households": "none",
                "Measured": "percentunit",
            },
            queries=(
                Sql("""\
SELECT community_id AS "Community", period_start AS "Quarter-hour", measured AS "Measured",
       net_import_w AS "Net import", consumption_w AS "Consumption",
       production_w AS "Production", households AS "Households"
FROM
(
    SELECT community_id, period_start, households,
           measured_minutes / (15 * households) AS measured,
           (toFloat64(ifNull(import_wh, 0)) - toFloat64(ifNull(export_wh, 0))) * 4 AS net_import_w,
           toFloat64(consumption_wh) * 4 AS consumption_w,
           toFloat64(production_wh) * 4 AS production_w
    FROM community_quarter_hours
    WHERE $__timeFilter(period_start)
    ORDER BY period_start DESC
    LIMIT 1 BY community_id
)
ORDER BY measured, period_start, community_id
LIMIT 200"""),
            ),
        ),
    ),
)

_COMMUNITY: Final = Section(
    title="Community $community, by the minute",
    panels=(
        Panel(
            title="Power",
            kind=Kind.SERIES,
            unit="watt",
            meaning="Sum of the meters that reported; compare with how many did.",
            queries=(
                Sql("""\
SELECT minute AS time,
       toFloat64(consumption_wh) * 60 AS "Consumption",
       toFloat64(production_wh) * 60 AS "Production",
       toFloat64(battery_charge_wh) * 60 AS "Battery charge",
       toFloat64(battery_discharge_wh) * 60 AS "Battery discharge",
       toFloat64(import_wh) * 60 AS "Import",
       toFloat64(export_wh) * 60 AS "Export"
FROM community_minutes
WHERE community_id = ${community:singlequote} AND $__timeFilter(minute)
ORDER BY time"""),
            ),
            width=16,
        ),
        Panel(
            title="Meters that reported",
            kind=Kind.SERIES,
            meaning="A step down is a terminal that lost some of its meters.",
            queries=(
                Sql("""\
SELECT minute AS time, toFloat64(meters_reported) AS "Meters"
FROM community_minutes
WHERE community_id = ${community:singlequote} AND $__timeFilter(minute)
ORDER BY time"""),
            ),
            width=8,
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-grid",
    title="Grid and communities",
    meaning="What flows now, from ClickHouse; times are those of the readings.",
    sections=(_NOW, _GRID, _AUTARKY, _COMMUNITIES, _COMMUNITY),
    choices=(
        Choice(
            name="community",
            label="Community",
            query=Sql("""\
SELECT DISTINCT community_id
FROM community_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY community_id"""),
        ),
    ),
)
