import traceback
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from streams.configuration.mail import sender_of
from streams.delivery.app import App
from streams.delivery.clients import client_settings, security_of
from streams.policies import own_thresholds, thresholds
from streams.settings import BrokerSecurity, ConfigurationError, Settings, get_settings


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
        ("SMATRIX_BROKER_SECURITY", "tls", "SMATRIX_BROKER_SECURITY=tls: "),
        ("SMATRIX_BROKER_SECURITY", "sasl_ssl", "sasl_ssl needs SMATRIX_BROKER_USERNAME"),
        ("SMATRIX_BROKER_USERNAME", "anna", "SMATRIX_BROKER_SECURITY=plaintext has no login"),
        (
            "SMATRIX_BROKER_CA_FILE",
            "pyproject.toml",
            "SMATRIX_BROKER_SECURITY=plaintext has no TLS",
        ),
        ("SMATRIX_BROKER_CA_FILE", "no/file.pem", "SMATRIX_BROKER_CA_FILE=no/file.pem: "),
        ("SMATRIX_SECRETS_DIR", "no/folder", "SMATRIX_SECRETS_DIR=no/folder is not a folder"),
        (
            "SMATRIX_AUTARKY_LEAVE",
            "0.995",
            "SMATRIX_AUTARKY_LEAVE=0.995 must be at most SMATRIX_AUTARKY_ENTER=0.99",
        ),
        (
            "SMATRIX_MALFUNCTION_REMIND_AGAIN",
            "1800",
            (
                "SMATRIX_MALFUNCTION_REMIND_AGAIN=0:30:00 must be longer than "
                "SMATRIX_MALFUNCTION_REMIND_FIRST=1:00:00"
            ),
        ),
        (
            "SMATRIX_MALFUNCTION_LIVE_WITHIN",
            "180",
            (
                "SMATRIX_MALFUNCTION_LIVE_WITHIN=0:03:00 must be more than a minute longer than "
                "SMATRIX_ALLOWED_LATENESS=0:02:00"
            ),
        ),
        ("SMATRIX_MALFUNCTION_MISSED_MINUTES", "0", "SMATRIX_MALFUNCTION_MISSED_MINUTES=0: "),
        ("SMATRIX_TOPIC_PREFIX", "p8", "SMATRIX_TOPIC_PREFIX=p8: "),
        ("SMATRIX_SMTP_HOST", "mail.example.org", "needs SMATRIX_MAIL_SENDER"),
        ("SMATRIX_SMTP_HOST", "mail\n.example.org", "SMATRIX_SMTP_HOST"),
        ("SMATRIX_SMTP_USERNAME", "grid", "SMATRIX_SMTP_PASSWORD: set both"),
        ("SMATRIX_SMTP_SECURITY", "ssl", "SMATRIX_SMTP_SECURITY=ssl: "),
        ("SMATRIX_MAIL_SENDER", "grid", "'grid' is no mailbox"),
        ("SMATRIX_MAIL_SENDER", "a <a@b>\r\nBcc: <c@d>", "is no mailbox"),
        ("SMATRIX_NOTIFICATION_QUIET_FROM", "late", "SMATRIX_NOTIFICATION_QUIET_FROM=late: "),
        ("SMATRIX_NOTIFICATION_QUIET_FROM", "22:00+02:00", "must have no offset, as in 22:00"),
        ("SMATRIX_NOTIFICATION_QUIET_TO", "07:00Z", "must have no offset, as in 22:00"),
        ("SMATRIX_METRICS_HOST", "", "SMATRIX_METRICS_HOST=: "),
        ("SMATRIX_EV_LEAD", "-5", "SMATRIX_EV_LEAD=-5: is neither seconds nor ISO 8601"),
        ("SMATRIX_EV_LEAD", "99999999999999999999", "is longer than 999999999 days"),
        ("SMATRIX_MAX_AHEAD", "P2D", "SMATRIX_MAX_AHEAD=P2D: "),
        ("SMATRIX_WINDOW_RETENTION", "P400D", "SMATRIX_WINDOW_RETENTION=P400D: "),
        ("SMATRIX_HISTORY_TTL_DAYS", "999999", "SMATRIX_HISTORY_TTL_DAYS=999999: "),
        ("SMATRIX_MAX_FRAME_BYTES", "99999999999", "SMATRIX_MAX_FRAME_BYTES=99999999999: "),
        ("SMATRIX_HISTORY_BATCH_MESSAGES", "99999999", "SMATRIX_HISTORY_BATCH_MESSAGES=99999999: "),
        ("smatrix_brokr", "a:1", "smatrix_brokr is not a setting; is it SMATRIX_BROKER?"),
        ("smatrix_secrets_dir", "no/folder", "SMATRIX_SECRETS_DIR=no/folder is not a folder"),
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


def test_only_a_name_that_is_nearly_the_same_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMATRIX_FOO", "1")

    with pytest.raises(ConfigurationError, match=r"^SMATRIX_FOO is not a setting$"):
        get_settings()


@pytest.mark.parametrize(
    "sender",
    [
        "Smatrix, Grid <grid@example.org>",
        "Foo: Bar <a@b.de>",
        "Foo; Bar <a@b.de>",
        "x [y] <a@b.de>",
        "a..b@x.org",
        "a@b..de",
        "ü@x.de",
        "a@ü.de",
        "a b@x.de",
    ],
)
def test_who_would_not_be_named_so_by_mails_is_no_sender(sender: str) -> None:
    with pytest.raises(ValidationError):
        Settings(mail_sender=sender)


@pytest.mark.parametrize(
    ("sender", "name"),
    [
        ("grid@example.org", ""),
        ("Smatrix Grid <grid@example.org>", "Smatrix Grid"),
        ("Müller Netz <grid@example.org>", "Müller Netz"),
        ("Grid Inc. <grid@example.org>", "Grid Inc."),
        ('"Smatrix, Grid" <grid@example.org>', "Smatrix, Grid"),
    ],
)
def test_a_sender_is_an_address_with_or_without_a_name(sender: str, name: str) -> None:
    found = sender_of(Settings(mail_sender=sender).mail_sender)

    assert (found.display_name, found.addr_spec) == (name, "grid@example.org")


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({"mail_secret": "short"}, "needs SMATRIX_MAIL_SECRET, 16 characters or more"),
        (
            {"smtp_username": "grid", "smtp_password": "sesame", "smtp_security": "plaintext"},
            "SMATRIX_SMTP_SECURITY=plaintext would show the password",
        ),
    ],
)
def test_mails_are_not_sent_in_a_way_that_others_can_abuse(
    others: dict[str, str], said: str
) -> None:
    fields = {"smtp_host": "mail.example.org", "mail_sender": "grid@example.org"}

    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"mail_secret": "0123456789abcdef", **fields, **others})


def test_windows_that_would_be_forgotten_before_they_close_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SMATRIX_WINDOW_RETENTION", "3600")
    monkeypatch.setenv("SMATRIX_ALLOWED_LATENESS", "3000")

    with pytest.raises(ConfigurationError, match="SMATRIX_WINDOW_RETENTION=1:00:00 must be"):
        get_settings()


def test_a_secret_is_read_from_the_file_named_as_its_setting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "smatrix_broker_password").write_text("sesame\n")
    monkeypatch.setenv("SMATRIX_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("SMATRIX_BROKER_SECURITY", "sasl_ssl")
    monkeypatch.setenv("SMATRIX_BROKER_USERNAME", "anna")

    settings = get_settings()

    assert settings.broker_password.get_secret_value() == "sesame"
    assert "sesame" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("smatrix_clickhouse_passwort", b"sesame", "is it SMATRIX_CLICKHOUSE_PASSWORD?"),
        ("smatrix_mail_secret", b"sesame\xff", "smatrix_mail_secret is not text in UTF-8"),
    ],
)
def test_a_file_of_secrets_that_would_not_count_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes, said: str
) -> None:
    (tmp_path / "grafana-password").write_text("not ours")
    (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("SMATRIX_SECRETS_DIR", str(tmp_path))

    with pytest.raises(ConfigurationError) as raised:
        get_settings()

    assert said in str(raised.value)
    assert "sesame" not in "".join(traceback.format_exception(raised.value))


def test_a_file_of_secrets_that_cannot_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "smatrix_mail_secret").mkdir()
    monkeypatch.setenv("SMATRIX_SECRETS_DIR", str(tmp_path))

    with pytest.raises(ConfigurationError, match="smatrix_mail_secret can't be read"):
        get_settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"usual": {"cap_factor": "sesame"}}', ": usual.cap_factor: Input should be a valid num"),
        ('{"usual": {"cap_facto": 2}}', ": usual.cap_facto is no threshold; "),
        ('{"communities": {"c1": {"cap_factor": -1}}}', ": communities.c1: cap_factor=-1 must be"),
        ('{"sesame', ": Invalid JSON: "),
    ],
)
def test_a_bad_file_of_thresholds_is_told_by_its_field_and_not_its_content(
    tmp_path: Path, content: str, said: str
) -> None:
    file = tmp_path / "thresholds.json"
    file.write_text(content)

    with pytest.raises(ConfigurationError) as raised:
        own_thresholds(Settings(vee_thresholds=file))

    assert str(raised.value).startswith(f"SMATRIX_VEE_THRESHOLDS={file}{said}")
    assert "sesame" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_thresholds_are_those_of_a_file_for_all_and_for_single_communities(tmp_path: Path) -> None:
    file = tmp_path / "thresholds.json"
    file.write_text('{"usual": {"lone_minutes": 4}, "communities": {"c1": {"spike_ratio": 2.5}}}')
    settings = Settings(vee_thresholds=file)

    assert thresholds(settings).lone_minutes == 4
    assert isinstance(thresholds(settings).lone_minutes, int)
    assert own_thresholds(settings)["c1"] == replace(thresholds(settings), spike_ratio=2.5)


def test_a_fault_of_the_login_does_not_show_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMATRIX_BROKER_PASSWORD", "sesame")
    monkeypatch.setenv("SMATRIX_BROKER_SECURITY", "sasl_ssl")

    with pytest.raises(ConfigurationError, match="needs SMATRIX_BROKER_USERNAME") as raised:
        get_settings()

    assert "sesame" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("CLICKHOUSE_URL", "http://admin:sesame@click:8123", "set SMATRIX_CLICKHOUSE_USER and"),
        ("CLICKHOUSE_URL", "http://admin:sesame@click:port", "SMATRIX_CLICKHOUSE_PASSWORD"),
        ("CLICKHOUSE_URL", "http://click:8123/?password=sesame", "SMATRIX_CLICKHOUSE_PASSWORD"),
        ("BROKER", "SASL://anna:sesame@kafka:9092", "SMATRIX_BROKER_PASSWORD"),
        ("MAIL_BASE_URL", "http://anna:sesame@grid.example.org/", "whoever gets a mail"),
    ],
)
def test_a_login_in_an_address_is_refused_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, remedy: str
) -> None:
    monkeypatch.setenv(f"SMATRIX_{name}", value)

    with pytest.raises(ConfigurationError) as raised:
        get_settings()

    said = str(raised.value)
    assert said.startswith(f"SMATRIX_{name}: must have neither a login nor a query in it; ")
    assert remedy in said
    assert "sesame" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("value", ["http://admin:sesame@click:8123", "sesame"])
def test_what_a_file_of_secrets_says_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, value: str
) -> None:
    (tmp_path / "smatrix_clickhouse_url").write_text(value)
    monkeypatch.setenv("SMATRIX_SECRETS_DIR", str(tmp_path))

    with pytest.raises(ConfigurationError, match=r"^SMATRIX_CLICKHOUSE_URL: ") as raised:
        get_settings()

    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    "broker",
    [
        "127.0.0.1:9092,[::1]:9092",
        "kafka_1.grid.example.org.:9092",
        "a" * 63 + ":1",
    ],
)
def test_a_broker_is_named_by_host_and_port(broker: str) -> None:
    assert Settings(broker=broker).broker == broker


@pytest.mark.parametrize(
    "broker",
    [
        "a..b:9092",
        "a" * 80 + ":9092",
        "::1:1",
        "[::1:9092",
        "[1]:9092",
        "a:0",
        "a:65536",
        "a:²",
        "",
    ],
)
def test_what_no_client_can_look_up_is_no_broker(broker: str) -> None:
    with pytest.raises(ValidationError, match="is not HOST:PORT"):
        Settings(broker=broker)


def test_workers_reach_a_broker_by_its_address_in_brackets() -> None:
    app = App(
        "test",
        broker="kafka:9092,[::1]:9093",
        data_dir=Path("nowhere"),
        partitions=1,
        replication=1,
    )

    assert client_settings(app)["bootstrap_servers"] == ["kafka:9092", "[::1]:9093"]


def test_a_file_without_certificates_is_refused_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("no certificate\n")

    with pytest.raises(ConfigurationError, match=f"SMATRIX_BROKER_CA_FILE={file}: no certificate"):
        security_of(Settings(broker_security=BrokerSecurity.SSL, broker_ca_file=file))
