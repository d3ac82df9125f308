"""Loading a partition's windows from the tables, after a start or a rebalance."""

from schemas.units import MINUTE_S
from streams.domain.channels import MISSING
from streams.domain.communities import HOUR_S, Community, Naming
from streams.domain.frames import MeterList
from streams.domain.minutes import Minute
from streams.domain.rosters import Rosters
from streams.domain.windows import WindowPolicy, Windows
from tables import communities, minutes
from tables.store import Store


def load_windows(
    policy: WindowPolicy,
    *,
    of_minutes: Store,
    of_communities: Store,
    rosters: Rosters | None = None,
) -> Windows:
    """Return the windows as the tables have them.

    Minutes come back open even where they had been told already: telling them again is the same
    version with the same content, while a minute taken for told that was not would be lost.

    Raises:
        SchemaError: If a later version wrote them.
    """

    def read(community_id: str, start: int) -> Minute | None:
        data = of_minutes.get(minutes.key(community_id, start))
        if data is None:
            return None
        minute = minutes.decode(data)
        minute.closed = True
        return minute

    found: dict[str, Community] = {}
    for key, data in of_communities.items(b"", prefix=b""):
        if key.startswith(b"__faust\0"):
            continue
        community_id = key.decode()
        community = found[community_id] = communities.decode(data)
        _load_open_minutes(community_id, community, of_minutes)
        _remember_expected(community)
    return Windows(policy, read=read, communities=found, rosters=rosters)


def _load_open_minutes(community_id: str, community: Community, store: Store) -> None:
    first = minutes.key(community_id, community.settled_before)
    for key, data in store.items(first, prefix=minutes.prefix(community_id)):
        minute = minutes.decode(data)
        known = (minute.cells != MISSING).any(axis=0).nonzero()[0].tolist()
        minute.reported = frozenset(known)
        start = minutes.start_of(key)
        community.minutes[start] = minute
        community.newest = max(community.newest, start)
        for place in known:
            community.last_named[place] = max(community.last_named[place], start)


def _remember_expected(community: Community) -> None:
    """Expect from now on the meters that were named within the last hour."""
    community.places = {meter: place for place, meter in enumerate(community.meters)}
    recent = tuple(
        place
        for place, named in enumerate(community.last_named)
        if named > community.newest - HOUR_S
    )
    if recent:
        community.namings[MeterList(tuple(community.meters[place] for place in recent))] = Naming(
            None if recent == tuple(range(len(recent))) else recent,
            len(recent),
            community.newest - HOUR_S + MINUTE_S,
            community.newest,
        )
