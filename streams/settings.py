"""Configuration, read once from `SMATRIX_*` variables; every default suits the embedded system.

The settings of each noun are in `streams.configuration`.
"""

import os
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Final, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SecretsSettingsSource,
    SettingsConfigDict,
)
from typing_extensions import override

from schemas.errors import OperatorError
from streams.configuration.autarky import AutarkySettings
from streams.configuration.batteries import BatterySettings
from streams.configuration.broker import BrokerSecurity, BrokerSettings, SaslMechanism
from streams.configuration.clickhouse import ClickHouseSettings
from streams.configuration.energy_balance import EnergyBalanceSettings
from streams.configuration.ev_charging import EvChargingSettings
from streams.configuration.history import HistorySettings
from streams.configuration.mail import SHORTEST_SECRET, MailSettings, SmtpSecurity
from streams.configuration.malfunction import MalfunctionSettings
from streams.configuration.metering import MeteringSettings, Unregistered
from streams.configuration.metrics import MetricsSettings
from streams.configuration.names import NameSettings
from streams.configuration.notifications import NotificationSettings
from streams.configuration.production import ProductionSettings
from streams.configuration.regulation import RegulationSettings
from streams.configuration.values import HIDDEN
from streams.configuration.worker import DeliveryMode, WorkerSettings

__all__ = [
    "PREFIX",
    "SHORTEST_SECRET",
    "BrokerSecurity",
    "ConfigurationError",
    "DeliveryMode",
    "SaslMechanism",
    "Settings",
    "SmtpSecurity",
    "Unregistered",
    "get_settings",
]

PREFIX: Final = "SMATRIX_"
SECRETS_DIR: Final = f"{PREFIX}SECRETS_DIR"

_ALIKE: Final = 0.8
"""Of 1, from which on a name is taken to be another one misspelt."""


class ConfigurationError(OperatorError):
    """A setting that can't be; the text is one line for the operator, with the remedy."""


# Of several bases the last one's fields come first.
class Settings(
    NotificationSettings,
    MailSettings,
    RegulationSettings,
    BatterySettings,
    ProductionSettings,
    EvChargingSettings,
    EnergyBalanceSettings,
    MalfunctionSettings,
    AutarkySettings,
    HistorySettings,
    MetricsSettings,
    NameSettings,
    MeteringSettings,
    WorkerSettings,
    ClickHouseSettings,
    BrokerSettings,
    BaseSettings,
):
    """Everything an operator may change without touching code."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

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
        folder = _variables().get(SECRETS_DIR) or None
        return init_settings, env_settings, SecretsSettingsSource(settings_cls, folder)

    def app_id(self, role: str) -> str:
        """Return the name of a role's consumer group, with which its changelogs begin."""
        return f"{self.topic_prefix}{self.group_prefix}-{role}"

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


@cache
def get_settings() -> Settings:
    """Return the settings of this process.

    Raises:
        ConfigurationError: If a variable has a value that can't be, or is none of ours; names it
            and the rule.
    """
    for name in os.environ:
        _require_setting(name, called=name)
    if folder := _variables().get(SECRETS_DIR):
        _require_secrets(Path(folder))
    try:
        return Settings()
    except ValidationError as error:
        # Not chained: its own text shows what was given, and a secret may be among it.
        raise ConfigurationError(_first_fault(error)) from None


def _variables() -> dict[str, str]:
    """Return the environment by names in capitals: it counts in whatever case it is written."""
    return {name.upper(): value for name, value in os.environ.items()}


def _require_setting(name: str, *, called: str) -> None:
    """Refuse a name that begins as settings do, and is none; others are not ours."""
    fields = [field.upper() for field in Settings.model_fields]
    field = name.upper().removeprefix(PREFIX)
    if name.upper().startswith(PREFIX) and field not in fields:
        near = get_close_matches(field, fields, n=1, cutoff=_ALIKE)
        hint = f"; is it {PREFIX}{near[0]}?" if near else ""
        raise ConfigurationError(f"{called} is not a setting{hint}")


def _require_secrets(folder: Path) -> None:
    """Refuse a folder with a file that begins as settings do, and is none or can't be read."""
    if not folder.is_dir():
        raise ConfigurationError(f"{SECRETS_DIR}={folder} is not a folder")
    try:
        files = [file for file in folder.iterdir() if file.name.upper().startswith(PREFIX)]
    except OSError as error:
        raise ConfigurationError(
            f"{SECRETS_DIR}={folder} can't be read ({error.strerror}); give this user the right"
        ) from error
    for file in files:
        _require_setting(file.name, called=f"{SECRETS_DIR}={folder}: the file {file.name}")
        try:
            file.read_text(encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(
                f"{file} can't be read ({error.strerror}); give this user the right"
            ) from error
        except UnicodeDecodeError:
            # Not chained: its own text shows the secret.
            raise ConfigurationError(f"{file} is not text in UTF-8; write it anew") from None


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    rule = fault["msg"].removeprefix("Value error, ")
    if not fault["loc"]:
        return rule
    field = str(fault["loc"][0])
    name = PREFIX + field.upper()
    given = _variables().get(name)
    is_secret = Settings.model_fields[field].annotation is SecretStr or fault["type"] == HIDDEN
    # What no variable has given stands in a file of secrets.
    if is_secret or given is None:
        return f"{name}: {rule}"
    # Whatever was given, it is one line that is said.
    return f"{name}={given if given.isprintable() else repr(given)}: {rule}"
