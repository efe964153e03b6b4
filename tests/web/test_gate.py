from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from image_search.library import Library
from image_search.settings import Settings
from image_search.web import create_app
from image_search.web.service import Service
from image_search.web.throttle import Throttle
from tests.web.clients import PASSWORD, Client, basic, client_of

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def token_in(page: Any) -> str:
    found = re.search(r'name="csrf[-_]token" (?:value|content)="([^"]+)"', page.text)
    assert found
    return found[1]


def sign_in(client: Client, password: str = PASSWORD, **fields: str) -> Any:
    token = token_in(client.get("/login", headers=HTML))
    form = {"password": password, "csrf_token": token, **fields}
    return client.post("/login", data=form, headers=HTML)


@pytest.mark.parametrize(
    "header",
    [basic(PASSWORD), basic(PASSWORD, user=""), f"Bearer {PASSWORD}", f"bearer {PASSWORD}"],
)
def test_the_right_password_opens(anyone: Client, header: str) -> None:
    # A header carries bytes; WSGI shows them as latin-1.
    sent = header.encode().decode("latin-1")
    assert anyone.get("/status", headers={"Authorization": sent}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        basic("wrong"),
        basic(""),
        "Bearer wrong",
        "Bearer ",
        "Basic %%%",
        "Basic",
        "Digest x",
        f"{PASSWORD[:0]}",
        basic(PASSWORD + "x"),
    ],
)
def test_anything_else_does_not(anyone: Client, header: str) -> None:
    answer = anyone.get("/status", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "wrong_password"
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/status"),
        ("POST", "/search"),
        ("POST", "/reindex"),
        ("GET", "/reindex"),
        ("DELETE", "/reindex"),
        ("GET", "/images/0000000000000000"),
        ("GET", "/thumbnails/0000000000000000"),
        ("GET", "/examples/one.png"),
        ("GET", "/no-such-page"),
        ("POST", "/logout"),
        ("OPTIONS", "/search"),
    ],
)
def test_without_a_password_nothing_is_reported(anyone: Client, method: str, path: str) -> None:
    answer = anyone.open(path, method=method)
    assert answer.status_code == 401
    assert answer.json["error"]["code"] == "not_signed_in"


def test_every_route_but_the_open_ones_is_gated(app: Flask, anyone: Client) -> None:
    open_ones = {"/login", "/health", "/ready", "/static/<any(css, js, icons):kind>/<name>"}
    for rule in app.url_map.iter_rules():
        if rule.rule in open_ones:
            continue
        path = re.sub(r"<[^>]*>", "x", rule.rule)
        for method in rule.methods or ():
            assert anyone.open(path, method=method).status_code == 401, (method, path)


def test_a_browser_is_sent_to_the_form_and_back(anyone: Client) -> None:
    answer = anyone.get("/images/0123456789abcdef?x=1", headers=HTML)
    assert answer.status_code == 302
    assert answer.location == "/login?next=/images/0123456789abcdef?x%3D1"
    answer = sign_in(anyone, next="/images/0123456789abcdef?x=1")
    assert (answer.status_code, answer.location) == (303, "/images/0123456789abcdef?x=1")
    assert anyone.get("/", headers=HTML).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "",
        "evil",
    ],
)
def test_next_leads_nowhere_else(anyone: Client, target: str) -> None:
    assert sign_in(anyone, next=target).location == "/"


def test_a_browser_is_never_shown_its_own_password_box(anyone: Client) -> None:
    answer = anyone.get("/status", headers={"User-Agent": "Mozilla/5.0 (X11)"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_password_in_the_form(anyone: Client) -> None:
    answer = sign_in(anyone, "wrong")
    assert answer.status_code == 401
    assert "That password is wrong." in answer.text
    assert anyone.get("/status").status_code == 401


def test_a_huge_form_is_not_read(anyone: Client) -> None:
    answer = anyone.post("/login", data={"password": "x" * 200_000})
    assert answer.status_code == 413
    assert answer.json["error"]["code"] == "too_large"


def test_the_form_needs_its_token(anyone: Client) -> None:
    for form in ({}, {"csrf_token": ""}, {"csrf_token": "guess"}):
        answer = anyone.post("/login", data={"password": PASSWORD, **form})
        assert answer.status_code == 403
        assert answer.json["error"]["code"] == "csrf"


@pytest.mark.parametrize("path", ["/search", "/reindex", "/logout"])
def test_a_session_needs_the_token_for_unsafe_requests(anyone: Client, path: str) -> None:
    sign_in(anyone)
    for headers in ({}, {"X-CSRF-Token": "guess"}, {"X-CSRF-Token": "ß"}):
        answer = anyone.post(path, headers=headers)
        assert answer.status_code == 403
        assert answer.json["error"]["code"] == "csrf"
    token = token_in(anyone.get("/", headers=HTML))
    assert anyone.post(path, headers={"X-CSRF-Token": token}).status_code != 403


def test_signing_in_changes_the_token(anyone: Client) -> None:
    before = token_in(anyone.get("/login"))
    sign_in(anyone)
    assert token_in(anyone.get("/", headers=HTML)) != before


def test_a_strange_page_cannot_use_a_remembered_basic_password(client: Client) -> None:
    answer = client.post("/search", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert client.post("/search", headers={"Origin": "http://localhost"}).status_code == 400


def test_signing_out(anyone: Client) -> None:
    sign_in(anyone)
    token = token_in(anyone.get("/", headers=HTML))
    answer = anyone.post("/logout", data={"csrf_token": token})
    assert (answer.status_code, answer.location) == (303, "/login")
    assert anyone.get("/status").status_code == 401


def test_signing_out_ends_copies_of_the_session_too(
    app: Flask, anyone: Client, library: Library, settings: Settings
) -> None:
    sign_in(anyone)
    cookie = anyone.get_cookie("image_search_5050")
    assert cookie is not None
    copy, other = client_of(app), client_of(app)
    copy.set_cookie("image_search_5050", cookie.value)
    sign_in(other)
    assert copy.get("/status").status_code == other.get("/status").status_code == 200

    token = token_in(anyone.get("/", headers=HTML))
    anyone.post("/logout", data={"csrf_token": token})

    copy.set_cookie("image_search_5050", cookie.value)
    assert copy.get("/status").status_code == 401
    assert copy.get("/login", headers=HTML).status_code == 200  # it is not sent on as signed in
    assert other.get("/status").status_code == 200
    # Nor does it come back to life with the next start.
    later = client_of(create_app(library, settings))
    later.set_cookie("image_search_5050", cookie.value)
    assert later.get("/status").status_code == 401


def test_the_cookie_is_for_this_service_alone(anyone: Client) -> None:
    cookie = sign_in(anyone).headers["Set-Cookie"]
    assert cookie.startswith("image_search_5050=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Max-Age" in cookie or "Expires" in cookie
    assert "Secure" not in cookie


def test_the_cookie_is_secure_behind_https(app: Flask) -> None:
    client = client_of(app)
    page = client.get("/login", base_url="https://localhost")
    assert "Secure" in page.headers["Set-Cookie"]


def test_another_password_ends_sessions(
    anyone: Client, library: Library, settings: Settings
) -> None:
    sign_in(anyone)
    cookie = anyone.get_cookie("image_search_5050")
    assert cookie is not None
    for password, status in ((PASSWORD, 200), ("another", 401)):
        other = client_of(create_app(library, replace(settings, password=password)))
        other.set_cookie("image_search_5050", cookie.value)
        assert other.get("/status").status_code == status


def test_a_forged_session_is_none(anyone: Client) -> None:
    anyone.set_cookie("image_search_5050", "eyJzaWduZWRfaW4iOnRydWV9.aaaaaa.bbbbbbbbbbbb")
    assert anyone.get("/status").status_code == 401


def test_guessing_is_throttled(app: Flask, anyone: Client) -> None:
    wrong = {"Authorization": basic("wrong")}
    right = {"Authorization": basic(PASSWORD)}
    signed_in = client_of(app)
    sign_in(signed_in)
    answers = [anyone.get("/status", headers=wrong) for _ in range(20)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 10
    assert answers[-1].json["error"]["code"] == "too_many_attempts"
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 300
    # The right password is no way round, a session is; other addresses are not concerned.
    assert anyone.get("/status", headers=right).status_code == 429
    form = sign_in(anyone)
    assert form.status_code == 429
    assert "Too many wrong passwords" in form.text
    assert signed_in.get("/status").status_code == 200
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert anyone.get("/status", headers=right, environ_base=elsewhere).status_code == 200


def test_a_session_is_never_locked_out(app: Flask, anyone: Client) -> None:
    studio = client_of(app)
    sign_in(studio)
    wrong, right = ({"Authorization": basic(word)} for word in ("wrong", PASSWORD))
    for _ in range(20):  # from the same address
        last = anyone.get("/status", headers=wrong)
    assert last.status_code == 429

    assert studio.get("/status").status_code == 200
    # An unsafe request without the session's token goes by the password that it sends.
    assert studio.post("/logout", headers=right).status_code == 303


def test_a_session_may_sign_in_again_at_an_address_that_is_locked_out(
    app: Flask, anyone: Client
) -> None:
    studio = client_of(app)
    sign_in(studio)
    for _ in range(20):
        anyone.get("/status", headers={"Authorization": basic("wrong")})

    for password, status in (("wrong", 401), (PASSWORD, 303)):
        form = {"password": password, "csrf_token": token_in(studio.get("/", headers=HTML))}
        assert studio.post("/login", data=form, headers=HTML).status_code == status
    assert sign_in(anyone).status_code == 429


def test_the_throttle_lapses(app: Flask, anyone: Client) -> None:
    now = [0.0]
    before = app.extensions["image_search"]
    assert isinstance(before, Service)
    app.extensions["image_search"] = replace(before, throttle=Throttle(clock=lambda: now[0]))
    for _ in range(11):
        last = anyone.get("/status", headers={"Authorization": basic("wrong")})
    assert last.status_code == 429
    assert last.headers["Retry-After"] == "300"
    now[0] = 300.0
    right = {"Authorization": basic(PASSWORD)}
    assert anyone.get("/status", headers=right).status_code == 200
