"""Stays of households: moving and closing them, and finding them by name."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from schemas.registry import Household, Validity
from streams.domain.registry import Entry, RegistryError, as_time, id_of, kind_of

AnyValid = TypeVar("AnyValid", bound=Validity)


def is_valid(entry: Validity, at: float) -> bool:
    """Return whether an entry holds at a time (epoch s)."""
    return entry.valid_from <= at and (entry.valid_to is None or at < entry.valid_to)


def moved(
    stays: Sequence[Household], minute: int, *, community_id: str | None, meter_id: str | None
) -> list[Household]:
    """Return the stays that change when a household moves: the one that ends, the one that begins.

    The new one goes on as the old one was, and as long. A move at the very minute at which the
    old stay began leaves nothing of it.

    Args:
        stays: Of the household, all of them.
        minute: From when on, epoch seconds.
        community_id: Where to; None: it stays in its community.
        meter_id: The meter from then on; None: the same.

    Raises:
        RegistryError: If it is in no community at that minute, or the move changes nothing.
    """
    old = next((stay for stay in stays if is_valid(stay, minute)), None)
    if old is None:
        household_id = stays[0].household_id if stays else "?"
        raise RegistryError(f"household {household_id} is in no community at {as_time(minute)}")
    community_id, meter_id = community_id or old.community_id, meter_id or old.meter_id
    if (community_id, meter_id) == (old.community_id, old.meter_id):
        raise RegistryError(
            f"household {old.household_id} is in {community_id} with {meter_id} at "
            f"{as_time(minute)} already; name another community or meter"
        )
    new = {"community_id": community_id, "meter_id": meter_id, "valid_from": minute}
    begins = old.model_copy(update=new)
    if community_id == old.community_id and minute == old.valid_from:
        return [begins]
    return [old.model_copy(update={"valid_to": minute}), begins]


def closed(entries: Sequence[AnyValid], minute: int) -> list[AnyValid]:
    """Return those that change when nothing of some entries holds from a minute (epoch s) on.

    What would begin later never does.
    """
    return [
        entry.model_copy(update={"valid_to": max(minute, entry.valid_from)})
        for entry in entries
        if entry.valid_to is None or entry.valid_to > max(minute, entry.valid_from)
    ]


def named(entries: Iterable[Entry], name: str, *, kind: str | None = None) -> list[Entry]:
    """Return the entries with an id, the stays of a meter too, of one kind or of any."""
    return [
        entry
        for entry in entries
        if (kind is None or kind == kind_of(entry))
        and (id_of(entry) == name or (isinstance(entry, Household) and entry.meter_id == name))
    ]
