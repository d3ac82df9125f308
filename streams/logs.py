"""Where logging is set up, and what keeps a broker that is away from filling the log."""

import logging
from typing import Final

from typing_extensions import override

_EVERY_S: Final = 10.0
_MOST_TEXTS: Final = 1_000


def set_up(level: str) -> None:
    """Log to standard error from this level on, no text more often than every ten seconds."""
    logging.basicConfig(
        level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(RepetitionFilter())


class RepetitionFilter(logging.Filter):
    """Lets a text through once in ten seconds, and says with the next one how many were left out.

    Kafka's client logs each attempt to reach each node, about thirty lines a second in all.
    """

    def __init__(self) -> None:
        """Know no texts."""
        super().__init__()
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        name = (record.name, record.getMessage())
        since, left_out = self._said.get(name, (0.0, 0))
        if record.created < since + _EVERY_S:
            self._said[name] = since, left_out + 1
            return False
        if len(self._said) >= _MOST_TEXTS:
            self._forget(record.created)
        self._said[name] = record.created, 0
        if left_out:
            record.msg, record.args = f"{name[1]} ({left_out} more like this were left out)", ()
        return True

    def _forget(self, now: float) -> None:
        """Keep only what has been said lately; all of it would be without a bound."""
        self._said = {name: said for name, said in self._said.items() if now < said[0] + _EVERY_S}
