"""Control steers while its inputs are fresh, stops by itself, and begins again by itself."""

from streams.domain.steering import Steering


def test_it_steers_from_the_first_input_on() -> None:
    steering = Steering(stale_s=180)

    assert not steering.turns(1_000)
    steering.heard_at = 1_000

    assert steering.turns(1_000)
    assert steering.is_on
    assert not steering.turns(1_180)


def test_it_stops_when_none_has_come_for_too_long_and_begins_again() -> None:
    steering = Steering(stale_s=180, heard_at=1_000)
    steering.turns(1_000)

    assert steering.turns(1_181)
    assert not steering.is_on
    assert not steering.turns(1_500)
    steering.heard_at = 1_600

    assert steering.turns(1_600)
    assert steering.is_on


def test_it_says_how_old_the_newest_input_is() -> None:
    assert Steering(stale_s=180).age_s(5) is None
    assert Steering(stale_s=180, heard_at=1_000).age_s(1_003) == 3
