"""Who charges when in one community, as a flow from sessions to periods, in whole mWh.

A session gives its energy to periods (at most what its charger can do in each), and a period takes
at most what the community's connection has left in it. How much energy each period can take from
all sessions together is then a polymatroid: to raise the period with the lowest level, over and
over, and to leave a period alone once nothing can be moved into it any more, ends in the optimum
of every separable convex cost. With constant prices for levels that is the best response to them.
Sources: Federgruen and Groenevelt, "The Greedy Procedure for Resource Allocation Problems", 1986;
Fujishige, "Lexicographically Optimal Base of a Polymatroid", 1980.

Energies are mWh, int64. `charge` and `cap` are (session, period), `left` is (session,), `room` and
levels are (period,); all of one community, but where `firsts` says where the sessions of each of
many begin, and the end.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.compiled import compiled

Energies = npt.NDArray[np.int64]

NOBODY: Final = -1
START: Final = -2
_MILLION: Final = 1_000_000


@compiled
def _along(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    session: int,
    slot: int,
    want: int,
    charge: Energies,
    cap: Energies,
    left: Energies,
    into: Energies,
    from_whom: Energies,
) -> int:
    """Move as much as a found path bears: a session's energy in, others' onwards to `slot`."""
    moved = min(want, left[session])
    at = session
    while True:
        taken = into[at]
        moved = min(moved, cap[at, taken] - charge[at, taken])
        if taken == slot:
            break
        at = from_whom[taken]
        moved = min(moved, charge[at, taken])
    left[session] -= moved
    at = session
    while True:
        taken = into[at]
        charge[at, taken] += moved
        if taken == slot:
            return int(moved)
        at = from_whom[taken]
        charge[at, taken] -= moved


@compiled
def augment(
    slot: int,
    want: int,
    charge: Energies,
    cap: Energies,
    left: Energies,
) -> int:
    """Bring at most `want` more into a period, others making way; return how much; 0: no way."""
    for session in range(len(left)):
        if left[session] > 0 and charge[session, slot] < cap[session, slot]:
            moved = min(want, left[session], cap[session, slot] - charge[session, slot])
            charge[session, slot] += moved
            left[session] -= moved
            return int(moved)
    sessions, periods = charge.shape
    into = np.full(sessions, NOBODY, dtype=np.int64)
    from_whom = np.full(periods, NOBODY, dtype=np.int64)
    queue = np.empty(periods, dtype=np.int64)
    from_whom[slot] = START
    queue[0], head, tail = slot, 0, 1
    while head < tail:
        at = queue[head]
        head += 1
        for session in range(sessions):
            if into[session] != NOBODY or charge[session, at] >= cap[session, at]:
                continue
            into[session] = at
            if left[session] > 0:
                return _along(session, slot, want, charge, cap, left, into, from_whom)
            for other in range(periods):
                if charge[session, other] > 0 and from_whom[other] == NOBODY:
                    from_whom[other] = session
                    queue[tail] = other
                    tail += 1
    return 0


@compiled
def fill(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    level: npt.NDArray[np.float64],
    quantum: int,
    charge: Energies,
    cap: Energies,
    left: Energies,
    room: Energies,
) -> None:
    """Bring what is `left` of sessions into the periods with the lowest levels; ties go late.

    Args:
        level: Of each period, mWh; rises with what comes in. Prices stay: `quantum` 0.
        quantum: At most so much, mWh, goes in above the next lowest level at a time; 0: `level`
            does not rise.
        charge: Takes it; what is there may move, and stays as much.
        cap: At most so much of a session in a period.
        left: What could not be brought in stays.
        room: Falls with what comes in.
    """
    periods = charge.shape[1]
    is_open = room > 0
    rest = left.sum()
    while rest > 0:
        slot = NOBODY
        lowest = next_lowest = np.inf
        for period in range(periods):
            if not is_open[period]:
                continue
            if level[period] <= lowest:
                slot, next_lowest, lowest = period, lowest, level[period]
            elif level[period] < next_lowest:
                next_lowest = level[period]
        if slot == NOBODY:
            return
        want = room[slot]
        if quantum > 0 and next_lowest - lowest + quantum < want:
            want = int(next_lowest - lowest) + quantum
        moved = augment(slot, want, charge, cap, left)
        room[slot] -= moved
        rest -= moved
        if quantum > 0:
            level[slot] += moved
        if moved == 0 or room[slot] == 0:
            is_open[slot] = False


@compiled
def bottleneck(
    charge: Energies, cap: Energies, left: Energies, found: npt.NDArray[np.bool_]
) -> None:
    """Mark in `found` the sessions that share what those with energy `left` have too little of.

    After `fill` these have all the room that any of them can reach: the source's side of the
    smallest cut.
    """
    sessions, periods = charge.shape
    reached = np.zeros(periods, dtype=np.bool_)
    queue = np.empty(sessions, dtype=np.int64)
    head = tail = 0
    for session in range(sessions):
        found[session] = left[session] > 0
        if found[session]:
            queue[tail] = session
            tail += 1
    while head < tail:
        session = queue[head]
        head += 1
        for period in range(periods):
            if reached[period] or charge[session, period] >= cap[session, period]:
                continue
            reached[period] = True
            for other in range(sessions):
                if not found[other] and charge[other, period] > 0:
                    found[other] = True
                    queue[tail] = other
                    tail += 1


@compiled
def sweep(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    firsts: Energies,
    base: npt.NDArray[np.float64],
    total: Energies,
    quanta: Energies,
    charge: Energies,
    cap: Energies,
    energy: Energies,
    headroom: Energies,
) -> None:
    """Plan each community anew, one after the other, with what all others charge as its base."""
    periods = charge.shape[1]
    left = energy.copy()
    for community in range(len(firsts) - 1):
        first, last = firsts[community], firsts[community + 1]
        for session in range(first, last):
            for period in range(periods):
                total[period] -= charge[session, period]
                charge[session, period] = 0
        fill(
            base + total,
            quanta[community],
            charge[first:last],
            cap[first:last],
            left[first:last],
            headroom[community].copy(),
        )
        for session in range(first, last):
            for period in range(periods):
                total[period] += charge[session, period]


@compiled
def best_response(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    firsts: Energies,
    price: npt.NDArray[np.float64],
    charge: Energies,
    cap: Energies,
    energy: Energies,
    headroom: Energies,
) -> None:
    """Put into `charge` (zeros before) the cheapest way to charge at given prices."""
    left = energy.copy()
    for community in range(len(firsts) - 1):
        first, last = firsts[community], firsts[community + 1]
        fill(
            price,
            0,
            charge[first:last],
            cap[first:last],
            left[first:last],
            headroom[community].copy(),
        )


@compiled
def _demand(share: int, asked: int, had: int, most: int) -> int:
    """Return what a session still needs for a share, in millionths, of what it asked for."""
    return int(min(max(asked * share // _MILLION - had, 0), most))


@compiled
def fair_energy(  # noqa: C901, PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    asked: Energies,
    had: Energies,
    most: Energies,
    cap: Energies,
    headroom: Energies,
    energy: Energies,
) -> None:
    """Put into `energy` what each session can get, fairly: the least share is as large as can be.

    The share, of what was asked for and with what was had, is the same for all that have to share a
    bottleneck; who does not gets more, as far as it goes. All that can be given is given.

    Args:
        asked: What was asked for at plug-in.
        had: What has been charged of it.
        most: What the session itself still needs, and its charger can still do until it leaves.
        cap: At most so much of a session in a period.
        headroom: At most so much of the community in a period.
        energy: Takes what can be given.
    """
    sessions, periods = cap.shape
    level = np.zeros(periods)
    fixed = np.zeros(sessions, dtype=np.bool_)
    found = np.zeros(sessions, dtype=np.bool_)
    energy[:] = most
    for _ in range(sessions + 1):
        low, high = -1, _MILLION
        share = high
        while True:
            for session in range(sessions):
                if not fixed[session]:
                    energy[session] = _demand(share, asked[session], had[session], most[session])
            left = energy.copy()
            charge = np.zeros_like(cap)
            fill(level, 0, charge, cap, left, headroom.copy())
            if not left.any():
                low = share
                if share == _MILLION:
                    return
            else:
                high = share
                bottleneck(charge, cap, left, found)
            if high - low <= 1:
                break
            share = (low + high) // 2
        # Who is in the narrowest place gets that share; it fits, so there is room for it.
        for session in range(sessions):
            if not fixed[session]:
                fixed[session] = found[session]
                energy[session] = _demand(max(low, 0), asked[session], had[session], most[session])
        if fixed.all():
            break
    # Millionths leave a few mWh: nobody can use them but who is in the same place.
    left = energy.copy()
    charge = np.zeros_like(cap)
    room = headroom.copy()
    fill(level, 0, charge, cap, left, room)
    left = most - energy
    fill(level, 0, charge, cap, left, room)
    energy[:] = most - left


@compiled
def fair_energies(  # noqa: PLR0913, PLR0917 - arrays and numbers are all that compiled code takes
    firsts: Energies,
    asked: Energies,
    had: Energies,
    cap: Energies,
    headroom: Energies,
    energy: Energies,
) -> None:
    """Reduce `energy`, what each session could charge alone, to what a community can give."""
    level = np.zeros(cap.shape[1])
    for community in range(len(firsts) - 1):
        first, last = firsts[community], firsts[community + 1]
        caps, most = cap[first:last], energy[first:last].copy()
        left = most.copy()
        room = headroom[community].copy()
        fill(level, 0, np.zeros_like(caps), caps, left, room)
        if left.any():
            fair_energy(
                asked[first:last],
                had[first:last],
                most,
                caps,
                headroom[community],
                energy[first:last],
            )
