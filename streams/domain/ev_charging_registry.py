"""What charging needs of the registry: where a meter is, and what a connection bears."""

from schemas.registry import Community, Household
from streams.domain.ev_charging import Place
from streams.domain.newest import take_newest
from streams.domain.registry_stays import is_valid


class Chargepoints:
    """The last version of each community, and of each household's stays."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._communities: dict[str, Community] = {}
        self._stays: dict[str, dict[tuple[str, str, int], Household]] = {}

    def take(self, entry: Community | Household) -> None:
        """Take a record of the registry; the highest version stands."""
        if isinstance(entry, Community):
            take_newest(self._communities, entry.community_id, entry)
            return
        stays = self._stays.setdefault(entry.meter_id, {})
        take_newest(stays, (entry.household_id, entry.community_id, entry.valid_from), entry)

    def place(self, meter_id: str, *, at: int) -> Place | None:
        """Return where a meter is registered at a minute; None: nowhere."""
        for stay in self._stays.get(meter_id, {}).values():
            if is_valid(stay, at):
                return Place(stay.community_id)
        return None

    def limit_w(self, community_id: str) -> int | None:
        """Return what a community's connection bears; None where it is not registered."""
        community = self._communities.get(community_id)
        return None if community is None else community.connection_limit_w
