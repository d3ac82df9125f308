"""Whether Apache Kafka can run here."""

import pytest

from deploy.embedded.processes import inherited_environment
from deploy.kafka.jars import require_jars, require_java
from streams.settings import ConfigurationError


def require_kafka() -> None:
    """Skip the tests that ask for it where Java or Maven is missing; in CI, fail them."""
    try:
        require_java()
        require_jars()
    except ConfigurationError as error:
        if is_ci():
            pytest.fail(str(error), pytrace=False)
        pytest.skip(str(error))


def is_ci() -> bool:
    """Say whether this run decides on a change: CI systems set the variable CI."""
    return bool(inherited_environment().get("CI"))
