"""Regulation: limits and headroom, who is off, whether it is fair, whether inputs are fresh."""

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

_NONE_IS_GOOD: Final = Steps(Colour.GOOD, ((1, Colour.BAD),))
_AGE: Final = Steps(Colour.GOOD, ((120, Colour.DOUBTFUL), (180, Colour.BAD)))

_NOW: Final = Section(
    title="Now",
    height=4,
    panels=(
        Panel(
            title="Switches off",
            kind=Kind.STAT,
            meaning="As ordered, in all communities.",
            queries=(Promql("sum(smatrix_regulation_switches_off)", "off", newest_only=True),),
        ),
        Panel(
            title="Age of the oldest input",
            kind=Kind.STAT,
            unit="s",
            steps=_AGE,
            meaning="Since when the steered community that waits longest has told no minute. At "
            "SMATRIX_CONTROL_STALE_AFTER its switches are given back.",
            queries=(Promql("max(smatrix_regulation_input_age_seconds)", "age", newest_only=True),),
        ),
        Panel(
            title="Communities not steered",
            kind=Kind.STAT,
            steps=_NONE_IS_GOOD,
            meaning="Their inputs are too old: all their switches are AUTO. They are steered again "
            "by themselves.",
            queries=(
                Promql("sum(smatrix_regulation_not_steered)", "not steered", newest_only=True),
            ),
        ),
        Panel(
            title="Invariants broken",
            kind=Kind.STAT,
            steps=_NONE_IS_GOOD,
            meaning="Directives that were held back in the range, since they would have broken a "
            "rule that always holds; control's log names them.",
            queries=(
                Promql(
                    "sum(increase(smatrix_regulation_invariants_broken_total[$__range]))",
                    "broken",
                    newest_only=True,
                ),
            ),
        ),
    ),
)

_OVERLOAD: Final = Section(
    title="Limits",
    panels=(
        Panel(
            title="Minutes above a limit, and directives",
            kind=Kind.SERIES,
            meaning="Per minute. Overload that stays while directives go out: not enough can be "
            "shed, or terminals do not obey.",
            queries=(
                Promql(
                    "60 * sum(rate(smatrix_regulation_overloaded_minutes_total[$__rate_interval]))",
                    "community minutes above the limit",
                ),
                Promql(
                    "60 * sum by (state, reason) "
                    "(rate(smatrix_regulation_directives_total[$__rate_interval]))",
                    "{{state}} {{reason}}",
                ),
            ),
        ),
        Panel(
            title="Answers and repetitions",
            kind=Kind.SERIES,
            meaning="Per minute. Repetitions that grow while answers fall: terminals do not hear.",
            queries=(
                Promql(
                    "60 * sum by (outcome) "
                    "(rate(smatrix_regulation_answers_total[$__rate_interval]))",
                    "{{outcome}}",
                ),
                Promql(
                    "60 * sum(rate("
                    "smatrix_regulation_directives_repeated_total[$__rate_interval]))",
                    "renewed or sent again",
                ),
            ),
        ),
        Panel(
            title="Least headroom in the range",
            kind=Kind.TABLE,
            meaning="The communities that came nearest to their limit, or went above it.",
            column_units={"Headroom": "watt", "Limit": "watt"},
            queries=(
                Sql("""\
SELECT community_id AS "Community", min(headroom_w) AS "Headroom", any(limit_w) AS "Limit",
       countIf(headroom_w < 0) AS "Minutes above", sum(ordered_off) AS "Switched off",
       min(fairness) AS "Fairness"
FROM regulation_minutes
WHERE $__timeFilter(minute) AND limit_w IS NOT NULL
GROUP BY community_id
ORDER BY "Headroom", "Community"
LIMIT 50"""),
            ),
        ),
    ),
)

_COMMUNITY: Final = Section(
    title="Community $community, by the minute",
    panels=(
        Panel(
            title="Load and limit",
            kind=Kind.SERIES,
            unit="watt",
            meaning="By closed minutes. Shed: as estimated when it was switched off; what it would "
            "have drawn without is load and shed.",
            queries=(
                Sql("""\
SELECT minute AS time, toFloat64(load_w) AS "Load", toFloat64(limit_w) AS "Limit",
       toFloat64(shed_w) AS "Shed", toFloat64(sheddable_w) AS "Could be shed",
       toFloat64(deficit_w) AS "Asked by the grid"
FROM regulation_minutes
WHERE community_id = ${community:singlequote} AND $__timeFilter(minute)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Switches",
            kind=Kind.SERIES,
            meaning="Off, and of how many; silent meters are counted at their last good bound.",
            queries=(
                Sql("""\
SELECT minute AS time, toFloat64(meters_off) AS "Off", toFloat64(meters_flexible) AS "May be shed",
       toFloat64(silent_meters) AS "Silent meters"
FROM regulation_minutes
WHERE community_id = ${community:singlequote} AND $__timeFilter(minute)
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Fairness",
            kind=Kind.SERIES,
            unit="percentunit",
            meaning="Jain's index of the minutes that each was shed: 1 is the same for all.",
            queries=(
                Sql("""\
SELECT minute AS time, fairness AS "Jain's index"
FROM regulation_minutes
WHERE community_id = ${community:singlequote} AND $__timeFilter(minute)
ORDER BY time"""),
            ),
        ),
    ),
)

_WHY: Final = Section(
    title="Why",
    panels=(
        Panel(
            title="Last directives, by minute and reason",
            kind=Kind.TABLE,
            meaning="Households are not named here; `switch_directives` has each one.",
            column_units={"Minute": "dateTimeAsIso"},
            queries=(
                Sql("""\
SELECT minute AS "Minute", community_id AS "Community", state AS "State", level AS "Level",
       reason AS "Reason", count() AS "Switches", countIf(outcome = 'obeyed') AS "Obeyed",
       countIf(outcome = 'refused') AS "Refused", any(detail) AS "Detail"
FROM switch_directives
WHERE $__timeFilter(minute)
GROUP BY minute, community_id, state, level, reason
ORDER BY minute DESC, community_id, state, reason
LIMIT 200"""),
            ),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-regulation",
    title="Regulation",
    meaning="Whether communities keep their limits, who gives way for it, and whether it is fair.",
    sections=(_NOW, _OVERLOAD, _COMMUNITY, _WHY),
    choices=(
        Choice(
            name="community",
            label="Community",
            query=Sql("""\
SELECT DISTINCT community_id
FROM regulation_minutes
WHERE $__timeFilter(minute)
ORDER BY community_id"""),
        ),
    ),
)
