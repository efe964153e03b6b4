"""So many at once, and others wait for their turn in the order in which they came."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turn:
    """Somebody's turn; ``alone`` where nobody else was at work when it began."""

    def __init__(self, turns: FairSemaphore, *, alone: bool) -> None:
        self._turns, self.alone, self._held = turns, alone, True

    def again(self) -> None:
        """Let everybody who waits go first, and wait for another turn; if nobody waits, go on."""
        if self._turns.wanted:
            self.end()
            self._turns._take()
            self._held = True

    def end(self) -> None:
        """Pass the turn on, if it is still held: who was interrupted while waiting has none."""
        if self._held:
            self._held = False
            self._turns._leave()


class FairSemaphore:
    """A semaphore that is fair: nobody who comes later is served earlier."""

    def __init__(self, at_once: int) -> None:
        """``at_once`` may be at work, at least one."""
        self._free = at_once
        self._lock = threading.Lock()
        self._at_work = 0
        self._waiting: deque[threading.Lock] = deque()

    @contextmanager
    def one(self) -> Iterator[Turn]:
        """A turn for the block, once it is there."""
        turn = Turn(self, alone=self._take())
        try:
            yield turn
        finally:
            turn.end()

    @property
    def wanted(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    def _take(self) -> bool:
        """Wait for a turn; whether nobody else is at work then."""
        with self._lock:
            mine = None
            if self._free and not self._waiting:
                self._free -= 1
            else:
                mine = threading.Lock()
                mine.acquire()
                self._waiting.append(mine)
        if mine is not None:
            self._wait(mine)
        with self._lock:
            self._at_work += 1
            return self._at_work == 1 and not self._waiting

    def _leave(self) -> None:
        with self._lock:
            self._at_work -= 1
            self._pass_on()

    def _wait(self, mine: threading.Lock) -> None:
        try:
            mine.acquire()
        except BaseException:  # somebody pressed Ctrl-C: the turn must not be lost
            with self._lock:
                if mine in self._waiting:
                    self._waiting.remove(mine)
                else:
                    self._pass_on()
            raise

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().release()
        else:
            self._free += 1
