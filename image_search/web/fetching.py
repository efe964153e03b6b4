"""One download of models at a time, in a thread of its own, watched and cancelled from others."""

from __future__ import annotations

import dataclasses
import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from image_search.errors import ImageSearchError, InvalidQuery, ModelUnavailable, SettingsError
from image_search.extractors.listing import downloads, is_present
from image_search.extractors.model_sets import SETS
from image_search.extractors.registry import ExtractorSpec
from image_search.extractors.resolve import chosen
from image_search.indexing.background import BackgroundTask
from image_search.settings import Settings

logger = logging.getLogger(__name__)


class FetchRunning(ImageSearchError):
    """Models are being downloaded already."""

    code = "fetch_running"


@dataclass(frozen=True)
class Fetch:
    """What is known about the latest download.

    Times are unix seconds; ``done`` and ``total`` are bytes, ``rate`` is in bytes per second.
    ``name`` is what was asked for, ``current`` the extractor whose weights are being downloaded,
    and ``fetched`` are those whose weights have come.
    """

    id: str = ""
    state: str = "idle"  # idle, running, done, failed, cancelled
    name: str = ""
    current: str = ""
    done: int = 0
    total: int = 0
    rate: float | None = None
    seconds_left: float | None = None
    started: float | None = None
    finished: float | None = None
    fetched: tuple[str, ...] = ()
    message: str = ""


class ModelFetcher:
    """Downloads the weights of a set or of an extractor in the background, never two at once."""

    def __init__(self, settings: Settings, usable: Callable[[], Sequence[str]]) -> None:
        """``usable`` returns the extractors that a search can use."""
        self._settings, self._usable = settings, usable
        self._lock = threading.Lock()
        self._job = Fetch()
        self._wanted: list[ExtractorSpec] = []
        self._task = BackgroundTask("fetch", self._run)
        self._cancelled = threading.Event()

    @property
    def job(self) -> Fetch:
        """The running download, or the last one."""
        return self._job

    def start(self, name: str) -> Fetch:
        """Start to download what the set or the extractor ``name`` lacks; returns the job.

        Raises:
            InvalidQuery: there is no set and no extractor of this name.
            FetchRunning: a download runs already.
        """
        try:
            specs = chosen(name)
        except SettingsError:
            raise InvalidQuery(
                f"There is no set of models and no extractor {name[:40]!r}; the sets are: "
                f"{', '.join(SETS)}."
            ) from None
        with self._lock:
            if self._job.state == "running":
                raise FetchRunning("Models are already being downloaded.")
            if self._task.stopping.is_set():
                raise FetchRunning("The service is stopping; download when it runs again.")
            self._cancelled.clear()
            self._wanted = [spec for spec in specs if not is_present(spec)]
            self._job = Fetch(
                id=secrets.token_hex(8),
                state="running",
                name=name,
                total=sum(map(downloads, self._wanted)),
                started=time.time(),
            )
            # Where the last one has just ended, its thread goes on with this one.
            self._task.start(again=True)
            return self._job

    def cancel(self) -> Fetch:
        """Ask the running download, if any, to stop; the next one goes on where it stopped."""
        self._cancelled.set()
        return self._job

    def stop(self, timeout: float) -> None:
        """Cancel and wait at most ``timeout`` seconds, for the end of the process."""
        with self._lock:
            self._task.stopping.set()
            self._cancelled.set()
        self._task.stop(timeout)

    def _run(self) -> None:
        try:
            self._check_hubs()
            before = 0
            for spec in self._wanted:
                self._fetch(spec, before)
                before += downloads(spec)
            self._end("done", current="", message=self._outcome())
        except ModelUnavailable as error:
            if self._cancelled.is_set():
                self._end("cancelled", message="What has come is kept for the next download.")
            else:
                self._end("failed", message=str(error))
        except Exception:
            logger.exception("The download of models failed.")
            self._end(
                "failed", message="Something went wrong in the service; see the server's log."
            )

    def _check_hubs(self) -> None:
        """Ask the hubs once whether they are there, rather than fail at the first of many files.

        Raises:
            ModelUnavailable: none of the hubs that are needed can be reached.
        """
        from image_search.extractors.weights import hub

        weights = [spec.weights for spec in self._wanted if spec.weights is not None]
        blocked = [one.blocked_reason() for one in weights]
        urls = [one.url for one, reason in zip(weights, blocked, strict=True) if reason is None]
        found = hub.probe(urls, self._settings.hub_timeout)
        reasons = [reason or found[one.url] for one, reason in zip(weights, blocked, strict=True)]
        if reasons and all(reasons):
            serving = ", ".join(self._usable())
            works = f"; searching works with {serving}" if serving else ""
            raise ModelUnavailable(
                f"No model hub can be reached from this server{works}. "
                f"({'; '.join(dict.fromkeys(filter(None, reasons)))}.)"
            )

    def _fetch(self, spec: ExtractorSpec, before: int) -> None:
        """Download the weights of one extractor, after ``before`` bytes of others."""
        if spec.weights is None:
            return
        self._change(current=spec.name, done=before)
        first: list[tuple[float, int]] = []

        def note(count: int) -> None:
            if not first:
                first.append((time.monotonic(), count))
            seconds, new = time.monotonic() - first[0][0], count - first[0][1]
            rate = new / seconds if new and seconds > 0 else None
            done = before + min(count, downloads(spec))
            left = (self._job.total - done) / rate if rate else None
            self._change(done=done, rate=rate, seconds_left=left)

        spec.weights.fetch(
            progress=False,
            timeout=self._settings.hub_timeout,
            on_bytes=note,
            cancelled=self._cancelled.is_set,
        )
        self._change(fetched=(*self._job.fetched, spec.name), done=before + downloads(spec))

    def _outcome(self) -> str:
        """What there is to do after the download."""
        name, settings = self._job.name, self._settings
        if not self._wanted:
            return "Everything is here already; nothing was downloaded."
        used = {spec.name for spec in chosen(settings.chosen_models)}
        if used >= {spec.name for spec in self._wanted}:
            return "Downloaded. Update the index to use it."
        variable = "IMAGE_SEARCH_MODELS" if name in SETS else "IMAGE_SEARCH_EXTRACTORS"
        how = f"set {variable} to {name}" if name in SETS else f"name {name} in {variable}"
        return f"Downloaded. To use it, {how} and start the service again."

    def _end(self, state: str, **changes: object) -> None:
        self._change(state=state, finished=time.time(), seconds_left=None, **changes)

    def _change(self, **changes: object) -> None:
        # One reference is swapped, so a reader in another thread never sees half a change.
        self._job = dataclasses.replace(self._job, **changes)  # type: ignore[arg-type]
