"""A real Apache Kafka, one node, for all of them."""

from collections.abc import Iterator

import pytest

from deploy.kafka.cluster import KafkaCluster
from tests.kafka.availability import require_kafka


@pytest.fixture(scope="package")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """One running node for all tests that leave it alone, with topics of their own."""
    require_kafka()
    with KafkaCluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster
