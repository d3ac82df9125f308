"""Chargers that are only on or off, and chargers that have a least power.

The plan of `ev_charging_planning` gives each session any energy in any period. An on/off charger
takes its full power instead, in the periods that the plan gives the largest fractions of it; ties
go late. A period is 15 minutes, so no run is shorter, but for one that ends with the vehicle full.
Whoever is rounded leaves room for what the others of the community still need; to fit on/off
chargers into a narrow connection is a bin packing, so one of them may be left with less than it
could have in theory.

Shapes and units as in `streams.domain.ev_charging_flows`.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.compiled import compiled
from streams.domain.ev_charging_flows import NOBODY, Energies, fill

_AT_THE_EDGE: Final = 2.0
"""Periods that a session is there for a part of come after all whole ones."""


@compiled
def _others_fit(
    is_fixed: npt.NDArray[np.bool_], cap: Energies, energy: Energies, room: Energies
) -> bool:
    """Say whether those that are not fixed yet find what they need in the room that is left."""
    left = np.where(is_fixed, 0, energy)
    fill(np.zeros(cap.shape[1]), 0, np.zeros_like(cap), cap, left, room.copy())
    return not left.any()


@compiled
def _choose(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    session: int,
    order: Energies,
    cap: Energies,
    energy: Energies,
    room: Energies,
    chosen: npt.NDArray[np.bool_],
    is_fixed: npt.NDArray[np.bool_],
    with_checks: bool,  # noqa: FBT001 - compiled code takes no keywords only
) -> None:
    """Take periods in an order until the energy is there, and take their room."""
    chosen[:] = False
    got = 0
    for period in order:
        most = cap[session, period]
        if got >= energy[session]:
            return
        if most == 0 or most > room[period]:
            continue
        room[period] -= most
        if with_checks and not _others_fit(is_fixed, cap, energy, room):
            room[period] += most
            continue
        chosen[period] = True
        got += most


@compiled
def _most_pressed(
    is_fixed: npt.NDArray[np.bool_], on_off: npt.NDArray[np.bool_], cap: Energies, energy: Energies
) -> int:
    """Return who of the on/off sessions that are left has the least time to spare."""
    session, least_spare = NOBODY, 0
    for other in range(len(energy)):
        if on_off[other] and not is_fixed[other]:
            spare = cap[other].sum() - energy[other]
            if session == NOBODY or spare < least_spare:
                session, least_spare = other, spare
    return session


@compiled
def _switch(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    on_off: npt.NDArray[np.bool_],
    charge: Energies,
    cap: Energies,
    energy: Energies,
    headroom: Energies,
    with_checks: bool,  # noqa: FBT001 - compiled code takes no keywords only
) -> bool:
    """Fix a community's on/off sessions to whole periods; say whether all get what they need."""
    periods = charge.shape[1]
    is_fixed = np.zeros(len(energy), dtype=np.bool_)
    chosen = np.zeros(periods, dtype=np.bool_)
    room = headroom.copy()
    is_met = True
    while True:
        session = _most_pressed(is_fixed, on_off, cap, energy)
        if session == NOBODY:
            return is_met and _others_fit(is_fixed, cap, energy, room)
        is_fixed[session] = True
        whole = max(cap[session].max(), 1)
        rank = np.empty(periods)
        for period in range(periods):
            rank[period] = -charge[session, period] / whole - period * 1e-9
            if cap[session, period] < whole:
                rank[period] += _AT_THE_EDGE
        order = np.argsort(rank)
        before = room.copy()
        _choose(session, order, cap, energy, room, chosen, is_fixed, False)  # noqa: FBT003
        if with_checks and not _others_fit(is_fixed, cap, energy, room):
            room[:] = before
            _choose(session, order, cap, energy, room, chosen, is_fixed, True)  # noqa: FBT003
        rest = energy[session]
        for period in range(periods):
            taken = min(cap[session, period], rest) if chosen[period] else 0
            if chosen[period]:
                headroom[period] -= cap[session, period] - taken
            charge[session, period] = cap[session, period] = taken
            rest -= taken
        energy[session] -= rest
        is_met = is_met and rest == 0


@compiled
def switch_on_off(
    on_off: npt.NDArray[np.bool_],
    charge: Energies,
    cap: Energies,
    energy: Energies,
    headroom: Energies,
) -> None:
    """Fix a community's on/off sessions to whole periods.

    Their `charge` becomes what they take, their `cap` the same, so that nothing moves them any
    more; `energy` falls where the room does not hold a whole charger often enough; `headroom` falls
    by what a charger is on for, and a vehicle that gets full does not use.
    """
    charges, caps, energies, rooms = charge.copy(), cap.copy(), energy.copy(), headroom.copy()
    # Mostly all find room, and it is enough to look once.
    if _switch(on_off, charge, cap, energy, headroom, False):  # noqa: FBT003
        return
    charge[:], cap[:], energy[:], headroom[:] = charges, caps, energies, rooms
    _switch(on_off, charge, cap, energy, headroom, True)  # noqa: FBT003


@compiled
def keep_least_power(  # noqa: C901, PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    session: int,
    least: int,
    level: npt.NDArray[np.float64],
    charge: Energies,
    cap: Energies,
    room: Energies,
) -> None:
    """Move a session's energy out of periods with less than `least`, or up to it, as room allows.

    Args:
        session: Whose.
        least: mWh in a whole period.
        level: Of each period, mWh; follows.
        charge: Follows.
        cap: At most so much of a session in a period.
        room: Of the community in each period; follows.
    """
    periods = charge.shape[1]
    for _ in range(periods):
        low = NOBODY
        for period in range(periods):
            here = charge[session, period]
            if 0 < here < least and (low == NOBODY or here < charge[session, low]):
                low = period
        if low == NOBODY:
            return
        # Others that are on anyway take it, the lowest level first.
        while charge[session, low] > 0:
            to = NOBODY
            for period in range(periods):
                spare = min(cap[session, period] - charge[session, period], room[period])
                is_on = charge[session, period] > 0 and period != low
                if is_on and spare > 0 and (to == NOBODY or level[period] <= level[to]):
                    to = period
            if to == NOBODY:
                break
            moved = min(charge[session, low], cap[session, to] - charge[session, to], room[to])
            _move(session, low, to, moved, level, charge, room)
        if charge[session, low] == 0:
            continue
        # Or it is filled up from those that have more than they must.
        for period in range(periods):
            surplus = charge[session, period] - least
            missing = min(least - charge[session, low], room[low])
            missing = min(missing, cap[session, low] - charge[session, low])
            if period != low and surplus > 0 and missing > 0:
                _move(session, period, low, min(surplus, missing), level, charge, room)
        if charge[session, low] < least:
            return


@compiled
def _move(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    session: int,
    source: int,
    to: int,
    energy: int,
    level: npt.NDArray[np.float64],
    charge: Energies,
    room: Energies,
) -> None:
    charge[session, source] -= energy
    charge[session, to] += energy
    room[source] += energy
    room[to] -= energy
    level[source] -= energy
    level[to] += energy


@compiled
def switch_all_on_off(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    firsts: Energies,
    on_off: npt.NDArray[np.bool_],
    charge: Energies,
    cap: Energies,
    energy: Energies,
    headroom: Energies,
) -> None:
    """`switch_on_off` in each community."""
    for community in range(len(firsts) - 1):
        first, last = firsts[community], firsts[community + 1]
        switch_on_off(
            on_off[first:last],
            charge[first:last],
            cap[first:last],
            energy[first:last],
            headroom[community],
        )


@compiled
def keep_all_least_powers(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    firsts: Energies,
    least: Energies,
    level: npt.NDArray[np.float64],
    charge: Energies,
    cap: Energies,
    headroom: Energies,
) -> None:
    """`keep_least_power` for each session that has one, (session,) mWh in a whole period."""
    for community in range(len(firsts) - 1):
        first, last = firsts[community], firsts[community + 1]
        room = headroom[community] - charge[first:last].sum(axis=0)
        for session in range(first, last):
            if least[session] > 0:
                keep_least_power(session, least[session], level, charge, cap, room)
