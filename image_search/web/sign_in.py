"""Signing in and out with a form."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from image_search.web import gate
from image_search.web.errors import Refusal, wants_html

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/login")
def form() -> ResponseReturnValue:
    """The form; whoever is signed in already is sent on."""
    target = local_path(request.args.get("next"))
    if gate.signed_in():
        return redirect(target, 303)
    return _page(target)


@blueprint.post("/login")
def check() -> ResponseReturnValue:
    """Starts a session, or shows why not."""
    target = local_path(request.form.get("next"))
    try:
        if not gate.csrf_right():
            raise Refusal(403, "csrf", "The form had expired. Please try again.")
        if not gate.password_right(request.form.get("password", "").encode()):
            raise Refusal(401, "wrong_password", "That password is wrong.")
    except Refusal as refusal:
        if not wants_html():
            raise
        return _page(target, refusal.message), refusal.status, refusal.headers
    gate.sign_in()
    return redirect(target, 303)


@blueprint.post("/logout")
def leave() -> ResponseReturnValue:
    """Ends the session and asks the browser to forget the pictures it has cached."""
    gate.sign_out()
    return redirect(url_for("sign_in.form"), 303), 303, {"Clear-Site-Data": '"cache"'}


def local_path(target: str | None) -> str:
    """``target`` where it is a path on this very service, else the page.

    Browsers read a backslash as a slash and drop control characters, so ``/\\\\evil`` and the like
    would lead to another host.
    """
    home = url_for("pages.show")
    if not target or not target.startswith("/") or target.startswith("//") or "\\" in target:
        return home
    if any(ord(character) < 32 for character in target):
        return home
    parts = urlsplit(target)
    return home if parts.scheme or parts.netloc else target


def _page(target: str, message: str = "") -> str:
    return render_template("login.html", next=target, message=message, csrf_token=gate.csrf_token())
