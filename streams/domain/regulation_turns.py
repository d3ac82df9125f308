"""Whose turn it is to be switched off, and what that is expected to take away."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.regulation import SwitchState
from streams.domain.regulation import Community, Registered, RegulationPolicy, Switch
from streams.domain.regulation_inputs import Loads, Measured


class Candidate(NamedTuple):
    """A household that can be switched off.

    Attributes:
        back_at: When it came back last, epoch seconds; 0: not within memory.
        relief_w: What that is expected to take away, W.
    """

    back_at: int
    relief_w: int
    meter: str


def candidates(  # noqa: PLR0913 - what is known of a community
    community: Community,
    switches: Mapping[str, Switch],
    measured: Measured,
    loads: Loads,
    *,
    registered: Registered,
    policy: RegulationPolicy,
    is_emergency: bool,
) -> list[Candidate]:
    """Return whom load can be taken from at the end of a closed minute, in any order.

    Left out are those who are off, have not been on for long enough, have refused, are silent,
    would keep less than the guaranteed minimum, or have chosen otherwise.
    """
    now, silent = measured.end, measured.silent
    rest_s = 0 if is_emergency else policy.min_on_s
    forgotten = now - policy.memory_s
    found = []
    for meter, relief_w in loads.reliefs_w(at=now, registered=registered, policy=policy).items():
        switch = switches.get(meter)
        back_at = 0
        if switch is not None:
            back_at = switch.back_at
            if switch.refused_until > now or back_at + rest_s > now:
                continue
            # Nor in an emergency is anybody off for too long, with a pause that warms no water.
            off_s = switch.off_without_rest_s(now, min_on_s=policy.min_on_s)
            if off_s and off_s + policy.least_off_s > policy.max_off_s:
                continue
        if meter not in silent:
            remembered = back_at if back_at > forgotten else 0
            found.append(Candidate(remembered, relief_w, meter))
    wanted = _wanted(now, registered, policy)
    if community.choices or SwitchState.AUTO not in wanted:
        wanted = wanted if is_emergency else wanted - {SwitchState.ON}
        found = [one for one in found if community.choice_of(one.meter, now) in wanted]
    return found


def in_turn(found: Iterable[Candidate]) -> list[Candidate]:
    """Return candidates in the order of their turn.

    Least recently shed first, then who gives most; who was not shed within memory is equal.
    """
    return sorted(found, key=lambda one: (one.back_at, -one.relief_w, one.meter))


def _wanted(now: int, registered: Registered, policy: RegulationPolicy) -> frozenset[SwitchState]:
    """Return the choices with which something is on."""
    if policy.off_peak is not None and not policy.off_peak.holds(now, zone=registered.zone):
        return frozenset({SwitchState.ON})  # AUTO is off already
    return frozenset({SwitchState.AUTO, SwitchState.ON})
