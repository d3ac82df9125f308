"""What every Kafka client of ours has in common: addresses, TLS, login."""

import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import faust
from faust.types.auth import CredentialsT

from streams.settings import ConfigurationError, Settings

if TYPE_CHECKING:
    from streams.delivery.app import App


def client_settings(app: "App") -> dict[str, Any]:
    """Return the connection settings for an aiokafka client of this app."""
    return {
        "bootstrap_servers": [url.host_port_subcomponent for url in app.conf.broker],
        "client_id": f"{app.conf.id}",
        **app.security,
    }


def connection_of(settings: Settings) -> dict[str, Any]:
    """Return the connection settings for an aiokafka client of no app.

    Raises:
        ConfigurationError: If the file of authorities can't be used.
    """
    return {"bootstrap_servers": settings.broker.split(","), **security_of(settings)}


def security_of(settings: Settings) -> dict[str, Any]:
    """Return aiokafka's settings for TLS and login, as they are in these settings.

    Raises:
        ConfigurationError: If the file of authorities can't be used.
    """
    security: dict[str, Any] = {"security_protocol": settings.broker_security.upper()}
    if settings.broker_security.has_tls:
        try:
            security["ssl_context"] = ssl.create_default_context(cafile=settings.broker_ca_file)
        except (ssl.SSLError, OSError) as error:
            raise ConfigurationError(
                f"SMATRIX_BROKER_CA_FILE={settings.broker_ca_file}: no certificates in PEM can be "
                f"read from it ({error})"
            ) from error
    if settings.broker_security.has_login:
        security |= {
            "sasl_mechanism": str(settings.broker_mechanism),
            "sasl_plain_username": settings.broker_username,
            "sasl_plain_password": settings.broker_password.get_secret_value(),
        }
    return security


def credentials_of(security: Mapping[str, Any]) -> CredentialsT | None:
    """Return the same for Faust's own clients; None on a plain connection."""
    context: ssl.SSLContext | None = security.get("ssl_context")
    if "sasl_mechanism" in security:
        return faust.SASLCredentials(
            mechanism=security["sasl_mechanism"],
            username=security["sasl_plain_username"],
            password=security["sasl_plain_password"],
            ssl_context=context,
        )
    return None if context is None else faust.SSLCredentials(context)
