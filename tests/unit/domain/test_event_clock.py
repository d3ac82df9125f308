from streams.domain.event_clock import EventClock


def test_goes_on_with_the_wall_clock_once_the_partition_is_silent() -> None:
    clock = EventClock()
    clock.advance(1_000.0, now=50_000.0)

    assert clock.time(now=50_030.0) == 1_030.0


def test_a_replay_takes_it_along_and_an_older_minute_does_not_take_it_back() -> None:
    clock = EventClock()
    clock.advance(1_000.0, now=50_000.0)

    clock.advance(9_000.0, now=50_001.0)
    clock.advance(2_000.0, now=50_002.0)

    assert clock.time(now=50_002.0) == 9_001.0


def test_a_wall_clock_that_steps_back_does_not_take_it_back() -> None:
    clock = EventClock()
    clock.advance(1_000.0, now=50_000.0)

    assert clock.time(now=49_000.0) == 1_000.0
