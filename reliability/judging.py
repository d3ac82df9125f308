"""What must be true when a campaign is over, held against what was told, kept and mailed."""

import json
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from aiokafka.errors import KafkaError

from deploy.autarky_check import ExpectedAutarky
from deploy.embedded.processes import Child
from deploy.malfunction_check import check_tickets
from deploy.truth_check import Comparison, compare
from load_generator.breakdowns import Suspect
from load_generator.truth import read_truth
from reliability import checks
from reliability.ground import Ground
from reliability.mail_checks import check_mails
from reliability.results import Result
from reliability.watch import Watch
from streams.settings import DeliveryMode


def judge(  # noqa: PLR0913 - all that was there
    ground: Ground,
    watch: Watch,
    result: Result,
    *,
    comparison: Comparison,
    load: Child,
    delivery: DeliveryMode,
) -> None:
    """Judge figures, messages and promises."""
    settings = ground.settings
    result.difference_mwh, result.differing = comparison.difference_mwh, comparison.differing
    found = result.checks
    found["truth"] = "ok" if comparison.is_equal else "; ".join(comparison.examples[:3])
    found["healing"] = "ok" if result.healed_s is not None else f"not well: {watch.obstacle}"
    broken = [happened.note for happened in result.faults if happened.is_broken]
    found["promises"] = checks.first_of(broken)
    found["reader"] = checks.first_of(watch.reversals)
    client = checks.client_of(settings)
    sent = json.loads(load.last_words())["sent"]
    result.frames = int(sent)
    try:
        told, doubled, back = checks.what_was_told(settings)
        found["transactions"] = "ok"
        found["contents"] = checks.first_of(doubled)
        if delivery is not DeliveryMode.PLAIN:
            found["order"] = checks.first_of(back)
        found["history"] = checks.first_of(checks.lost_on_the_way(client, told))
        found["frames"] = checks.first_of(
            checks.unaccounted_frames(settings, client, sent=int(sent))
        )
        result.messages = len(told)
    except TimeoutError as hanging:
        found["transactions"] = str(hanging)
    except KafkaError as error:
        found["transactions"] = repr(error)


def judge_people(
    ground: Ground,
    result: Result,
    *,
    suspects: Sequence[Suspect],
    acknowledged: Collection[str],
    deadline: float,
) -> None:
    """Judge tickets and mails, as soon as they are as they must be, or when time is up."""
    client = checks.client_of(ground.settings)
    while True:
        ground.crew.tend()
        tickets = check_tickets(client, "smatrix", suspects)
        mails = check_mails(ground.settings, client, ground.mails, acknowledged)
        is_well = not (tickets.missed or tickets.false or mails.faults)
        if is_well or time.monotonic() > deadline:
            break
        time.sleep(1)
    result.checks["tickets"] = checks.first_of([*tickets.false, *tickets.missed])
    result.checks["mails"] = checks.first_of(mails.faults)
    result.people = {
        "breakdowns": len(tickets.breakdowns),
        "tickets opened": tickets.opened,
        "false tickets": len(tickets.false),
        "notifications": mails.notifications,
        "mails": mails.mails,
        "mails in doubt": mails.in_doubt,
        "mails twice": mails.doubled,
    }


def await_truth(
    ground: Ground, truth: Path, *, deadline: float
) -> tuple[Comparison, checks.Faults]:
    """Return what is otherwise than the truth, of the figures and of autarky."""
    expected = read_truth(truth)
    expected_autarky = ExpectedAutarky.of(expected)
    client = checks.client_of(ground.settings)
    while True:
        ground.crew.tend()
        comparison = compare(client, "smatrix", expected)
        autarky = expected_autarky.differences(client, "smatrix")
        if (comparison.is_equal and not autarky) or time.monotonic() > deadline:
            return comparison, autarky
        time.sleep(0.3)


def said(ground: Ground) -> dict[str, int]:
    """Return how often the workers said what shows that a mechanism was at work."""
    logs = [path.read_text(errors="replace") for path in (ground.folder / "log").glob("*.log")]
    return {
        what: sum(log.count(phrase) for log in logs)
        for what, phrase in {
            "fenced": "stopped by FencedError",
            "stores rebuilt": "rebuil",
            "broker lost": "Unable to bootstrap",
            "disk full": "No space left",
        }.items()
    }
