"""What every request handler may reach: the library and what is kept beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, cast

from flask import current_app

from image_search.indexing.watching import FolderWatcher
from image_search.mapping import Maps
from image_search.search.browsing import Catalogues
from image_search.web.fetching import ModelFetcher
from image_search.web.jobs import Reindexer
from image_search.web.sessions import EndedSessions
from image_search.web.throttle import Throttle
from image_search.web.work import BackgroundWork

if TYPE_CHECKING:
    from image_search.library import Library
    from image_search.settings import Settings


@dataclass(frozen=True)
class Service:
    """The parts behind one application, wired once in the app factory."""

    library: Library
    settings: Settings
    password: str = field(repr=False)
    reindexer: Reindexer
    watcher: FolderWatcher
    fetcher: ModelFetcher
    training: BackgroundWork
    maps: Maps
    mapping: BackgroundWork
    styling: BackgroundWork
    examples: Path
    ended_sessions: EndedSessions
    catalogues: Catalogues
    #: The picture that was drawn last, as a PNG; nothing of it is kept on disk.
    drawn: list[bytes] = field(default_factory=list)
    throttle: Throttle = field(default_factory=Throttle)
    #: So many checks wait for the thresholds at once, each in a thread of the server.
    waiting: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(2))
    #: So many ZIPs are sent at once, each by a thread of the server.
    archiving: BoundedSemaphore = field(default_factory=lambda: BoundedSemaphore(2))

    def schedule_maintenance(self, *, hurry: bool = False) -> None:
        """Have done soon what checks and duplicates lack, unless a reindex will see to it; with all
        threads if ``hurry`` is set."""
        if self.reindexer.job.state != "running":
            self.library.duplicates.update_soon(hurry=hurry)


def service() -> Service:
    """The parts behind the application that handles the current request."""
    return cast(Service, current_app.extensions["image_search"])
