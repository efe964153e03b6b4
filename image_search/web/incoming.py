"""Requests as they come in: the application is asked by the headers whether a large body may."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from waitress.parser import HTTPRequestParser
from waitress.task import ErrorTask
from waitress.utilities import RequestEntityTooLarge

from image_search.web.errors import HTTP

#: A body of so many bytes is read before the application is asked anything; it is held in memory.
SMALL_BODY = 1 << 16


class Answer:
    """An answer of the application in place of one of waitress's own errors."""

    def __init__(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


class ErrorAnswer(ErrorTask):  # type: ignore[misc]
    """What is refused before the application sees it, in the shape that every error has."""

    def execute(self) -> None:
        """Send the answer, after which the connection ends."""
        error = self.request.error
        if isinstance(error, Answer):
            self.status, body = error.status, error.body
            self.response_headers.extend(error.headers)
        else:
            reason = (error.reason.lower().replace(" ", "_"), error.reason)
            code, message = HTTP.get(error.code, reason)
            body = json.dumps({"error": {"code": code, "message": message}}).encode()
            self.status = f"{error.code} {error.reason}"
            self.response_headers.append(("Content-Type", "application/json"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class Request(HTTPRequestParser):  # type: ignore[misc]
    """A request that knows when its headers had come, and asks before it takes a large body."""

    completed: bool = False

    def __init__(self, adj: Any, ask: Callable[[Any], Answer | int]) -> None:
        super().__init__(adj)
        self.headed = 0.0
        self._ask: Callable[[Any], Answer | int] | None = ask
        self._most = SMALL_BODY

    @property
    def is_large(self) -> bool:
        """Whether the body is, or may become, large."""
        return bool(self.chunked or self.content_length > SMALL_BODY)

    def received(self, data: bytes) -> int:
        """Take what belongs to the request; the number of bytes that did. Of one that is refused
        all that follows does, for what comes after its headers is no request."""
        consumed = int(super().received(data))
        if self._ask is not None and self.headers_finished:
            ask, self._ask, self.headed = self._ask, None, time.time()
            if not self.completed and self.is_large:
                answer = ask(self)
                if isinstance(answer, int):
                    self._most = answer
                else:
                    self.error, self.completed = answer, True
        elif self.is_large and self.body_bytes_received > self._most and not self.error:
            # Its length was not known before.
            self.error, self.completed = RequestEntityTooLarge("too large"), True
        if self.error:
            self.expect_continue = False
            return len(data)
        return consumed
