"""Changes in the image folder, found without being asked for: looked for every few minutes, and
sooner where the system reports them."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any, Protocol

from image_search.errors import ImageSearchError
from image_search.indexing.background import BackgroundTask
from image_search.indexing.planning import (
    IndexedFiles,
    check_mass_deletion,
    emptied_folders,
    entries_in,
    make_plan,
)
from image_search.indexing.scanning import FileState, Remarks, times_of
from image_search.settings import Settings
from image_search.storage import Snapshot

logger = logging.getLogger(__name__)

#: A file that does not change for so many seconds is completely written.
QUIET_SECONDS = 2.0
#: Files that still change after so many seconds are left for the next time.
PATIENCE = 60.0

_CHANGES = ("created", "modified", "moved", "deleted", "closed")


class Update(Protocol):
    """Updates the index with the files that are as ``finished`` (state by path) says."""

    def __call__(self, finished: Mapping[str, FileState]) -> bool:
        """Whether the update was done; when this returns, it has ended."""


@dataclass(frozen=True)
class WatchState:
    """What is known about the folder: every how many ``seconds`` it is looked through, whether the
    system reports changes (``events``), when it was ``looked`` through last (unix seconds), how
    many files were still ``being_written`` then, and what the ``problem`` was, if any."""

    seconds: int
    events: bool = False
    looked: float | None = None
    being_written: int = 0
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the state for programs."""
        return asdict(self)


class FolderWatcher:
    """Looks for changes in the image folder and has the index updated, in a thread of its own.

    A file is taken up once it is completely written. A folder whose images are all gone while it is
    still there may be a disk that is not mounted, so nothing of it is removed from the index.
    """

    def __init__(
        self, settings: Settings, snapshot: Callable[[], Snapshot], update: Update
    ) -> None:
        """Watch the folder of ``settings``, whose index is ``snapshot()`` so far."""
        self._settings, self._snapshot, self._update = settings, snapshot, update
        self._state = WatchState(settings.watch)
        self._task = BackgroundTask("watch", self._run)
        self._changed = Event()
        # Files that the last update left as they were, because they cannot be read now.
        self._tried: dict[str, FileState] = {}

    @property
    def state(self) -> WatchState:
        """What is known about the folder."""
        return self._state

    def start(self) -> None:
        """Start to watch, unless the settings say otherwise."""
        if self._settings.watch:
            self._task.start()

    def stop(self, timeout: float) -> None:
        """Stop, and wait for that at most ``timeout`` seconds."""
        self._task.stopping.set()
        self._changed.set()
        self._task.stop(timeout)

    def _run(self) -> None:
        with _Events(self._settings.images, self._changed) as reported:
            self._state = replace(self._state, events=reported)
            while not self._task.stopping.is_set():
                self._changed.clear()
                started = time.monotonic()
                self._look()
                # Where changes never end, the folder is not looked through all the time.
                self._pause(max(QUIET_SECONDS, 4 * (time.monotonic() - started)))
                self._changed.wait(self._settings.watch)

    def _pause(self, seconds: float) -> None:
        self._task.stopping.wait(seconds)

    def _look(self) -> None:
        """Look through the folder once, and have the index updated if anything has changed."""
        growing, problem = 0, ""
        try:
            waiting, gone, problem = self._differences()
            finished, growing = self._finished(waiting)
            if (finished or gone) and not self._task.stopping.is_set() and self._update(finished):
                self._tried.update(finished)
        except ImageSearchError as error:
            problem = str(error)
        except Exception:
            logger.exception("The image folder cannot be watched.")
            problem = "Something went wrong in the service; see the server's log."
        self._state = replace(
            self._state, looked=time.time(), being_written=growing, problem=problem
        )

    def _differences(self) -> tuple[dict[str, FileState], bool, str]:
        """The files that an update would look at, whether it would remove any, and what is odd."""
        settings, snapshot, remarks = self._settings, self._snapshot(), Remarks()
        entries = entries_in(settings, remarks)
        known = IndexedFiles(snapshot)
        plan = make_plan(entries, known, tuple(remarks.closed))
        check_mass_deletion(settings, snapshot.folder, len(known), plan)
        emptied = emptied_folders(settings.images, plan.gone)
        remarks.emptied.extend(emptied)
        remarks.links_out = 0  # an update says so
        work = {path: plan.work.state(row) for row, path in enumerate(plan.work.paths)}
        self._tried = {
            path: state for path, state in self._tried.items() if work.get(path) == state
        }
        new = {path: state for path, state in work.items() if path not in self._tried}
        gone = any(not path.startswith(emptied) for path in plan.gone)
        return new, gone, " ".join(remarks.in_words())

    def _finished(self, waiting: dict[str, FileState]) -> tuple[dict[str, FileState], int]:
        """Those of the files ``waiting`` that are completely written, as they are then, and how
        many are not."""
        until, changing = time.monotonic() + PATIENCE, bool(waiting)
        while changing and not self._task.stopping.is_set():
            self._pause(QUIET_SECONDS)
            now = {path: _state_of(self._settings.images / path) for path in waiting}
            still = {path for path, state in now.items() if state != waiting[path]}
            waiting = {path: state for path, state in now.items() if state is not None}
            changing = bool(still)
            if time.monotonic() > until:
                return {path: waiting[path] for path in waiting.keys() - still}, len(still)
        return waiting, 0


def _state_of(path: Path) -> FileState | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return FileState(found.st_size, *times_of(found))


class _Events:
    """Sets ``changed`` whenever the system reports a change below ``folder``, as long as it is
    entered; whether it does. Network disks report none."""

    def __init__(self, folder: Path, changed: Event) -> None:
        self._folder, self._changed = folder, changed
        self._observer: Any = None

    def __enter__(self) -> bool:
        from watchdog.events import FileSystemEvent, FileSystemEventHandler
        from watchdog.observers import Observer

        changed = self._changed

        class Handler(FileSystemEventHandler):
            def on_any_event(self, event: FileSystemEvent) -> None:
                # A file that is opened or closed without a change is being read, often by us.
                if event.event_type in _CHANGES:
                    changed.set()

        observer = Observer()
        try:
            observer.schedule(Handler(), os.fspath(self._folder), recursive=True)
            observer.start()
        except (OSError, RuntimeError) as error:
            # The folder is away, or has more folders than the system watches at once.
            logger.info("The system does not report changes below %s: %s", self._folder, error)
            with suppress(RuntimeError):
                observer.stop()
            return False
        self._observer = observer
        return True

    def __exit__(self, *_: object) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
