"""What each call of the service takes and answers, for ``GET /openapi.json`` and for the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from image_search.duplicates.checking.verdict import Certainty, CheckResult, Evidence
from image_search.imaging.sheets.drawing import PreparedDrawing
from image_search.indexing.availability import Status
from image_search.indexing.reports import Unreadable
from image_search.indexing.watching import WatchState
from image_search.labels.labels import ImageLabels, LabelCount
from image_search.search.browsing import Folder
from image_search.search.queries import DesignView, Hit, Region
from image_search.web.fetching import Fetch
from image_search.web.jobs import Job
from image_search.web.schemas import (
    ANYTHING,
    NUMBER,
    TEXT,
    WHOLE,
    YES_OR_NO,
    Schema,
    array,
    named,
    nullable,
    one_of,
    record,
    schema_of,
    with_more,
)
from image_search.web.search import FIELDS, REPEATED
from image_search.web.work import WorkState

#: What a browser asks for to show the page; programs have no use for it.
PAGES = frozenset({
    "pages.show", "pages.duplicates", "pages.example", "sign_in.form", "sign_in.check",
    "sign_in.leave", "static_files.show", "openapi.page", "map.show",
    "styling.show",
})  # fmt: skip

ID: Schema = {"type": "string", "pattern": "^[0-9a-f]{16}(-[0-9]+)?$"}
_SHARES: Schema = {"type": "array", "items": NUMBER, "minItems": 4, "maxItems": 4}
_OUTLINE = array({"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2})
_ADDRESSES = {"url": TEXT, "thumbnail": TEXT}
_ERROR = {
    "type": "object",
    "properties": {"error": record({"code": TEXT, "message": TEXT})},
    "required": ["error"],
}

_NAMES = {"Unreadable": Unreadable, "PreparedDrawing": PreparedDrawing}
_DRAWING = record({
    "score": NUMBER, "box": _SHARES, "parts": array(_SHARES), "steps": array(TEXT), "preview": TEXT,
})  # fmt: skip
_VIEW = with_more(schema_of(DesignView), _ADDRESSES)
_HIT = with_more(schema_of(Hit), {"views": array(_VIEW), **_ADDRESSES})
_EVIDENCE = with_more(
    record(dict.fromkeys(Evidence.__dataclass_fields__, ANYTHING)),
    {
        "words": TEXT,
        **dict.fromkeys(("outline_query", "outline_hit", "part_query", "part_hit"), _OUTLINE),
    },
)
_CHECK_HIT = with_more(
    _HIT,
    {
        "relation": one_of("exact", "near", "similar", "possible"),
        "evidence": nullable(_EVIDENCE),
        "decision": nullable(TEXT),
    },
)
_JOB = schema_of(Job, _NAMES)
_WORK = schema_of(WorkState)
_FETCH = schema_of(Fetch)
_STATE = one_of("idle", "running", "done", "failed", "cancelled")
_JOBS = {
    name: with_more(schema, {"state": _STATE})
    for name, schema in (("Job", _JOB), ("Work", _WORK), ("Fetch", _FETCH))
}
_SEARCH = record(
    {
        "results": array(_HIT),
        "compared": WHOLE,
        "unreadable": WHOLE,
        "took_ms": NUMBER,
        "kind": one_of("photo", "sketch", "text"),
        "extractors": array(TEXT),
        "warnings": array(TEXT),
        "matched_by": TEXT,
        "named": array(TEXT),
        "labels": named(NUMBER),
        "metric": one_of("auto", "cosine", "euclidean", "dotproduct"),
    },
    {"drawing": _DRAWING},
)
_CHECK = with_more(
    record(dict.fromkeys(CheckResult.__dataclass_fields__, ANYTHING)),
    {
        "verdict": one_of("exact", "near", "similar", "possible", "new"),
        "words": TEXT,
        "headline": TEXT,
        "clear": YES_OR_NO,
        "limit": TEXT,
        "certainty": nullable(schema_of(Certainty)),
        "hits": array(_CHECK_HIT),
        "nearest": array(_HIT),
        "compared": WHOLE,
        "without_fingerprint": WHOLE,
        "unprinted": WHOLE,
        "unreadable": WHOLE,
        "unreadable_files": array(schema_of(Unreadable)),
        "suppressed": WHOLE,
        "took_ms": NUMBER,
        "kind": TEXT,
        "extractors": array(TEXT),
        "fingerprint": TEXT,
        "content": TEXT,
        "checked": NUMBER,
        "warnings": array(TEXT),
        "drawing": nullable(_DRAWING),
        "parts": array(schema_of(Region)),
    },
)
_MEMBER = record({
    "id": ID, "path": TEXT, "size": WHOLE, "width": WHOLE, "height": WHOLE, "modified": NUMBER,
    **_ADDRESSES,
})  # fmt: skip
_FILE_KEPT = with_more(_MEMBER, {}, without=tuple(_ADDRESSES))
_PAIR = record({
    "a": ID, "b": ID, "relation": TEXT, "words": TEXT, "outline_a": _OUTLINE,
    "outline_b": _OUTLINE, "decision": nullable(TEXT), "score": NUMBER, "inliers": WHOLE,
    "mirrored": YES_OR_NO, "rotation": NUMBER, "scale": NUMBER,
})  # fmt: skip
_GROUP = record({"id": TEXT, "kind": TEXT, "members": array(_MEMBER), "pairs": array(_PAIR)})
_LABELS = with_more(schema_of(ImageLabels), {"id": ID})
_CLASSIFIER = record({
    "labels": array(record({"name": TEXT, "images": WHOLE})), "images": WHOLE,
    "accuracy": nullable(NUMBER), "calibration_error": nullable(NUMBER), "exclusive": YES_OR_NO,
    "extractors": array(TEXT), "source": TEXT, "trained": NUMBER, "seconds": NUMBER,
})  # fmt: skip
_IMAGE = record({
    "id": ID, "path": TEXT, "width": WHOLE, "height": WHOLE, "size": WHOLE, "modified": NUMBER,
    "note": TEXT, **_ADDRESSES,
})  # fmt: skip
_STATUS = with_more(
    schema_of(Status, _NAMES),
    {
        "others": record({"count": WHOLE, "endings": array(TEXT)}),
        "watching": nullable(schema_of(WatchState)),
        "reads_words": YES_OR_NO,
        "reads_names": YES_OR_NO,
        "adding": named(array(WHOLE)),
    },
)
_WEIGHTS: Mapping[str, Schema] = {
    "missing_reason": nullable(TEXT), "lack": nullable(TEXT), "place": TEXT, "bytes": WHOLE,
    "licence": TEXT, "source": TEXT,
}  # fmt: skip
_MODEL = record(
    {
        "name": TEXT, "model": TEXT, "dim": WHOLE, "summary": TEXT, "variant_of": nullable(TEXT),
        "sets": array(TEXT), "present": YES_OR_NO, "in_use": YES_OR_NO,
    },
    _WEIGHTS,
)  # fmt: skip
_SET = record({
    "name": TEXT, "summary": TEXT, "extractors": array(TEXT), "bytes": WHOLE,
    "missing": array(TEXT), "missing_bytes": WHOLE, "chosen": YES_OR_NO,
})  # fmt: skip
_DETECTOR = record({
    "name": TEXT, "summary": TEXT, "chosen": YES_OR_NO, "present": YES_OR_NO, "place": TEXT,
    "missing_reason": nullable(TEXT), "bytes": WHOLE, "licence": TEXT, "source": TEXT,
})  # fmt: skip
_DECISION = nullable(TEXT)

#: Schemas that several answers share, by name.
COMPONENTS: Mapping[str, Schema] = {
    "Error": _ERROR, "Hit": _HIT, "CheckHit": _CHECK_HIT, "Drawing": _DRAWING, "Image": _IMAGE,
    **_JOBS,
}  # fmt: skip

FILE: Schema = {"type": "string", "format": "binary"}


def ref(name: str) -> Schema:
    """A schema of ``COMPONENTS`` by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


@dataclass(frozen=True)
class Operation:
    """A call: the ``answers`` by status, each a schema of JSON or a media type; and the names of
    its form ``fields`` or of the ``arguments`` in its address, with schemas."""

    answers: Mapping[int, Schema | str]
    fields: Mapping[str, Schema] = field(default_factory=dict)
    arguments: Mapping[str, Schema] = field(default_factory=dict)


_TYPES: Mapping[str, Schema] = {
    "k": {"type": "integer", "minimum": 1},
    "min_side": {"type": "integer", "minimum": 1},
    "kind": one_of("auto", "photo", "sketch"),
    "metric": one_of("auto", "cosine", "euclidean", "dotproduct"),
    "original": one_of("0", "1"),
    "orientation": one_of("portrait", "landscape", "square"),
    "part": one_of("whole", "inside", "different"),
}


def _query_fields() -> dict[str, Schema]:
    single = {name: _TYPES.get(name, TEXT) for name in FIELDS}
    several = {name: array(one) if name in REPEATED else one for name, one in single.items()}
    return {"image": array(FILE), **several}


_QUERY = _query_fields()
_FILTERS = {
    name: _QUERY[name]
    for name in ("folder", "name", "after", "before", "min_side", "orientation", "label")
}
_PAGED = {"offset": WHOLE, "limit": WHOLE}

OPERATIONS: Mapping[str, Operation] = {
    "search.answer": Operation({200: _SEARCH}, _QUERY),
    "check.answer": Operation(
        {200: _CHECK}, {**_QUERY, "format": one_of("json", "html")}
    ),
    "objects.answer": Operation(
        {
            200: record({
                "objects": array(record({"region": TEXT, "name": TEXT, "score": NUMBER})),
                "took_ms": NUMBER, "warnings": array(TEXT),
            })
        },
        {"image": FILE, "like": ID},
    ),
    "browse.images": Operation(
        {
            200: record({
                "images": array(ref("Image")), "total": WHOLE, "offset": WHOLE, "order": TEXT,
                "orders": array(TEXT),
            })
        },
        arguments={**_FILTERS, "order": TEXT, **_PAGED},
    ),
    "browse.folders": Operation(
        {
            200: record({"folders": array(schema_of(Folder)), "total": WHOLE, "images": WHOLE})
        },
        arguments={"below": TEXT, "like": TEXT},
    ),
    "selected.archive": Operation({200: "application/zip"}, {"ids": TEXT}),
    "selected.contact_sheet": Operation(
        {200: "text/html"}, {"ids": TEXT, "notes": TEXT, "title": TEXT, "columns": WHOLE}
    ),
    "duplicates.show": Operation(
        {
            200: record(
                {
                    "groups": array(_GROUP), "total": WHOLE, "undecided": WHOLE, "images": WHOLE,
                    "state": TEXT, "warnings": array(TEXT),
                },
                {"progress": record({"phase": TEXT, "done": WHOLE, "total": WHOLE})},
            )
        },
        arguments={**_PAGED, "decided": one_of("0", "1")},
    ),
    "duplicates.decide": Operation(
        {200: record({"decision": TEXT, "undo": TEXT})},
        {
            "a": ID, "b": ID, "group": TEXT,
            "decision": one_of("same", "colourway", "variant", "contains", "different"),
        },
    ),
    "duplicates.undo": Operation(
        {200: record({}, {"decision": _DECISION, "pairs": WHOLE})},
        {"a": ID, "b": ID, "undo": TEXT},
    ),
    "spread.show": Operation({200: record({"ids": array(ID)})}, {"ids": TEXT, "count": WHOLE}),
    "duplicates.groups": Operation({200: record({"groups": named(TEXT)})}, {"ids": TEXT}),
    "duplicates.keep": Operation(
        {
            200: record({
                "rule": TEXT, "keeps": TEXT,
                "groups": array(record({"keep": _FILE_KEPT, "others": array(_FILE_KEPT)})),
            })
        },
        arguments={
            "rule": one_of("largest", "heaviest", "oldest", "newest", "shortest"),
            "format": one_of("json", "csv"),
        },
    ),
    "duplicates.export": Operation(
        {
            200: record({
                "format": TEXT, "version": WHOLE,
                "decisions": array(record({
                    "a": TEXT, "b": TEXT, "decision": TEXT, "decided": NUMBER,
                    "paths": array(TEXT),
                })),
            })
        }
    ),
    "duplicates.take": Operation(
        {200: record({"taken": WHOLE, "kept": WHOLE})}, {"decisions": FILE}
    ),
    "reindex.start": Operation({202: ref("Job")}),
    "reindex.watch": Operation({200: ref("Job")}),
    "reindex.cancel": Operation({200: ref("Job"), 202: ref("Job")}),
    "uploads.add": Operation(
        {
            201: record({
                "added": array(TEXT),
                "refused": array(record({"name": TEXT, "code": TEXT, "message": TEXT})),
                "existing": array(record({"name": TEXT, "path": TEXT, "same": array(TEXT)})),
                "job": ref("Job"),
            })
        },
        {"image": array(FILE), "folder": TEXT},
    ),
    "models.show": Operation(
        {
            200: record({
                "models": array(_MODEL), "sets": array(_SET), "detectors": array(_DETECTOR),
            })
        }
    ),
    "models.fetch": Operation({202: ref("Fetch")}, {"name": TEXT}),
    "models.watch": Operation({200: ref("Fetch")}),
    "models.cancel": Operation({200: ref("Fetch"), 202: ref("Fetch")}),
    "labels.show": Operation(
        {
            200: record({
                "labels": array(schema_of(LabelCount)), "classifier": nullable(_CLASSIFIER),
                "training": ref("Work"), "warnings": array(TEXT),
            })
        }
    ),
    "labels.decide": Operation(
        {200: _LABELS}, {"id": ID, "label": TEXT, "holds": one_of("1", "0", "")}
    ),
    "labels.of_image": Operation({200: _LABELS}),
    "labels.train": Operation({202: ref("Work")}, {"source": TEXT}),
    "labels.watch": Operation({200: ref("Work")}),
    "labels.cancel": Operation({200: ref("Work"), 202: ref("Work")}),
    "labels.classify": Operation(
        {200: record({"images": array(record({"path": TEXT, "labels": named(NUMBER)}))})},
        {"image": array(FILE)},
    ),
    "map.places": Operation(
        {
            200: record({
                "extractor": TEXT, "made": nullable(NUMBER), "method": nullable(TEXT),
                "new": WHOLE,
                "groups": array(record({"name": TEXT, "colour": TEXT, "images": WHOLE})),
                "images": record({
                    "id": array(ID), "path": array(TEXT), "x": array(WHOLE), "y": array(WHOLE),
                    "group": array(WHOLE), "alone": array(WHOLE),
                }),
            })
        },
        arguments={"extractor": TEXT, "colour": TEXT},
    ),
    "map.make": Operation({202: ref("Work")}, {"extractor": TEXT}),
    "map.watch": Operation(
        {200: with_more(_JOBS["Work"], {"installed": YES_OR_NO})}
    ),
    "map.cancel": Operation({200: ref("Work"), 202: ref("Work")}),
    "map.place": Operation(
        {200: record({"x": WHOLE, "y": WHOLE, "nearest": array(ID), "warnings": array(TEXT)})},
        {**_QUERY, "extractor": TEXT},
    ),
    "styling.draw": Operation(
        {202: ref("Work")},
        {
            "image": FILE, "like": ID, "style_image": FILE, "style": ID, "method": TEXT,
            "strength": NUMBER, "side": WHOLE,
        },
    ),
    "styling.watch": Operation({200: ref("Work")}),
    "styling.cancel": Operation({200: ref("Work"), 202: ref("Work")}),
    "styling.picture": Operation({200: "image/png"}),
    "files.original": Operation(
        {200: "application/octet-stream", 206: "application/octet-stream"}
    ),
    "files.thumbnail": Operation(
        {200: "image/webp"}, arguments={"side": {"enum": [320, 640, 1600]}, "v": TEXT}
    ),
    "pages.status": Operation({200: _STATUS}),
    "health.show": Operation(
        {
            200: record({
                "status": one_of("ok", "degraded"), "alive": YES_OR_NO, "ready": YES_OR_NO,
                "images": WHOLE, "extractors": array(TEXT), "warnings": array(TEXT),
                "version": TEXT,
            })
        }
    ),
    "health.ready": Operation(dict.fromkeys((200, 503), record({"ready": YES_OR_NO}))),
    "metrics.show": Operation({200: "text/plain"}),
    "openapi.document": Operation({200: {"type": "object"}}),
}  # fmt: skip
