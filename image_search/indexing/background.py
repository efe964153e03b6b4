"""Work that runs beside the requests: in a thread of its own, and never twice at once."""

from __future__ import annotations

import threading
from collections.abc import Callable


class BackgroundTask:
    """Runs ``work`` in a thread of its own, never twice at once. Safe to use from many threads.

    ``stopping`` is set when the process is about to end; ``work`` should look at it.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self._name, self._work = name, work
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._again = False
        self.stopping = threading.Event()

    def start(self, *, again: bool = False) -> bool:
        """Start the work unless it is running; then it runs once more afterwards if ``again``.

        Returns:
            Whether it was started now.
        """
        with self._lock:
            starts = self._thread is None and not self.stopping.is_set()
            self._again = self._again or again or starts
            if starts:
                # A daemon: the work survives being killed and must not keep a process alive.
                self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
            return starts

    def stop(self, timeout: float) -> bool:
        """Ask the work to end, and wait for that at most ``timeout`` seconds; it starts no more.

        Returns:
            Whether it has ended.
        """
        self.stopping.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return thread is None or not thread.is_alive()

    def _run(self) -> None:
        while self._is_asked_for():
            self._work()

    def _is_asked_for(self) -> bool:
        with self._lock:
            asked = self._again and not self.stopping.is_set()
            self._again = False
            if not asked:
                self._thread = None  # the next start makes a new one
            return asked
