"""Converted models on disk, beside the weights they were made from.

A folder holds one conversion and a note of what it was made from and of every file's checksum. It
is written aside and renamed, so it is there as a whole or not at all. Whatever does not fit is made
again from the weights: another model, another version of the engine, other weights, damage.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_search.extractors.weights.files import Weights
from image_search.extractors.weights.integrity import crc32, is_sha256, sha256

_log = logging.getLogger(__name__)

_NOTE = "made_from.json"
_ASIDE = ".tmp"
# A conversion takes a minute at most; what is older than this was left by one that was killed.
_ABANDONED_SECONDS = 3600.0


@dataclass(frozen=True)
class CompiledModel:
    """The files of one conversion, with the ``checksums`` that they were written with by name."""

    folder: Path
    checksums: Mapping[str, str]

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            OSError: it cannot be read, or is not as it was written.
        """
        content = (self.folder / name).read_bytes()
        if crc32(content) != self.checksums.get(name):
            raise OSError(f"{name} is not as it was written")
        return content


class Store:
    """The conversion of one ``model`` from a file of weights, by an engine that ``made_by`` names
    to the version. Several models may be made from the same file."""

    def __init__(self, weights: Weights, model: str, made_by: str) -> None:
        self._weights = weights
        self._model = model
        self._made_by = made_by = f"{model}, {made_by}"
        key = hashlib.sha256(made_by.encode()).hexdigest()[:16]
        self._home = weights.converted
        self._folder = self._home / key

    def find(self) -> CompiledModel | None:
        """The converted models, of which nothing has been read yet, or None.

        The weights themselves are only read where their size or date is not the noted one.

        Raises:
            ModelUnavailable: the weights are not on disk, or are damaged.
        """
        note = self._noted()
        if note is None:
            return None
        kept = CompiledModel(self._folder, note["files"])
        path = self._weights.path()
        if path is not None and note["stamp"] == _stamp(path):
            return kept
        # Copied to another machine, or fetched again: the same content may have another date.
        path = self._weights.ready()
        if note["weights"] != _digest(path):
            return None
        with contextlib.suppress(OSError):
            _write_note(self._folder, {**note, "stamp": _stamp(path)})
        return kept

    def keep(self, save: Callable[[Path], None]) -> Path | None:
        """Have ``save`` write the converted models into a folder, and give that folder its place.

        Returns None where that is not possible: the disk is full, or may not be written. The models
        then have to be made again at the next start.
        """
        aside = self._home / f"{self._folder.name}.{secrets.token_hex(4)}{_ASIDE}"
        try:
            path = self._weights.ready()
            aside.mkdir(parents=True)
            save(aside)
            note = {
                "model": self._model,
                "made_by": self._made_by,
                "weights": _digest(path),
                "stamp": _stamp(path),
                "files": {file.name: crc32(file.read_bytes()) for file in sorted(aside.iterdir())},
            }
            _write_note(aside, note)
            for file in aside.iterdir():
                _sync(file)
            shutil.rmtree(self._folder, ignore_errors=True)
            aside.replace(self._folder)
        except (OSError, RuntimeError) as error:  # the engine says RuntimeError for a full disk
            shutil.rmtree(aside, ignore_errors=True)
            # Another process may have been quicker.
            if self._noted() is not None:
                return self._folder
            _log.warning("The converted model cannot be kept in %s (%s).", self._home, error)
            return None
        self._sweep()
        return self._folder

    def _noted(self) -> dict[str, Any] | None:
        """The note of a conversion of which all files are there."""
        try:
            note: dict[str, Any] = json.loads((self._folder / _NOTE).read_text("utf-8"))
            whole = note.keys() >= {"stamp", "weights"} and bool(note["files"])
            if whole and all((self._folder / name).is_file() for name in note["files"]):
                return note
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None
        return None

    def _sweep(self) -> None:
        """Remove conversions by other versions, and what killed ones left behind."""
        for folder in self._home.iterdir():
            with contextlib.suppress(OSError):
                age = time.time() - folder.stat().st_mtime
                if folder == self._folder or _model_of(folder) not in ("", self._model):
                    continue
                if folder.suffix != _ASIDE or age > _ABANDONED_SECONDS:
                    shutil.rmtree(folder)


def _model_of(folder: Path) -> str:
    """The model that a conversion is of; empty where it does not say so."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        return str(json.loads((folder / _NOTE).read_text("utf-8")).get("model", ""))
    return ""


def _stamp(path: Path) -> list[int]:
    """Size and date of the file itself, whatever links lead to it."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _digest(path: Path) -> str:
    """SHA-256 of a file of weights that has been checked; some are stored under it."""
    name = path.resolve().name
    return name if is_sha256(name) else sha256(path)


def _write_note(folder: Path, note: dict[str, Any]) -> None:
    aside = folder / f"{secrets.token_hex(4)}{_ASIDE}"
    aside.write_text(json.dumps(note, indent=1), "utf-8")
    _sync(aside)
    aside.replace(folder / _NOTE)


def _sync(path: Path) -> None:
    # Windows syncs only what is open for writing.
    with path.open("rb+") as file:
        os.fsync(file.fileno())
