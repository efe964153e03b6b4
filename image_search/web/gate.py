"""Who may come in: a session cookie, HTTP Basic or a bearer token, checked before every request."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import math
import secrets
from urllib.parse import urlsplit

from flask import Flask, current_app, redirect, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Response

from image_search.web.errors import Refusal, wants_html
from image_search.web.secrets import Secrets
from image_search.web.service import service
from image_search.web.throttle import TooManyAttempts

#: The only endpoints that answer without a password. Anything else, known or not, is gated.
OPEN = frozenset(
    {"health.show", "health.ready", "sign_in.form", "sign_in.check", "static_files.show"}
)

#: What takes files, and so may be as large as the settings allow.
LARGE = frozenset(
    {
        "search.answer",
        "uploads.add",
        "check.answer",
        "duplicates.take",
        "objects.answer",
        "labels.classify",
        "map.place",
        "styling.draw",
    }
)

LARGE_TYPES = ("multipart/form-data", "application/json")

#: Bytes of a form without files: a password, or words and weights.
FORM_BYTES = 100_000

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Sessions(SecureCookieSessionInterface):
    """Signed cookies, marked Secure where the request came by https."""

    def get_cookie_secure(self, app: Flask) -> bool:  # noqa: ARG002
        """Decided per request: one service may be reached by http inside and https outside."""
        return request.is_secure


def signing_key(kept: Secrets) -> bytes:
    """The key for session cookies; another password means another key, so old sessions end."""
    return hmac.digest(kept.session_key, kept.password.encode(), "sha256")


#: In the environment of a request of which only the headers have come: may its body?
BODY_WAITS = "image_search.body_waits"
#: The header of the answer to that: yes, and so many bytes. No client ever sees it.
BODY_LIMIT = "X-Body-Limit"


def guard(app: Flask) -> None:
    """Puts the gate before every request, also before those that no route answers."""
    app.before_request(_limit)
    app.before_request(_check)
    app.before_request(_admit_body)


def signed_in() -> bool:
    """Whether the request carries a valid session that was not ended."""
    session_id = session.get("id")
    if session.get("signed_in") is not True or not isinstance(session_id, str):
        return False
    return session_id not in service().ended_sessions


def sign_in() -> None:
    """Starts a session with a fresh token, so that nothing known before signing in stays valid."""
    session.clear()
    session.permanent = True
    session["signed_in"] = True
    session["id"] = secrets.token_urlsafe(16)
    csrf_token()


def sign_out() -> None:
    """Ends the session, also for whoever holds a copy of its cookie."""
    if signed_in():
        lifetime = current_app.permanent_session_lifetime.total_seconds()
        service().ended_sessions.add(session["id"], lifetime)
    session.clear()


def csrf_token() -> str:
    """The token that the session's unsafe requests must repeat."""
    if "csrf" not in session:
        session["csrf"] = secrets.token_urlsafe(24)
    return str(session["csrf"])


def csrf_right() -> bool:
    """Whether the request repeats its session's token, in a header or a form field."""
    given = request.headers.get("X-CSRF-Token") or request.form.get("csrf_token", "")
    return _same(given.encode(), str(session.get("csrf", "")).encode()) and "csrf" in session


def password_right(given: bytes) -> bool:
    """Whether ``given`` is the password, in constant time; failures are counted, but for those who
    hold a session: they have sent the right one already, and others at their address cannot lock
    them out.

    Raises:
        Refusal: 429, too many failures from this address.
    """
    right = service().password.encode()
    if signed_in():
        return _same(given, right)
    try:
        return service().throttle.attempt(request.remote_addr or "", lambda: _same(given, right))
    except TooManyAttempts as error:
        seconds = math.ceil(error.seconds)
        raise Refusal(
            429,
            "too_many_attempts",
            f"Too many wrong passwords were sent; try again in {seconds} seconds.",
            {"Retry-After": str(seconds)},
        ) from None


def _limit() -> None:
    """Lets only what takes files be large, and only as multipart or JSON: other forms are held in
    memory whole before anybody asks for the password."""
    if request.endpoint not in LARGE or request.mimetype not in LARGE_TYPES:
        request.max_content_length = min(FORM_BYTES, request.max_content_length or FORM_BYTES)


def _admit_body() -> Response | None:
    """Where the server asks by the headers alone whether a body may come: how large it may be."""
    if not _body_waits():
        return None
    most = request.max_content_length or 0
    if (request.content_length or 0) > most:
        raise RequestEntityTooLarge
    return Response(status=204, headers={BODY_LIMIT: str(most)})


def _body_waits() -> bool:
    return BODY_WAITS in request.environ


def _check() -> Response | None:
    if request.endpoint in OPEN:
        return None
    safe = request.method in SAFE_METHODS
    # The token may be in the body, and then is looked at when that has come.
    if signed_in() and (safe or _body_waits() or csrf_right()):
        return None
    given = _password_in_header()
    if given is not None:
        _admit(given, safe)
        return None
    if signed_in():
        raise _csrf_refusal()
    if safe and wants_html():
        return redirect(url_for("sign_in.form", next=request.full_path.rstrip("?")))
    raise Refusal(
        401,
        "not_signed_in",
        "A password is needed: sign in at /login, or send it as HTTP Basic or a bearer token.",
        _challenge(),
    )


def _admit(given: bytes, safe: bool) -> None:
    if not password_right(given):
        raise Refusal(401, "wrong_password", "The password is wrong.", _challenge())
    # A browser repeats a remembered Basic password on its own, also for a stranger's page; it then
    # names that page as the origin. Programs name none.
    origin = request.headers.get("Origin")
    if not safe and origin is not None and urlsplit(origin).netloc != request.host:
        raise _csrf_refusal()


def _csrf_refusal() -> Refusal:
    return Refusal(403, "csrf", "The request lacks its session's token; reload the page.")


def _password_in_header() -> bytes | None:
    """The password in ``Authorization``, as bytes; None where there is no such header."""
    header = request.headers.get("Authorization")
    if header is None:
        return None
    scheme, _, rest = header.partition(" ")
    raw = rest.strip().encode("latin-1", "replace")  # WSGI hands header bytes over as latin-1
    if scheme.lower() == "bearer":
        return raw
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(raw, validate=True).partition(b":")[2]
        except binascii.Error:
            return b""
    return b""


def _challenge() -> dict[str, str]:
    """Offers Basic to programs only: a browser would open its own password box over the page."""
    browser = request.headers.get("User-Agent", "").startswith("Mozilla/")
    schemes = "Bearer" if browser else 'Basic realm="image search", charset="UTF-8"'
    return {"WWW-Authenticate": schemes}


def _same(given: bytes, right: bytes) -> bool:
    # Digests have one length, so that not even the length of the secret shows in the time taken.
    return hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(right).digest())
