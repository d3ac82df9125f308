"""People who are written to, what they are told, and what came of it."""

import email
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from deploy.embedded.system import EmbeddedSystem
from schemas.autarky import AutarkyChange
from schemas.malfunction import Malfunction
from tests.acceptance.running import addresses, curl, send, smatrix
from tests.builders import Record

PEOPLE = 30
REGISTRY = (
    "kind,person_id,name,email,language,community_id,connection_limit_w,zone,household_id,"
    "meter_id,customer_id,technician_id,valid_from\n"
    "community,,,,,meadow,250000,Europe/Berlin,,,,,2025-01-01T00:00Z\n"
    "person,tech,Terra,tech@example.org,fr,,,,,,,,\n"
    "person,mute,Nobody Writes,,,,,,,,,,\n"
    "technician,,,,,,,,,,,tech,2025-01-01T00:00Z\n"
    "household,,,,,meadow,,,hmute,mmute,mute,,2025-01-01T00:00Z\n"
) + "".join(
    f"person,p{n},Person {n},p{n}@example.org,en,,,,,,,,\n"
    f"household,,,,,meadow,,,h{n},m{n},p{n},,2025-01-01T00:00Z\n"
    for n in range(PEOPLE)
)
"""A community in Berlin: p0 to p29 with the meters m0 to m29, a technician, one without e-mail."""


@contextmanager
def inhabited(system: EmbeddedSystem) -> Iterator[EmbeddedSystem]:
    """Run a system in which these people are registered; malfunctions don't wait two minutes."""
    system.variables["SMATRIX_NOTIFICATION_GATHER"] = "2"
    with system:
        file = system.folder / "registry.csv"
        file.write_text(REGISTRY)
        environment = addresses(system.settings)
        registered = smatrix("registry", "import", str(file), environment=environment)
        assert registered.status == 0, registered.err
        yield system


def tell(system: EmbeddedSystem, *causes: AutarkyChange | Malfunction) -> None:
    """Write causes to their topics, as the role that judges does."""
    for topic, model in (("autarky-changes", AutarkyChange), ("malfunctions", Malfunction)):
        records = [
            Record(cause.community_id.encode(), cause.model_dump_json().encode())
            for cause in causes
            if isinstance(cause, model)
        ]
        if records:
            send(system.settings, records, topic=topic)


def mails(files: list[Path], to: str) -> list[EmailMessage]:
    """Return a person's mails, in the order in which they came."""
    messages = [email.message_from_bytes(file.read_bytes(), policy=default) for file in files]
    return [message for message in messages if f"<{to}@example.org>" in message["To"]]


def states(system: EmbeddedSystem, where: str) -> Counter[str]:
    """Return how many notifications ClickHouse has in each state, with the reason behind it."""
    rows = curl(
        system.settings,
        "SELECT state, ifNull(reason, ''), count() FROM smatrix.notifications "  # noqa: S608 - our own
        f"WHERE {where} GROUP BY ALL",
    )
    return Counter({" ".join(filter(None, row[:2])): int(row[2]) for row in rows})
