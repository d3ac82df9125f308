"""Who is told of a change or a ticket."""

import pytest

from schemas.malfunction import TicketEvent
from streams.domain.notices import Directory, of_change, of_malfunction
from tests.builders import DAY_S, NOON
from tests.notified import a_change, a_malfunction
from tests.registered import a_community, a_household


def a_directory() -> Directory:
    directory = Directory()
    directory.take(a_community("c1", zone="Europe/Paris"))
    directory.take(a_household("h1", "c1", customer_id="erika"))
    return directory


def test_the_customer_behind_the_meter_is_told_in_their_zone() -> None:
    notification = of_change(a_change("c1", "m1"), a_directory())

    assert notification is not None
    assert (notification.person_id, notification.zone) == ("erika", "Europe/Paris")
    assert notification.at == NOON + 900
    assert "erika" not in notification.notification_id


@pytest.mark.parametrize(
    "change",
    [
        a_change("c1", "m1", notice=None),
        a_change("c1", None),
        a_change("c1", "m2"),
        a_change("c2", "m1"),
    ],
    ids=["no news", "the community's", "another meter", "another community"],
)
def test_nobody_is_told_of_no_news_or_of_what_concerns_nobody(change: object) -> None:
    assert of_change(change, a_directory()) is None  # type: ignore[arg-type] # a parameter


def test_the_same_cause_is_the_same_notification_and_another_one_is_another() -> None:
    directory = a_directory()

    def name(**others: int) -> str:
        notification = of_change(a_change("c1", "m1", **others), directory)
        assert notification is not None
        return notification.notification_id

    assert name() == name()
    assert len({name(), name(version=2), name(period_start=NOON + 900)}) == 3


def test_who_lived_there_at_the_time_is_told() -> None:
    directory = a_directory()
    directory.take(a_household("h1", "c1", customer_id="erika", valid_to=NOON - DAY_S, version=2))
    directory.take(a_household("h9", "c1", customer_id="max", meter_id="m1", valid_from=NOON))

    assert directory.customer_of("c1", "m1", at=NOON) == "max"
    assert directory.customer_of("c1", "m1", at=NOON - 2 * DAY_S) == "erika"
    assert directory.customer_of("c1", "m1", at=NOON - DAY_S) is None


def test_a_later_version_of_a_stay_takes_the_place_of_the_earlier() -> None:
    directory = a_directory()

    directory.take(a_household("h1", "c1", customer_id="erika", meter_id="m7", version=2))
    moved = [directory.customer_of("c1", meter, at=NOON) for meter in ("m1", "m7")]
    directory.take(a_household("h1", "c1", customer_id=None, meter_id="m7", version=3))

    assert moved == [None, "erika"]
    assert directory.customer_of("c1", "m7", at=NOON) is None


@pytest.mark.parametrize("event", TicketEvent)
def test_a_technician_is_told_of_what_is_new_to_them(event: TicketEvent) -> None:
    notification = of_malfunction(a_malfunction(event=event), a_directory())

    silent = {TicketEvent.OPENED, TicketEvent.RESOLVED}
    assert (notification is None) == (event in silent)


def test_a_ticket_that_is_nobody_s_is_told_to_nobody() -> None:
    assert of_malfunction(a_malfunction(technician_id=None), a_directory()) is None
