"""What an edit is held to before it is sent."""

import pytest

from deploy.door import refused
from deploy.edit import frame_of
from schemas.metering import Edit, RejectionRule
from streams.domain.rosters import Rosters
from streams.domain.vee import Thresholds
from streams.settings import Settings
from tests.registered import DAWN, a_household


def refusals(consumption_wh: float) -> list[RejectionRule]:
    """Return the rules that refuse an edit of a household that may draw 6 kW."""
    rosters = Rosters(learns=False, thresholds=Thresholds())
    rosters.take(a_household(contract_power_w=6_000))
    edit = Edit(by="A. Reader", reason="read by hand")
    frame = frame_of("c1", "m1", DAWN, {"consumption": consumption_wh}, edit)
    return [rejection.rule for rejection in refused("c1", frame, rosters, Settings())]


def test_an_edit_that_counts_is_not_refused() -> None:
    assert refusals(100.0) == []


@pytest.mark.parametrize(
    ("consumption_wh", "rule"),
    [
        (float("inf"), RejectionRule.NOT_A_NUMBER),
        (1e300, RejectionRule.ENERGY_TOO_LARGE),
        (1_000.0, RejectionRule.OVER_CAP),
    ],
)
def test_an_edit_is_refused_by_the_rules_of_metering(
    consumption_wh: float, rule: RejectionRule
) -> None:
    assert refusals(consumption_wh) == [rule]
