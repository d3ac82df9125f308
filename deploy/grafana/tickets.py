"""Who was told what: tickets, autarky's changes, and the notifications that come of both."""

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

_NONE_IS_GOOD: Final = Steps(Colour.GOOD, ((1, Colour.DOUBTFUL),))
_WAITING: Final = Steps(Colour.GOOD, ((600, Colour.DOUBTFUL), (1_800, Colour.BAD)))

_NOW: Final = Section(
    title="Now",
    height=4,
    panels=(
        Panel(
            title="Open tickets",
            kind=Kind.STAT,
            meaning="Of all kinds.",
            queries=(Promql("sum(smatrix_malfunction_open_tickets)", "open", newest_only=True),),
        ),
        Panel(
            title="Silence suspected",
            kind=Kind.STAT,
            steps=_NONE_IS_GOOD,
            meaning="Communities whose silence is not proven yet. When it stays up, metering is "
            "down or behind: no ticket about silence is opened meanwhile.",
            queries=(
                Promql("sum(smatrix_malfunction_awaiting_proof)", "communities", newest_only=True),
            ),
        ),
        Panel(
            title="Orders not obeyed",
            kind=Kind.STAT,
            steps=_NONE_IS_GOOD,
            meaning="Of operators, about tickets, in the range; alerts' log says why.",
            queries=(
                Promql(
                    "sum(increase(smatrix_malfunction_disobeyed_total[$__range]))",
                    "not obeyed",
                    newest_only=True,
                ),
            ),
        ),
        Panel(
            title="Notifications that wait",
            kind=Kind.STAT,
            meaning="Not sent and not given up. Those of autarky wait for the morning.",
            queries=(Promql("sum(smatrix_notifications_queued)", "queued", newest_only=True),),
        ),
        Panel(
            title="Oldest that fails",
            kind=Kind.STAT,
            unit="s",
            steps=_WAITING,
            meaning="Age of the oldest notification whose last attempt failed; 0: none does.",
            queries=(
                Promql("max(smatrix_notifications_failing_seconds)", "fails", newest_only=True),
            ),
        ),
        Panel(
            title="Mail server away",
            kind=Kind.STAT,
            unit="s",
            steps=_WAITING,
            meaning="For how long it has taken no mails; 0 while it does.",
            queries=(Promql("max(smatrix_mail_server_away_seconds)", "away", newest_only=True),),
        ),
    ),
)

_TICKETS: Final = Section(
    title="Tickets",
    panels=(
        Panel(
            title="Open, by kind",
            kind=Kind.SERIES,
            is_stacked=True,
            meaning="A step up of terminal_silent is an outage; of clock or inconsistent, a "
            "maker's new software.",
            queries=(Promql("sum by (kind) (smatrix_malfunction_open_tickets)", "{{kind}}"),),
        ),
        Panel(
            title="Opened, reminded, cleared, reopened and resolved",
            kind=Kind.SERIES,
            meaning="Steps per hour of event time, as ClickHouse has them. Many reopened: a fault "
            "that comes and goes.",
            queries=(
                Sql("""\
SELECT toStartOfHour(at) AS time,
       toFloat64(countIf(event = 'opened')) AS "Opened",
       toFloat64(countIf(event = 'reminded')) AS "Reminded",
       toFloat64(countIf(event = 'cleared')) AS "Cleared",
       toFloat64(countIf(event = 'reopened')) AS "Reopened",
       toFloat64(countIf(event = 'resolved')) AS "Resolved by hand"
FROM ticket_steps
WHERE $__timeFilter(at)
GROUP BY time
ORDER BY time"""),
            ),
        ),
        Panel(
            title="Steps told, and suspicions that a proof has ended",
            kind=Kind.SERIES,
            meaning="Per minute, as the workers tell them. Suspicions end unfounded when metering "
            "was late and terminals were not.",
            queries=(
                Promql(
                    "60 * sum by (event) (rate(smatrix_malfunction_steps_total[$__rate_interval]))",
                    "{{event}}",
                ),
                Promql(
                    "60 * sum(rate(smatrix_malfunction_unfounded_total[$__rate_interval]))",
                    "unfounded",
                ),
            ),
        ),
    ),
)

_WHOSE: Final = Section(
    title="Whose tickets",
    panels=(
        Panel(
            title="Open, by community and kind",
            kind=Kind.TABLE,
            width=9,
            meaning="Whatever the range. Nobody's: no technician is registered for the community.",
            column_units={"Oldest": "dateTimeAsIso"},
            queries=(
                Sql("""\
SELECT community_id AS "Community", kind AS "Kind", count() AS "Open",
       countIf(technician_id IS NULL) AS "Nobody's", min(opened_at) AS "Oldest"
FROM tickets
WHERE state != 'resolved'
GROUP BY community_id, kind
ORDER BY "Open" DESC, "Oldest", "Community", "Kind"
LIMIT 200"""),
            ),
        ),
        Panel(
            title="Open for longest",
            kind=Kind.TABLE,
            width=15,
            meaning="`smatrix tickets show` has the whole life of one.",
            column_units={"Opened": "dateTimeAsIso"},
            queries=(
                Sql("""\
SELECT ticket_id AS "Ticket", kind AS "Kind", community_id AS "Community",
       if(empty(meter_id), 'the terminal', arrayStringConcat(meter_id, ', ')) AS "Meters",
       ifNull(technician_id, '') AS "Technician", opened_at AS "Opened",
       reopened AS "Reopened", last_reason AS "Last"
FROM tickets
WHERE state != 'resolved'
ORDER BY opened_at, ticket_id
LIMIT 100"""),
            ),
        ),
    ),
)

_CLEARING: Final = Section(
    title="How long it took",
    height=7,
    panels=(
        Panel(
            title="From opening to end, of tickets that ended in the range",
            kind=Kind.TABLE,
            meaning="Cleared by good readings or resolved by hand.",
            column_units={"Median": "s", "95 %": "s", "Longest": "s"},
            queries=(
                Sql("""\
SELECT kind AS "Kind", count() AS "Ended", countIf(last_event = 'cleared') AS "Cleared",
       quantileExact(0.5)(took_s) AS "Median", quantileExact(0.95)(took_s) AS "95 %",
       max(took_s) AS "Longest"
FROM
(
    SELECT kind, last_event, ended_at, dateDiff('second', opened_at, ended_at) AS took_s
    FROM tickets
    WHERE state = 'resolved' AND $__timeFilter(ended_at)
)
GROUP BY kind
ORDER BY kind"""),
            ),
        ),
        Panel(
            title="From a notification's arrival until its mail was sent",
            kind=Kind.SERIES,
            unit="s",
            meaning="With quiet hours and gathering; half of them, and 95 % of them, took less.",
            queries=tuple(
                Promql(
                    f"histogram_quantile({share}, sum by (le) "
                    "(rate(smatrix_notification_waited_seconds_bucket[$__rate_interval])))",
                    legend,
                )
                for share, legend in ((0.5, "half"), (0.95, "95 %"))
            ),
        ),
    ),
)

_NOTIFICATIONS: Final = Section(
    title="Notifications",
    panels=(
        Panel(
            title="Per minute, by the state that they came into",
            kind=Kind.SERIES,
            meaning="Failed ones are tried again; given up, they are not.",
            queries=(
                Promql(
                    "60 * sum by (state) (rate(smatrix_notifications_total[$__rate_interval]))",
                    "{{state}}",
                ),
            ),
        ),
        Panel(
            title="Queue",
            kind=Kind.SERIES,
            meaning="Not sent and not given up. It grows at night and is empty by noon; if it is "
            "not, mails are slower than news.",
            queries=(Promql("job:smatrix_notifications_queued:sum", "queued"),),
        ),
        Panel(
            title="Age of the oldest that waits",
            kind=Kind.STAT,
            width=4,
            unit="s",
            steps=Steps(Colour.GOOD, ((43_200, Colour.DOUBTFUL), (86_400, Colour.BAD))),
            meaning="Since its cause, by event time. A night is ordinary, a day is not.",
            queries=(
                Sql("""\
SELECT now() AS time,
       ifNull(dateDiff('second', minOrNull(at), now()), 0) AS "Age"
FROM notifications
WHERE state NOT IN ('sent', 'given_up')"""),
            ),
        ),
    ),
)

_MAILS: Final = Section(
    title="Mails",
    panels=(
        Panel(
            title="Notifications of the range, by state and reason",
            kind=Kind.TABLE,
            width=10,
            meaning="Codes are the mail server's; docs/notifications.md says what reasons mean.",
            column_units={"Last": "dateTimeAsIso"},
            queries=(
                Sql("""\
SELECT kind AS "Kind", state AS "State", ifNull(reason, '') AS "Reason",
       count() AS "Notifications", max(changed_at) AS "Last"
FROM notifications
WHERE $__timeFilter(at)
GROUP BY kind, state, reason
ORDER BY "Notifications" DESC, "Kind", "State", "Reason"
LIMIT 100"""),
            ),
        ),
        Panel(
            title="Given up in the range, by reason",
            kind=Kind.STAT,
            width=7,
            meaning="nobody: erased, unsubscribed or without an address. refused: by the mail "
            "server, for good. expired: tried for as long as we try.",
            queries=(
                Promql(
                    "sum by (why) (increase(smatrix_notifications_given_up_total[$__range]))",
                    "{{why}}",
                    newest_only=True,
                ),
            ),
        ),
        Panel(
            title="Mails that may have come twice",
            kind=Kind.TABLE,
            width=7,
            meaning="The mail server's answer was lost, and the mail was sent again under its "
            "Message-ID. Empty is good.",
            column_units={"Changed": "dateTimeAsIso"},
            queries=(
                Sql("""\
SELECT mail_id AS "Mail", max(attempts) AS "Attempts", count() AS "Notifications",
       max(changed_at) AS "Changed"
FROM notifications
WHERE in_doubt AND $__timeFilter(at)
GROUP BY mail_id
ORDER BY "Changed" DESC
LIMIT 50"""),
            ),
        ),
    ),
)

_AUTARKY: Final = Section(
    title="Autarky",
    panels=(
        Panel(
            title="Households and communities by state",
            kind=Kind.SERIES,
            meaning="Many unknown: data are missing.",
            queries=(
                Promql("sum by (subject, state) (smatrix_autarky_states)", "{{subject}} {{state}}"),
            ),
        ),
        Panel(
            title="Changes per minute",
            kind=Kind.SERIES,
            meaning="Told, and taken back by corrections.",
            queries=(
                Promql(
                    "60 * sum by (subject, to_state) "
                    "(rate(smatrix_autarky_changes_total[$__rate_interval]))",
                    "{{subject}} {{to_state}}",
                ),
                Promql(
                    "60 * sum by (subject) "
                    "(rate(smatrix_autarky_changes_withdrawn_total[$__rate_interval]))",
                    "{{subject}}, taken back",
                ),
            ),
        ),
        Panel(
            title="News per minute, and news for nobody",
            kind=Kind.SERIES,
            meaning="Notifications that changes and tickets have caused; for nobody: no customer "
            "or technician is registered.",
            queries=(
                Promql(
                    "60 * sum by (kind) (rate(smatrix_notices_total[$__rate_interval]))",
                    "{{kind}}",
                ),
                Promql(
                    "60 * sum by (kind) (rate(smatrix_notices_to_nobody_total[$__rate_interval]))",
                    "{{kind}}, nobody",
                ),
            ),
        ),
    ),
)

DASHBOARD: Final = Dashboard(
    uid="smatrix-tickets",
    title="Alerts and tickets",
    meaning="What is out of order, who became self-sufficient, and whether people heard of it.",
    sections=(_NOW, _TICKETS, _WHOSE, _CLEARING, _NOTIFICATIONS, _MAILS, _AUTARKY),
)
