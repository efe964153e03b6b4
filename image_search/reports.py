"""What an update tells while it runs and when it ends."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Unreadable:
    """A file that could not be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Progress:
    """How far an update is. ``phase`` is resolving, scanning, embedding or saving.

    ``done`` and ``total`` count files to look at; ``rate`` is in files per second; ``recent`` are
    the last files that could not be read.
    """

    phase: str
    done: int = 0
    total: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unreadable: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    recent: tuple[Unreadable, ...] = ()


@dataclass(frozen=True)
class Report:
    """What an update did. ``embedded`` pictures went through the extractors.

    ``unchanged`` counts readable files that were left as they are; ``unreadable`` all the files of
    the folder that cannot be read now, listed in ``failures``. ``rebuilt`` says that the index was
    made anew with other extractors, ``calibrated`` that scores were fitted anew to the collection.
    """

    added: int
    changed: int
    moved: int
    removed: int
    unchanged: int
    unreadable: int
    embedded: int
    failures: tuple[Unreadable, ...]
    seconds: float
    rebuilt: bool
    calibrated: bool
    cancelled: bool
    warnings: tuple[str, ...]
