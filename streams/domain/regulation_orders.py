"""Single orders: a switch that is switched off or given back, and what no order may ever be."""

from collections.abc import Iterator
from dataclasses import replace

from schemas.regulation import Level, SwitchDirective, SwitchReason, SwitchState
from schemas.units import MINUTE_S
from streams.domain.regulation import Flexible, RegulationPolicy, Switch, directive_id


def switched_off(  # noqa: PLR0913 - what makes a directive
    community_id: str,
    meter: str,
    before: Switch | None,
    *,
    minute: int,
    relief_w: int,
    level: Level,
    reason: SwitchReason,
    detail: str,
    policy: RegulationPolicy,
) -> Switch:
    """Return a switch with the order to be off from the end of a minute.

    `before` is what was ordered of it last; None: nothing ever.
    """
    now = minute + MINUTE_S
    name = directive_id(community_id, meter, minute, SwitchState.OFF)
    before_s = 0 if before is None else before.off_without_rest_s(now, min_on_s=policy.min_on_s)
    longest_s = policy.longest_s(name, before_s=before_s)
    until = now + min(policy.validity_s - policy.delay_s(name), longest_s)
    directive = SwitchDirective(
        directive_id=name,
        community_id=community_id,
        meter_id=meter,
        minute=minute,
        version=1,
        state=SwitchState.OFF,
        level=level,
        limit_w=None,
        reason=reason,
        detail=detail,
        valid_from=now,
        valid_until=until,
    )
    return Switch(
        directive,
        off_at=now,
        back_at=until,
        relief_w=relief_w,
        level=level,
        shed_s=0 if before is None else before.seconds_shed(now),
        sent_at=now,
        before_s=before_s,
    )


def given_back(  # noqa: PLR0913 - what makes a directive
    community_id: str,
    meter: str,
    switch: Switch,
    *,
    minute: int,
    earliest: int,
    reason: SwitchReason,
    detail: str,
    policy: RegulationPolicy,
    at_once: bool = False,
) -> Switch:
    """Return a switch that is off with the order to come back, each at its own time."""
    name = directive_id(community_id, meter, minute, SwitchState.AUTO)
    # It comes back by itself at the end of what it was told; nothing may come later than that.
    back_at = min(earliest + (0 if at_once else policy.delay_s(name)), switch.back_at)
    directive = SwitchDirective(
        directive_id=name,
        community_id=community_id,
        meter_id=meter,
        minute=minute,
        version=1,
        state=SwitchState.AUTO,
        level=Level.NORMAL,
        limit_w=None,
        reason=reason,
        detail=detail,
        valid_from=back_at,
        valid_until=back_at + policy.validity_s,
    )
    return replace(
        switch, directive=directive, back_at=back_at, sent_at=earliest, is_answered=False
    )


def violations(
    directive: SwitchDirective, flexible: Flexible | None, *, policy: RegulationPolicy
) -> Iterator[str]:
    """Yield what is wrong with a directive that must never be sent so; nothing when it is sound."""
    if not directive.detail.strip():
        yield "it has no reason"
    longest_s = max(policy.validity_s, policy.max_off_s) + policy.restore_delay_s
    if directive.valid_until - directive.valid_from > longest_s:
        yield f"it expires after {directive.valid_until - directive.valid_from} s only"
    if directive.state is not SwitchState.AUTO:
        if flexible is None:
            yield "nothing of the household is registered as flexible"
        elif not flexible.keeps(policy.guaranteed_w):
            yield (
                f"it leaves {flexible.left_w} W, the guaranteed minimum is {policy.guaranteed_w} W"
            )
