"""What an update reports while it runs and when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Unreadable:
    """A picture that could not be read, and why. ``kind`` is damaged, not read (a format that is
    not read yet) or refused (by a limit, the system or a rule)."""

    path: str
    reason: str
    kind: str = "damaged"


@dataclass(frozen=True)
class Progress:
    """How far an update is. ``phase`` is resolving, scanning, embedding, adding (of
    extractors to images that are indexed) or saving.

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

    def after(self, seconds: float, recent: Iterable[Unreadable]) -> Progress:
        """Return this progress with the rate and the time left that follow from ``seconds``."""
        rate = self.done / seconds if self.done and seconds > 0 else None
        left = (self.total - self.done) / rate if rate else None
        return replace(self, rate=rate, seconds_left=left, recent=tuple(recent))


@dataclass(frozen=True)
class Report:
    """What an update did. ``embedded`` pictures went through the extractors, and ``taken`` came
    from parts that were made elsewhere.

    ``unchanged`` counts readable files that were left as they are; ``unreadable`` all the pictures
    of the folder that cannot be read now, listed in ``failures``; ``not_images`` counts, by the
    ending of their names, the files that are no images. ``rebuilt`` says that the index now
    has other extractors, ``calibrated`` that scores were fitted to the collection again. ``notes``
    are those of the ``warnings`` that need no attention, see
    ``image_search.extractors.Resolution``.
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
    not_images: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    taken: int = 0
