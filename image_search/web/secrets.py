"""The password and the key that signs sessions, kept beside the cache."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from image_search.errors import CacheError
from image_search.settings import Settings

_CONSONANTS = "bdfghkmnprstvz"
_VOWELS = "aeiou"
#: Seconds after which a file aside belongs to a process that was killed: it is written in moments.
ABANDONED = 10.0


@dataclass(frozen=True)
class Secrets:
    """``made``: this call made the password, so it has to be shown now."""

    password: str = field(repr=False)
    session_key: bytes = field(repr=False)
    made: bool = False


def load_secrets(settings: Settings) -> Secrets:
    """The secrets in force; what is missing is made once and kept for the next start, also where
    several services start at the same time.

    A password from the settings wins and is not written down.

    Raises:
        CacheError: the file of secrets can be neither read nor written.
    """
    path = settings.state_dir / "secrets.json"
    known = _read(path)
    made = False
    if _completed(known, settings) != known:
        try:
            known, made = _make(path, settings)
        except OSError as error:
            raise CacheError(f"The secrets cannot be saved in {path}: {error.strerror}.") from error
    return Secrets(
        password=settings.password or known["password"],
        session_key=bytes.fromhex(known["session_key"]),
        made=made,
    )


def _completed(known: dict[str, str], settings: Settings) -> dict[str, str]:
    """What is ``known``, and what was missing, made now."""
    wanted = dict(known)
    wanted.setdefault("session_key", secrets.token_hex(32))
    if settings.password is None:
        wanted.setdefault("password", _readable_password())
    return wanted


def _readable_password() -> str:
    """Four groups of two syllables, easy to read out over a telephone; 49 random bits."""
    groups = (
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(2))
        for _ in range(4)
    )
    return "-".join(groups)


def _read(path: Path) -> dict[str, str]:
    """The stored secrets; a damaged file counts as none, so new ones are made."""
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


def _make(path: Path, settings: Settings) -> tuple[dict[str, str], bool]:
    """The secrets with what was missing, now kept; and whether a password was made for it.

    Only who creates the file aside may write; the others wait and take what it has made. The file
    is there for its owner only from the first byte on, and comes into its place whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.new")
    descriptor = _alone(aside)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            known = _read(path)  # another service may have made them since the first look
            wanted = _completed(known, settings)
            json.dump(wanted, file)
            file.flush()
            os.fsync(file.fileno())
        if wanted == known:
            aside.unlink()
        else:
            aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return wanted, settings.password is None and "password" not in known


def _alone(aside: Path) -> int:
    """A descriptor of ``aside``, which this call creates, once no other process works on it."""
    while True:
        try:
            return os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if abs(time.time() - aside.stat().st_mtime) > ABANDONED:
                    aside.unlink()
                    continue
            time.sleep(0.02)
