"""Is the system well, and if not, where does it hang?"""

from typing import Final

from deploy.grafana.panels import Colour, Dashboard, Kind, Panel, Promql, Section, Steps

_NONE_IS_GOOD: Final = Steps(Colour.GOOD, ((1, Colour.BAD),))
_BEHIND: Final = Steps(Colour.GOOD, ((60, Colour.DOUBTFUL), (300, Colour.BAD)))

_FIRST: Final = Section(
    title="Is all well?",
    height=6,
    panels=(
        Panel(
            title="Alerts that ring",
            kind=Kind.TABLE,
            width=10,
            meaning="Empty is good. Each has its heading in docs/runbooks.md.",
            hidden=("Time", "Value"),
            queries=(
                Promql(
                    "count by (alertname, severity, job, instance, rule, slo) "
                    '(ALERTS{alertstate="firing"})',
                    newest_only=True,
                ),
            ),
        ),
        Panel(
            title="Workers ready",
            kind=Kind.STAT,
            width=4,
            steps=Steps(Colour.BAD, ((1, Colour.GOOD),)),
            meaning="Of each role. Workers without a partition are ready too.",
            queries=(Promql("sum by (job) (smatrix_worker_ready)", "{{job}}", newest_only=True),),
        ),
        Panel(
            title="Backlog",
            kind=Kind.STAT,
            width=5,
            unit="s",
            steps=_BEHIND,
            meaning="How long a role needs for what waits, as fast as it was in the last 5 min.",
            queries=(Promql("job:smatrix_backlog_seconds", "{{job}}", newest_only=True),),
        ),
        Panel(
            title="Waiting for ClickHouse",
            kind=Kind.STAT,
            width=5,
            steps=_NONE_IS_GOOD,
            meaning="Pieces of history's work that wait for ClickHouse to take them.",
            queries=(Promql("sum(smatrix_history_waiting)", "waiting", newest_only=True),),
        ),
    ),
)

_FLOW: Final = Section(
    title="What flows",
    panels=(
        Panel(
            title="Frames per second",
            kind=Kind.SERIES,
            meaning="Accepted. A fall with a growing backlog is ours; without one, terminals'.",
            queries=(Promql("sum(rate(smatrix_frames_total[$__rate_interval]))", "frames"),),
        ),
        Panel(
            title="Readings per second",
            kind=Kind.SERIES,
            meaning="In accepted frames.",
            queries=(Promql("sum(rate(smatrix_readings_total[$__rate_interval]))", "readings"),),
        ),
        Panel(
            title="Rows per second into ClickHouse",
            kind=Kind.SERIES,
            meaning="What ClickHouse has acknowledged, by table.",
            queries=(
                Promql(
                    "sum by (table) (rate(smatrix_history_rows_total[$__rate_interval]))",
                    "{{table}}",
                ),
            ),
        ),
    ),
)

_BEHIND_SECTION: Final = Section(
    title="How far behind",
    panels=(
        Panel(
            title="Backlog",
            kind=Kind.SERIES,
            unit="s",
            steps=_BEHIND,
            shows_steps=True,
            meaning="More than 60 s is not fresh.",
            queries=(Promql("job:smatrix_backlog_seconds", "{{job}}"),),
        ),
        Panel(
            title="Records that wait",
            kind=Kind.SERIES,
            meaning="In the broker, by topic. It stands still while a role can't work at all.",
            queries=(Promql("sum by (topic) (smatrix_consumer_lag_records)", "{{topic}}"),),
        ),
        Panel(
            title="Event-time lag",
            kind=Kind.SERIES,
            unit="s",
            steps=Steps(Colour.GOOD, ((1_800, Colour.DOUBTFUL),)),
            shows_steps=True,
            meaning="Newest minute less the oldest open quarter-hour: up to 17 min are ordinary.",
            queries=(
                Promql("max by (partition) (smatrix_event_time_lag_seconds)", "{{partition}}"),
            ),
        ),
    ),
)

_METERING: Final = Section(
    title="Metering",
    panels=(
        Panel(
            title="Time of batches, 95 of 100",
            kind=Kind.SERIES,
            unit="s",
            meaning="By stage. Slow transactions are the broker's, slow stores the disk's.",
            queries=(
                Promql(
                    "histogram_quantile(0.95, sum by (le, stage) "
                    "(rate(smatrix_batch_stage_seconds_bucket[$__rate_interval])))",
                    "{{stage}}",
                ),
            ),
        ),
        Panel(
            title="Records in a batch, mean",
            kind=Kind.SERIES,
            meaning="Large ones mean a backlog.",
            queries=(
                Promql(
                    "sum by (job) (rate(smatrix_batch_records_sum[$__rate_interval])) "
                    "/ sum by (job) (rate(smatrix_batch_records_count[$__rate_interval]))",
                    "{{job}}",
                ),
            ),
        ),
        Panel(
            title="Open community minutes",
            kind=Kind.SERIES,
            meaning="In memory, by partition. It follows the communities and the lateness.",
            queries=(Promql("sum by (partition) (smatrix_open_minutes)", "{{partition}}"),),
        ),
        Panel(
            title="State on disk",
            kind=Kind.SERIES,
            unit="bytes",
            meaning="By table. It levels off at the retention.",
            queries=(Promql("sum by (table) (smatrix_table_bytes)", "{{table}}"),),
        ),
    ),
)

_HISTORY: Final = Section(
    title="History",
    panels=(
        Panel(
            title="Insert time, 95 of 100",
            kind=Kind.SERIES,
            unit="s",
            meaning="From the first attempt to the acknowledgement, by table.",
            queries=(
                Promql(
                    "histogram_quantile(0.95, sum by (le, table) "
                    "(rate(smatrix_history_insert_seconds_bucket[$__rate_interval])))",
                    "{{table}}",
                ),
            ),
        ),
        Panel(
            title="Waiting for ClickHouse",
            kind=Kind.SERIES,
            meaning="Pieces of work that wait at one time, by their share of it.",
            queries=(
                Promql(
                    "sum by (work) (rate(smatrix_history_waiting_seconds_total[$__rate_interval]))",
                    "{{work}}",
                ),
            ),
        ),
        Panel(
            title="Failed attempts per second",
            kind=Kind.SERIES,
            meaning="Attempts that ClickHouse failed; the rows are tried again.",
            queries=(
                Promql(
                    "sum by (work) (rate(smatrix_history_retries_total[$__rate_interval]))",
                    "{{work}}",
                ),
            ),
        ),
    ),
)

_WORKERS: Final = Section(
    title="Workers",
    panels=(
        Panel(
            title="Ready",
            kind=Kind.STATES,
            steps=Steps(Colour.BAD, ((1, Colour.GOOD),)),
            names={0: "waits", 1: "ready"},
            meaning="Short waits at the same time in all workers of a role are a rebalance.",
            queries=(Promql("smatrix_worker_ready", "{{job}} {{instance}}"),),
        ),
        Panel(
            title="Processor",
            kind=Kind.SERIES,
            unit="percentunit",
            meaning="Of one core. A worker that stays at 1 is at its limit.",
            queries=(
                Promql("rate(process_cpu_seconds_total[$__rate_interval])", "{{job}} {{instance}}"),
            ),
        ),
        Panel(
            title="Memory",
            kind=Kind.SERIES,
            unit="bytes",
            meaning="Resident.",
            queries=(Promql("process_resident_memory_bytes", "{{job}} {{instance}}"),),
        ),
        Panel(
            title="Records still to restore",
            kind=Kind.SERIES,
            meaning="Of the changelog, after a start or a rebalance. It must fall.",
            queries=(Promql("smatrix_recovery_remaining_records", "{{job}} {{instance}}"),),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-pipeline",
    title="Pipeline health",
    meaning="Workers, backlog, ClickHouse; from top to bottom as one would look.",
    range="3h",
    sections=(_FIRST, _FLOW, _BEHIND_SECTION, _METERING, _HISTORY, _WORKERS),
)
