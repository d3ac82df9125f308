from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--accept-overridden",
        action="store_true",
        help="take the sources of what streams/delivery overrides as read and found compatible",
    )


@pytest.fixture
def root() -> Path:
    return ROOT
