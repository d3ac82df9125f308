from datetime import timedelta

import pytest

from streams.settings import ConfigurationError, get_settings


@pytest.fixture(autouse=True)
def _read_anew() -> None:
    get_settings.cache_clear()


@pytest.mark.parametrize("text", ["90", "90.0", "PT90S", "PT1M30S"])
def test_a_duration_is_seconds_or_iso_8601(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SMATRIX_ALLOWED_LATENESS", text)

    assert get_settings().allowed_lateness == timedelta(seconds=90)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SMATRIX_PARTITIONS", "0", "SMATRIX_PARTITIONS=0: "),
        ("SMATRIX_BROKER", "kafka", "'kafka' is not HOST:PORT, as in 127.0.0.1:9092"),
        ("SMATRIX_PARTITION", "3", "is it SMATRIX_PARTITIONS?"),
        ("SMATRIX_DELIVERY", "twice", "SMATRIX_DELIVERY=twice: "),
    ],
)
def test_a_bad_setting_is_one_line_that_names_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(ConfigurationError) as raised:
        get_settings()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_windows_that_would_be_forgotten_before_they_close_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMATRIX_WINDOW_RETENTION", "3600")
    monkeypatch.setenv("SMATRIX_ALLOWED_LATENESS", "3000")

    with pytest.raises(ConfigurationError, match="SMATRIX_WINDOW_RETENTION=1:00:00 must be"):
        get_settings()
