"""Small files in the form of CIFAR-10's python version, byte for byte as Python 2 pickled them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip
COLOURS = np.random.default_rng(3).integers(0, 256, (10, 3))


def text(value: bytes) -> bytes:
    """A string of Python 2."""
    if len(value) < 256:
        return b"U" + bytes([len(value)]) + value
    return b"T" + struct.pack("<i", len(value)) + value


def number(value: int) -> bytes:
    return b"J" + struct.pack("<i", value)


def array(values: npt.NDArray[np.uint8], kind: bytes = b"u1") -> bytes:
    """An array as numpy of that time reduced it."""
    made = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    )
    shape = b"(" + b"".join(map(number, values.shape)) + b"t"
    dtype = (
        b"cnumpy\ndtype\n" + text(kind) + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    )
    return made + b"(K\x01" + shape + dtype + b"\x89" + text(values.tobytes()) + b"tb"


def pickled(items: Sequence[tuple[bytes, bytes]]) -> bytes:
    """A dictionary of names and values that are pickled already."""
    return b"\x80\x02}(" + b"".join(text(key) + value for key, value in items) + b"u."


def listed(values: Sequence[bytes]) -> bytes:
    return b"](" + b"".join(values) + b"e"


def batch(labels: Sequence[int], first: int, kind: bytes = b"u1") -> bytes:
    """A batch of noisy squares, each in the colour of its class."""
    rng = np.random.default_rng(first)
    noise = rng.integers(-20, 21, (len(labels), 3, 32, 32))
    images = np.clip(COLOURS[list(labels)][:, :, None, None] + noise, 0, 255).astype(np.uint8)
    names = [f"{CLASSES[label]}_s_{first + n:06}.png" for n, label in enumerate(labels)]
    return pickled([
        (b"data", array(images.reshape(len(labels), -1), kind)),
        (b"labels", listed([number(label) for label in labels])),
        (b"batch_label", text(b"training batch 1 of 5")),
        (b"filenames", listed([text(name.encode()) for name in names])),
    ])  # fmt: skip


def write(folder: Path, each: int = 4) -> Path:
    """All files of the archive, with so many images of each class in each batch."""
    folder.mkdir(parents=True)
    labels = [label for label in range(10) for _ in range(each)]
    for at, name in enumerate((*(f"data_batch_{n}" for n in range(1, 6)), "test_batch")):
        (folder / name).write_bytes(batch(labels, 1000 * at))
    names = listed([text(name.encode()) for name in CLASSES])
    meta = [(b"num_cases_per_batch", number(10000)), (b"label_names", names)]
    (folder / "batches.meta").write_bytes(pickled(meta))
    return folder
