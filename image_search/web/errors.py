"""Every error in one shape: ``{"error": {"code", "message"}}`` with the right status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app, jsonify, make_response, render_template, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from image_search import errors as core
from image_search.web.fetching import FetchRunning
from image_search.web.jobs import ReindexRunning

#: The most specific class in an error's ancestry decides.
STATUS: dict[type[core.ImageSearchError], int] = {
    core.InvalidQuery: 400,
    core.UnknownImage: 404,
    core.IndexEmpty: 409,
    core.CacheLocked: 409,
    ReindexRunning: 409,
    FetchRunning: 409,
    core.ImageTooLarge: 413,
    core.UnreadableImage: 422,
    core.ModelUnavailable: 503,
    core.MissingPackage: 501,
    core.NotReady: 503,
    core.ImageSearchError: 500,
}

#: Seconds after which to ask again for what is not ready.
RETRY_AFTER = 10

#: Codes and messages for what the framework itself refuses.
HTTP: dict[int, tuple[str, str]] = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not allow that method."),
    413: ("too_large", "The upload is larger than the limit."),
    415: ("unsupported_media_type", "The type of the request body is not supported here."),
    500: ("internal_error", "Something went wrong in the service; see the server's log."),
}


class Refusal(Exception):
    """A request that the service itself refuses, with everything its answer needs."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


def attach(app: Flask) -> None:
    """Gives every error its answer."""
    app.register_error_handler(core.ImageSearchError, _of_core)
    app.register_error_handler(Refusal, _of_refusal)
    app.register_error_handler(HTTPException, _of_http)
    app.register_error_handler(Exception, _of_bug)


def wants_html() -> bool:
    """Whether a person's browser is navigating here; programs and our scripts do not ask so."""
    return "text/html" in request.headers.get("Accept", "")


def status_of(error: core.ImageSearchError) -> int:
    """The HTTP status for an error of the core."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def _of_core(error: core.ImageSearchError) -> ResponseReturnValue:
    later = {"Retry-After": str(RETRY_AFTER)} if isinstance(error, core.NotReady) else None
    return _answer(status_of(error), error.code, str(error), later)


def _of_refusal(error: Refusal) -> ResponseReturnValue:
    return _answer(error.status, error.code, error.message, error.headers, error.extra)


def _of_http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400:  # a redirect that the router asks for
        return error.get_response()
    code, message = HTTP.get(status, (error.name.lower().replace(" ", "_"), f"{error.name}."))
    if status == 413:
        limit = (request.max_content_length or 0) / 1e6
        message = f"The request is larger than the limit of {limit:g} MB for it."
        if (request.content_length or 0) <= (request.max_content_length or 0):
            message = (
                f"The form has more than {request.max_form_parts} parts, or its text is larger "
                f"than {(request.max_form_memory_size or 0) / 1e6:g} MB."
            )
    allow = error.get_response().headers.get("Allow")
    return _answer(status, code, message, {"Allow": allow} if allow else None)


def _of_bug(error: Exception) -> ResponseReturnValue:
    current_app.logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(500, *HTTP[500])


def _answer(
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
) -> ResponseReturnValue:
    if wants_html():
        body = make_response(render_template("error.html", status=status, message=message))
    else:
        body = jsonify(error={"code": code, "message": message}, **(extra or {}))
    return body, status, dict(headers or {})
