"""A short campaign of faults on a real Apache Kafka: whatever happens, exact to the mWh."""

from pathlib import Path

import pytest

from reliability.campaign import Campaign, run
from streams.settings import DeliveryMode
from tests.kafka.availability import require_kafka


@pytest.mark.slow
@pytest.mark.kafka
def test_a_short_campaign_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    require_kafka()
    said: list[str] = []

    campaign = Campaign(
        seed=83,
        faults=8,
        minutes=2,
        nodes=1,
        delivery=DeliveryMode.TRANSACTIONAL,
        without=frozenset(),
        out=tmp_path,
    )

    result = run(campaign, say=said.append)

    failed = {name: found for name, found in result.checks.items() if found != "ok"}
    assert failed == {}, "\n".join([result.command, *said])
    assert result.difference_mwh == 0
