"""Starting, watching and cancelling the update of the index."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from image_search.web.errors import Refusal
from image_search.web.jobs import Job, ReindexRunning
from image_search.web.service import service

blueprint = Blueprint("reindex", __name__)


@blueprint.post("/reindex")
def start() -> ResponseReturnValue:
    """202 and the job; 409 and the running job where there is one."""
    reindexer = service().reindexer
    try:
        return jsonify(to_json(reindexer.start())), 202
    except ReindexRunning as error:
        job = to_json(reindexer.job)
        raise Refusal(409, error.code, str(error), extra={"job": job}) from None


@blueprint.get("/reindex")
def watch() -> ResponseReturnValue:
    """The running job, or the last one."""
    return jsonify(to_json(service().reindexer.job))


@blueprint.delete("/reindex")
def cancel() -> ResponseReturnValue:
    """Asks the running job to stop, which takes moments (202); 200 where none runs."""
    job = service().reindexer.cancel()
    return jsonify(to_json(job)), 202 if job.state == "running" else 200


def to_json(job: Job) -> dict[str, Any]:
    """The job as JSON."""
    return asdict(job)
