"""How often one address may guess the password."""

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
    """Counts failures per address within a sliding window.

    Ten guesses in five minutes leave a person room for typing errors and a program 1,000 years
    for a made password.
    """

    def __init__(
        self,
        failures: int = 10,
        seconds: float = 300.0,
        addresses: int = 4096,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._failures = failures
        self._seconds = seconds
        self._addresses = addresses
        self._clock = clock
        self._lock = threading.Lock()
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def attempt(self, address: str, check: Callable[[], bool]) -> bool:
        """Whether ``check`` holds; a failure is counted against ``address``.

        One attempt at a time, so that guesses sent in parallel are counted like guesses in a row.

        Raises:
            TooManyAttempts: the address has used up its failures, right password or not.
        """
        key = _network(address)
        with self._lock:
            now = self._clock()
            failed = self._failed.get(key, deque())
            while failed and failed[0] <= now - self._seconds:
                failed.popleft()
            if len(failed) >= self._failures:
                raise TooManyAttempts(failed[0] + self._seconds - now)
            if check():
                return True
            failed.append(now)
            if len(failed) == self._failures:
                _log.warning(
                    "%s has sent %d wrong passwords and is locked out for up to %.0f seconds.",
                    key, self._failures, self._seconds,
                )  # fmt: skip
            self._failed[key] = failed
            self._failed.move_to_end(key)
            if len(self._failed) > self._addresses:  # bounded: the longest quiet one is forgotten
                self._failed.popitem(last=False)
            return False


def _network(address: str) -> str:
    """The address, or for IPv6 its /64: that is what one customer holds."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
