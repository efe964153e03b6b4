"""A file of weights that an extractor needs: is it here, is it whole, how does it get here.

What is the same for every source; ``sources.py`` has the kinds of source and a row for each file.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from image_search.errors import ModelUnavailable
from image_search.extractors.weights.download import PARTIAL, Transfer
from image_search.extractors.weights.integrity import damage

STALL_FACTOR = 4.0
"""A download may stand still for so many times the wait for a hub to answer: 20 s by default,
which is longer than a telephone line's gaps."""

_SET_ASIDE = ".damaged"
# A download writes to its file all the time; one untouched for so long was abandoned.
_ABANDONED_SECONDS = 3600.0
# Our own are kept, because the next download goes on with them: as long as a person may need to see
# to a line that breaks off.
_FORGOTTEN_SECONDS = 14 * 86400.0
# The beginning of the sentence on what to do.
HINT = "To fix it,"


def without_hint(warning: str) -> str:
    """What is amiss alone: what to do about it names places on this machine."""
    return warning.split(f" {HINT}")[0]


@dataclass(frozen=True)
class Weights(ABC):
    """One file of weights."""

    title: str
    """What people call the model."""
    size: int
    """Bytes to download, rounded."""
    licence: str
    source: str
    """Where it comes from, in words."""
    _: KW_ONLY
    asked_for: str = ""
    """What to call it by in ``models fetch``; empty where it is fetched without being named."""

    partial_names: ClassVar[str] = ""
    """Glob for what an interrupted download leaves in ``folder``."""

    @property
    @abstractmethod
    def url(self) -> str:
        """What the download will ask for first."""

    @property
    @abstractmethod
    def folder(self) -> Path:
        """Where the download writes."""

    @property
    @abstractmethod
    def place(self) -> Path:
        """What to carry over from another machine: a folder or a file, at this same place."""

    @property
    @abstractmethod
    def converted(self) -> Path:
        """Folder for what engines make of the file, beside it, so that it goes where it goes."""

    @abstractmethod
    def path(self) -> Path | None:
        """Where the file is on disk, or None. Says nothing about whether it is whole."""

    @abstractmethod
    def _download(self, transfer: Transfer, timeout: float) -> Callable[[], object]:
        """What fetches the file into the cache of its library, with any errors of the network.

        ``timeout`` is for a single read. Importing the library belongs here, outside: it may take
        longer than a download may pause.
        """

    def blocked_reason(self) -> str | None:
        """Why no download may even be tried, or None."""
        return None

    def missing_reason(self) -> str | None:
        """What keeps the file on disk from being used, as half a sentence; a quick look only."""
        found = self.path()
        if found is None:
            return f"its weights ({self.size / 1e6:.0f} MB) are not on this machine"
        fault = damage(found, thorough=False)
        return f"the file {found} is damaged ({fault})" if fault else None

    def ready(self) -> Path:
        """The path of the whole file, every byte checked; a damaged one is set aside.

        Raises:
            ModelUnavailable: the file is not there, or damaged.
        """
        found = self.path()
        if found is None:
            raise ModelUnavailable(f"{self.title}: {self.missing_reason()}. {self.hint()}")
        if fault := damage(found, thorough=True):
            aside = _set_aside(found)
            kept = f"was set aside as {aside}" if aside else "should be deleted"
            raise ModelUnavailable(
                f"{self.title}: the file {found} is damaged ({fault}) and {kept}. {self.hint()}"
            )
        return found

    @property
    def _fetch_hint(self) -> str:
        return f"run `{' '.join(['image-search models fetch', self.asked_for]).strip()}`"

    def hint(self) -> str:
        """What to do about a file that is missing or damaged, as a sentence."""
        return (
            f"{HINT} {self._fetch_hint} where there is a network, or copy {self.place} "
            "from a machine that has it to the same place here."
        )

    def fetch(
        self,
        progress: bool | None = None,
        timeout: float = 5.0,
        *,
        on_bytes: Callable[[int], None] = lambda _: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Path:
        """Make sure that the whole file is on disk, downloading it if need be.

        A damaged file is replaced. A download goes on where an earlier one stopped. What is
        downloaded is checked before it counts; a file that does not pass is deleted.

        Args:
            progress: whether to show a bar on standard error; None: if that is a terminal.
            timeout: seconds to wait for the hub to answer; a download that then stands still for
                a few times as long is given up.
            on_bytes: called with the number of bytes that are here, from the thread that downloads.
            cancelled: asked now and then; when it returns true, the download is given up, and what
                has come is kept for the next one.

        Raises:
            ModelUnavailable: with the reason and what to do.
        """
        # The network's libraries take a while to import, and are rarely needed.
        from image_search.extractors.weights import hub

        if progress is None:
            progress = sys.stderr.isatty()
        found = self.path()
        if found is not None and damage(found, thorough=True) is None:
            return found
        reason = self.blocked_reason() or hub.probe([self.url], timeout)[self.url]
        if reason:
            raise ModelUnavailable(
                f"{self.title}: {self.missing_reason()}, and {reason}. {self.hint()}"
            )
        if found is not None and _set_aside(found) is None:
            raise ModelUnavailable(
                f"{self.title}: the file {found} is damaged and cannot be replaced. "
                "Delete it, or make its folder writable."
            )
        _sweep(self.folder, self.partial_names, _ABANDONED_SECONDS)
        _sweep(self.folder, f"*{PARTIAL}", _FORGOTTEN_SECONDS)
        stall = STALL_FACTOR * timeout
        try:
            with _shown(self.title, self.size, progress, on_bytes) as show:
                transfer = Transfer(show)
                work = self._download(transfer, stall)
                hub.watch(work, self.folder, stall, transfer, cancelled)
        except Exception as error:
            raise ModelUnavailable(
                f"{self.title}: the download from {urlsplit(self.url).netloc} failed "
                f"({hub.plain(error)}). {self.hint()}"
            ) from error
        found = self.path()
        fault = "it is not where it should be" if found is None else damage(found, thorough=True)
        if found is None or fault:
            if found is not None:
                _delete(found)
            raise ModelUnavailable(
                f"{self.title}: what {urlsplit(self.url).netloc} sent is damaged ({fault}) and was "
                f"not kept. A mirror or proxy on the way may be at fault. {self.hint()}"
            )
        _delete(_aside(found), missing_ok=True)
        return found


def _aside(path: Path) -> Path:
    real = path.resolve()
    return real.with_name(real.name + _SET_ASIDE)


def _set_aside(path: Path) -> Path | None:
    """Rename a damaged file, so that it counts as missing; None where that is not possible."""
    aside = _aside(path)
    try:
        path.resolve().replace(aside)
    except OSError:
        return None
    return aside


def _delete(path: Path, missing_ok: bool = False) -> None:
    """Remove a file and what it points to."""
    path.resolve().unlink(missing_ok=missing_ok)
    path.unlink(missing_ok=True)


@contextmanager
def _shown(
    title: str, size: int, progress: bool, on_bytes: Callable[[int], None]
) -> Iterator[Callable[[int], None]]:
    """What to call with the number of bytes that are here; with ``progress`` it also moves a bar on
    standard error."""
    if not progress:
        yield on_bytes
        return
    from tqdm import tqdm

    with tqdm(desc=title, total=size, unit="B", unit_scale=True, dynamic_ncols=True) as bar:

        def show(count: int) -> None:
            bar.total = max(size, count)
            bar.update(count - bar.n)
            on_bytes(count)

        yield show


def _sweep(folder: Path, pattern: str, seconds: float) -> None:
    """Remove what interrupted downloads left behind and did not touch for so many ``seconds``."""
    for leftover in folder.glob(pattern):
        try:
            if time.time() - leftover.stat().st_mtime > seconds:
                leftover.unlink()
        except OSError:
            continue
