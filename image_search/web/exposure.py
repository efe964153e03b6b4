"""Who can reach the service, and what that asks of its password."""

from __future__ import annotations

import ipaddress

from image_search.errors import SettingsError
from image_search.settings import Settings

#: Characters of a password that others can guess at. Ten guesses in five minutes from an address,
#: and a bound on those of all addresses, leave eight characters out of reach; fewer are words.
SHORTEST = 8

WITHOUT_TLS = (
    "Other machines can reach the service without TLS, so the password and the pictures can be "
    "read on their way. Put a reverse proxy with TLS before it and name that in "
    "IMAGE_SEARCH_TRUSTED_PROXY (docs/deployment.md shows how)."
)


def is_local(host: str) -> bool:
    """Whether only this machine can connect to a service that listens on ``host``."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False  # a name may stand for any address
    return (getattr(address, "ipv4_mapped", None) or address).is_loopback


def check_password(settings: Settings) -> None:
    """See that the password is long enough for whoever can reach the service.

    Raises:
        SettingsError: it is too short, and others can.
    """
    password = settings.password
    if password is None or len(password) >= SHORTEST or is_local(settings.host):
        return
    raise SettingsError(
        f"The password of IMAGE_SEARCH_PASSWORD has {len(password)} characters, which is too few "
        f"for a service that other machines can reach: it listens on {settings.host}. Use at least "
        f"{SHORTEST} characters, or leave the password unset to have one made."
    )


def warnings_about(settings: Settings) -> list[str]:
    """What whoever starts the service should know of how it can be reached."""
    if is_local(settings.host) or settings.trusted_proxy is not None:
        return []
    return [WITHOUT_TLS]
