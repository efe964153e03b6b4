"""How often the password may be guessed: by one address, and by all of them together."""

from __future__ import annotations

import ipaddress
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable

_log = logging.getLogger(__name__)


class TooManyAttempts(Exception):
    """No more guesses from this address for ``seconds`` seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Too many attempts; wait {seconds:.0f} seconds.")
        self.seconds = seconds


class Throttle:
    """Counts failures within a sliding window, of each address and of all.

    Ten guesses in five minutes leave a person room for typing errors and a program 1,000 years
    for a made password. Whoever has many addresses gets ``everyone`` guesses from all of them
    together: beyond that, only addresses that have sent the right password since the start may
    try. That also bounds what is remembered, so that no failure has to be dropped early.
    """

    def __init__(
        self,
        failures: int = 10,
        seconds: float = 300.0,
        everyone: int = 500,
        known: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures, self._seconds = failures, seconds
        self._everyone, self._most_known = everyone, known
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: dict[str, deque[float]] = {}
        self._all: deque[tuple[float, str]] = deque()
        # Addresses that have sent the right password, the latest last.
        self._known: OrderedDict[str, None] = OrderedDict()

    def attempt(self, address: str, check: Callable[[], bool]) -> bool:
        """Whether ``check`` holds; a failure is counted against ``address``.

        One attempt at a time, so that guesses sent in parallel are counted like guesses in a row.

        Raises:
            TooManyAttempts: the address has used up its failures, or all together have and it is
                not known; right password or not.
        """
        key = network(address)
        with self._lock:
            now = self._clock()
            self._forget(now)
            failed = self._failed.get(key, deque())
            if len(failed) >= self._failures:
                raise TooManyAttempts(failed[0] + self._seconds - now)
            if len(self._all) >= self._everyone and key not in self._known:
                raise TooManyAttempts(self._all[0][0] + self._seconds - now)
            if check():
                self._known[key] = None
                self._known.move_to_end(key)
                if len(self._known) > self._most_known:
                    self._known.popitem(last=False)
                return True
            self._count(key, now)
            return False

    def _count(self, key: str, now: float) -> None:
        failed = self._failed.setdefault(key, deque())
        failed.append(now)
        self._all.append((now, key))
        if len(failed) == self._failures:
            _log.warning(
                "%s has sent %d wrong passwords and is locked out for up to %.0f seconds.",
                key, self._failures, self._seconds,
            )  # fmt: skip
        if len(self._all) == self._everyone:
            _log.warning(
                "%d wrong passwords have come from %d addresses; for up to %.0f seconds only "
                "addresses that have sent the right one may try.",
                self._everyone, len(self._failed), self._seconds,
            )  # fmt: skip

    def _forget(self, now: float) -> None:
        """Drop what lies before the window."""
        while self._all and self._all[0][0] <= now - self._seconds:
            _, key = self._all.popleft()
            failed = self._failed[key]
            failed.popleft()
            if not failed:
                del self._failed[key]


def network(address: str) -> str:
    """The address, or for IPv6 its /64: that is what one customer holds."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
