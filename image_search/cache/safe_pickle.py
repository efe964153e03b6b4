"""A pickle without its sins: plain values only, checked before it is read, replaced in one step."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import Any

from image_search.errors import CacheDamaged

# Protocol 5 (PEP 574) reads byte buffers without copying them twice.
PROTOCOL = 5


class _PlainUnpickler(pickle.Unpickler):
    """Builds numbers, text, bytes, lists, tuples, dicts, and refuses everything else.

    A pickle becomes dangerous by naming a global to be called; none is ever needed here because
    arrays are stored as bytes with their shape.
    """

    def find_class(self, module: str, name: str) -> Any:
        raise CacheDamaged(
            f"it asks to run {module}.{name}, which no cache of this program does; "
            "it was not run, and the file should not be trusted"
        )

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - the base class names it
        raise CacheDamaged("it refers to something outside itself")


def dump(path: Path, value: Any) -> None:
    """Write ``value`` (plain values only) to ``path``, atomically and durably.

    The value is wrapped with its own SHA-256, so that a reader knows a damaged file from a good
    one.

    Raises:
        OSError: the disk is full or not writable; the previous file is untouched.
    """
    write_durably(path, _sealed(pickle.dumps(value, protocol=PROTOCOL)))


def load(path: Path) -> Any:
    """The value that ``dump`` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        CacheDamaged: the file is hostile, truncated, altered or not ours; nothing in it was run.
    """
    data = path.read_bytes()
    envelope = _plain(data)
    if not (isinstance(envelope, dict) and {"sha256", "payload"} <= envelope.keys()):
        raise CacheDamaged("it is not a cache of this program")
    payload = envelope["payload"]
    if not isinstance(payload, bytes) or _sealed(payload) != data:
        raise CacheDamaged("its checksum does not match")
    return _plain(payload)


def _sealed(payload: bytes) -> bytes:
    """The file's content for a pickled value."""
    envelope = {"sha256": hashlib.sha256(payload).digest(), "payload": payload}
    return pickle.dumps(envelope, protocol=PROTOCOL)


def _plain(data: bytes) -> Any:
    try:
        return _PlainUnpickler(io.BytesIO(data)).load()
    except CacheDamaged:
        raise
    except MemoryError:
        raise CacheDamaged("it claims more memory than there is") from None
    except Exception as error:
        # A damaged pickle stream can raise nearly anything; all of it means the same.
        raise CacheDamaged(f"it is not a whole pickle ({type(error).__name__})") from error


def write_durably(path: Path, *chunks: bytes | memoryview) -> None:
    """Write aside, flush to the disk, rename over ``path``, and make the rename itself durable."""
    aside = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with aside.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames inside ``folder`` survive a power cut, where the system knows how."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
