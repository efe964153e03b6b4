"""The password and the key that signs sessions, kept beside the cache."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_search.errors import CacheError
from image_search.settings import Settings

_CONSONANTS = "bdfghkmnprstvz"
_VOWELS = "aeiou"


@dataclass(frozen=True)
class Secrets:
    """``made``: this call made the password, so somebody must be told it now."""

    password: str = field(repr=False)
    session_key: bytes = field(repr=False)
    made: bool = False


def kept_secrets(settings: Settings) -> Secrets:
    """The secrets in force; what is missing is made once and kept for the next start.

    A password from the settings wins and is not written down.

    Raises:
        CacheError: the file of secrets can be neither read nor written.
    """
    path = settings.state_dir / "secrets.json"
    known = _read(path)
    wanted = dict(known)
    wanted.setdefault("session_key", secrets.token_hex(32))
    if settings.password is None:
        wanted.setdefault("password", _readable_password())
    if wanted != known:
        _write(path, wanted)
    return Secrets(
        password=settings.password or wanted["password"],
        session_key=bytes.fromhex(wanted["session_key"]),
        made=settings.password is None and "password" not in known,
    )


def _readable_password() -> str:
    """Four groups of two syllables, easy to read out over a telephone; 49 random bits."""
    groups = (
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(2))
        for _ in range(4)
    )
    return "-".join(groups)


def _read(path: Path) -> dict[str, str]:
    """What is kept; a damaged file counts as none, so its secrets are made anew."""
    try:
        kept: Any = json.loads(path.read_text("utf-8"))
        bytes.fromhex(kept["session_key"])
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CacheError(f"The secrets in {path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError):
        return {}
    return {
        name: kept[name]
        for name in ("session_key", "password")
        if isinstance(kept.get(name), str) and kept[name]
    }


def _write(path: Path, wanted: dict[str, str]) -> None:
    """Written aside with mode 0600 from the first byte on, then renamed."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(wanted, file)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise CacheError(f"The secrets cannot be kept in {path}: {error.strerror}.") from error
