"""What a monitor may know without the password: no names of files, no folders."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue

import image_search
from image_search.extractors.weights.files import without_hint
from image_search.settings import Settings
from image_search.web.service import service

blueprint = Blueprint("health", __name__)

#: An absolute path, POSIX or Windows, or one below the home folder.
_ABSOLUTE = re.compile(r"""(?<![\w/\\.:])(?:~|[A-Za-z]:)?[/\\][^\s,;:'"()<>]+""")


@blueprint.get("/health")
def show() -> ResponseReturnValue:
    """Always 200 while the process lives; ``ready`` says whether a search would be answered."""
    try:
        status = service().library.status()
    except Exception:
        current_app.logger.exception("The state of the index cannot be read.")
        warnings = ["The state of the index cannot be read; see the server's log."]
        ready, images, extractors, degraded = False, 0, list[str](), True
    else:
        ready, images, extractors = status.ready, status.images, list(status.extractors)
        # A model of the chosen set that was never here is no fault.
        degraded = not ready or not set(status.warnings) <= set(status.notes)
        # How to fix it is shown by the page and the command line only.
        shown = [without_hint(warning) for warning in status.warnings]
        warnings = [without_paths(warning, service().settings) for warning in shown]
    return jsonify(
        status="degraded" if degraded else "ok",
        alive=True,
        ready=ready,
        images=images,
        extractors=extractors,
        warnings=warnings,
        version=image_search.__version__,
    )


@blueprint.get("/ready")
def ready() -> ResponseReturnValue:
    """200 if a search would be answered, else 503; for a proxy that sends requests elsewhere."""
    try:
        is_ready = service().library.status().ready
    except Exception:
        current_app.logger.exception("The state of the index cannot be read.")
        is_ready = False
    return jsonify(ready=is_ready), 200 if is_ready else 503


def without_paths(text: str, settings: Settings) -> str:
    """``text`` with every place on this machine replaced by an ellipsis."""
    places = [settings.images, settings.cache, settings.state_dir]
    known = {str(p) for place in places for p in (place, place.absolute(), place.resolve())}
    known.add(str(Path.home()))
    for place in sorted(known - {"/", "."}, key=len, reverse=True):
        text = text.replace(place, "…")
    return _ABSOLUTE.sub("…", text)
