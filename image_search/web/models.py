"""Which sets and extractors there are and which are in use, and the download of what is missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.extractors import REGISTRY
from image_search.extractors.detectors import DETECTORS
from image_search.extractors.listing import detector_row, extractor_row, set_rows
from image_search.web.errors import Refusal
from image_search.web.fetching import Fetch, FetchRunning
from image_search.web.service import service

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def show() -> ResponseReturnValue:
    """One row for each set, extractor and detector; see ``image_search.extractors.listing``."""
    usable = service().library.status().usable
    rows = [{**extractor_row(spec), "in_use": spec.name in usable} for spec in REGISTRY.values()]
    settings = service().settings
    detectors = [detector_row(spec, settings) for spec in DETECTORS.values()]
    return jsonify(models=rows, sets=set_rows(settings), detectors=detectors)


@blueprint.post("/models/fetch")
def fetch() -> ResponseReturnValue:
    """202 and the job; 409 and the running job where there is one. The field ``name`` is a set or
    an extractor; without it, the set in use."""
    fetcher = service().fetcher
    name = request.form.get("name", "").strip() or service().settings.chosen_models
    try:
        return jsonify(to_json(fetcher.start(name))), 202
    except FetchRunning as error:
        extra = {"job": to_json(fetcher.job)}
        raise Refusal(409, error.code, str(error), extra=extra) from None


@blueprint.get("/models/fetch")
def watch() -> ResponseReturnValue:
    """The running download, or the last one."""
    return jsonify(to_json(service().fetcher.job))


@blueprint.delete("/models/fetch")
def cancel() -> ResponseReturnValue:
    """Asks the running download to stop, which takes moments (202); 200 where none runs."""
    job = service().fetcher.cancel()
    return jsonify(to_json(job)), 202 if job.state == "running" else 200


def to_json(job: Fetch) -> dict[str, Any]:
    """The job as JSON."""
    return asdict(job)
