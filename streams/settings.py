"""Configuration, read once from `SMATRIX_*` variables; every default suits the embedded system."""

import os
import re
from datetime import time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    FilePath,
    HttpUrl,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

PREFIX: Final = "SMATRIX_"
SHORTEST_SECRET: Final = 16
_MAILBOX: Final = re.compile(r"[^@<>\s]+@[^@<>\s]+|[^@<>\x00-\x1f\x7f]+ <[^@<>\s]+@[^@<>\s]+>")
MAX_PORT: Final = 65_535


class ConfigurationError(Exception):
    """A setting that can't be; the text is one line for the operator, with the remedy."""


def _seconds(value: object) -> object:
    """Read a bare number as seconds; anything else is left to ISO 8601."""
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return timedelta(seconds=float(value))
    return value


Duration = Annotated[timedelta, BeforeValidator(_seconds)]


def _given(value: object) -> object:
    """Read an empty variable as one that is not set."""
    return None if value == "" else value


class DeliveryMode(StrEnum):
    """How a batch's effects reach the broker: see docs/decisions on delivery."""

    AUTO = "auto"
    PLAIN = "plain"
    TRANSACTIONAL = "transactional"


class Unregistered(StrEnum):
    """What becomes of a community in which nobody is registered."""

    REFUSE = "refuse"
    LEARN = "learn"


class BrokerSecurity(StrEnum):
    """How clients reach the broker: over TLS or not, with a login or without."""

    PLAINTEXT = "plaintext"
    SSL = "ssl"
    SASL_PLAINTEXT = "sasl_plaintext"
    SASL_SSL = "sasl_ssl"

    @property
    def has_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return self in {BrokerSecurity.SSL, BrokerSecurity.SASL_SSL}

    @property
    def has_login(self) -> bool:
        """Whether a user logs in."""
        return self in {BrokerSecurity.SASL_PLAINTEXT, BrokerSecurity.SASL_SSL}


class SaslMechanism(StrEnum):
    """How a user proves to be one."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class SmtpSecurity(StrEnum):
    """How the mail server is reached: STARTTLS after the greeting, TLS from the start, or none."""

    PLAINTEXT = "plaintext"
    STARTTLS = "starttls"
    TLS = "tls"


def _mailbox(text: str) -> str:
    if text and not _MAILBOX.fullmatch(text):
        raise ValueError(f"{text!r} is no mailbox, as in Smatrix Grid <grid@example.org>")
    return text


def _host_and_port(text: str) -> str:
    for address in text.split(","):
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) <= MAX_PORT:
            raise ValueError(f"{address!r} is not HOST:PORT, as in 127.0.0.1:9092")
    return text


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is no IANA time zone, as in Europe/Berlin")
    return name


class Settings(BaseSettings):
    """Everything an operator may change without touching code."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    broker: Annotated[str, AfterValidator(_host_and_port)] = Field(
        default="127.0.0.1:9092", description="Kafka bootstrap servers, HOST:PORT, comma-separated."
    )
    broker_security: BrokerSecurity = Field(
        default=BrokerSecurity.PLAINTEXT,
        description="TLS (ssl), a login (sasl_plaintext) or both (sasl_ssl) to the broker.",
    )
    broker_ca_file: Annotated[FilePath | None, BeforeValidator(_given)] = Field(
        default=None,
        description="PEM file of who vouches for the broker; empty: those the system trusts.",
    )
    broker_mechanism: SaslMechanism = Field(
        default=SaslMechanism.SCRAM_SHA_512, description="How the broker's user logs in."
    )
    broker_username: str = Field(default="", description="The broker's user.")
    broker_password: SecretStr = Field(
        default=SecretStr(""), description="The user's password; better a file, see SECRETS_DIR."
    )
    secrets_dir: Annotated[Path | None, BeforeValidator(_given)] = Field(
        default=None,
        description="Folder of files named as settings, as in smatrix_broker_password.",
    )
    clickhouse_url: HttpUrl = Field(
        default=HttpUrl("http://127.0.0.1:8123"), description="ClickHouse's HTTP interface."
    )
    clickhouse_user: str = Field(default="default", description="ClickHouse user.")
    clickhouse_password: SecretStr = Field(
        default=SecretStr(""),
        description="ClickHouse password; the embedded server asks for it too.",
    )
    clickhouse_database: str = Field(
        default="smatrix", pattern=r"^[a-z_][a-z0-9_]*$", description="ClickHouse database."
    )
    data_dir: Path = Field(
        default=Path(".smatrix"),
        description="Folder of local state; every worker has its own in it.",
    )
    worker_id: str = Field(
        default="1",
        pattern=r"^[A-Za-z0-9_-]{1,40}$",
        description="Name of this worker among those of its role on this machine.",
    )
    partitions: int = Field(
        default=4, ge=1, le=10_000, description="Partitions of every topic and table."
    )
    replication: int = Field(
        default=1, ge=1, le=10, description="Replication factor of new topics."
    )
    delivery: DeliveryMode = Field(
        default=DeliveryMode.AUTO,
        description="plain, transactional, or auto: transactional where the broker can.",
    )
    unregistered: Unregistered = Field(
        default=Unregistered.REFUSE,
        description="A community that nobody is registered in: refuse its readings until somebody "
        "is, or learn its meters from its frames.",
    )
    cap_factor: float = Field(
        default=1.1,
        ge=1,
        le=100,
        description="How far a reading may be over what is registered of its household: contract, "
        "panels, battery; 1 is to the watt.",
    )
    battery_c_rate: float = Field(
        default=1.0,
        gt=0,
        le=100,
        description="What a battery can take or give in an hour, as a share of its capacity.",
    )
    allowed_lateness: Duration = Field(
        default=timedelta(seconds=120),
        ge=timedelta(0),
        le=timedelta(hours=4),
        description="How long a minute waits for what is missing, in seconds or ISO 8601.",
    )
    window_retention: Duration = Field(
        default=timedelta(hours=48),
        ge=timedelta(hours=1),
        description="How long a closed window can still be corrected.",
    )
    max_ahead: Duration = Field(
        default=timedelta(minutes=3),
        ge=timedelta(0),
        description="How far a frame's minute may lie ahead of the wall clock.",
    )
    max_frame_bytes: int = Field(
        default=1 << 20, ge=1024, description="A larger frame is rejected; split it."
    )
    group_prefix: str = Field(
        default="smatrix",
        pattern=r"^[a-z][a-z0-9-]{0,60}$",
        description="Begins the names of consumer groups, changelogs and transactional ids.",
    )
    topic_prefix: str = Field(
        default="",
        pattern=r"^([a-z0-9][a-z0-9-]{0,38}-)?$",
        description="Begins the names of all topics and of all that belongs to them, as in p8-.",
    )
    generation: int = Field(
        default=0,
        ge=0,
        le=2**19 - 1,
        description="Raise it when the topic of frames is another one: versions go on growing.",
    )
    metrics_host: str = Field(default="127.0.0.1", description="Address of /metrics and /health.")
    metrics_port: int = Field(
        default=0,
        ge=0,
        le=MAX_PORT,
        description="Port of /metrics and /health; 0 picks a free one.",
    )
    history_batch_messages: int = Field(
        default=4_000, ge=1, description="Messages after which history inserts without waiting."
    )
    history_linger: Duration = Field(
        default=timedelta(seconds=1),
        gt=timedelta(0),
        description="How long history waits for more rows before it inserts.",
    )
    history_ttl_days: int = Field(
        default=0, ge=0, description="Days after which ClickHouse drops history; 0 keeps it."
    )
    autarky_enter: Decimal = Field(
        default=Decimal("0.99"),
        gt=0,
        le=1,
        description="Self-sufficiency from which on one counts as autarkic, a share.",
    )
    autarky_leave: Decimal = Field(
        default=Decimal("0.95"),
        ge=0,
        le=1,
        description="Self-sufficiency below which one no longer does, a share.",
    )
    autarky_hold: Duration = Field(
        default=timedelta(minutes=15),
        ge=timedelta(0),
        le=timedelta(hours=24),
        description="How long it must stay beyond a threshold, by event time.",
    )
    battery_efficiency_percent: int = Field(
        default=90,
        ge=1,
        le=100,
        description="Percent of a battery's charge that reaches its store.",
    )
    malfunction_missed_minutes: int = Field(
        default=3,
        ge=1,
        le=1440,
        description="Minutes in a row without a reading that are silence.",
    )
    malfunction_good_minutes: int = Field(
        default=3, ge=1, le=1440, description="Minutes in a row with a reading that clear a ticket."
    )
    malfunction_terminal_percent: int = Field(
        default=50,
        ge=0,
        le=99,
        description="If more of a terminal's meters are concerned, percent, it is the terminal.",
    )
    malfunction_failures: int = Field(
        default=5,
        ge=1,
        le=60,
        description="Minutes refused by the same rule that are an inconsistency.",
    )
    malfunction_failures_within: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=1),
        le=timedelta(days=7),
        description="The time in which they lie, by event time.",
    )
    malfunction_grace: Duration = Field(
        default=timedelta(minutes=15),
        ge=timedelta(0),
        description="After a community's first minute nothing is called silent for so long.",
    )
    malfunction_remind_first: Duration = Field(
        default=timedelta(hours=1),
        gt=timedelta(0),
        description="When to remind of a ticket that is open.",
    )
    malfunction_remind_again: Duration = Field(
        default=timedelta(hours=24),
        gt=timedelta(0),
        description="When to remind of it a second and last time, since it was opened.",
    )
    malfunction_reopen_within: Duration = Field(
        default=timedelta(hours=24),
        ge=timedelta(0),
        description="A cause that is back so soon after its ticket ended reopens that ticket.",
    )
    malfunction_live_within: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(minutes=1),
        description="Minutes that are closed later are the past: nobody in it is late for now.",
    )
    balance_patience: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(0),
        description="How long the grid's minute waits for communities, whose forecast stands in "
        "then; what comes later makes a new version.",
    )
    balance_retention: Duration = Field(
        default=timedelta(hours=2),
        ge=timedelta(minutes=15),
        le=timedelta(hours=48),
        description="How long a minute of the grid can be told anew, by event time.",
    )
    grid_zone: Annotated[str, AfterValidator(_zone)] = Field(
        default="Europe/Berlin",
        description="IANA time zone of the grid's days, for its forecast.",
    )
    control_stale_after: Duration = Field(
        default=timedelta(minutes=3),
        ge=timedelta(minutes=1),
        description="Control stops steering when its newest input is older, by the wall clock.",
    )
    production_reserve_percent: float = Field(
        default=2.0, ge=0, le=100, description="Of the forecast, asked of plants beyond it."
    )
    production_keep_percent: float = Field(
        default=10.0,
        ge=0,
        le=100,
        description="A running plant is stopped only when the others could give so much more than "
        "the highest demand in sight.",
    )
    production_ahead_minutes: int = Field(
        default=5,
        ge=1,
        le=60,
        description="A deficit is handed to regulation so long before it is there.",
    )
    production_silent_minutes: int = Field(
        default=3,
        ge=1,
        le=60,
        description="A plant whose last reading is older is taken to stay where it was.",
    )
    production_lost_minutes: int = Field(
        default=15, ge=1, le=1440, description="One whose last reading is older counts as nothing."
    )
    production_tolerance_percent: float = Field(
        default=3.0,
        gt=0,
        le=100,
        description="Of a plant's capacity, by which it may miss its order.",
    )
    production_disobeying_minutes: int = Field(
        default=3,
        ge=1,
        le=60,
        description="So many misses in a row, and a plant is not counted on to follow.",
    )
    smtp_host: str = Field(
        default="",
        pattern=r"^[A-Za-z0-9.:-]*$",
        description="The mail server; empty: notifications wait in their queue.",
    )
    smtp_port: int = Field(default=587, ge=1, le=MAX_PORT, description="The mail server's port.")
    smtp_security: SmtpSecurity = Field(
        default=SmtpSecurity.STARTTLS,
        description="How the mail server is reached; plaintext is for a trusted machine.",
    )
    smtp_ca_file: Annotated[FilePath | None, BeforeValidator(_given)] = Field(
        default=None,
        description="PEM file of who vouches for the mail server; empty: those the system trusts.",
    )
    smtp_username: str = Field(default="", description="The mail server's user; empty: no login.")
    smtp_password: SecretStr = Field(
        default=SecretStr(""), description="The user's password; better a file, see SECRETS_DIR."
    )
    smtp_timeout: Duration = Field(
        default=timedelta(seconds=30),
        gt=timedelta(0),
        le=timedelta(minutes=10),
        description="How long the mail server may take for each answer.",
    )
    smtp_connections: int = Field(
        default=8, ge=1, le=200, description="Connections to the mail server at a time."
    )
    mail_sender: Annotated[str, AfterValidator(_mailbox)] = Field(
        default="", description="Who writes, as in Smatrix Grid <grid@example.org>."
    )
    mail_secret: SecretStr = Field(
        default=SecretStr(""),
        description="Signs the links to unsubscribe, 16 characters or more; better a file.",
    )
    mail_base_url: Annotated[HttpUrl | None, BeforeValidator(_given)] = Field(
        default=None,
        description="Where links to unsubscribe lead, followed by ?token=; empty: by mail alone.",
    )
    mail_give_up: Duration = Field(
        default=timedelta(hours=48),
        ge=timedelta(hours=24),
        description="How long a notification is tried, its night included, before it is given up.",
    )
    notification_gap: Duration = Field(
        default=timedelta(hours=1),
        ge=timedelta(0),
        le=timedelta(days=7),
        description="Least time between two mails to one person about autarky, by event time.",
    )
    notification_gather: Duration = Field(
        default=timedelta(minutes=2),
        ge=timedelta(0),
        le=timedelta(hours=1),
        description="How long a malfunction waits for others, to be one mail with them.",
    )
    notification_quiet_from: time = Field(
        default=time(22),
        description="When nobody is told of autarky any more, in the recipient's zone.",
    )
    notification_quiet_to: time = Field(
        default=time(7),
        description="When they are told again; the same as _FROM: there are no quiet hours.",
    )
    log_level: str = Field(
        default="warning", pattern=r"^(debug|info|warning|error)$", description="Log level."
    )

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read files of the folder that a variable names, too; variables come first."""
        folder = os.environ.get(f"{PREFIX}SECRETS_DIR") or None
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, folder)

    def app_id(self, role: str) -> str:
        """Return the name of a role's consumer group, with which its changelogs begin."""
        return f"{self.topic_prefix}{self.group_prefix}-{role}"

    @model_validator(mode="after")
    def _retention_covers_lateness(self) -> Self:
        if self.window_retention < self.allowed_lateness + timedelta(minutes=30):
            raise ValueError(
                f"SMATRIX_WINDOW_RETENTION={self.window_retention} must be at least 30 min longer "
                f"than SMATRIX_ALLOWED_LATENESS={self.allowed_lateness}"
            )
        return self

    @model_validator(mode="after")
    def _broker_security_is_whole(self) -> Self:
        security = self.broker_security
        is_set = {
            "SMATRIX_BROKER_USERNAME": bool(self.broker_username),
            "SMATRIX_BROKER_PASSWORD": bool(self.broker_password.get_secret_value()),
        }
        for name, given in is_set.items():
            if given != security.has_login:
                raise ValueError(
                    f"SMATRIX_BROKER_SECURITY={security} needs {name}"
                    if security.has_login
                    else f"{name} is set, and SMATRIX_BROKER_SECURITY={security} has no login; set "
                    f"it to sasl_ssl or sasl_plaintext"
                )
        if self.broker_ca_file is not None and not security.has_tls:
            raise ValueError(
                f"SMATRIX_BROKER_CA_FILE is set, and SMATRIX_BROKER_SECURITY={security} has no "
                f"TLS; set it to ssl or sasl_ssl"
            )
        return self

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if bool(self.smtp_username) != bool(self.smtp_password.get_secret_value()):
            raise ValueError(
                "SMATRIX_SMTP_USERNAME and SMATRIX_SMTP_PASSWORD: set both, or none for no login"
            )
        if self.smtp_username and self.smtp_security is SmtpSecurity.PLAINTEXT:
            raise ValueError(
                "SMATRIX_SMTP_SECURITY=plaintext would show the password to others; set it to "
                "starttls or tls"
            )
        if self.smtp_host and not self.mail_sender:
            raise ValueError(
                f"SMATRIX_SMTP_HOST={self.smtp_host} needs SMATRIX_MAIL_SENDER, as in "
                f"Smatrix Grid <grid@example.org>"
            )
        if self.smtp_host and len(self.mail_secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(
                f"SMATRIX_SMTP_HOST={self.smtp_host} needs SMATRIX_MAIL_SECRET, "
                f"{SHORTEST_SECRET} characters or more, as `openssl rand -base64 24` makes them"
            )
        return self

    @model_validator(mode="after")
    def _autarky_has_hysteresis(self) -> Self:
        if self.autarky_leave > self.autarky_enter:
            raise ValueError(
                f"SMATRIX_AUTARKY_LEAVE={self.autarky_leave} must be at most "
                f"SMATRIX_AUTARKY_ENTER={self.autarky_enter}, both shares"
            )
        return self

    @model_validator(mode="after")
    def _balance_waits_no_longer_than_metering(self) -> Self:
        if self.balance_patience > self.allowed_lateness:
            raise ValueError(
                f"SMATRIX_BALANCE_PATIENCE={self.balance_patience} must be at most "
                f"SMATRIX_ALLOWED_LATENESS={self.allowed_lateness}"
            )
        if self.balance_retention < self.balance_patience + timedelta(minutes=2):
            raise ValueError(
                f"SMATRIX_BALANCE_RETENTION={self.balance_retention} must be at least 2 min longer "
                f"than SMATRIX_BALANCE_PATIENCE={self.balance_patience}"
            )
        return self

    @model_validator(mode="after")
    def _a_lost_plant_was_silent_before(self) -> Self:
        if self.production_lost_minutes < self.production_silent_minutes:
            raise ValueError(
                f"SMATRIX_PRODUCTION_LOST_MINUTES={self.production_lost_minutes} must be at least "
                f"SMATRIX_PRODUCTION_SILENT_MINUTES={self.production_silent_minutes}"
            )
        return self

    @model_validator(mode="after")
    def _what_is_live_is_closed_in_time(self) -> Self:
        if self.malfunction_live_within <= self.allowed_lateness + timedelta(minutes=1):
            raise ValueError(
                f"SMATRIX_MALFUNCTION_LIVE_WITHIN={self.malfunction_live_within} must be more than "
                f"a minute longer than SMATRIX_ALLOWED_LATENESS={self.allowed_lateness}"
            )
        return self

    @model_validator(mode="after")
    def _reminders_grow(self) -> Self:
        if self.malfunction_remind_again <= self.malfunction_remind_first:
            raise ValueError(
                f"SMATRIX_MALFUNCTION_REMIND_AGAIN={self.malfunction_remind_again} must be longer "
                f"than SMATRIX_MALFUNCTION_REMIND_FIRST={self.malfunction_remind_first}"
            )
        return self


@cache
def get_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        ConfigurationError: If a variable has a value that can't be, or is none of ours; names it
            and the rule.
    """
    for name in os.environ:
        if (
            name.startswith(PREFIX)
            and name.removeprefix(PREFIX).lower() not in Settings.model_fields
        ):
            near = get_close_matches(
                name, [PREFIX + field.upper() for field in Settings.model_fields]
            )
            hint = f"; is it {near[0]}?" if near else ""
            raise ConfigurationError(f"{name} is not a setting{hint}")
    folder = os.environ.get(f"{PREFIX}SECRETS_DIR", "")
    if folder and not Path(folder).is_dir():
        raise ConfigurationError(f"{PREFIX}SECRETS_DIR={folder} is not a folder")
    try:
        return Settings()
    except ValidationError as error:
        # Not chained: its own text shows what was given, and a secret may be among it.
        raise ConfigurationError(_first_fault(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{PREFIX}SECRETS_DIR={folder}: a file in it can't be read; give this user the right"
        ) from error


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    rule = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return rule
    field = str(fault["loc"][0])
    name = PREFIX + field.upper()
    if Settings.model_fields[field].annotation is SecretStr:
        return f"{name}: {rule}"
    given = str(os.environ.get(name, fault["input"]))
    # Whatever was given, it is one line that is said.
    return f"{name}={given if given.isprintable() else repr(given)}: {rule}"
