"""How good is what comes in: refused, late, corrected, repeated, missing."""

from typing import Final

from deploy.grafana.panels import Colour, Dashboard, Kind, Panel, Promql, Section, Sql, Steps

_FRAMES: Final = "sum(increase(smatrix_frames_total[$__range]))"


def _share(title: str, metric: str, meaning: str, steps: Steps | None = None) -> Panel:
    counted = f"(sum(increase({metric}[$__range])) or vector(0))"
    return Panel(
        title=title,
        kind=Kind.STAT,
        unit="percentunit",
        steps=steps or Steps(),
        meaning=meaning,
        queries=(Promql(f"{counted} / ({_FRAMES} > 0)", title, newest_only=True),),
    )


_SHARES: Final = Section(
    title="For every frame accepted in the range",
    height=4,
    panels=(
        _share(
            "Refused",
            "smatrix_rejections_total",
            "Frames, or parts of frames, that a rule refused. The objective is 1 %.",
            Steps(Colour.GOOD, ((0.005, Colour.DOUBTFUL), (0.01, Colour.BAD))),
        ),
        _share("Late", "smatrix_late_frames_total", "For a minute that had closed."),
        _share("Corrected", "smatrix_corrected_frames_total", "Replaced a value."),
        _share("Repeated", "smatrix_duplicate_frames_total", "Said nothing new; harmless."),
        Panel(
            title="Quarter-hours told again",
            kind=Kind.STAT,
            meaning="Community quarter-hours that changed after they were told.",
            queries=(
                Promql(
                    "sum(increase(smatrix_periods_reopened_total[$__range]))",
                    "told again",
                    newest_only=True,
                ),
            ),
        ),
        Panel(
            title="Messages that are no rows",
            kind=Kind.STAT,
            steps=Steps(Colour.GOOD, ((1, Colour.BAD),)),
            meaning="Left out since the workers started, by role. 0 in ordinary life.",
            queries=(
                Promql(
                    "sum(smatrix_history_malformed_messages_total) or vector(0)",
                    "history",
                    newest_only=True,
                ),
                Promql("sum(smatrix_alerts_malformed_messages_total)", "alerts", newest_only=True),
            ),
        ),
    ),
)

_OVER_TIME: Final = Section(
    title="Over time",
    panels=(
        Panel(
            title="Refusals per second, by rule",
            kind=Kind.SERIES,
            is_stacked=True,
            meaning="A step is a terminal's new software, or its clock.",
            queries=(
                Promql(
                    "sum by (rule) (rate(smatrix_rejections_total[$__rate_interval]))", "{{rule}}"
                ),
            ),
        ),
        Panel(
            title="Late, corrected and repeated frames per second",
            kind=Kind.SERIES,
            meaning="Late ones after an outage are what the terminals kept.",
            queries=tuple(
                Promql(f"sum(rate(smatrix_{word}_frames_total[$__rate_interval]))", legend)
                for word, legend in (
                    ("late", "late"),
                    ("corrected", "corrected"),
                    ("duplicate", "repeated"),
                )
            ),
        ),
    ),
)

_REFUSED: Final = Section(
    title="Refused in the range",
    panels=(
        Panel(
            title="By rule",
            kind=Kind.TABLE,
            meaning="With the last refusal's words; the original bytes are in rejected_readings.",
            width=14,
            column_units={"Last": "dateTimeAsIso"},
            queries=(
                Sql("""\
SELECT rule AS "Rule", count() AS "Refusals", uniqExact(community_id) AS "Communities",
       max(received_at) AS "Last", argMax(detail, received_at) AS "Last detail"
FROM rejected_readings
WHERE $__timeFilter(received_at)
GROUP BY rule
ORDER BY "Refusals" DESC, rule"""),
            ),
        ),
        Panel(
            title="By community",
            kind=Kind.TABLE,
            width=10,
            meaning="Whom to call first.",
            queries=(
                Sql("""\
SELECT ifNull(community_id, '(unreadable)') AS "Community", count() AS "Refusals",
       arrayStringConcat(arraySort(groupUniqArray(rule)), ', ') AS "Rules"
FROM rejected_readings
WHERE $__timeFilter(received_at)
GROUP BY "Community"
ORDER BY "Refusals" DESC, "Community"
LIMIT 50"""),
            ),
        ),
    ),
)

_MISSING: Final = Section(
    title="Missing and corrected",
    panels=(
        Panel(
            title="Least measured communities in the range",
            kind=Kind.TABLE,
            width=10,
            meaning="Of the quarter-hours of which anything came.",
            column_units={"Measured": "percentunit"},
            queries=(
                Sql("""\
SELECT community_id AS "Community",
       sum(measured_minutes) / (15 * sum(households)) AS "Measured",
       15 * sum(households) - sum(measured_minutes) AS "Missing minutes"
FROM community_quarter_hours
WHERE $__timeFilter(period_start)
GROUP BY community_id
ORDER BY "Measured", community_id
LIMIT 50"""),
            ),
        ),
        Panel(
            title="Last corrections",
            kind=Kind.TABLE,
            width=14,
            meaning="Quarter-hours of the range whose consumption was told again, and by how much.",
            column_units={
                "Quarter-hour": "dateTimeAsIso",
                "Recorded": "dateTimeAsIso",
                "Consumption": "watth",
                "Change": "watth",
            },
            queries=(
                Sql("""\
SELECT community_id AS "Community", period_start AS "Quarter-hour", recorded_at AS "Recorded",
       toFloat64(consumption_wh) AS "Consumption",
       toFloat64(consumption_wh - before_wh) AS "Change"
FROM
(
    SELECT *, lagInFrame(version) OVER corrections AS version_before,
           lagInFrame(consumption_wh) OVER corrections AS before_wh
    FROM community_quarter_hour_versions
    WHERE $__timeFilter(period_start)
    WINDOW corrections AS (PARTITION BY community_id, period_start ORDER BY version)
)
WHERE version_before > 0
ORDER BY recorded_at DESC, community_id, period_start, version DESC
LIMIT 50"""),
            ),
        ),
    ),
)

_VALIDATION: Final = Section(
    title="Validation and estimates",
    panels=(
        Panel(
            title="Readings that a rule spoke up at per second",
            kind=Kind.SERIES,
            is_stacked=True,
            meaning="Also again, when a quarter-hour is told again. Some warn, some fail.",
            queries=(
                Promql(
                    "sum by (rule) (rate(smatrix_validation_verdicts_total[$__rate_interval]))",
                    "{{rule}}",
                ),
            ),
        ),
        Panel(
            title="Minutes replaced per second, by quality",
            kind=Kind.SERIES,
            is_stacked=True,
            meaning="Substituted: registers tell the energy. Missing: nothing could be said.",
            queries=(
                Promql(
                    "sum by (quality) "
                    "(rate(smatrix_validation_replaced_minutes_total[$__rate_interval]))",
                    "{{quality}}",
                ),
            ),
        ),
    ),
)

_VERDICTS: Final = Section(
    title="Verdicts",
    panels=(
        Panel(
            title="Verdicts of the range, by rule",
            kind=Kind.TABLE,
            width=24,
            meaning="Warned of: it counts, and somebody looks. Failed: it is replaced.",
            queries=(
                Sql("""\
SELECT arrayJoin(rules) AS "Rule", countIf(verdict = 'fail') AS "In failed readings",
       countIf(verdict = 'warn') AS "In warned ones", uniqExact(meter_id) AS "Meters"
FROM reading_verdicts
WHERE $__timeFilter(minute)
GROUP BY "Rule"
ORDER BY "In failed readings" DESC, "Rule" ASC"""),
            ),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-quality",
    title="Data quality",
    meaning="What was refused, late, corrected, never came or was estimated.",
    sections=(_SHARES, _OVER_TIME, _REFUSED, _VALIDATION, _VERDICTS, _MISSING),
)
