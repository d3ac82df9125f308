"""Batteries and prices: what the fleet is told, what it holds, and whether prices are there."""

from typing import Final

from deploy.grafana.panels import Colour, Dashboard, Kind, Panel, Promql, Section, Sql, Steps

_NOW: Final = Section(
    title="Now",
    height=4,
    panels=(
        Panel(
            title="Prices are known for",
            kind=Kind.STAT,
            unit="s",
            steps=Steps(Colour.BAD, ((6 * 3600, Colour.DOUBTFUL), (11 * 3600, Colour.GOOD))),
            lowest=None,
            meaning="How far ahead day-ahead prices reach. Below SMATRIX_BATTERY_PRICES_AHEAD "
            "batteries are left to themselves; tomorrow's come at about 13 o'clock.",
            queries=(
                Promql(
                    "max(smatrix_prices_known_until_seconds) - time()", "known", newest_only=True
                ),
            ),
        ),
        Panel(
            title="Batteries are told for",
            kind=Kind.STAT,
            unit="s",
            lowest=None,
            meaning="Up to when the last quarter-hour that was decided on lasts. Below 0 "
            "directives have expired: batteries are in AUTO.",
            queries=(
                Promql(
                    "max(smatrix_battery_decided_until_seconds) + 900 - time()",
                    "told",
                    newest_only=True,
                ),
            ),
        ),
        Panel(
            title="Communities that are steered",
            kind=Kind.STAT,
            meaning="With at least one registered battery.",
            queries=(Promql("sum(smatrix_battery_communities)", "communities", newest_only=True),),
        ),
        Panel(
            title="Plans that broke a rule",
            kind=Kind.STAT,
            steps=Steps(Colour.GOOD, ((1, Colour.BAD),)),
            meaning="In the range; such a battery was told AUTO. 0 in ordinary life.",
            queries=(
                Promql(
                    "sum(increase(smatrix_battery_unsafe_total[$__range]))",
                    "broken",
                    newest_only=True,
                ),
            ),
        ),
    ),
)

_FLEET: Final = Section(
    title="The fleet, by quarter-hour",
    panels=(
        Panel(
            title="Batteries by mode",
            kind=Kind.SERIES,
            is_stacked=True,
            meaning="What they were told. All in AUTO: see the reasons below.",
            queries=(
                Sql("""\
SELECT period_start AS time, in_auto AS "AUTO", in_hold AS "HOLD", in_charge AS "CHARGE",
       in_discharge AS "DISCHARGE"
FROM battery_fleet_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="At the grid, on top of households",
            kind=Kind.SERIES,
            unit="watt",
            meaning="What batteries were told to draw and to feed in. It should lie in the valleys "
            "of the grid's load.",
            queries=(
                Sql("""\
SELECT period_start AS time, toFloat64(from_grid_w) AS "From the grid",
       toFloat64(to_grid_w) AS "Into the grid"
FROM battery_fleet_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Energy in the batteries",
            kind=Kind.SERIES,
            unit="watth",
            meaning="Of those whose level is known, as expected at the quarter-hour's start.",
            queries=(
                Sql("""\
SELECT period_start AS time, toFloat64(level_wh) AS "Level"
FROM battery_fleet_quarter_hours
WHERE $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Price, EUR/MWh",
            kind=Kind.SERIES,
            lowest=None,
            meaning="The day-ahead price where it is known, else an estimate.",
            queries=(
                Sql("""\
SELECT period_start AS time, toFloat64(price_eur_per_mwh) AS "Price"
FROM prices
WHERE $__timeFilter(period_start)
ORDER BY time"""),
            ),
        ),
    ),
)

_WHY: Final = Section(
    title="Why",
    panels=(
        Panel(
            title="Directives per second, by reason",
            kind=Kind.SERIES,
            is_stacked=True,
            meaning="Many prices_missing, forecast_missing or level_unknown: batteries are left to "
            "themselves, and save less.",
            queries=(
                Promql(
                    "sum by (reason) (rate(smatrix_battery_directives_total[$__rate_interval]))",
                    "{{reason}}",
                ),
            ),
        ),
        Panel(
            title="Communities whose batteries are left to themselves most",
            kind=Kind.TABLE,
            meaning="Quarter-hours of batteries in the range that something was missing for.",
            queries=(
                Sql("""\
SELECT community_id AS "Community",
       countIf(reason IN ('prices_missing', 'forecast_missing', 'level_unknown')) AS "Left alone",
       countIf(reason = 'community_limited') AS "Limited",
       count() AS "Told", uniqExact(meter_id) AS "Batteries"
FROM battery_directives
WHERE $__timeFilter(valid_from)
GROUP BY community_id
ORDER BY "Left alone" DESC, community_id
LIMIT 50"""),
            ),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-batteries",
    title="Batteries and prices",
    meaning="What batteries are told, what they hold, and whether prices are there.",
    sections=(_NOW, _FLEET, _WHY),
)
