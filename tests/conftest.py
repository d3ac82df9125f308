"""What all tests have in common: how hard hypothesis tries, and who runs with whom."""

from typing import Final

import pytest
from hypothesis import HealthCheck, settings
from typing_extensions import override
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# Their files share something that takes long to start.
TOGETHER: Final = ("tests/acceptance/shared", "tests/agents", "tests/kafka")

# Examples take longer when both cores are busy; what is tested is what comes out.
settings.register_profile(
    "smatrix", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
# `make test-fast` asks for it: a law is looked at while one works, and tried hard in `make test`.
settings.register_profile("quick", settings.get_profile("smatrix"), max_examples=20)
settings.load_profile("smatrix")


class ByFile(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each process whole files, and whole folders where files share a fixture."""

    @override
    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return ByFile(config, log)
