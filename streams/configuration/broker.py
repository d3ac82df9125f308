"""How clients reach the broker, and where secrets are."""

import re
from enum import StrEnum
from ipaddress import IPv6Address
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, FilePath, SecretStr, model_validator

from streams.configuration.values import MAX_PORT, Group, bare, given

_LABEL: Final = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_ADDRESS: Final = re.compile(
    rf"({_LABEL}(\.{_LABEL})*\.?|\[(?P<ip>[0-9A-Fa-f:.]+)\]):(?P<port>[0-9]{{1,5}})"
)


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


def _hosts_and_ports(text: str) -> str:
    for address in text.split(","):
        if not _is_host_and_port(address):
            raise ValueError(f"{address!r} is not HOST:PORT, as in 127.0.0.1:9092 or [::1]:9092")
    return text


def _is_host_and_port(address: str) -> bool:
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < int(found["port"]) <= MAX_PORT:
        return False
    if found["ip"] is None:
        return True
    try:
        IPv6Address(found["ip"])
    except ValueError:
        return False
    return True


class BrokerSettings(Group):
    """How clients reach the broker, and where secrets are."""

    broker: Annotated[
        str,
        AfterValidator(_hosts_and_ports),
        bare("set SMATRIX_BROKER_SECURITY, SMATRIX_BROKER_USERNAME and SMATRIX_BROKER_PASSWORD"),
    ] = Field(
        default="127.0.0.1:9092", description="Kafka bootstrap servers, HOST:PORT, comma-separated."
    )
    broker_security: BrokerSecurity = Field(
        default=BrokerSecurity.PLAINTEXT,
        description="TLS (ssl), a login (sasl_plaintext) or both (sasl_ssl) to the broker.",
    )
    broker_ca_file: Annotated[FilePath | None, BeforeValidator(given)] = Field(
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
    secrets_dir: Annotated[Path | None, BeforeValidator(given)] = Field(
        default=None,
        description="Folder of files named as settings, as in smatrix_broker_password.",
    )

    @model_validator(mode="after")
    def _broker_security_is_whole(self) -> Self:
        security = self.broker_security
        is_set = {
            "SMATRIX_BROKER_USERNAME": bool(self.broker_username),
            "SMATRIX_BROKER_PASSWORD": bool(self.broker_password.get_secret_value()),
        }
        for name, is_given in is_set.items():
            if is_given != security.has_login:
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
