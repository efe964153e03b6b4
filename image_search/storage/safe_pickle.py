"""A pickle without its sins: plain values only, checked before it is read, replaced in one step."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import re
import secrets
import stat
from pathlib import Path
from typing import Any

from image_search.errors import CacheDamaged, NotACache
from image_search.storage import opcodes

# Protocol 5 (PEP 574) reads byte buffers without copying them twice.
PROTOCOL = 5
# The largest file that is read, in bytes. The records of a full segment take a tenth of it.
MOST_BYTES = 1 << 30
# How a sealed value begins; the dots are the length of the pickle's first frame.
_BEGINNING = b"\x80\x05\x95........}\x94(\x8c\x06sha256\x94C\x20"
_FRAME = range(3, 11)
# The whole of what comes before the payload: beginning, checksum, name and length.
_HEAD = re.compile(
    re.escape(_BEGINNING[:3]) + b".{8}" + re.escape(_BEGINNING[11:]) + b"(.{32})"
    rb"\x94\x8c\x07payload\x94(?:C(.)|B(.{4})|\x8e(.{8}))",
    re.DOTALL,
)
_HEAD_BYTES = 128
# The most that may come after it.
_TAIL_BYTES = 16


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
    """The value that ``dump`` wrote. Nothing is unpickled before its checksum was found right.

    Raises:
        FileNotFoundError: there is no such file.
        NotACache: it is no regular file, or does not begin like one that ``dump`` wrote.
        CacheDamaged: the file is hostile, truncated, altered or too large; nothing in it was run.
    """
    data = _read(path)
    head = _HEAD.match(data)
    if head is None:
        raise CacheDamaged("its beginning was altered, or it is truncated")
    length = int.from_bytes(next(filter(None, head.groups()[1:])), "little")
    payload = data[head.end() : head.end() + length]
    if hashlib.sha256(payload).digest() != head[1] or _sealed(payload) != data:
        raise CacheDamaged("its checksum does not match")
    return _plain(payload)


def check_length(path: Path) -> None:
    """See that a file which ``dump`` wrote is there and whole, without reading all of it.

    Raises:
        FileNotFoundError: there is no such file.
        CacheDamaged: it begins otherwise, or is of another length than its beginning says.
    """
    with path.open("rb") as file:
        data = file.read(_HEAD_BYTES)
        size = os.fstat(file.fileno()).st_size
    head = _HEAD.match(data)
    if head is None:
        raise CacheDamaged("its beginning was altered, or it is truncated")
    length = int.from_bytes(next(filter(None, head.groups()[1:])), "little")
    if not 0 < size - head.end() - length <= _TAIL_BYTES:
        raise CacheDamaged("it is truncated")


def _read(path: Path) -> bytes:
    """The content of ``path``, which begins like a file of ours."""
    _check_regular(path.stat())
    # Should it be replaced by a pipe just now, this does not wait until something is written to it.
    descriptor = os.open(
        path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    )
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        _check_regular(status)
        beginning = file.read(_HEAD_BYTES)
        if not _begins_like_ours(beginning):
            raise NotACache(
                "it does not begin like a cache of this program" if beginning else "it is empty"
            )
        if status.st_size > MOST_BYTES:
            raise CacheDamaged(f"it has {status.st_size:,} bytes, more than a cache can")
        return beginning + file.read(MOST_BYTES)


def _check_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise NotACache("it is no regular file")


def _begins_like_ours(data: bytes) -> bool:
    """Whether ``data``, the beginning of a file, is that of a sealed value, or was it before one
    byte was damaged, or the file was cut off."""
    pairs = zip(data, _BEGINNING, strict=False)
    wrong = sum(one != ours for at, (one, ours) in enumerate(pairs) if at not in _FRAME)
    return bool(data) and wrong <= (len(data) > len(_BEGINNING))


def _sealed(payload: bytes) -> bytes:
    """The file's content for a pickled value."""
    envelope = {"sha256": hashlib.sha256(payload).digest(), "payload": payload}
    return pickle.dumps(envelope, protocol=PROTOCOL)


def _plain(data: bytes) -> Any:
    opcodes.check(data)
    try:
        value = _PlainUnpickler(io.BytesIO(data)).load()
    except CacheDamaged:
        raise
    except MemoryError:
        raise CacheDamaged("it claims more memory than there is") from None
    except Exception as error:
        # A damaged pickle stream can raise nearly anything; all of it means the same.
        raise CacheDamaged(f"it is not a whole pickle ({type(error).__name__})") from error
    opcodes.check_nesting(value)
    return value


def write_durably(path: Path, *chunks: bytes | memoryview) -> None:
    """Write aside, flush to the disk, rename over ``path``, and make the rename itself durable."""
    # A name of its own for each, for two threads may write the same at once.
    aside = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
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
