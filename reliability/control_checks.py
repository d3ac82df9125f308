"""What must be true of what control has ordered: each order once in effect, and in time.

Nobody answers and nobody obeys in a campaign, so what control believes of a switch is what a
terminal does that follows the topic's rules: of several directives the one of the latest minute
stands from its `valid_from` on, in its highest version, and from its `valid_until` on it is AUTO.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

from schemas.regulation import Level, RegulationMinute, SwitchDirective, SwitchReason, SwitchState
from schemas.units import MINUTE_S
from streams.domain.regulation import Flexible, RegulationPolicy

REACTION_S: Final = 60.0
"""So long after a recovery, at most, a community that is above its limit gets its directives."""

_GIVEN_BACK_AT_ONCE: Final = {SwitchReason.CUSTOMER_CHOICE, SwitchReason.INPUTS_STALE}
_PERCENT: Final = 100


class Order(NamedTuple):
    """A record of one of the topics of orders; `device`: what it is an order to."""

    topic: str
    order_id: str
    version: int
    device: str
    valid_from: int
    value: bytes


class Sent(NamedTuple):
    """A directive, and when it was told, epoch seconds."""

    at: float
    directive: SwitchDirective


class Closed(NamedTuple):
    """A closed minute as metering told it first, and when, epoch seconds."""

    community_id: str
    minute: int
    version: int
    at: float


class Spell(NamedTuple):
    """A time [begin, end) for which a switch is off, and by which directive."""

    begin: int
    end: int
    directive: SwitchDirective


@dataclass(frozen=True, slots=True)
class Away:
    """A time in which a fault's cause was at work, epoch seconds; at `over` it was gone.

    `is_control`: on workers of control; else on the broker, without which they can do nothing.
    """

    kind: str
    is_control: bool
    at: float
    over: float


def faults_of_orders(orders: Iterable[Order]) -> Iterator[str]:
    """Yield orders with two contents, or to one device from one moment on under two names."""
    contents: dict[tuple[str, str, int], bytes] = {}
    names: dict[tuple[str, str, int], str] = {}
    for order in orders:
        where = f"{order.topic} {order.order_id}"
        if contents.setdefault(order[:3], order.value) != order.value:
            yield f"{where}: version {order.version} has another content"
        place = order.topic, order.device, order.valid_from
        if names.setdefault(place, order.order_id) != order.order_id:
            yield f"{where}: {order.device} has {names[place]} from {order.valid_from} on as well"


def latest(sent: Iterable[Sent]) -> dict[str, list[SwitchDirective]]:
    """Return each meter's directives in their highest versions, in the order of minutes."""
    highest: dict[str, SwitchDirective] = {}
    for _, directive in sent:
        known = highest.get(directive.directive_id)
        if known is None or known.version < directive.version:
            highest[directive.directive_id] = directive
    of_meters: dict[str, list[SwitchDirective]] = defaultdict(list)
    for directive in sorted(highest.values(), key=lambda one: (one.minute, one.directive_id)):
        of_meters[directive.meter_id].append(directive)
    return dict(of_meters)


def spells(directives: Sequence[SwitchDirective]) -> list[Spell]:
    """Return when a terminal that was told these has its switch off; of one meter, by minutes."""
    edges = sorted({at for one in directives for at in (one.valid_from, one.valid_until)})
    found: list[Spell] = []
    for begin, end in pairwise(edges):
        told = [one for one in directives if one.valid_from <= begin]
        standing = told[-1] if told else None
        if standing is None or standing.state is not SwitchState.OFF:
            continue
        if begin >= standing.valid_until:
            continue
        if found and found[-1].end == begin and found[-1].directive is standing:
            found[-1] = found[-1]._replace(end=end)
        else:
            found.append(Spell(begin, end, standing))
    return found


def faults_of_switches(
    sent: Iterable[Sent], flexible: Mapping[str, Flexible], *, policy: RegulationPolicy
) -> Iterator[str]:
    """Yield what no switch must be told, or made to do.

    Args:
        sent: All directives.
        flexible: By meter, who has something to switch.
        policy: The rules of the workers.
    """
    for meter, directives in latest(sent).items():
        for one, other in pairwise(directives):
            if one.minute == other.minute:
                yield f"{meter}: {one.directive_id} and {other.directive_id} of {one.minute}"
        of_meter = flexible.get(meter)
        for one in directives:
            if not one.detail.strip():
                yield f"{meter}: {one.directive_id} has no reason"
            is_able = of_meter is not None and of_meter.keeps(policy.guaranteed_w)
            if one.state is SwitchState.OFF and not is_able:
                yield f"{meter}: {one.directive_id} takes the guaranteed minimum"
        for fault in _faults_of_spells(directives, policy):
            yield f"{meter}: {fault}"


def _faults_of_spells(
    directives: Sequence[SwitchDirective], policy: RegulationPolicy
) -> Iterator[str]:
    told_back = [one for one in directives if one.reason in _GIVEN_BACK_AT_ONCE]
    before: Spell | None = None
    off_since = 0
    for spell in spells(directives):
        begin, end, directive = spell
        name = directive.directive_id
        if before is None or begin > before.end:
            off_since = begin
        elif before.directive.valid_until > begin:
            yield f"{name} switches off from {begin} on what is off until {before.end}"
        if end - off_since > policy.max_off_s:
            yield f"{name}: off from {off_since} to {end}, longer than {policy.max_off_s} s"
        is_short = end - begin < policy.min_off_s
        if is_short and not any(one.valid_from == end for one in told_back):
            yield f"{name}: off from {begin} to {end}, shorter than {policy.min_off_s} s"
        is_rested = before is None or begin - before.end >= policy.min_on_s
        if not is_rested and directive.level is not Level.EMERGENCY:
            yield f"{name}: on from {before and before.end} to {begin} only"
        before = spell


def first_told(closed: Iterable[Closed]) -> dict[tuple[str, int], Closed]:
    """Return the minutes that were each its community's newest when they were told, in order.

    These are decided on, each once; what is told later of an earlier one decides nothing.
    """
    newest: dict[str, int] = {}
    found: dict[tuple[str, int], Closed] = {}
    for one in closed:
        if one.minute > newest.get(one.community_id, -1):
            newest[one.community_id] = one.minute
            found[one.community_id, one.minute] = one
    return found


def faults_of_minutes(
    closed: Iterable[Closed], decided: Iterable[RegulationMinute], sent: Sequence[Sent]
) -> Iterator[str]:
    """Yield minutes that were not decided on, or twice, or whose orders are not those in effect.

    Two workers that both decide on a minute, each on a record of its own, may switch off twice as
    much as is needed though no order has two contents: then more directives follow from the minute
    than it has counted, or more switches are off than are known to be.

    Args:
        closed: As metering told them, each community's in their order.
        decided: What control said of each.
        sent: All directives.
    """
    known: dict[tuple[str, int], RegulationMinute] = {}
    for one in decided:
        place = one.community_id, one.minute
        if known.setdefault(place, one) != one:
            yield f"{place}: decided twice, differently"
    due = first_told(closed)
    for place in sorted(due.keys() - known.keys()):
        yield f"{place}: closed, and never decided on"
    for place in sorted(known.keys() - due.keys()):
        yield f"{place}: decided on, and no newest closed minute"
    of_meters = latest(sent)
    everything = [one for told in of_meters.values() for one in told]
    told_off = Counter(
        (one.community_id, one.minute) for one in everything if one.state is SwitchState.OFF
    )
    told_back = Counter(
        (one.community_id, one.minute) for one in everything if one.reason is SwitchReason.RELIEVED
    )
    off = _off_by_community(of_meters)
    for place, one in sorted(known.items()):
        name, minute = place
        if told_off[place] != one.ordered_off:
            yield f"{place}: {told_off[place]} directives say OFF, {one.ordered_off} were decided"
        if told_back[place] != one.released:
            yield f"{place}: {told_back[place]} are given back, {one.released} were decided"
        begins, ends = off.get(name, ([], []))
        end = minute + MINUTE_S
        in_effect = bisect_right(begins, end) - bisect_right(ends, end)
        if in_effect != one.meters_off:
            yield f"{place}: {in_effect} switches are off, {one.meters_off} are known to be"


def _off_by_community(
    of_meters: Mapping[str, Sequence[SwitchDirective]],
) -> dict[str, tuple[list[int], list[int]]]:
    """Return when spells begin, and when they end, each in order."""
    found: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for directives in of_meters.values():
        for spell in spells(directives):
            begins, ends = found[directives[0].community_id]
            begins.append(spell.begin)
            ends.append(spell.end)
    return {name: (sorted(begins), sorted(ends)) for name, (begins, ends) in found.items()}


def reactions(
    closed: Mapping[tuple[str, int], Closed], sent: Iterable[Sent], recovered: Iterable[float]
) -> dict[tuple[str, int], float]:
    """Return how long communities above their limit waited for their directives, seconds.

    From when a minute was told until the directives that switch off on it were, or from the last
    recovery in between. By community and minute.

    Args:
        closed: The minutes that are decided on.
        sent: All directives.
        recovered: When the cause of each fault was gone, and when each worker of control was
            started, epoch seconds.
    """
    first: dict[tuple[str, int], float] = {}
    for at, one in sent:
        if one.state is SwitchState.OFF and one.version == 1:
            place = one.community_id, one.minute
            first[place] = min(at, first.get(place, at))
    moments = sorted(recovered)
    waited = {}
    for place, at in first.items():
        if place in closed:
            passed = moments[: bisect_right(moments, at)][-1:]
            waited[place] = at - max([closed[place].at, *passed])
    return waited


def faults_of_reactions(waited: Mapping[tuple[str, int], float]) -> Iterator[str]:
    """Yield who waited for too long."""
    for place, seconds in sorted(waited.items()):
        if seconds > REACTION_S:
            yield f"{place}: directives came {seconds:.1f} s after the minute or the last recovery"


def in_overload(
    aways: Collection[Away],
    closed: Mapping[tuple[str, int], Closed],
    decided: Iterable[RegulationMinute],
    *,
    policy: RegulationPolicy,
) -> list[Away]:
    """Return the faults that began while a community was above its limit, or saw that begin."""
    loads: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for one in decided:
        place = one.community_id, one.minute
        if place in closed and one.limit_w is not None:
            is_over = one.load_w * _PERCENT > policy.shed_above_percent * one.limit_w
            loads[one.community_id].append((closed[place].at, is_over))
    for of_one in loads.values():
        of_one.sort()
    return [
        away
        for away in aways
        if any(
            any(is_over for at, is_over in of_one if away.at <= at <= away.over)
            or any(is_over for _, is_over in [one for one in of_one if one[0] <= away.at][-1:])
            for of_one in loads.values()
        )
    ]
