"""Codes kept beside a segment, derived from its vectors: lost, they are made again.

The name of the file says what the codes were derived from, so a file that is there and whole is the
right one: which vectors (their checksums, their number, the times of their files), which
calibration, and how they are coded. It is written only after the vectors were verified, and so
shows that they are right while their files are not touched: a large cache is not read whole at
every start.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from image_search.errors import CacheDamaged
from image_search.storage import safe_pickle
from image_search.storage.segments import CODES, Segment


def codes_path(segment: Segment, calibration: Mapping[str, Any] | None, coding: str) -> Path:
    """Where the codes of ``segment`` under ``calibration`` and this ``coding`` belong."""
    of = (coding, segment.checksums, segment.vectors.shape)
    digest = hashlib.sha256(repr((of, sorted((calibration or {}).items()))).encode())
    return segment.folder / f"{segment.name}.{digest.hexdigest()[:16]}{CODES}"


def read_codes(path: Path, rows: int, length: int) -> npt.NDArray[np.uint8] | None:
    """The codes (rows, length) in ``path``; ``None`` where they are missing or damaged."""
    try:
        content = safe_pickle.load(path)
        return np.frombuffer(content, np.uint8).reshape(rows, length)
    except (CacheDamaged, OSError, TypeError, ValueError):
        return None


def keep_codes(path: Path, codes: npt.NDArray[np.uint8]) -> None:
    """Write ``codes`` for the next start; a disk that is full or not writable only makes that
    slower. What was derived from the same segment before is removed."""
    with contextlib.suppress(OSError):
        safe_pickle.dump(path, codes.tobytes())
        for old in path.parent.glob(f"{path.name.split('.')[0]}.*{CODES}"):
            if old != path:
                old.unlink(missing_ok=True)
