"""Vehicles: how far they are, what they were promised, what their chargers make of it."""

from typing import Final

from deploy.grafana.panels import Colour, Dashboard, Kind, Panel, Promql, Section, Sql, Steps

_NONE_IS_GOOD: Final = Steps(Colour.GOOD, ((1, Colour.DOUBTFUL),))

_NOW: Final = Section(
    title="Now",
    height=4,
    panels=(
        Panel(
            title="Vehicles planned",
            kind=Kind.STAT,
            width=4,
            meaning="Plugged in, when their partition was planned last.",
            queries=(Promql("sum(smatrix_ev_sessions)", "vehicles", newest_only=True),),
        ),
        Panel(
            title="Unmet",
            kind=Kind.STAT,
            unit="watth",
            steps=_NONE_IS_GOOD,
            meaning="Wh asked for that no plan holds: too short a stay, or too narrow a "
            "connection. Those concerned were told.",
            queries=(Promql("sum(smatrix_ev_unmet_wh)", "unmet", newest_only=True),),
        ),
        Panel(
            title="Gap",
            kind=Kind.STAT,
            unit="percentunit",
            steps=Steps(Colour.GOOD, ((0.01, Colour.DOUBTFUL),)),
            meaning="No plan is farther from its optimum, certified.",
            queries=(Promql("max(smatrix_ev_gap_ratio)", "gap", newest_only=True),),
        ),
        Panel(
            title="Silent chargers",
            kind=Kind.STAT,
            steps=_NONE_IS_GOOD,
            meaning="They have orders, and nothing was heard of them for 45 min.",
            queries=(
                Promql('sum(smatrix_ev_chargers{state="silent"})', "silent", newest_only=True),
            ),
        ),
        Panel(
            title="Lagging chargers",
            kind=Kind.STAT,
            steps=_NONE_IS_GOOD,
            meaning="They report, and charge less than half of what they were told.",
            queries=(Promql('sum(smatrix_ev_chargers{state="lags"})', "lag", newest_only=True),),
        ),
    ),
)

_NIGHT: Final = Section(
    title="The night",
    panels=(
        Panel(
            title="Planned for each quarter-hour",
            kind=Kind.SERIES,
            unit="watt",
            is_stacked=True,
            meaning="W of the quarter-hour that each plan begins with, of all partitions: vehicles "
            "on top of what is forecast without them.",
            queries=(
                Sql("""\
SELECT period_start AS time, sum(base_w[1]) AS "Without vehicles",
       sum(planned_w[1]) AS "Vehicles"
FROM charge_plans
WHERE $__timeFilter(period_start)
GROUP BY period_start
ORDER BY period_start"""),
            ),
        ),
        Panel(
            title="Orders per minute",
            kind=Kind.SERIES,
            meaning="To charge, and to wait.",
            queries=(
                Promql(
                    "60 * sum by (kind) (rate(smatrix_ev_directives_total[$__rate_interval]))",
                    "{{kind}}",
                ),
            ),
        ),
        Panel(
            title="Time to plan",
            kind=Kind.SERIES,
            unit="s",
            meaning="The 95th percentile of a partition's plan.",
            queries=(
                Promql(
                    "histogram_quantile(0.95, sum by (le) "
                    "(rate(smatrix_ev_planning_seconds_bucket[$__rate_interval])))",
                    "p95",
                ),
            ),
        ),
    ),
)

_PROMISES: Final = Section(
    title="Promises",
    panels=(
        Panel(
            title="Vehicles that will not get all, newest first",
            kind=Kind.TABLE,
            width=14,
            meaning="window: it stays too short; community_limit: its connection is too narrow; "
            "grid_limit: the grid is.",
            column_units={"Share": "percentunit", "Departure": "dateTimeAsIso"},
            queries=(
                Sql("""\
SELECT community_id AS "Community", meter_id AS "Meter", departure AS "Departure",
       share AS "Share", shortage AS "Why", charger AS "Charger"
FROM ev_sessions
WHERE $__timeFilter(departure) AND (shortage != 'none' OR charger != 'answers')
ORDER BY departure DESC
LIMIT 200"""),
            ),
        ),
        Panel(
            title="Reports refused in the range, by rule",
            kind=Kind.SERIES,
            meaning="docs/ev-charging.md says what the rules mean.",
            queries=(
                Promql(
                    "60 * sum by (rule) "
                    "(rate(smatrix_ev_refused_sessions_total[$__rate_interval]))",
                    "{{rule}}",
                ),
            ),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-vehicles",
    title="Vehicles",
    meaning="Are vehicles full when they leave, without a new peak?",
    sections=(_NOW, _NIGHT, _PROMISES),
)
