"""Balance and production: what the grid draws, what plants were asked for, what they gave."""

from typing import Final

from deploy.grafana.panels import (
    Colour,
    Dashboard,
    Kind,
    Panel,
    Promql,
    Section,
    Sql,
    Steps,
)

_LOAD: Final = """\
SELECT minute AS time,
       toFloat64(net_load_w) AS "Net load",
       60 * toFloat64(forecast_net_wh) AS "Of it forecast"
FROM grid_minutes
WHERE $__timeFilter(minute)
ORDER BY time"""

_GIVEN: Final = """\
SELECT minute AS time, plant_id, toFloat64(production_w) AS "W"
FROM plant_minutes
WHERE $__timeFilter(minute)
ORDER BY time"""

_ORDERED: Final = """\
SELECT valid_from AS time, plant_id, toFloat64(ordered_w) AS "W"
FROM production_orders
WHERE $__timeFilter(valid_from)
ORDER BY time"""

_NOW: Final = Section(
    title="Now",
    height=4,
    panels=(
        Panel(
            title="Age of the inputs",
            kind=Kind.STAT,
            unit="s",
            steps=Steps(Colour.GOOD, ((90, Colour.DOUBTFUL), (180, Colour.BAD))),
            meaning="Since the newest minute of the grid came to the evaluator. Above 3 min it "
            "does not steer.",
            queries=(Promql("max(smatrix_production_input_age_seconds)", newest_only=True),),
        ),
        Panel(
            title="Share that reported",
            kind=Kind.STAT,
            unit="percentunit",
            steps=Steps(Colour.BAD, ((0.9, Colour.DOUBTFUL), (0.98, Colour.GOOD))),
            meaning="Of the newest minute's load; the rest is what it had last.",
            queries=(Promql("max(smatrix_grid_share_reported_ratio)", newest_only=True),),
        ),
        Panel(
            title="Deficit",
            kind=Kind.STAT,
            unit="watt",
            steps=Steps(Colour.GOOD, ((1, Colour.BAD),)),
            meaning="Of the forecast, what no plant can reach in the next minute.",
            queries=(Promql("max(smatrix_production_deficit_watts)", newest_only=True),),
        ),
        Panel(
            title="Nobody can shed",
            kind=Kind.STAT,
            unit="watt",
            steps=Steps(Colour.GOOD, ((1, Colour.BAD),)),
            meaning="What will be missing within minutes and no community can shed.",
            queries=(Promql("max(smatrix_production_uncovered_watts)", newest_only=True),),
        ),
        Panel(
            title="Plants that disobey",
            kind=Kind.STAT,
            steps=Steps(Colour.GOOD, ((1, Colour.BAD),)),
            meaning="Elsewhere than ordered, three minutes in a row.",
            queries=(Promql("max(smatrix_production_disobeying_plants)", newest_only=True),),
        ),
        Panel(
            title="Orders put right",
            kind=Kind.STAT,
            steps=Steps(Colour.GOOD, ((1, Colour.BAD),)),
            meaning="That would have been outside a plant's limits: a fault in the program.",
            queries=(Promql("sum(smatrix_production_broken_orders_total)", newest_only=True),),
        ),
    ),
)

_BALANCE: Final = Section(
    title="Balance",
    panels=(
        Panel(
            title="Net load of the grid",
            kind=Kind.SERIES,
            unit="watt",
            lowest=None,
            meaning="Import less export of all communities, minute by minute; what did not report "
            "is forecast, and shown.",
            queries=(Sql(_LOAD),),
        ),
        Panel(
            title="Forecast, expected and lacking",
            kind=Kind.SERIES,
            unit="watt",
            lowest=None,
            meaning="The forecast of the next minute, what the plants will give, and what they "
            "lack or can't avoid.",
            queries=(
                Promql("max(smatrix_production_forecast_watts)", "Forecast"),
                Promql("max(smatrix_production_expected_watts)", "Expected"),
                Promql("max(smatrix_production_deficit_watts)", "Deficit"),
                Promql("max(smatrix_production_surplus_watts)", "Surplus"),
            ),
        ),
    ),
)

_PLANTS: Final = Section(
    title="Plants",
    panels=(
        Panel(
            title="What plants gave",
            kind=Kind.SERIES,
            unit="watt",
            is_stacked=True,
            meaning="Mean power of each minute, as the plants tell it.",
            queries=(Sql(_GIVEN),),
        ),
        Panel(
            title="What they were asked for",
            kind=Kind.SERIES,
            unit="watt",
            is_stacked=True,
            meaning="The last version of each order.",
            queries=(Sql(_ORDERED),),
        ),
    ),
)

_WHY: Final = Section(
    title="Why",
    panels=(
        Panel(
            title="Newest orders",
            kind=Kind.TABLE,
            width=12,
            meaning="Of each plant the newest order in the range, with its reason.",
            column_units={"Ordered": "watt", "Forecast": "watt", "Deficit": "watt"},
            queries=(
                Sql("""\
SELECT plant_id AS "Plant",
       valid_from AS "From",
       toFloat64(ordered_w) AS "Ordered",
       reason AS "Reason",
       toFloat64(forecast_w) AS "Forecast",
       toFloat64(deficit_w) AS "Deficit"
FROM production_orders
WHERE $__timeFilter(valid_from)
ORDER BY valid_from DESC
LIMIT 1 BY plant_id"""),
            ),
        ),
        Panel(
            title="Shedding asked of communities",
            kind=Kind.SERIES,
            unit="watt",
            meaning="What communities were asked to shed for the grid, all together.",
            queries=(
                Sql("""\
SELECT valid_from AS time, toFloat64(sum(shed_w)) AS "Asked"
FROM shed_orders
WHERE $__timeFilter(valid_from)
GROUP BY time
ORDER BY time"""),
            ),
        ),
    ),
)

_DAY: Final = Section(
    title="The day ahead",
    panels=(
        Panel(
            title="Plan of the newest quarter-hour",
            kind=Kind.SERIES,
            unit="watt",
            lowest=None,
            meaning="What the plants are expected to be asked for, and the forecast behind it; "
            "set the range to the future.",
            queries=(
                Sql("""\
SELECT period_start AS time,
       toFloat64(sum(planned_w)) AS "Planned",
       toFloat64(any(forecast_w)) AS "Forecast",
       toFloat64(any(deficit_w)) AS "Deficit"
FROM production_plans
WHERE $__timeFilter(period_start)
  AND plan_start = (SELECT max(plan_start) FROM production_plans)
GROUP BY time
ORDER BY time"""),
            ),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-control",
    title="Balance and production",
    meaning="What the grid draws, what plants were asked for and why, and what they gave.",
    sections=(_NOW, _BALANCE, _PLANTS, _WHY, _DAY),
    range="6h",
)
