"""streams/delivery builds on internals of faust, mode and aiokafka; none may change unseen.

A version that changes one fails here. Read what has changed, mend streams/delivery, and then
`pytest tests/architecture --accept-overridden` takes the new source as read.
"""

import ast
import hashlib
import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from mode.services import ServiceTask

from streams import delivery

HASHES = Path(__file__).with_name("overridden_methods.json")
DISTRIBUTIONS = {"faust": "faust-streaming", "mode": "mode-streaming", "aiokafka": "aiokafka"}

# What our code relies on, and what for.
PINNED = {
    "faust.app.base.App._new_transport": "the transport is ours",
    "faust.app.base.App.create_event": "wraps a batch",
    "faust.app.base.App.on_start": "delivery starts before all else",
    "faust.app.base.App.on_stop": "delivery stops after all else",
    "faust.events.Event.ack": "acknowledges a batch",
    "faust.streams.Stream._c_aiter": "an event whose value is a batch passes unchanged",
    "faust.streams.Stream._py_aiter": "an event whose value is a batch passes unchanged",
    "faust.streams.Stream.events": "yields the events around batches",
    "faust.streams.Stream.noack": "leaves acknowledging to us",
    "faust/_cython/streams.pyx": "an event whose value is a batch passes unchanged",
    "faust.channels.Channel.queue": "batches are put there",
    "faust.transport.conductor.Conductor._update_tp_index": "names a partition's channels",
    "faust.transport.conductor.Conductor.on_partitions_assigned": "names a partition's channels",
    "faust.types.tuples.Message.ack": "ends in Consumer.ack once all channels are done",
    "faust.types.tuples.Message.incref": "counts the channels that have a batch",
    "faust.types.tuples.Message.decref": "counts the channels that have a batch",
    "mode.utils.queues.FlowControlQueue.put": "waits while an agent is behind",
    # The consumer.
    "faust.transport.consumer.Consumer.__init__": "the bookkeeping that ours stands beside",
    "faust.transport.consumer.Consumer._commit_offsets": "commits what ours finds committable",
    "faust.transport.consumer.Consumer._commit_tps": "asks for what is committable",
    "faust.transport.consumer.Consumer._drain_messages": "ours hands over batches",
    "faust.transport.consumer.Consumer._filter_committable_offsets": "ours knows one number",
    "faust.transport.consumer.Consumer._get_active_partitions": "which partitions tick",
    "faust.transport.consumer.Consumer._is_changelog_tp": "which partitions recovery reads",
    "faust.transport.consumer.Consumer._wait_next_records": "polls, and says so to a rebalance",
    "faust.transport.consumer.Consumer.ack": "ours notes the end of a batch",
    "faust.transport.consumer.Consumer.commit": "commits the partitions that _acked names",
    "faust.transport.consumer.Consumer.force_commit": "commits the partitions that _acked names",
    "faust.transport.consumer.Consumer.on_partitions_assigned": "ours pauses changelogs",
    "faust.transport.consumer.Consumer.on_partitions_revoked": "commits before ours forgets",
    "faust.transport.consumer.Consumer.perform_seek": "where reading starts",
    "faust.transport.consumer.Consumer.wait_empty": "waits for our acknowledgements",
    "faust.transport.consumer.Consumer._wait_for_ack": "waits for our acknowledgements",
    "faust.transport.consumer.Fetcher._fetcher": "runs our drain",
    "faust.transport.consumer.Fetcher.on_stop": "ends our drain",
    "faust.transport.consumer.ThreadDelegateConsumer.__init__": "makes our consumer thread",
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._create_worker_consumer": (
        "hard-codes the fetch wait and the isolation level"
    ),
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._ensure_consumer": (
        "the aiokafka consumer, to pause changelogs"
    ),
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread.getmany": "polls",
    "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread.on_start": "makes the consumer",
    "faust.transport.drivers.aiokafka.Consumer._new_consumer_thread": "the thread is ours",
    "aiokafka.consumer.consumer.AIOKafkaConsumer.start": (
        "reads _fetch_max_wait_ms, _isolation_level, _key_deserializer, set after construction"
    ),
    "aiokafka.consumer.fetcher.FetchResult.getall": "takes what a partition's records yield",
    "aiokafka.consumer.fetcher.Fetcher._proc_fetch_request": (
        "makes MemoryRecords and PartitionRecords, which are ours"
    ),
    "aiokafka.consumer.fetcher.PartitionRecords.__init__": "ours passes its arguments on",
    "aiokafka.consumer.fetcher.PartitionRecords._consumer_record": "ours returns a batch's columns",
    "aiokafka.consumer.fetcher.PartitionRecords._unpack_records": (
        "iterates record batches, which are ours; checksums, markers, aborted transactions"
    ),
    "aiokafka.consumer.consumer.AIOKafkaConsumer.highwater": "the end that recovery reads to",
    "aiokafka.consumer.consumer.AIOKafkaConsumer.position": "how far recovery has read",
    "aiokafka.producer.producer.AIOKafkaProducer.send_batch": "record batches, which are ours",
    "aiokafka.producer.message_accumulator.BatchBuilder._build": "ours has the bytes",
    "aiokafka.producer.message_accumulator.BatchBuilder._set_producer_state": "ours notes it",
    "aiokafka.producer.message_accumulator.BatchBuilder.append": "ours is closed, and refuses",
    "aiokafka.producer.message_accumulator.BatchBuilder.closed": "ours is, from the beginning",
    "aiokafka.producer.message_accumulator.BatchBuilder.record_count": "counts sequence numbers",
    "aiokafka.producer.message_accumulator.BatchBuilder.size": "ours has the bytes",
    "aiokafka.producer.message_accumulator.MessageAccumulator._append_batch": "takes a batch",
    "aiokafka.producer.message_accumulator.MessageAccumulator._pop_batch": (
        "gives a batch its producer's state before it is built"
    ),
    "aiokafka.producer.message_accumulator.MessageAccumulator.add_batch": "takes a batch",
    "aiokafka.producer.sender.SendProduceReqHandler.create_request": "takes a batch's bytes",
    # Tables and their recovery.
    "faust.stores.rocksdb.Store._db_for_partition": "written past the table",
    "faust.stores.rocksdb.Store.partition_path": "the folder that a rebuilt store deletes",
    "faust.stores.rocksdb.Store.persisted_offset": "where recovery goes on",
    "faust.stores.rocksdb.Store.set_persisted_offset": "ours writes the same bytes with the batch",
    "faust.stores.rocksdb.Store.revoke_partitions": "closes databases that ours has opened",
    "faust.stores.rocksdb.Store._open_for_partition": "opens a store; ours rebuilds it",
    "faust.tables.manager.TableManager.recovery": "the recovery is ours",
    "faust.tables.recovery.Recovery._publish_stats": "nothing to publish",
    "faust.tables.recovery.Recovery._restart_recovery": "ours reads changelogs in bulk",
    "faust.tables.recovery.Recovery._set_recovery_started": "what a rebalance needs",
    "faust.tables.recovery.Recovery._slurp_changelogs": "nothing comes through the consumer",
    "faust.tables.recovery.Recovery._wait": "raises RebalanceAgain and ServiceStopped",
    "faust.tables.recovery.Recovery.on_rebalance": "sets active_tps and _generation_id",
    "faust.tables.recovery.Recovery.on_recovery_completed": "opens the flow again",
    "mode.services.Service._crash": "ends the worker",
    "mode.services.Service.on_init": "ours starts its bookkeeping there, and again on a restart",
    "mode.services.Service.transition_with": "runs tasks and callbacks",
    "mode.utils.futures.notify": "wakes who waits for an acknowledgement",
}

# Where the meaning of each private name that our code uses is pinned.
PRIVATE = {
    "_acked": "faust.transport.consumer.Consumer.commit",
    "_committed_offset": "faust.transport.consumer.Consumer._commit_offsets",
    "_consumer": "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread.on_start",
    "_coordinator": "aiokafka.consumer.consumer.AIOKafkaConsumer.start",
    "_crash": "mode.services.Service._crash",
    "_crashed": "mode.services.Service._crash",
    "_db_for_partition": "faust.stores.rocksdb.Store._db_for_partition",
    "_dbs": "faust.stores.rocksdb.Store._db_for_partition",
    "_ensure_consumer": (
        "faust.transport.drivers.aiokafka.AIOKafkaConsumerThread._ensure_consumer"
    ),
    "_fetch_max_wait_ms": "aiokafka.consumer.consumer.AIOKafkaConsumer.start",
    "_generation_id": "faust.tables.recovery.Recovery.on_rebalance",
    "_get_active_partitions": "faust.transport.consumer.Consumer._get_active_partitions",
    "_is_changelog_tp": "faust.transport.consumer.Consumer._is_changelog_tp",
    "_isolation_level": "aiokafka.consumer.consumer.AIOKafkaConsumer.start",
    "_key_deserializer": "aiokafka.consumer.consumer.AIOKafkaConsumer.start",
    "_read_offset": "faust.transport.consumer.Consumer.perform_seek",
    "_set_recovery_started": "faust.tables.recovery.Recovery._set_recovery_started",
    "_stopped": "faust.transport.consumer.Consumer._drain_messages",
    "_thread": "faust.transport.consumer.ThreadDelegateConsumer.__init__",
    "_tp_index": "faust.transport.conductor.Conductor._update_tp_index",
    "_unacked_messages": "faust.transport.consumer.Consumer.wait_empty",
    "_subscription": "aiokafka.consumer.consumer.AIOKafkaConsumer.start",
    "_wait": "faust.tables.recovery.Recovery._wait",
    "_wait_next_records": "faust.transport.consumer.Consumer._wait_next_records",
    "_waiting_for_ack": "faust.transport.consumer.Consumer._wait_for_ack",
}


def code_of(member: Any) -> Any:  # noqa: ANN401 - whatever a class may hold
    """Return the function inside a property or a service's task; None when there is none."""
    inside = (
        member.fget
        if isinstance(member, property)
        else member.fun
        if isinstance(member, ServiceTask)
        else member
    )
    return inside if inspect.isfunction(inside) else None


def source_of(name: str) -> str:
    if name.endswith(".pyx"):
        package, _, file = name.rpartition("/")
        folder = Path(importlib.import_module(package.replace("/", ".")).__path__[0])
        return (folder / file).read_text(encoding="utf-8")
    module, _, member = name.rpartition(".")
    try:
        holder = importlib.import_module(module)
    except ModuleNotFoundError:
        module, _, cls = module.rpartition(".")
        holder = getattr(importlib.import_module(module), cls)
    # A class of ours may stand in the place of theirs: it is theirs that is pinned.
    theirs = [
        one
        for one in getattr(holder, "__mro__", ())
        if one.__module__.partition(".")[0] in DISTRIBUTIONS
    ]
    return inspect.getsource(code_of(vars(theirs[0] if theirs else holder)[member]))


def versions() -> dict[str, str]:
    return {name: version(distribution) for name, distribution in DISTRIBUTIONS.items()}


def test_what_we_override_is_as_it_was_when_we_read_it(request: pytest.FixtureRequest) -> None:
    current = {name: hashlib.sha256(source_of(name).encode()).hexdigest() for name in PINNED}
    if request.config.getoption("--accept-overridden", default=False):
        HASHES.write_text(
            json.dumps({"versions": versions(), "sources": current}, indent=2, sort_keys=True)
            + "\n"
        )
    accepted = json.loads(HASHES.read_text())

    changed = [
        f"{name} ({PINNED[name]})"
        for name, digest in current.items()
        if accepted["sources"].get(name) != digest
    ]

    assert not changed, (
        f"changed between {accepted['versions']} and {versions()}; read them, mend "
        f"streams/delivery, then `pytest tests/architecture --accept-overridden`:\n"
        + "\n".join(changed)
    )
    assert accepted["sources"].keys() == PINNED.keys(), "hashes of what is no longer pinned"


def our_classes() -> Iterator[type]:
    for module in pkgutil.iter_modules(delivery.__path__, f"{delivery.__name__}."):
        loaded = importlib.import_module(module.name)
        for member in vars(loaded).values():
            if inspect.isclass(member) and member.__module__ == module.name:
                yield member


def test_every_override_is_pinned() -> None:
    overridden = set()
    for cls in our_classes():
        for name, member in vars(cls).items():
            if code_of(member) is None or name.startswith("__"):
                continue
            for base in cls.__mro__[1:]:
                ours = base.__module__.partition(".")[0] not in DISTRIBUTIONS
                if not ours and code_of(vars(base).get(name)) is not None:
                    overridden.add(f"{base.__module__}.{base.__qualname__}.{name}")
                    break

    assert overridden
    assert overridden <= PINNED.keys()


def test_every_private_name_that_we_use_is_pinned(root: Path) -> None:
    files = [*(root / "streams/delivery").glob("*.py"), *(root / "tables").glob("*.py")]
    used: set[str] = set()
    own: set[str] = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr.startswith("_"):
                on_self = isinstance(node.value, ast.Name) and node.value.id == "self"
                stored = isinstance(node.ctx, ast.Store)
                (own if on_self and stored else used).add(node.attr)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                own.add(node.name)
    foreign = {name for name in used - own if not name.startswith("__")}

    assert foreign <= PRIVATE.keys()
    assert set(PRIVATE.values()) <= PINNED.keys()
