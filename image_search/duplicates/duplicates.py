"""The duplicates of one collection, found as images come, and what people decide about them."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import filelock
import numpy as np

from image_search.duplicates.building import GroupingContext, build
from image_search.duplicates.checking import Checker
from image_search.duplicates.checking.fingerprinted import Fingerprinted
from image_search.duplicates.decisions import Decisions, Imported, Side
from image_search.duplicates.fingerprints import FINGERPRINT_VERSION
from image_search.duplicates.groups import ALL, DECIDED, OPEN, Group, Page, form_groups
from image_search.duplicates.keeping import KeepChoice, kept, parts_of
from image_search.duplicates.pairs import Pairs, SamePicture
from image_search.errors import CacheError, CacheLocked, ImageSearchError, InvalidQuery
from image_search.indexing.background import BackgroundTask
from image_search.indexing.originals import Originals, id_of
from image_search.indexing.reports import Progress
from image_search.search.ranking.fusion import (
    KINDS,
)
from image_search.settings import Settings
from image_search.storage import Snapshot

logger = logging.getLogger(__name__)

# Pairs are kept from this score on, or from this share of the lower threshold where that is less,
# so that fitting the thresholds rarely means comparing everything again.
_FLOOR, _SHARE = 3.2, 0.8


class Duplicates:
    """Groups of images that show the same picture. Safe to use from many threads."""

    def __init__(
        self,
        settings: Settings,
        snapshot: Callable[[], Snapshot],
        originals: Originals,
        decisions: Decisions,
        fingerprinted: Fingerprinted,
        checker: Checker,
    ) -> None:
        self._settings, self._snapshot, self._originals = settings, snapshot, originals
        self._decisions, self._checker = decisions, checker
        self._fingerprinted = fingerprinted
        self._pairs = Pairs(settings.state_dir / "duplicates.sqlite")
        self._one = filelock.FileLock(settings.state_dir / "duplicates.lock", timeout=0)
        self._lock = threading.Lock()
        self._task, self._hurry = BackgroundTask("duplicates", self._run), False
        self._progress: Progress | None = None
        self._unread: frozenset[bytes] = frozenset()
        self._formed: dict[str, tuple[Snapshot, list[SamePicture], object, list[Group]]] = {}
        self._parts: tuple[list[Group] | None, dict[str, str]] = (None, {})
        self._copied: tuple[Snapshot | None, tuple[bytes, ...]] = (None, ())
        self._read: tuple[tuple[int, int] | None, list[SamePicture], set[bytes]] = (None, [], set())

    @property
    def pending(self) -> int:
        """How many contents have not been compared with the others yet."""
        contents = self._snapshot().contents() - self._stored_pairs()[1]
        # Those that could not be read when it was tried are waited for no longer.
        return len(contents - (self._unread & set(self._fingerprinted.missing())))

    def update(
        self,
        on_progress: Callable[[Progress], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
        *,
        fitting: bool = True,
        hurry: bool = True,
    ) -> bool:
        """Compare all images not compared yet, and return whether this was finished.

        Missing fingerprints are made first. What was done is kept in any case.

        Args:
            on_progress: called with the progress.
            cancelled: whether to stop now.
            fitting: whether thresholds are fitted again if they are due.
            hurry: whether all threads are used, or half of them.

        Raises:
            CacheLocked: another process or thread is comparing images.
            CacheError: the results cannot be written.
        """

        def note(progress: Progress) -> None:
            self._progress = progress
            on_progress(progress)

        try:
            (place := self._settings.state_dir).mkdir(parents=True, exist_ok=True)
            self._one.acquire()
        except filelock.Timeout:
            raise CacheLocked(
                "Another process is comparing the images already; wait until it has finished."
            ) from None
        except OSError as error:
            raise CacheError(f"The folder {place} cannot be written ({error.strerror}).") from error
        try:
            if not self._fingerprinted.catch_up(note, cancelled):
                return False
            self._unread = frozenset(self._fingerprinted.missing())
            if fitting and not self._checker.fit(note, cancelled, hurry=hurry):
                return False
            return self._build(note, cancelled, hurry=hurry)
        finally:
            self._progress = None
            self._one.release()

    def _build(
        self,
        on_progress: Callable[[Progress], None],
        cancelled: Callable[[], bool],
        *,
        hurry: bool,
    ) -> bool:
        least = min(self._checker.threshold(kind)[0].duplicate_threshold for kind in KINDS)
        context = GroupingContext(
            self._fingerprinted,
            self._originals,
            self._snapshot(),
            min(_FLOOR, _SHARE * least),
            self._settings.workers if hurry else self._settings.spare_workers,
            self._settings.image_megapixels,
            on_progress,
            cancelled,
        )
        return build(self._pairs, FINGERPRINT_VERSION, context)

    @property
    def outdated(self) -> bool:
        """Whether there is something to do for ``update``."""
        return self._checker.unfitted or bool(self.pending)

    def update_soon(self, *, again: bool = False, hurry: bool = False) -> None:
        """Have ``update`` done in a thread of its own; unless a check waits for it, in no
        ``hurry``, for there are requests to answer at the same time. Where that is being done
        already, it is done once more only if asked for ``again``, because images have come since.
        """
        with self._lock:
            if self._task.start(again=again):
                self._hurry = hurry

    def stop(self, timeout: float) -> None:
        """End what ``update_soon`` began and wait at most ``timeout`` seconds; for the end of the
        process."""
        self._task.stop(timeout)

    def _run(self) -> None:
        with self._lock:
            hurry = self._hurry
        try:
            self.update(cancelled=self._task.stopping.is_set, hurry=hurry)
        except CacheLocked:
            pass  # whoever holds it does the work
        except ImageSearchError as error:
            logger.warning("The images could not be compared: %s", error)
        except Exception:
            logger.exception("Comparing the images failed.")

    def page(self, offset: int = 0, limit: int = 20, which: str = ALL) -> Page:
        """``limit`` groups from the one numbered ``offset`` on, of ``which``: all, open, decided.

        Raises:
            InvalidQuery: a number is out of range.
            CacheError: the pairs or the decisions cannot be read.
        """
        if offset < 0 or not 1 <= limit <= 1000:
            raise InvalidQuery("offset must be 0 or more, and limit 1 to 1000.")
        if which not in (ALL, OPEN, DECIDED):
            raise InvalidQuery(f"The groups to list must be {ALL}, {OPEN} or {DECIDED}.")
        groups = self._groups(which)
        to_do = self.pending
        progress = self._progress or Progress("waiting" if to_do else "", 0, to_do)
        return Page(
            groups=tuple(groups[offset : offset + limit]),
            total=len(groups),
            undecided=sum(group.undecided for group in groups),
            images=sum(len(group.members) for group in groups),
            state="building" if progress.phase else "ready",
            phase=progress.phase,
            done=progress.done,
            to_do=progress.total,
            warnings=self.new_warnings(),
        )

    def new_warnings(self) -> tuple[str, ...]:
        """Warnings about the file of decisions, each once."""
        return self._decisions.new_warnings()

    def _groups(self, which: str) -> list[Group]:
        snapshot = self._snapshot()
        thresholds = {kind: self._checker.threshold(kind)[0].duplicate_threshold for kind in KINDS}
        found, decisions = self._stored_pairs()[0], self._decisions.all()
        # A person who looks through them requests one page after the other.
        of, pairs, by, groups = self._formed.get(which, (None, None, None, []))
        if of is snapshot and pairs is found and by == (thresholds, decisions):
            return groups
        pairs = [pair for pair in found if pair.evidence.score >= thresholds[pair.kind]]
        groups = form_groups(snapshot.files_of, self._copies(snapshot), pairs, decisions, which)
        self._formed[which] = snapshot, found, (thresholds, decisions), groups
        return groups

    def _stored_pairs(self) -> tuple[list[SamePicture], set[bytes]]:
        version = self._pairs.version
        with self._lock:
            if self._read[0] != version:
                self._read = version, self._pairs.all(), self._pairs.seen()
            return self._read[1], self._read[2]

    def _copies(self, snapshot: Snapshot) -> tuple[bytes, ...]:
        """The contents that several files hold."""
        with self._lock:
            if self._copied[0] is not snapshot:
                counts = Counter(
                    segment.records.digests[row]
                    for segment, live in zip(snapshot.segments, snapshot.live, strict=True)
                    for row in np.flatnonzero(live & (segment.vector_of >= 0))
                )
                copied = tuple(sorted(c for c, files in counts.items() if files > 1))
                self._copied = snapshot, copied
            return self._copied[1]

    def forget(self, contents: Collection[bytes]) -> None:
        """Have these contents (SHA-256) compared again; decisions about them stay.

        Raises:
            CacheLocked, CacheError: it cannot be written.
        """
        self._pairs.forget(contents)

    def decide(self, one: str, other: str, decision: str) -> str:
        """Keep a decision on two images, one of ``DECISIONS``.

        Each is named by its id, or by the SHA-256 (64 hex characters) of a content. Returns what
        ``undo`` takes.

        Raises:
            InvalidQuery: there is no such decision, or both are the same image.
            UnknownImage: an id names no indexed image.
            CacheLocked, CacheError: it cannot be written.
        """
        if one == other:
            raise InvalidQuery("A decision needs two different images.")
        sides = self._side(one), self._side(other)
        self._decisions.decide(*sides, decision)
        return "-".join(side.digest.hex() for side in sides)

    def decide_group(self, group_id: str, decision: str) -> str:
        """Keep a decision on all pairs of a group. Returns what ``undo_group`` takes.

        Raises:
            InvalidQuery: there is no such decision, or no such group any more.
            CacheLocked, CacheError: it cannot be written; then none of them is.
        """
        groups = (one for which in (ALL, DECIDED) for one in self._groups(which))
        group = next((one for one in groups if one.id == group_id), None)
        if group is None:
            raise InvalidQuery(
                f"There is no group {group_id[:40]!r} any more; load the duplicates again."
            )
        sides = {id_of(one): Side(one.digest, one.path) for one in group.members}
        pairs = [(sides[pair.a], sides[pair.b]) for pair in group.pairs]
        return repr(self._decisions.decide_all(pairs, decision))

    def undo_group(self, token: str) -> int:
        """Take back what ``decide_group`` answered with this ``token``; for how many pairs.

        Raises:
            InvalidQuery: it is no such token.
            CacheLocked, CacheError: it cannot be written.
        """
        try:
            when = float(token)
        except ValueError:
            raise InvalidQuery("undo must be what a decision answered.") from None
        return self._decisions.undo_all(when)

    def groups_of(self, ids: Sequence[str]) -> dict[str, str]:
        """The group of each image that is the same picture as another, by id; of those in ``ids``.
        Images that a person decided to be colourways, variants or contained are not the same."""
        groups = self._groups(ALL)
        if self._parts[0] is not groups:
            self._parts = groups, parts_of(groups)
        found = self._parts[1]
        return {one: found[one] for one in ids if one in found}

    def kept(self, rule: str) -> list[KeepChoice]:
        """Which of the files that are the same picture to keep; see ``keeping.kept``."""
        return kept(self._groups(ALL), rule)

    def undo(self, one: str, other: str) -> str | None:
        """Take the last decision on two images back; what then counts, ``None`` if nothing does.

        Raises:
            UnknownImage: an id names no indexed image.
            CacheLocked, CacheError: it cannot be written.
        """
        return self._decisions.undo(self._side(one).digest, self._side(other).digest)

    def undo_latest(self) -> tuple[Side, Side, str] | None:
        """Undo the latest decision and return it; ``None`` where there is none.

        Raises:
            CacheLocked, CacheError: it cannot be written.
        """
        latest = self._decisions.latest()
        if latest is not None:
            self._decisions.undo(latest[0].digest, latest[1].digest)
        return latest

    def export_decisions(self) -> dict[str, Any]:
        """Every decision as plain values for JSON.

        Raises:
            CacheError: they cannot be read.
        """
        return self._decisions.exported()

    def import_decisions(self, plain: Any) -> Imported:
        """Import an export; for each pair the newest decision counts.

        Raises:
            InvalidQuery: it is no export of decisions; nothing of it was taken.
            CacheLocked, CacheError: it cannot be written; nothing of it was taken.
        """
        return self._decisions.merge(plain)

    def _side(self, name: str) -> Side:
        if len(name) == 64 and set(name) <= set("0123456789abcdef"):
            content = bytes.fromhex(name)
            files = self._snapshot().files_of(content)
            return Side(content, files[0].path if files else "")
        record = self._originals.record(name)
        return Side(record.digest, record.path)
