"""Is a file of weights whole? Answered without a model library, so that it costs little.

A quick look finds files that were cut short and error pages saved as files; a thorough one reads
every byte and compares with the checksum that came with the file, wherever there is one:

- huggingface_hub names the stored file after the SHA-256 of its content;
- PyTorch's file format is a zip archive, which holds a CRC-32 of every part;
- torchvision's file names end in the first digits of the SHA-256.
"""

from __future__ import annotations

import functools
import hashlib
import json
import re
import zipfile
import zlib
from pathlib import Path

_SHA256 = re.compile(r"[0-9a-f]{64}")
_SHA256_PREFIX = re.compile(r"-([0-9a-f]{8,64})\.")
# How a file of torch.save before the zip format (PyTorch 1.6) begins.
_LEGACY_TORCH = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
_CHUNK = 1 << 20


def sha256(path: Path) -> str:
    """Checksum of the content, 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def crc32(content: bytes) -> str:
    """Checksum, 8 hexadecimal digits; several times as quick as SHA-256, for what this program
    itself wrote."""
    return f"{zlib.crc32(content):08x}"


def is_sha256(text: str | None) -> bool:
    """Whether the text has the form of such a checksum."""
    return text is not None and _SHA256.fullmatch(text) is not None


def damage(path: Path, *, thorough: bool) -> str | None:
    """What is wrong with the file, in plain words, or None where nothing is."""
    try:
        state = path.stat()
        finding = _form(path, (state.st_size, state.st_mtime_ns, state.st_ino))
        if finding is None and thorough:
            finding = _content(path)
    except OSError as error:
        finding = f"it cannot be read ({error.strerror or error})"
    return finding


@functools.lru_cache(maxsize=64)
def _form(path: Path, state: tuple[int, int, int]) -> str | None:
    # Asked before every search; a file of one size, time and number is looked into once.
    return _safetensors(path, state[0]) if path.suffix == ".safetensors" else _torch(path)


def _safetensors(path: Path, size: int) -> str | None:
    """The format begins with the length of its table of contents, which lists the rest."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(100_000_000, size - 8):
            return "it is not a safetensors file, or cut off near its beginning"
        try:
            table = json.loads(file.read(length))
            end = max(row["data_offsets"][1] for key, row in table.items() if key != "__metadata__")
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return "its table of contents is not readable"
    if size != 8 + length + end:
        return f"it has {size} bytes and should have {8 + length + end}"
    return None


def _torch(path: Path) -> str | None:
    """A zip archive ends with its table of contents, so a shortened one has none."""
    if zipfile.is_zipfile(path):
        return None
    with path.open("rb") as file:
        if file.read(len(_LEGACY_TORCH)) == _LEGACY_TORCH:
            return None
    return "it is not a PyTorch file, or cut off before its end"


def _content(path: Path) -> str | None:
    """Every byte against the best checksum at hand."""
    name = path.resolve().name
    if is_sha256(name):
        return None if sha256(path) == name else "its content does not match its checksum"
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                broken = archive.testzip()
        except (zipfile.BadZipFile, EOFError, RuntimeError) as error:
            return f"its parts cannot be read ({error})"
        return f"its part {broken} does not match its checksum" if broken else None
    if prefix := _SHA256_PREFIX.search(name):
        return None if sha256(path).startswith(prefix[1]) else "it does not match its checksum"
    return None
