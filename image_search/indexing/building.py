"""Bringing the cache up to date with the image folder, at a cost in proportion to what changed."""

from __future__ import annotations

import collections
import itertools
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from image_search.extractors.base import Extractor, Lazily
from image_search.indexing.adding import ColumnFilling
from image_search.indexing.embedding import Embedding
from image_search.indexing.examining import REDONE, LoadedImage, examine, in_order
from image_search.indexing.parts import Part, Shard
from image_search.indexing.planning import (
    IndexedFiles,
    Plan,
    check_mass_deletion,
    entries_in,
    make_plan,
)
from image_search.indexing.reports import Progress, Report, Unreadable
from image_search.indexing.scanning import Entries, Entry, FileState, Remarks
from image_search.indexing.unread import by_ending, unreadable_of
from image_search.search.ranking.fitting import SAMPLE, fit
from image_search.search.ranking.fusion import (
    Calibration,
    Layout,
)
from image_search.settings import Settings
from image_search.storage import (
    Block,
    Blocks,
    CacheWriter,
    ExtractorIdentity,
    FileRecord,
    Segment,
)
from image_search.storage.records import NOT_AN_IMAGE, READABLE

# A save makes all that came before it safe: after so many seconds, or so many files.
SAVE_SECONDS = 3.0
SAVE_FILES = 4096
# Seconds between two reports of progress.
REPORT_SECONDS = 0.2
# Failures reported while the update runs; the report at the end has them all.
RECENT = 10


@dataclass(frozen=True)
class IndexingContext:
    """What an update works with.

    ``load`` gives extractors by their names, some of those in ``identities``, and is called only
    when something has to be embedded. ``verified`` names segments of the cache whose vectors need
    no verifying. Columns by the extractors in ``kept`` stay on disk though they are not used. Those
    ``beside`` embed too, but what they make is no part of a vector.
    ``forget`` drops what was derived from contents (SHA-256) that are decoded differently now.
    Of the files of the folder only those of a ``shard`` count, if there is one; the vectors of
    contents that are in ``parts`` are taken from there.
    """

    settings: Settings
    identities: tuple[ExtractorIdentity, ...]
    load: Callable[[Sequence[str]], Sequence[Extractor]]
    on_progress: Callable[[Progress], None] = lambda _: None
    cancelled: Callable[[], bool] = lambda: False
    verified: Collection[str] = ()
    opened: Mapping[str, Segment] = field(default_factory=dict)
    forget: Callable[[Collection[bytes]], None] = lambda _: None
    kept: tuple[ExtractorIdentity, ...] = ()
    beside: tuple[ExtractorIdentity, ...] = ()
    shard: Shard | None = None
    parts: Sequence[Part] = ()
    finished: Mapping[str, FileState] | None = None


def update_cache(means: IndexingContext, writer: CacheWriter) -> Report:
    """Bring the cache up to date with the image folder; a report of it. ``writer`` holds the lock.

    New and altered files are embedded; moved, renamed and copied ones are recognised by their
    content and keep their vector; deleted ones drop out. Work is saved every few seconds, so that
    an interruption or ``means.cancelled`` costs next to nothing.

    Raises:
        CacheError: the cache cannot be written; what was saved before is kept.
        SettingsError: the image folder is missing, or looks unmounted.
        ModelUnavailable: an extractor cannot be loaded.
    """
    started = time.monotonic()
    means.on_progress(Progress("scanning"))
    known = IndexedFiles(
        writer.begin(means.identities, means.verified, means.opened, means.kept, means.beside),
        [part.snapshot for part in means.parts],
    )
    remarks = Remarks()
    plan = _planned(means, writer, known, remarks)
    run = _Run(
        means, writer, known, not remarks.closed, plan or Plan(Entries.of(()), (), 0, len(known), 0)
    )
    if plan is None:
        run.stopped = True
    else:
        run.execute()
    warnings = [*writer.warnings, *remarks.in_words()]
    if run.redone:
        warnings.append(REDONE.format(run.redone))
    if not run.stopped:
        warnings += _about_parts(means.parts, known.taken)
    failures = tuple(map(unreadable_of, writer.snapshot.failures))
    return Report(
        added=run.progress.added,
        changed=run.progress.changed,
        moved=run.progress.moved,
        removed=run.progress.removed,
        unchanged=run.unchanged,
        unreadable=len(failures),
        embedded=run.embedded,
        failures=failures,
        seconds=time.monotonic() - started,
        rebuilt=bool(known) and means.identities != writer.found,
        calibrated=run.calibrated,
        cancelled=run.stopped,
        warnings=tuple(warnings),
        not_images=by_ending(writer.snapshot.not_images),
        taken=sum(known.taken),
    )


def _about_parts(parts: Sequence[Part], taken: Sequence[int]) -> Iterator[str]:
    """Warnings about parts that were of less use than they may have been meant to be."""
    for part, count in zip(parts, taken, strict=True):
        if not part.snapshot.complete:
            yield f"The part {part.path} is not finished; the rest of it was embedded here."
        if not count:
            yield (
                f"Nothing was taken from the part {part.path}: the image folder holds none of its "
                "files, or all of them were in the index."
            )


def _planned(
    means: IndexingContext, writer: CacheWriter, known: IndexedFiles, remarks: Remarks
) -> Plan | None:
    """What is to be done, or ``None`` if the walk through the folder was cancelled."""
    settings = means.settings

    def watch(found: int) -> None:
        if means.cancelled():
            raise _Stopped
        means.on_progress(Progress("scanning", done=found))

    try:
        entries = entries_in(settings, remarks, watch, [part.path for part in means.parts])
    except _Stopped:
        return None
    if means.shard is not None:
        means.shard.check_holds(known.paths)
        entries = means.shard.of(entries)
    plan = make_plan(entries, known, tuple(remarks.closed))
    check_mass_deletion(settings, writer.snapshot.folder, len(known), plan)
    if means.finished is not None:
        plan = plan.cautious(settings.images, means.finished, remarks)
    return plan


class _Stopped(Exception):
    """The update was cancelled."""


class _Run:
    """One pass over a plan: examine and embed in threads, save every few seconds.

    The same threads do both, one for each core, so that no core waits for another kind of work.
    This object itself is used by one thread, which hands out work and gathers results in order.
    """

    def __init__(
        self,
        means: IndexingContext,
        writer: CacheWriter,
        known: IndexedFiles,
        looked_at_all: bool,
        plan: Plan,
    ) -> None:
        self._looked_at_all = looked_at_all
        self.progress = Progress("embedding", total=len(plan.work))
        self.embedded = 0
        self.unchanged = plan.unchanged
        self.stopped = self.calibrated = False
        self._means, self._writer, self._known, self._plan = means, writer, known, plan
        self._written = (*means.identities, *means.beside)
        names = [identity.name for identity in self._written]
        self._extractors = Lazily(lambda: means.load(names))
        # Files that are gone and did not turn up elsewhere, by content.
        self._left = collections.Counter(known[path].digest for path in plan.gone)
        self._threads = means.settings.workers
        # One more than there are cores, for those that wait for the disk.
        self._pool = ThreadPoolExecutor(self._threads + 1, thread_name_prefix="index")
        self._embedding = Embedding(self._pool, self._extractors, self._written)
        self._records: list[FileRecord] = []
        self._redone: list[bytes] = []
        self.redone = 0
        self._blocks: list[Blocks] = []
        self._recent: collections.deque[Unreadable] = collections.deque(maxlen=RECENT)
        self._began = self._saved = time.monotonic()
        self._reported = 0.0

    def execute(self) -> None:
        try:
            self._execute()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def _execute(self) -> None:
        self._report(force=True)
        for loaded in self._loaded():
            self.progress = replace(self.progress, done=self.progress.done + 1)
            if loaded is not None:
                self._take(loaded)
            # Never more than a batch for each core, and one in the making: memory stays bounded.
            self._gather(self._threads)
            late = time.monotonic() - self._saved >= SAVE_SECONDS
            if late and not self._records:
                self._gather_some()
            if late or len(self._records) >= SAVE_FILES:
                self._save()
            self._report()
            if self._means.cancelled():
                self.stopped = True
                break
        self._embedding.flush()
        self._gather(0)
        if self.stopped:
            self._save()
            return
        self.progress = replace(self.progress, removed=self._left.total())
        self._save(self._plan.gone)
        if not self._fill_columns():
            self.stopped = True
            return
        self.progress = replace(self.progress, phase="saving")
        self._report(force=True)
        calibration = self._calibration()
        self.calibrated = calibration is not None
        self._writer.finish(calibration, looked_at_all=self._looked_at_all)

    def _fill_columns(self) -> bool:
        """Add what extractors are wanted and segments lack; whether that was not cancelled."""
        if not self._writer.lacking:
            return True
        self.progress = replace(self.progress, phase="adding", done=0, total=0)
        began = time.monotonic()

        def note(done: int, total: int) -> None:
            progress = replace(self.progress, done=done, total=total)
            self.progress = progress.after(time.monotonic() - began, self._recent)
            self._means.on_progress(self.progress)

        means = self._means
        filling = ColumnFilling(
            means.settings, self._writer, self._pool, means.load, note, means.cancelled
        )
        try:
            return filling.run()
        finally:
            self.embedded += filling.embedded

    def _calibration(self) -> dict[str, Any] | None:
        """A new calibration where the collection has outgrown the old one, or where extractors were
        added to it."""
        snapshot = self._writer.snapshot
        held = tuple(one for one in snapshot.wanted if one in self._writer.found)
        old = Calibration.from_plain(_layout(held), snapshot.calibration)
        added = tuple(one for one in snapshot.wanted if one not in held)
        if old.outdated(snapshot.images):
            added = snapshot.wanted
        elif not (added and old.fitted_on):
            return None
        fitted = fit(_layout(added), snapshot.sample(SAMPLE, added), snapshot.images)
        return (fitted if added == snapshot.wanted else old.joined(fitted)).to_plain()

    def _loaded(self) -> Iterator[LoadedImage | None]:
        """Results in the order of the plan, a bounded number of files being worked on."""
        settings = self._means.settings
        folder = settings.images.resolve()
        again = itertools.chain(self._plan.again.tolist(), itertools.repeat(False))
        work = zip(self._plan.work, again, strict=False)

        def look(entry: Entry, again: bool) -> LoadedImage | None:
            known, limit = self._known, settings.image_megapixels
            context = (known.twin, self._extractors, limit)
            return examine(folder, entry, *context, again=again, outdated=known.outdated)

        return in_order(self._pool, look, work, self._threads + 1)

    def _take(self, loaded: LoadedImage) -> None:
        record, same, progress = loaded.record, loaded.same_as, self.progress
        if loaded.untouched:
            self.unchanged += 1
            return
        if loaded.redone:
            self._redone.append(record.digest)
            self.redone += 1
        before = self._known.get(record.path)
        if record.verdict != READABLE:
            if record.verdict != NOT_AN_IMAGE:
                self._recent.append(unreadable_of(record))
                self.progress = replace(progress, unreadable=progress.unreadable + 1)
            if record != before:
                self._records.append(record)
            return
        same_content = before is not None and before.digest == record.digest
        if same_content and (same is not None or loaded.redone):
            self.unchanged += 1
        elif before is not None and before.verdict == READABLE:
            self.progress = replace(progress, changed=progress.changed + 1)
        elif same is not None and self._left[record.digest] > 0:
            self._left[record.digest] -= 1
            self.progress = replace(progress, moved=progress.moved + 1)
        else:
            self.progress = replace(progress, added=progress.added + 1)
        if same is not None:
            self._records.append(record)
            self._blocks.append(self._known.blocks(record.digest))
        else:
            self._embedding.add(loaded)

    def _gather(self, left: int) -> None:
        """Wait until at most ``left`` batches are not embedded yet."""
        for records, blocks in self._embedding.gather(left):
            self._records.extend(records)
            self._blocks.append(blocks)
            self.embedded += len(records)

    def _gather_some(self) -> None:
        """Wait for the oldest batch and no other, so that no core stands idle; where there is none,
        for what waits to become one."""
        if not self._embedding.pending:
            self._embedding.flush()
        self._gather(max(0, self._embedding.pending - 1))

    def _save(self, gone: Sequence[str] = ()) -> None:
        if self._redone:
            self._means.forget(self._redone)
            self._redone = []
        if self._records or gone:
            blocks = {
                one.name: Block.joined([some[one.name] for some in self._blocks], one.dim)
                for one in self._written
            }
            self._writer.commit(self._records, blocks, gone)
            self._records, self._blocks = [], []
        self._saved = time.monotonic()

    def _report(self, *, force: bool = False) -> None:
        now = time.monotonic()
        if not force and now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        self.progress = self.progress.after(now - self._began, self._recent)
        self._means.on_progress(self.progress)


def _layout(extractors: Sequence[ExtractorIdentity]) -> Layout:
    return Layout(tuple(one.name for one in extractors), tuple(one.dim for one in extractors))
