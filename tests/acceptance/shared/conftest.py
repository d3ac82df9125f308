from collections.abc import Iterator

import pytest

from deploy.embedded.system import EmbeddedSystem
from tests.acceptance.running import free_settings


@pytest.fixture(scope="package")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedSystem]:
    """One running system for all tests that leave its processes alone.

    They keep out of each other's way by their communities.
    """
    with EmbeddedSystem(free_settings(), tmp_path_factory.mktemp("smatrix")) as running:
        yield running
