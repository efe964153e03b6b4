"""Read the pinned dependencies in a requirements file or a lock file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).resolve().parent.parent
#: What the package needs directly, and what that needs, with the hashes of all files.
DIRECT: Final = ROOT / "requirments.txt"
LOCK: Final = ROOT / "requirments.lock"


def pins(path: Path) -> list[Requirement]:
    """Return the requirements that ``path`` lists, without their hashes."""
    lines = path.read_text("utf-8").replace("\\\n", " ").splitlines()
    stated = (line.partition("#")[0].partition("--hash")[0].strip() for line in lines)
    return [Requirement(line) for line in stated if line]


def names(path: Path, *, here: bool = False) -> set[str]:
    """Return the canonical names that ``path`` pins; with ``here``, for this platform only."""
    return {
        canonicalize_name(pin.name)
        for pin in pins(path)
        if not here or pin.marker is None or pin.marker.evaluate()
    }
