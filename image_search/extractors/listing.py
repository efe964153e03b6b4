"""Sets and extractors as plain values, for whoever lists them: with size, licence, source, state.

Reading them loads no model and no model library.
"""

from __future__ import annotations

from typing import Any

from image_search.extractors.detectors import DetectorSpec
from image_search.extractors.model_sets import SETS
from image_search.extractors.registry import REGISTRY, ExtractorSpec
from image_search.settings import Settings


def set_rows(settings: Settings) -> list[dict[str, Any]]:
    """One row for each set: its extractors, the bytes of their weights, the bytes that are still
    to be downloaded, and whether the settings choose it."""
    rows = []
    for row in SETS.values():
        sizes = {n: downloads(REGISTRY[n]) for n in row.extractors}
        missing = {n: size for n, size in sizes.items() if size and not is_present(REGISTRY[n])}
        rows.append({
            "name": row.name,
            "summary": row.summary,
            "extractors": list(row.extractors),
            "bytes": sum(sizes.values()),
            "missing": list(missing),
            "missing_bytes": sum(missing.values()),
            "chosen": settings.chosen_models == row.name,
        })  # fmt: skip
    return rows


def extractor_row(spec: ExtractorSpec) -> dict[str, Any]:
    """One extractor: ``missing_reason`` is what is missing here, ``place`` where it goes."""
    row: dict[str, Any] = {
        "name": spec.name,
        "model": spec.model,
        "dim": spec.dim,
        "summary": spec.summary,
        "variant_of": spec.variant_of,
        "sets": [row.name for row in SETS.values() if spec.name in row.extractors],
        "present": True,
    }
    if spec.weights is not None:
        reason = spec.weights.missing_reason()
        row |= {
            "present": reason is None,
            "missing_reason": reason,
            "lack": reason,  # the name of release 0.1
            "place": str(spec.weights.place),
            "bytes": spec.weights.size,
            "licence": spec.weights.licence,
            "source": spec.weights.source,
        }
    return row


def detector_row(spec: DetectorSpec, settings: Settings) -> dict[str, Any]:
    """One detector of objects, and whether the settings choose it."""
    reason = spec.weights.missing_reason()
    return {
        "name": spec.name,
        "summary": spec.summary,
        "chosen": settings.detector == spec.name,
        "present": reason is None,
        "missing_reason": reason,
        "place": str(spec.weights.place),
        "bytes": spec.weights.size,
        "licence": spec.weights.licence,
        "source": spec.weights.source,
    }


def downloads(spec: ExtractorSpec) -> int:
    """The bytes that are downloaded for an extractor, 0 for what comes with a package."""
    return spec.weights.size if spec.weights is not None and spec.weights.url else 0


def is_present(spec: ExtractorSpec) -> bool:
    """Whether an extractor can be loaded, as far as a quick look tells."""
    return spec.weights is None or spec.weights.missing_reason() is None
