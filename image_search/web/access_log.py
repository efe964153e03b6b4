"""One line for each request: when, from where, which call, how it ended and how long it took.

It holds nothing that was asked for: no words, no names of files, no pictures, no passwords.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from flask import Flask, Response, g, request

from image_search.settings import JSON_LINES
from image_search.web.gate import BODY_WAITS

logger = logging.getLogger("image_search.access")

#: The header that carries the number of a request, in both directions.
HEADER = "X-Request-ID"

#: A number that a proxy has given, and that may stand in a line of ours.
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


def attach(app: Flask, shape: str) -> None:
    """Log the requests of ``app`` to standard error, as text or JSON lines."""
    if not logger.handlers:
        logger.addHandler(_Standard())
    logger.setLevel(logging.INFO)
    logger.propagate = False
    in_words = _as_json if shape == JSON_LINES else _as_text

    def begin() -> None:
        if BODY_WAITS in request.environ:  # asked about the headers alone, before the body comes
            return
        given = request.headers.get(HEADER, "")
        g.request_id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        g.logged_from = time.perf_counter()

    def end(response: Response) -> Response:
        if "request_id" not in g:
            return response
        response.headers[HEADER] = g.request_id
        took = time.perf_counter() - g.logged_from
        logger.info(
            in_words({
                "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
                "request": g.request_id,
                "address": request.remote_addr or "",
                "method": request.method if request.endpoint else "other",
                "call": request.endpoint or "unknown",
                "status": response.status_code,
                "ms": round(1000 * took, 1),
                "bytes": response.content_length,
            })
        )  # fmt: skip
        return response

    # Before the gate, so that what it refuses is logged too.
    app.before_request_funcs.setdefault(None, []).insert(0, begin)
    app.after_request(end)


class _Standard(logging.StreamHandler[Any]):
    """Standard error as it is when a line is written; tests and servers replace it."""

    def __init__(self) -> None:
        super().__init__(sys.stderr)

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line."""
        self.stream = sys.stderr
        super().emit(record)


def _as_json(line: Mapping[str, Any]) -> str:
    return json.dumps(line)


def _as_text(line: Mapping[str, Any]) -> str:
    size = "-" if line["bytes"] is None else line["bytes"]
    return (
        f"{line['time']} {line['address']} {line['method']} {line['call']} {line['status']} "
        f"{line['ms']} ms {size} bytes {line['request']}"
    )
