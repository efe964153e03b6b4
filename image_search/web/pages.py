"""The page, and the state it shows."""

from __future__ import annotations

import functools
import re
from dataclasses import asdict, replace
from pathlib import Path

from flask import Blueprint, jsonify, render_template
from flask.typing import ResponseReturnValue

from image_search import __version__, assets
from image_search.demo import holds_only_the_demo
from image_search.duplicates.keeping import RULES
from image_search.errors import UnknownImage
from image_search.extractors import REGISTRY
from image_search.search.queries import PRESETS, groups_of
from image_search.search.searching import SURE
from image_search.web import gate
from image_search.web.browse import newest
from image_search.web.files import send_private
from image_search.web.service import service

blueprint = Blueprint("pages", __name__)

#: Sketches offered as first queries; a row of them, not a gallery.
EXAMPLES_SHOWN = 12
#: New images shown beside an empty query: enough to see that there is something to browse.
NEWEST_SHOWN = 7
EXAMPLE_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}

#: How many unreadable files the state lists; the count beside them is complete.
MAX_FAILURES_LISTED = 500

#: Of the page, whose indentation is a tenth of its size.
_INDENTATION = re.compile(r"\n\s+")

#: How our scripts import each other.
_IMPORT = re.compile(r'^(?:import|export) .*?from "\./([a-z-]+\.js)";$', re.MULTILINE)


@blueprint.get("/")
def show() -> ResponseReturnValue:
    """The page itself; everything that changes it asks for."""
    settings = service().settings
    page = render_template(
        "page.html",
        csrf_token=gate.csrf_token(),
        examples=[path.name for path in _examples()],
        newest=newest(NEWEST_SHOWN),
        modules=modules_of("main.js"),
        groups=groups_of(),
        sure=SURE,
        presets={name: dict(preset) for name, preset in PRESETS.items()},
        upload_megabytes=settings.upload_megabytes,
        uploads=bool(settings.uploads),
        share=settings.share or "",
        version=__version__,
    )
    return _INDENTATION.sub("\n", page)


@blueprint.get("/duplicates-page")
def duplicates() -> ResponseReturnValue:
    """The collection's groups of duplicates, as a queue to be decided on."""
    return render_template(
        "duplicates.html",
        csrf_token=gate.csrf_token(),
        modules=modules_of("duplicates.js"),
        rules=RULES,
    )


@blueprint.get("/status")
def status() -> ResponseReturnValue:
    """The state of the index: pictures that cannot be read, with reasons; and files that are no
    pictures at all, by ending."""
    state = service().library.status()
    answer = asdict(replace(state, failures=state.failures[:MAX_FAILURES_LISTED]))
    endings = sorted(ending.lstrip(".") for ending in state.not_images)
    answer["others"] = {"count": sum(state.not_images.values()), "endings": endings}
    reading = [REGISTRY[name] for name in state.usable if REGISTRY[name].reads]
    answer["watching"] = service().watcher.state.to_json() if service().settings.watch else None
    answer["reads_words"] = not all(row.classifies for row in reading)
    answer["reads_names"] = any(row.classifies for row in reading)
    return jsonify(answer)


@blueprint.get("/examples/<name>")
def example(name: str) -> ResponseReturnValue:
    """One of the sketches that the page offers, and nothing else from that folder."""
    for path in _examples():
        if path.name == name:
            return send_private(path, EXAMPLE_TYPES[path.suffix])
    raise UnknownImage("There is no such example.")


def _examples() -> list[Path]:
    """The sketches of the demo; none if the collection is not the demo, or is empty."""
    folder, state = service().examples, service().library.status()
    if not (folder.is_dir() and state.images):
        return []
    if not _is_demo(service().settings.images, state.fingerprint):
        return []
    found = (path for path in folder.iterdir() if path.suffix in EXAMPLE_TYPES and path.is_file())
    return sorted(found)[:EXAMPLES_SHOWN]


@functools.lru_cache(maxsize=8)
def _is_demo(images: Path, _fingerprint: str) -> bool:
    """Looked up once for each state of the index; it ends at the first file that is not ours."""
    return holds_only_the_demo(images)


@functools.lru_cache(maxsize=8)
def modules_of(entry: str) -> tuple[str, ...]:
    """The names of all modules that ``entry`` imports, so that the browser asks for them at once
    instead of level by level."""
    found = [entry]
    for name in found:  # grows meanwhile
        text = (assets.folder("static") / "js" / name).read_text("utf-8")
        found += [other for other in _IMPORT.findall(text) if other not in found]
    return tuple(found[1:])
