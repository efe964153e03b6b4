"""GET /models: which extractors there are, which are in use, and how to get the others."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from image_search.extractors import REGISTRY
from image_search.extractors.registry import ExtractorSpec
from image_search.web.service import service

blueprint = Blueprint("models", __name__)


@blueprint.get("/models")
def show() -> ResponseReturnValue:
    """One row an extractor; ``lack`` says what is missing here, ``place`` where it belongs."""
    usable = service().library.status().usable
    return jsonify(models=[_told(spec, usable) for spec in REGISTRY.values()])


def _told(spec: ExtractorSpec, usable: tuple[str, ...]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": spec.name,
        "summary": spec.summary,
        "model": spec.model,
        "in_use": spec.name in usable,
        "variant_of": spec.variant_of,
        "present": True,
    }
    if spec.weights is not None:
        lack = spec.weights.lack()
        row |= {
            "present": lack is None,
            "lack": lack,
            "place": str(spec.weights.place),
            "bytes": spec.weights.size,
            "licence": spec.weights.licence,
            "source": spec.weights.source,
        }
    return row
