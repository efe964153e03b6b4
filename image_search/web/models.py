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
    """One row an extractor: ``missing_reason`` is what is missing here, ``place`` where it goes."""
    usable = service().library.status().usable
    return jsonify(models=[_to_json(spec, usable) for spec in REGISTRY.values()])


def _to_json(spec: ExtractorSpec, usable: tuple[str, ...]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "name": spec.name,
        "summary": spec.summary,
        "model": spec.model,
        "in_use": spec.name in usable,
        "variant_of": spec.variant_of,
        "present": True,
    }
    if spec.weights is not None:
        missing_reason = spec.weights.missing_reason()
        row |= {
            "present": missing_reason is None,
            "missing_reason": missing_reason,
            "lack": missing_reason,  # the name of release 0.1
            "place": str(spec.weights.place),
            "bytes": spec.weights.size,
            "licence": spec.weights.licence,
            "source": spec.weights.source,
        }
    return row
