"""GET /metrics: what a monitor counts and measures, in the format of Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, request
from flask.typing import ResponseReturnValue
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily

import image_search
from image_search.web.gate import BODY_WAITS
from image_search.web.service import Service

blueprint = Blueprint("metrics", __name__)

#: Seconds, from a thumbnail to an upload of many images.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """Counts and times requests; the state of the index is looked at when it is asked for."""

    def __init__(self, parts: Service) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "image_search_requests", "Requests answered.", ["call", "method", "status"],
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "image_search_request_seconds", "From the whole request to its answer.", ["call"],
            buckets=BUCKETS, registry=self._registry,
        )  # fmt: skip
        self._registry.register(_State(parts))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def attach(self, app: Flask) -> None:
        """Count the requests of ``app`` from now on."""
        app.before_request(_begin)
        app.after_request(self._count)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)

    def _count(self, response: Response) -> Response:
        if "began" not in g:  # asked about the headers alone, before the body comes
            return response
        # By the name of the call, of which there are few, never by the address that was sent.
        call = request.endpoint or "unknown"
        method = request.method if request.endpoint else "other"
        self._requests.labels(call, method, response.status_code).inc()
        self._seconds.labels(call).observe(time.perf_counter() - g.began)
        return response


def _begin() -> None:
    if BODY_WAITS not in request.environ:
        g.began = time.perf_counter()


class _State:
    """The index and the work on it, as they are now."""

    def __init__(self, parts: Service) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Any]:
        """What is known without reading the index."""
        status, job = self._parts.library.status(), self._parts.reindexer.job
        yield InfoMetricFamily(
            "image_search", "The service.", {"version": image_search.__version__}
        )
        gauges = {
            "image_search_ready": ("Whether searches are answered.", status.ready),
            "image_search_images": ("Images in the index.", status.images),
            "image_search_unreadable": ("Pictures that cannot be read.", status.unreadable),
            "image_search_warnings": (
                "Warnings that need attention.", len(set(status.warnings) - set(status.notes)),
            ),
            "image_search_index_updated_timestamp_seconds": (
                "When the index was saved last.", status.updated or 0,
            ),
            "image_search_reindex_running": (
                "Whether the index is being updated.", job.state == "running",
            ),
            "image_search_reindex_failed": (
                "Whether the last update failed.", job.state == "failed",
            ),
            "image_search_reindex_files_done": ("Files that update has looked at.", job.done),
            "image_search_reindex_files": ("Files that update looks at.", job.total),
        }  # fmt: skip
        for name, (words, value) in gauges.items():
            yield GaugeMetricFamily(name, words, float(value))


@blueprint.get("/metrics")
def show() -> ResponseReturnValue:
    """What a monitor counts and measures, as Prometheus reads it."""
    metrics: Metrics = current_app.extensions["image_search_metrics"]
    return Response(metrics.text(), content_type=CONTENT_TYPE_LATEST)
