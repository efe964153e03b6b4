"""CIFAR-10's own files as labelled folders: 50,000 images to index, 10,000 to ask with.

The archive (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009) holds
pickles, which can run anything when they are read in the usual way. Here nothing that a pickle
names is called: arrays are made of their bytes, and anything else is refused.
"""

from __future__ import annotations

import io
import math
import pickle
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from image_search.errors import SettingsError
from image_search.indexing.reports import Progress

TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST, META = "test_batch", "batches.meta"
SIDE = 32
_CLASSES = 10
# A batch has 31 MB.
_MOST_BYTES = 1 << 27
# Names of classes and files become those of folders and files here.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", re.ASCII)
# Images written between two reports.
_REPORTED = 500


@dataclass(frozen=True)
class Unpacked:
    """Folders with a folder for each class: what is indexed, and what is asked."""

    gallery: Path
    queries: Path


@dataclass(frozen=True, eq=False)
class Batch:
    """Images (n, 32, 32, 3) uint8 RGB, with the number of the class and the name of each."""

    images: npt.NDArray[np.uint8]
    labels: tuple[int, ...]
    names: tuple[str, ...]


class _DType:
    """Stands for ``numpy.dtype`` while a pickle is read."""

    def __init__(self, kind: Any = "", *_: Any) -> None:
        self.kind = kind.decode("ascii") if isinstance(kind, bytes) else kind

    def __setstate__(self, _: Any) -> None:
        """Byte order and fields, of which there are none for bytes."""


class _Array:
    """Stands for an array while a pickle is read; ``array`` is what it holds."""

    def __init__(self, *_: Any) -> None:
        self.array: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, _, data = state
        if not isinstance(dtype, _DType) or dtype.kind not in ("u1", "uint8"):
            raise pickle.UnpicklingError("it holds an array that is not of bytes")
        if not (isinstance(data, bytes) and math.prod(shape) == len(data)):
            raise pickle.UnpicklingError("it holds an array of another size than it says")
        self.array = np.frombuffer(data, np.uint8).reshape(shape)


def _reconstructed(*_: Any) -> _Array:
    return _Array()


def _encoded(text: Any, encoding: Any) -> bytes:
    # How Python 3 writes bytes for Python 2.
    if not (isinstance(text, str) and encoding == "latin1"):
        raise pickle.UnpicklingError("it encodes something in an unknown way")
    return text.encode("latin1")


_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstructed,
    ("numpy._core.multiarray", "_reconstruct"): _reconstructed,
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _DType,
    ("_codecs", "encode"): _encoded,
}


# The one in Python: that in C lets a pickle of a few bytes claim gigabytes for its memo.
class _Unpickler(pickle._Unpickler):
    """Builds lists, dictionaries, text, numbers, and arrays of bytes; refuses everything else."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks to run {module}.{name}, which no file of CIFAR-10 does; it was not run"
            ) from None

    def persistent_load(self, pid: Any) -> Any:  # noqa: ARG002 - the base class names it
        raise pickle.UnpicklingError("it refers to something outside itself")


def read_batch(file: Path) -> Batch:
    """The images of one batch.

    Raises:
        SettingsError: the file cannot be read, or is no batch of CIFAR-10.
    """
    plain = _read(file)
    data, labels, names = (plain.get(key) for key in ("data", "labels", "filenames"))
    if isinstance(data, _Array) and isinstance(labels, list) and isinstance(names, list):
        whole = len(data.array) == len(labels) == len(names) and data.array.ndim == 2
        if whole and data.array.shape[1:] == (3 * SIDE * SIDE,):
            planes = data.array.reshape(-1, 3, SIDE, SIDE)
            numbers = tuple(_label(file, label) for label in labels)
            texts = tuple(_text(file, name) for name in names)
            return Batch(np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), numbers, texts)
    raise SettingsError(f"{file} is no batch of CIFAR-10: its images and labels do not fit.")


def class_names(file: Path) -> tuple[str, ...]:
    """The names of the classes.

    Raises:
        SettingsError: the file cannot be read, or holds none.
    """
    names = _read(file).get("label_names")
    if not isinstance(names, list) or len(names) != _CLASSES:
        raise SettingsError(f"{file} does not name the {_CLASSES} classes of CIFAR-10.")
    return tuple(_text(file, name) for name in names)


def unpack(
    folder: Path,
    target: Path,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Unpacked:
    """Write the images of CIFAR-10's batches in ``folder`` to ``target``, as PNG files in a folder
    for each class.

    Images that are there already are left as they are.

    Args:
        folder: ``cifar-10-batches-py``, or the folder that holds it.
        target: gets the folders ``train`` and ``test``.
        on_progress: is called now and then.

    Raises:
        SettingsError: files are missing, damaged or not CIFAR-10's, or cannot be written.
    """
    inner = folder / "cifar-10-batches-py"
    folder = inner if inner.is_dir() else folder
    missing = [name for name in (META, *TRAIN, TEST) if not (folder / name).is_file()]
    if missing:
        raise SettingsError(
            f"{folder} lacks {missing[0]}: name the folder with the files of CIFAR-10's python "
            "version, cifar-10-batches-py."
        )
    classes, done = class_names(folder / META), 0
    for name in (*TRAIN, TEST):
        batch = read_batch(folder / name)
        place = target / ("test" if name == TEST else "train")
        try:
            for one in classes:
                (place / one).mkdir(parents=True, exist_ok=True)
            for image, label, called in zip(batch.images, batch.labels, batch.names, strict=True):
                # Batches may call images of the same class the same.
                file = place / classes[label] / f"{Path(called).stem}-{name[-1]}.png"
                if not file.exists():
                    file.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
                done += 1
                if done % _REPORTED == 0:
                    on_progress(Progress("unpacking", done=done))
        except OSError as error:
            raise SettingsError(
                f"{place} cannot be written ({error.strerror or error})."
            ) from error
    on_progress(Progress("unpacking", done=done, total=done))
    return Unpacked(target / "train", target / "test")


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise SettingsError(f"{file} is larger than any file of CIFAR-10.")
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"{file} cannot be read ({error.strerror or error}).") from error
    try:
        # Python 2 wrote text as bytes.
        plain = _Unpickler(io.BytesIO(data), encoding="bytes").load()
    except Exception as error:  # what a damaged pickle raises is not foreseeable
        raise SettingsError(f"{file} is no file of CIFAR-10 ({error}).") from error
    if not isinstance(plain, dict):
        raise SettingsError(f"{file} is no file of CIFAR-10.")
    return {
        key.decode("latin1") if isinstance(key, bytes) else str(key): value
        for key, value in plain.items()
    }


def _label(file: Path, label: Any) -> int:
    if type(label) is not int or not 0 <= label < _CLASSES:
        raise SettingsError(f"{file} has a label that is none of {_CLASSES} classes.")
    return label


def _text(file: Path, name: Any) -> str:
    text = name.decode("latin1") if isinstance(name, bytes) else name
    if not isinstance(text, str) or not _NAME.fullmatch(text):
        raise SettingsError(f"{file} has a name that cannot be that of a file: {text!r:.60}.")
    return text
