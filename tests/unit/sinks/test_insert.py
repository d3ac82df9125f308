import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path

import aiohttp
import pyarrow as pa
import pytest
from aiohttp import web
from clickhouse_connect.driver.asyncclient import AsyncClient
from clickhouse_connect.driver.exceptions import Error
from prometheus_client import REGISTRY

from deploy.embedded.processes import free_port
from sinks.clickhouse.client import connect, will_pass
from sinks.clickhouse.household_rows import household_rows
from sinks.clickhouse.insert import Sink, pauses
from sinks.clickhouse.rows import RowBatch
from streams.settings import Settings
from tests.unit.sinks.messages import a_period, as_json
from tests.unit.sinks.server import clickhouse, settings_for

TABLE = "household_intervals"


def a_batch(meter: str = "m1") -> RowBatch:
    batch, _ = household_rows([as_json(a_period(meters=[meter], consumption_mwh=[5]))]).batches
    return batch


def metric(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def stored_meters(client: AsyncClient) -> list[str]:
    found = await client.query("SELECT meter_id FROM household_quarter_hours ORDER BY meter_id")
    return [row[0] for row in found.result_rows]


def test_pauses_grow_from_a_tenth_of_a_second_to_two() -> None:
    waits = list(islice(pauses(), 12))

    for wait, longest in zip(waits, [0.1, 0.2, 0.4, 0.8, 1.6, *[2] * 7], strict=True):
        assert longest / 2 <= wait <= longest


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionRefusedError(), True),
        (TimeoutError(), True),
        (Error("TOO_MANY_PARTS", code=252), True),
        (Error("MEMORY_LIMIT_EXCEEDED", code=241), True),
        (Error("NOT_ENOUGH_SPACE", code=243), True),
        (Error("TABLE_IS_READ_ONLY", code=242), True),
        (Error("READONLY", code=164), True),
        (Error("a proxy's 502", code=None), True),
        (Error("NO_SUCH_COLUMN_IN_TABLE", code=16), False),
        (Error("UNKNOWN_TABLE", code=60), False),
        (Error("TYPE_MISMATCH", code=53), False),
        (ValueError(), False),
    ],
)
def test_only_a_request_that_is_wrong_in_itself_is_given_up(
    error: Exception, *, passes: bool
) -> None:
    assert will_pass(error) is passes


async def test_an_inserted_batch_is_there_and_counted(sink: Sink, client: AsyncClient) -> None:
    batches = metric("smatrix_history_batches_total", table=TABLE)
    rows = metric("smatrix_history_rows_total", table=TABLE)

    await sink.insert(a_batch())

    assert await stored_meters(client) == ["m1"]
    assert metric("smatrix_history_batches_total", table=TABLE) == batches + 1
    assert metric("smatrix_history_rows_total", table=TABLE) == rows + 1


async def test_a_batch_without_rows_asks_nothing_of_clickhouse() -> None:
    nowhere = Sink(settings_for(free_port()))

    await nowhere.insert(RowBatch(TABLE, a_batch().rows.slice(0, 0)))


async def test_a_schema_that_is_not_ours_is_a_broken_promise(sink: Sink) -> None:
    with pytest.raises(Error, match="surprise"):
        await sink.insert(RowBatch(TABLE, pa.table({"surprise": [1]})))
    assert not sink.waiting


@pytest.mark.slow
async def test_history_waits_for_clickhouse_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    sink = Sink(settings_for(port))
    retries = metric("smatrix_history_retries_total", work=TABLE)
    waited = metric("smatrix_history_waiting_seconds_total", work=TABLE)
    with clickhouse(tmp_path, port):
        await sink.start()

    inserts = [asyncio.create_task(sink.insert(a_batch(meter))) for meter in ("m1", "m2")]
    await asyncio.sleep(0.5)
    during = (sink.waiting, metric("smatrix_history_waiting"))
    with clickhouse(tmp_path, port):
        await asyncio.gather(*inserts)
    after = (sink.waiting, metric("smatrix_history_waiting"))

    assert (during, after) == ((True, 2), (False, 0))
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        f"ClickHouse at http://127.0.0.1:{port}/ does not take {TABLE}",
        "ClickHouse takes everything again",
    ]
    assert metric("smatrix_history_retries_total", work=TABLE) >= retries + 4
    assert metric("smatrix_history_waiting_seconds_total", work=TABLE) >= waited + 0.9
    await sink.close()


async def test_a_worker_that_starts_before_clickhouse_waits_too(tmp_path: Path) -> None:
    port = free_port()
    sink = Sink(settings_for(port))
    start = asyncio.create_task(sink.start())
    await asyncio.sleep(0.2)
    waited = sink.waiting

    with clickhouse(tmp_path, port):
        await start
        await sink.insert(a_batch())

    assert waited
    await sink.close()


@pytest.mark.slow
async def test_what_clickhouse_has_acknowledged_outlives_its_kill(tmp_path: Path) -> None:
    port = free_port()
    sink = Sink(settings_for(port))
    with clickhouse(tmp_path, port) as process:
        await sink.start()
        await sink.insert(a_batch("m1"))
        process.kill()
        process.wait()

    with clickhouse(tmp_path, port):
        await sink.insert(a_batch("m2"))
        async with await connect(settings_for(port)) as client:
            assert await stored_meters(client) == ["m1", "m2"]
    await sink.close()


async def test_waiting_can_be_cancelled_at_any_moment(caplog: pytest.LogCaptureFixture) -> None:
    sink = Sink(settings_for(free_port()))
    insert = asyncio.create_task(sink.insert(a_batch()))
    while not caplog.records:
        await asyncio.sleep(0.01)

    insert.cancel()

    with pytest.raises(asyncio.CancelledError):
        await insert
    assert not sink.waiting
    assert len(caplog.records) == 1


@asynccontextmanager
async def a_bad_line(
    target: Settings, *, refusals: list[str], seen: list[Mapping[str, str]] | None = None
) -> AsyncIterator[Settings]:
    """Stand between the sink and ClickHouse, and spoil the answers to the first inserts.

    Each refusal is "lose the answer", once ClickHouse has given it, or the code of an error.
    The parameters of each insert are noted in `seen`.
    """

    async def relay(request: web.Request) -> web.StreamResponse:
        body = await request.read()
        insert = b"INSERT" in body or "INSERT" in request.query_string
        if insert and seen is not None:
            seen.append(dict(request.query))
        refusal = refusals.pop(0) if insert and refusals else None
        if refusal and refusal != "lose the answer":
            return web.Response(
                status=500,
                headers={"X-ClickHouse-Exception-Code": refusal},
                text=f"Code: {refusal}. DB::Exception: not now",
            )
        async with upstream.request(
            request.method,
            str(target.clickhouse_url).rstrip("/") + request.path_qs,
            data=body,
            headers={k: v for k, v in request.headers.items() if k != "Host"},
        ) as answer:
            content = await answer.read()
        if refusal:
            assert request.transport is not None
            request.transport.close()
        headers = {k: v for k, v in answer.headers.items() if k.startswith("X-ClickHouse")}
        return web.Response(status=answer.status, body=content, headers=headers)

    app = web.Application(client_max_size=1 << 28)
    app.router.add_route("*", "/", relay)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    async with aiohttp.ClientSession(auto_decompress=False) as upstream:
        try:
            yield settings_for(port, database=target.clickhouse_database)
        finally:
            await runner.cleanup()


@pytest.mark.usefixtures("sink")
async def test_an_insert_whose_answer_was_lost_makes_no_double(
    client: AsyncClient, settings: Settings
) -> None:
    async with a_bad_line(settings, refusals=["lose the answer"] * 2) as spoiled:
        unlucky = Sink(spoiled)
        await unlucky.insert(a_batch())
        await unlucky.close()

    copies = await client.command("SELECT count() FROM household_intervals")
    assert isinstance(copies, int)
    assert copies > 1
    assert await stored_meters(client) == ["m1"]


@pytest.mark.usefixtures("sink")
async def test_an_overloaded_or_full_clickhouse_is_asked_again(
    client: AsyncClient, settings: Settings
) -> None:
    async with a_bad_line(settings, refusals=["252", "241", "243", "164"]) as spoiled:
        unlucky = Sink(spoiled)
        await unlucky.insert(a_batch())
        await unlucky.close()

    assert await stored_meters(client) == ["m1"]


@pytest.mark.usefixtures("sink")
async def test_an_insert_is_acknowledged_when_it_is_stored_and_not_before(
    settings: Settings,
) -> None:
    seen: list[Mapping[str, str]] = []
    async with a_bad_line(settings, refusals=[], seen=seen) as line:
        sink = Sink(line)
        await sink.insert(a_batch())
        await sink.close()

    (parameters,) = seen
    assert parameters["wait_end_of_query"] == "1"
    assert parameters["send_progress_in_http_headers"] == "0"
