"""What a terminal's answer to a directive makes of a switch."""

from dataclasses import replace

from schemas.regulation import AckOutcome, SwitchState
from streams.domain.regulation import Switch


def answered(switch: Switch, outcome: AckOutcome, *, at: int) -> Switch:
    """Return a switch with an answer, given in the minute `at`, to what was sent to it last.

    The very same when it was answered before; but who refused it when it was said again, and then
    says that the first time was heard after all, is off.
    """
    told, is_obeyed = switch.directive, outcome is AckOutcome.OBEYED
    if switch.is_answered and not (is_obeyed and _has_refused(switch)):
        return switch
    after = replace(switch, is_answered=True)
    if told.state is not SwitchState.OFF:
        return after
    if is_obeyed:
        return replace(
            after,
            back_at=told.valid_until,
            obeyed_at=switch.obeyed_at or at,
            obeyed_until=told.valid_until,
            refused_until=0,
        )
    # It was never off; or, a renewal, what it obeyed before holds, and it is asked again until that
    # ends. Then it is left alone for as long as this directive would have held.
    back_at = min(switch.back_at, switch.obeyed_until) if switch.obeyed_at else switch.off_at
    return replace(after, back_at=back_at, refused_until=told.valid_until)


def _has_refused(switch: Switch) -> bool:
    """Say whether it refused to be switched off by what was sent last."""
    return not switch.obeyed_at and switch.refused_until == switch.directive.valid_until
