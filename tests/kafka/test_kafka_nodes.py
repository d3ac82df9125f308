"""Apache Kafka as the project starts it: alone, killed, paused, and with three replicas."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from deploy.embedded.processes import ProcessEndedError
from deploy.kafka.cluster import KafkaCluster
from streams.settings import ConfigurationError
from streams.topics import METER_FRAMES, ensure_topics
from tests.kafka.availability import require_kafka

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

# An outage costs a client its connections and the cluster a session of six seconds.
PATIENCE_S = 60


@pytest.fixture(scope="module")
def three_nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    require_kafka()
    with KafkaCluster(tmp_path_factory.mktemp("three"), nodes=3) as cluster:
        yield cluster


@pytest.fixture
def one_node(tmp_path: Path) -> Iterator[KafkaCluster]:
    """A node of the test's own."""
    require_kafka()
    with KafkaCluster(tmp_path) as cluster:
        yield cluster


@asynccontextmanager
async def _admin(cluster: KafkaCluster) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def _create(cluster: KafkaCluster, topic: str) -> None:
    async with _admin(cluster) as admin:
        response = await admin.create_topics(
            [NewTopic(name=topic, num_partitions=1, replication_factor=len(cluster.nodes))]
        )
    assert [(name, code) for name, code, *_ in response.topic_errors] == [(topic, 0)]


@asynccontextmanager
async def _producer(
    cluster: KafkaCluster, *, transactional_id: str | None = None
) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(
        bootstrap_servers=cluster.bootstrap,
        acks="all",
        max_request_size=16 << 20,
        transactional_id=transactional_id,
    )
    await asyncio.wait_for(producer.start(), PATIENCE_S)
    try:
        yield producer
    finally:
        await producer.stop()


async def _send(cluster: KafkaCluster, topic: str, *values: bytes) -> None:
    async with _producer(cluster) as producer:
        for value in values:
            await asyncio.wait_for(producer.send_and_wait(topic, value, partition=0), PATIENCE_S)


async def _committed(cluster: KafkaCluster, topic: str, *, count: int) -> list[bytes]:
    """Return the first values of a topic that were committed."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=50,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        return [(await asyncio.wait_for(consumer.getone(), PATIENCE_S)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_a_committed_transaction_is_read_and_an_aborted_one_is_not(
    kafka: KafkaCluster,
) -> None:
    await _create(kafka, "transactions")

    async with _producer(kafka, transactional_id="tests") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait("transactions", b"aborted", partition=0)
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait("transactions", b"committed", partition=0)

    assert await _committed(kafka, "transactions", count=1) == [b"committed"]


async def test_a_frame_of_ten_megabytes_reaches_its_topic(kafka: KafkaCluster) -> None:
    frame = b"x" * 10_000_000
    await ensure_topics(kafka.bootstrap, partitions=1, replication=1)

    await _send(kafka, METER_FRAMES.name, frame)

    assert await _committed(kafka, METER_FRAMES.name, count=1) == [frame]


async def test_a_topic_that_nobody_created_is_not_made_by_a_client(kafka: KafkaCluster) -> None:
    with pytest.raises((KafkaError, TimeoutError)):
        async with _producer(kafka) as producer:
            await asyncio.wait_for(producer.send_and_wait("misspelt", b"x"), 2)

    async with _admin(kafka) as admin:
        assert "misspelt" not in await admin.list_topics()


async def test_a_killed_node_has_its_data_when_it_is_started_again(one_node: KafkaCluster) -> None:
    await _create(one_node, "kept")
    await _send(one_node, "kept", b"before")
    (node,) = one_node.nodes

    node.kill()
    assert not node.is_running
    with pytest.raises(ProcessEndedError, match="Kafka node 1 ended with status -9"):
        node.child.require_alive()
    node.start()
    one_node.await_ready()

    await _send(one_node, "kept", b"after")
    assert await _committed(one_node, "kept", count=2) == [b"before", b"after"]


async def test_a_new_cluster_on_the_folder_has_its_data_and_no_other_size_starts(
    tmp_path: Path,
) -> None:
    require_kafka()
    with KafkaCluster(tmp_path) as first:
        await _create(first, "kept")
        await _send(first, "kept", b"kept")

    with KafkaCluster(tmp_path) as second:
        assert second.bootstrap != first.bootstrap
        assert await _committed(second, "kept", count=1) == [b"kept"]

    with pytest.raises(ConfigurationError, match="holds a Kafka of 1 nodes"):
        KafkaCluster(tmp_path, nodes=3)


async def test_a_paused_node_says_nothing_and_goes_on_where_it_was(one_node: KafkaCluster) -> None:
    await _create(one_node, "paused")
    (node,) = one_node.nodes

    node.pause()
    assert node.is_running
    assert node.sees() == frozenset()
    node.resume()

    one_node.await_ready()
    await _send(one_node, "paused", b"after")


async def test_three_nodes_lose_nothing_and_go_on_when_one_is_killed(
    three_nodes: KafkaCluster,
) -> None:
    await _create(three_nodes, "replicated")
    await _send(three_nodes, "replicated", b"before")
    lost, *_ = three_nodes.nodes

    lost.kill()
    async with _producer(three_nodes, transactional_id="them") as producer, producer.transaction():
        sending = producer.send_and_wait("replicated", b"without", partition=0)
        await asyncio.wait_for(sending, PATIENCE_S)
    assert await _committed(three_nodes, "replicated", count=2) == [b"before", b"without"]

    lost.start()
    three_nodes.await_ready(lost)
    assert lost.sees() == {1, 2, 3}


async def test_three_nodes_keep_every_topic_three_times_with_two_in_sync(
    three_nodes: KafkaCluster,
) -> None:
    await ensure_topics(three_nodes.bootstrap, partitions=1, replication=3)
    async with _producer(three_nodes, transactional_id="any"):
        pass
    topics = ["__transaction_state", METER_FRAMES.name]

    async with _admin(three_nodes) as admin:
        described = await admin.describe_topics(topics)
        (answer,) = await admin.describe_configs(
            [ConfigResource(ConfigResourceType.TOPIC, name) for name in topics]
        )

    partitions = [partition for topic in described for partition in topic["partitions"]]
    in_sync = [
        value
        for _error, _message, _type, _name, configs in answer.resources
        for name, value, *_ in configs
        if name == "min.insync.replicas"
    ]
    assert {len(partition["replicas"]) for partition in partitions} == {3}
    assert in_sync == ["2", "2"]
