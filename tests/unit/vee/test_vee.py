import pytest

from streams.domain.vee import VERDICTS, Rule, Thresholds, Verdict, bit, rules_in, verdict_of


def test_every_rule_has_a_verdict_and_a_bit_of_its_own() -> None:
    assert set(VERDICTS) == set(Rule)
    assert len({bit(rule) for rule in Rule}) == len(Rule)
    assert max(bit(rule) for rule in Rule) < 2**32


def test_the_strictest_verdict_stands() -> None:
    assert verdict_of(bit(Rule.REGISTER_ROLLOVER)) is Verdict.PASS
    assert verdict_of(bit(Rule.REGISTER_ROLLOVER) | bit(Rule.SPIKE)) is Verdict.WARN
    assert verdict_of(bit(Rule.SPIKE) | bit(Rule.FLAT_LINE)) is Verdict.FAIL


def test_bits_name_their_rules() -> None:
    assert rules_in(bit(Rule.SPIKE) | bit(Rule.FLAT_LINE)) == (Rule.FLAT_LINE, Rule.SPIKE)


def test_a_threshold_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cap_factor=0 must be above 0"):
        Thresholds(cap_factor=0)
    with pytest.raises(ValueError, match=r"flat_minutes=10 must not be below"):
        Thresholds(flat_minutes=10)
