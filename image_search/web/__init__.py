"""The web service: parse a request, call the library, show the answer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from flask import Flask

from image_search import assets
from image_search.indexing.watching import FolderWatcher
from image_search.mapping import Maps
from image_search.search.browsing import Catalogues
from image_search.settings import OFF
from image_search.web import (
    access_log,
    browse,
    check,
    duplicates,
    errors,
    files,
    gate,
    headers,
    health,
    labels,
    map,
    models,
    objects,
    openapi,
    pages,
    reindex,
    search,
    selected,
    sign_in,
    spread,
    static_files,
    styling,
    uploads,
)
from image_search.web.fetching import ModelFetcher
from image_search.web.jobs import Reindexer
from image_search.web.secrets import load_secrets
from image_search.web.service import Service
from image_search.web.sessions import EndedSessions
from image_search.web.work import BackgroundWork

if TYPE_CHECKING:
    from image_search.library import Library
    from image_search.settings import Settings

#: A working week: long enough not to be in the way, short enough for a lost laptop.
SESSION_LIFETIME = timedelta(days=7)


def create_app(library: Library, settings: Settings) -> Flask:
    """The application around ``library``; the secrets are read from (or made in) the state folder.

    Raises:
        CacheError: the secrets can be neither read nor written.
    """
    kept = load_secrets(settings)
    app = Flask(
        "image_search.web", static_folder=None, template_folder=str(assets.folder("templates"))
    )
    app.config.update(
        SECRET_KEY=gate.signing_key(kept),
        # Cookies do not know ports: two services on one machine must not sign each other out.
        SESSION_COOKIE_NAME=f"image_search_{settings.port}",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=SESSION_LIFETIME,
        MAX_CONTENT_LENGTH=int(settings.upload_megabytes * 1e6),
        MAX_FORM_MEMORY_SIZE=gate.FORM_BYTES,
        MAX_FORM_PARTS=64,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.session_interface = gate.Sessions()
    reindexer = Reindexer(library)
    service = app.extensions["image_search"] = Service(
        library=library,
        settings=settings,
        password=kept.password,
        reindexer=reindexer,
        watcher=FolderWatcher(settings, library.snapshot, reindexer.update_finished),
        fetcher=ModelFetcher(settings, lambda: library.status().usable),
        training=BackgroundWork("training", "Labels are being trained already."),
        maps=Maps(settings, library.snapshot),
        styling=BackgroundWork("styling", "A picture is being drawn already; try again soon."),
        mapping=BackgroundWork("mapping", "A map is being made already."),
        examples=assets.folder("static") / "examples",
        ended_sessions=EndedSessions(settings.state_dir / "ended_sessions.json"),
        catalogues=Catalogues(library.snapshot),
    )
    if settings.metrics:
        from image_search.web import metrics

        counted = app.extensions["image_search_metrics"] = metrics.Metrics(service)
        counted.attach(app)
        app.register_blueprint(metrics.blueprint)
    gate.guard(app)
    headers.attach(app)
    errors.attach(app)
    for topic in (
        *(sign_in, pages, static_files, search, reindex, files, health, models, uploads),
        *(check, duplicates, objects, labels, openapi, browse, selected, map, styling, spread),
    ):
        app.register_blueprint(topic.blueprint)
    if settings.access_log != OFF:
        access_log.attach(app, settings.access_log)
    return app
