"""TIFF files of unusual kinds written by the tests, after TIFF 6.0 and the BigTIFF proposal."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

Order = Literal["<", ">"]
Values = int | Sequence[int] | bytes


def packed_bits(samples: np.ndarray, bits: int) -> bytes:
    """Samples (height, width, count) of any number of bits, each row from a whole byte."""
    shifts = np.arange(bits - 1, -1, -1)
    rows = (samples.reshape(len(samples), -1, 1).astype(np.int64) >> shifts) & 1
    return np.packbits(rows.reshape(len(samples), -1).astype(np.uint8), axis=1).tobytes()


def tiff(
    samples: np.ndarray,
    photometric: int,
    *,
    bits: int | None = None,
    order: Order = "<",
    big: bool = False,
    deflate: bool = False,
    predictor: int = 1,
    separate: bool = False,
    tile: int = 0,
    extra: int | None = None,
    tags: Mapping[int, Values] | None = None,
) -> bytes:
    """A file of one picture; ``samples`` is (height, width, count) of the type to be stored."""
    height, width, count = samples.shape
    depth = bits or samples.dtype.itemsize * 8
    stored = samples.astype(samples.dtype.newbyteorder(order))
    planes = [stored[..., n : n + 1] for n in range(count)] if separate else [stored]
    parts: list[bytes] = []
    for plane in planes:
        blocks = [plane]
        if tile:
            whole = np.zeros((-(-height // tile) * tile, -(-width // tile) * tile, plane.shape[2]))
            whole = whole.astype(plane.dtype)
            whole[:height, :width] = plane
            blocks = [
                whole[y : y + tile, x : x + tile]
                for y in range(0, len(whole), tile)
                for x in range(0, whole.shape[1], tile)
            ]
        for block in blocks:
            if predictor == 2:
                native = block.astype(block.dtype.newbyteorder("="))
                native[:, 1:] = np.diff(native, axis=1)
                block = native.astype(block.dtype)
            raw = packed_bits(block, depth) if bits else np.ascontiguousarray(block).tobytes()
            parts.append(zlib.compress(raw) if deflate else raw)
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    entries: dict[int, Values] = {
        256: width, 257: height, 258: [depth] * count, 259: 8 if deflate else 1, 262: photometric,
        277: count, 284: 2 if separate else 1, 317: predictor, 339: [kind] * count,
    }  # fmt: skip
    if tile:
        entries |= {322: tile, 323: tile}
    else:
        entries |= {278: height}
    if extra is not None:
        entries[338] = extra
    entries |= tags or {}
    places, lengths = (324, 325) if tile else (273, 279)
    entries |= {places: [0] * len(parts), lengths: [len(part) for part in parts]}
    return _joined(entries, places, parts, order, big)


def _joined(
    entries: dict[int, Values], places: int, parts: list[bytes], order: Order, big: bool
) -> bytes:
    mark = b"II" if order == "<" else b"MM"
    long, inline = ("Q", 8) if big else ("I", 4)
    head = mark + struct.pack(
        order + ("HHHQ" if big else "HI"), *((43, 8, 0, 16) if big else (42, 8))
    )
    size = len(head) + (8 if big else 2) + len(entries) * (20 if big else 12) + inline

    def encoded(values: Values) -> tuple[int, int, bytes]:
        if isinstance(values, bytes):
            return 7, len(values), values
        numbers = [values] if isinstance(values, int) else list(values)
        return 4, len(numbers), struct.pack(f"{order}{len(numbers)}I", *numbers)

    beyond = sum(len(e[2]) for e in map(encoded, entries.values()) if len(e[2]) > inline)
    start = size + beyond
    starts = [start + sum(map(len, parts[:n])) for n in range(len(parts))]
    table, rest = b"", b""
    for tag in sorted(entries):
        code, count, raw = encoded(starts if tag == places else entries[tag])
        entry = struct.pack(order + "HH" + long, tag, code, count)
        if len(raw) > inline:
            entry += struct.pack(order + long, size + len(rest))
            rest += raw
        else:
            entry += raw.ljust(inline, b"\0")
        table += entry
    number = struct.pack(order + ("Q" if big else "H"), len(entries))
    return head + number + table + struct.pack(order + long, 0) + rest + b"".join(parts)


def camera_raw(thumbnail: bytes, preview: bytes, sizes: tuple[int, int], orientation: int) -> bytes:
    """As a NEF begins: a small uncompressed picture, and a large preview in a directory below.

    ``thumbnail`` are RGB samples of 40 x 30 pixels, ``preview`` is a JPEG file of ``sizes``.
    """

    def table(entries: list[tuple[int, int, int, int]]) -> bytes:
        rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
        return struct.pack("<H", len(entries)) + rows + struct.pack("<I", 0)

    first, second = 8, 8 + 2 + 13 * 12 + 4
    make = second + 2 + 6 * 12 + 4
    bits = make + 8
    small = bits + 6
    large = small + len(thumbnail)
    top = [
        (254, 4, 1, 1), (256, 4, 1, 40), (257, 4, 1, 30), (258, 3, 3, bits), (259, 3, 1, 1),
        (262, 3, 1, 2), (271, 2, 8, make), (273, 4, 1, small), (274, 3, 1, orientation),
        (277, 3, 1, 3), (278, 4, 1, 30), (279, 4, 1, len(thumbnail)), (330, 4, 1, second),
    ]  # fmt: skip
    below = [
        (254, 4, 1, 0), (256, 4, 1, sizes[0]), (257, 4, 1, sizes[1]), (259, 3, 1, 6),
        (513, 4, 1, large), (514, 4, 1, len(preview)),
    ]  # fmt: skip
    head = b"II*\0" + struct.pack("<I", first)
    return (
        head
        + table(top)
        + table(below)
        + b"CAMERA\0\0"
        + struct.pack("<3H", 8, 8, 8)
        + thumbnail
        + preview
    )
