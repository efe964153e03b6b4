"""Long work of one kind, never twice at once, in a thread of its own; watched and cancelled from
others."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from image_search.errors import ImageSearchError
from image_search.indexing.background import BackgroundTask

logger = logging.getLogger(__name__)

Note = Callable[[int, int], None]
"""Is given how many steps of how many are done."""
Run = Callable[[Note, Callable[[], bool]], "Mapping[str, Any] | None"]
"""Does the work: it notes its progress, asks now and then whether it is cancelled, and returns what
came of it, or ``None`` if it was cancelled."""


class WorkRunning(ImageSearchError):
    """Such work is running already."""

    code = "work_running"


@dataclass(frozen=True)
class WorkState:
    """What is known about the latest work. Times are unix seconds."""

    id: str = ""
    state: str = "idle"  # idle, running, done, failed, cancelled
    done: int = 0
    total: int = 0
    seconds_left: float | None = None
    started: float | None = None
    finished: float | None = None
    message: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the state for programs."""
        return dataclasses.asdict(self)


class BackgroundWork:
    """Runs one piece of work after the other. Safe to use from many threads."""

    def __init__(self, name: str, running: str) -> None:
        """``name`` is that of the thread; ``running`` is the message where one runs already."""
        self._running = running
        self._lock = threading.Lock()
        self._state = WorkState()
        self._work: Run | None = None
        self._cancelled = threading.Event()
        self._task = BackgroundTask(name, self._run)

    @property
    def state(self) -> WorkState:
        """The running work, or the last one."""
        return self._state

    def start(self, work: Run) -> WorkState:
        """Start ``work`` and return its state.

        Raises:
            WorkRunning: some runs already.
        """
        with self._lock:
            if self._state.state == "running":
                raise WorkRunning(self._running)
            if self._task.stopping.is_set():
                raise WorkRunning("The service is stopping; try again when it runs.")
            self._cancelled.clear()
            self._work = work
            self._state = WorkState(id=secrets.token_hex(8), state="running", started=time.time())
            # Where the last one has just ended, its thread goes on with this one.
            self._task.start(again=True)
            return self._state

    def cancel(self) -> WorkState:
        """Ask the running work, if any, to stop."""
        self._cancelled.set()
        return self._state

    def stop(self, timeout: float) -> None:
        """Cancel and wait at most ``timeout`` seconds, for the end of the process."""
        with self._lock:
            self._task.stopping.set()
            self._cancelled.set()
        self._task.stop(timeout)

    def _run(self) -> None:
        work, self._work = self._work, None
        if work is None:
            return
        try:
            result = work(self._note, self._cancelled.is_set)
            if result is None:
                self._end("cancelled")
            else:
                self._end("done", result=result)
        except ImageSearchError as error:
            self._end("failed", message=str(error))
        except Exception:
            logger.exception("Work in the background failed.")
            self._end(
                "failed", message="Something went wrong in the service; see the server's log."
            )

    def _note(self, done: int, total: int) -> None:
        seconds = time.time() - (self._state.started or 0)
        left = seconds / done * (total - done) if done else None
        self._change(done=done, total=total, seconds_left=left)

    def _end(self, state: str, **changes: object) -> None:
        self._change(state=state, finished=time.time(), seconds_left=None, **changes)

    def _change(self, **changes: object) -> None:
        # One reference is swapped, so a reader in another thread never sees half a change.
        self._state = dataclasses.replace(self._state, **changes)  # type: ignore[arg-type]
