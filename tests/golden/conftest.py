import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--accept-schemas",
        action="store_true",
        help="release the events' schemas as they are now, where that breaks nobody",
    )
