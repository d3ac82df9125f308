"""A worker's `/metrics` and `/health`, the only routes it serves."""

import asyncio
from types import TracebackType
from typing import Self, cast

from aiohttp import web
from prometheus_client import REGISTRY, Gauge, Info
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from streams.delivery.app import App
from streams.delivery.consumer import BatchConsumer
from streams.settings import ConfigurationError, Settings

_WORKER = Info("smatrix_worker", "Which worker this is.")
_READY = Gauge("smatrix_worker_ready", "1 while the worker works, 0 while it waits for something.")


class Monitoring:
    """The monitoring server of a worker.

    Attributes:
        waiting_for: What the worker can't work without and does not have yet; None when nothing.
    """

    def __init__(self, app: App, role: str, settings: Settings) -> None:
        """Serve for an app; `async with` starts and stops it."""
        self.waiting_for: str | None = "its start"
        self._app = app
        self._settings = settings
        _WORKER.info({"role": role, "worker_id": settings.worker_id})
        server = web.Application()
        server.add_routes([web.get("/metrics", self._metrics), web.get("/health", self._health)])
        self._runner = web.AppRunner(server, access_log=None)

    async def __aenter__(self) -> Self:
        """Start to listen."""
        await self._runner.setup()
        host, port = self._settings.metrics_host, self._settings.metrics_port
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            raise ConfigurationError(
                f"SMATRIX_METRICS_HOST={host} SMATRIX_METRICS_PORT={port}: can't be listened on "
                f"({error.strerror}); choose an address of this machine and a port that is free, "
                f"or 0 for any"
            ) from error
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop listening."""
        await asyncio.wait_for(self._runner.cleanup(), 5)

    @property
    def address(self) -> str:
        """Where it listens, as a URL."""
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    def obstacle(self) -> str | None:
        """Say what keeps the worker from working; None when nothing does."""
        if self.waiting_for is not None:
            return self.waiting_for
        if not self._app.working.is_set():
            return "its partitions' state" if self._app.in_recovery else "its partitions"
        if not cast("BatchConsumer", self._app.consumer).has_coordinator:
            return f"the broker at {self._settings.broker}"
        found = (obstacle() for obstacle in self._app.obstacles)
        return next((obstacle for obstacle in found if obstacle is not None), None)

    async def _metrics(self, _: web.Request) -> web.Response:
        _READY.set(self.obstacle() is None)
        return web.Response(
            body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    async def _health(self, _: web.Request) -> web.Response:
        obstacle = self.obstacle()
        return web.json_response(
            {"live": True, "ready": obstacle is None, "waiting_for": obstacle},
            status=200 if obstacle is None else 503,
        )
