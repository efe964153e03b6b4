"""One reindex at a time, in a thread of its own, watched and cancelled from other threads."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from image_search.errors import CacheLocked, ImageSearchError
from image_search.indexing.background import BackgroundTask

if TYPE_CHECKING:
    from collections.abc import Mapping

    from image_search.indexing.reports import Progress, Unreadable
    from image_search.indexing.scanning import FileState
    from image_search.library import Library

logger = logging.getLogger(__name__)

#: How many unreadable files a job lists; the count beside them is complete.
MAX_ERRORS_LISTED = 200

#: What a job takes over from the progress of the update.
COUNTS = (
    *("phase", "done", "total", "added", "changed", "moved", "removed", "unreadable"),
    *("rate", "seconds_left"),
)

#: Seconds to wait until the update holds the cache's lock, so that a cache locked by another
#: process is the answer to the call that started the job. Only fetching a model, or scanning a
#: large folder, takes longer; the call is then answered before it is known.
FIRST_SIGN = 1.0

#: Seconds between two looks at a job that is waited for.
WATCHED = 0.1


class ReindexRunning(ImageSearchError):
    """A reindex is running already."""

    code = "reindex_running"


@dataclass(frozen=True)
class Job:
    """What is known about the latest reindex. Times are unix seconds, ``rate`` images/s."""

    id: str = ""
    state: str = "idle"  # idle, running, done, failed, cancelled
    phase: str = ""
    done: int = 0
    total: int = 0
    added: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    unreadable: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    started: float | None = None
    finished: float | None = None
    errors: tuple[Unreadable, ...] = ()
    message: str = ""


class Reindexer:
    """Runs ``library.update`` in the background, never twice at once."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._job = Job()
        self._task = BackgroundTask("reindex", self._run)
        self._cancelled = threading.Event()
        self._began = threading.Event()
        self._refused: CacheLocked | None = None
        self._finished: Mapping[str, FileState] | None = None

    @property
    def job(self) -> Job:
        """The running job, or the last one."""
        return self._job

    def start(self) -> Job:
        """Starts a reindex and returns its job.

        Raises:
            ReindexRunning: one runs already.
            CacheLocked: another process is writing the cache.
        """
        with self._lock:
            if self._job.state == "running":
                raise ReindexRunning("The index is already being updated.")
            if self._task.stopping.is_set():
                raise ReindexRunning("The service is stopping; reindex when it runs again.")
            self._begin()
            # Where the last one has just ended, its thread goes on with this one.
            self._task.start(again=True)
            self._began.wait(FIRST_SIGN)
            if self._refused is not None:
                raise self._refused
            return self._job

    def start_soon(self) -> Job:
        """Starts a reindex now, or once more after the running one; returns the running job.

        For files that came while the folder may have been looked through already.

        Raises:
            CacheLocked: another process is writing the cache.
        """
        try:
            return self.start()
        except ReindexRunning:
            self._task.start(again=True)
        return self._job

    def update_finished(self, finished: Mapping[str, FileState]) -> bool:
        """Reindexes, of the files that are new or changed only those that are as ``finished`` says,
        and returns when that has ended: whether it was done. Nothing happens while one runs."""
        with self._lock:
            if self._job.state == "running" or self._task.stopping.is_set():
                return False
            self._finished = finished
            self._begin()
            job = self._job.id
            self._task.start(again=True)
        while (now := self._job).id == job and now.state == "running":
            if self._task.stopping.wait(WATCHED):
                break
        return now.id == job and now.state == "done"

    def cancel(self) -> Job:
        """Asks the running job, if any, to stop; what it has done so far is kept."""
        self._cancelled.set()
        return self._job

    def stop(self, timeout: float) -> None:
        """Cancels and waits at most ``timeout`` seconds; for the end of the process. Requests that
        are still being answered start nothing any more."""
        with self._lock:
            self._task.stopping.set()
            self._cancelled.set()
        self._task.stop(timeout)

    def _begin(self) -> None:
        self._cancelled.clear()
        self._began.clear()
        self._refused = None
        self._job = Job(
            id=secrets.token_hex(8), state="running", phase="resolving", started=time.time()
        )

    def _run(self) -> None:
        if self._job.state != "running":  # one more, for files that came during the last one
            with self._lock:
                if self._job.state != "running":
                    if self._cancelled.is_set():
                        return
                    self._begin()
        finished, self._finished = self._finished, None
        try:
            report = self._library.update(self._note, self._cancelled.is_set, finished=finished)
            self._end(
                "cancelled" if report.cancelled else "done",
                added=report.added,
                changed=report.changed,
                moved=report.moved,
                removed=report.removed,
                unreadable=report.unreadable,
                errors=report.failures[:MAX_ERRORS_LISTED],
                # The page says elsewhere which models are not here.
                message=" ".join(text for text in report.warnings if text not in report.notes),
            )
            if not report.cancelled and self._library.duplicates.outdated:
                self._library.duplicates.update_soon(again=True)
        except ImageSearchError as error:
            if isinstance(error, CacheLocked):
                self._refused = error
            self._end("failed", message=str(error))
        except Exception:
            if (
                self._task.stopping.is_set()
            ):  # the interpreter ends, and took away what the update works with
                self._end("cancelled")
                return
            logger.exception("The reindex failed.")
            self._end(
                "failed", message="Something went wrong in the service; see the server's log."
            )
        finally:
            self._began.set()

    def _note(self, progress: Progress) -> None:
        counts = {name: getattr(progress, name) for name in COUNTS}
        self._change(**counts, errors=progress.recent[-MAX_ERRORS_LISTED:])
        if progress.phase not in ("resolving", "scanning"):
            self._began.set()

    def _end(self, state: str, **changes: object) -> None:
        # All at once: who sees that a job has ended also sees when, and how.
        self._change(state=state, finished=time.time(), seconds_left=None, **changes)

    def _change(self, **changes: object) -> None:
        # One reference is swapped, so a reader in another thread never sees half a change.
        self._job = dataclasses.replace(self._job, **changes)  # type: ignore[arg-type]
