"""What operators see of the notices that causes make; their way as mails is in `mail_metrics`."""

from prometheus_client import Counter

from schemas.notifications import NotificationKind

NOTIFICATIONS = Counter(
    "smatrix_notices_total", "Notifications that changes and tickets have caused.", ["kind"]
)
NOBODY = Counter(
    "smatrix_notices_to_nobody_total", "News for which no recipient is registered.", ["kind"]
)


def declare() -> None:
    """Let the counters of all kinds begin at 0, so that their first growth is seen."""
    for kind in NotificationKind:
        NOTIFICATIONS.labels(kind)
        NOBODY.labels(kind)
