"""Clients that search, check, browse and send broken files, beside others who only get in the way.

A real server, in a process of its own, over some images of ``--folder``. Each of ``--clients`` asks
for one thing after the other, of kinds drawn at random, for ``--seconds``; files of ``--hostile``
are sent among them. At the same time one thread holds ``--half-open`` connections that never
finish their headers, and sends large bodies without a password. Nothing may be answered by a 5xx,
and whoever asks with an image of the collection must get that image.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import random
import re
import socket
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import numpy as np

from benchmarks.report import DATASETS, table, timed, write_section
from benchmarks.serving import BOUNDARY, PASSWORD, Server, filled, images_in
from tests.web.clients import basic

FORM = "application/x-www-form-urlencoded"
# Seconds for an answer: hostile files wait for each other.
PATIENCE = 600.0
# What asks in the way, between two rounds of it.
PAUSE = 0.5


@dataclass(frozen=True)
class Reply:
    """What came back for a request of some ``kind``; ``right`` where there was nothing wrong."""

    kind: str
    status: int
    right: bool
    seconds: float


class Client:
    """Asks one thing after the other on one connection."""

    def __init__(self, server: Server, images: list[Path], hostile: list[Path], seed: int) -> None:
        self._connection = server.connection(PATIENCE)
        self._images, self._hostile = images, hostile
        self._rng = random.Random(seed)
        self._ids: list[str] = []

    def ask(self) -> Reply:
        kinds: list[Callable[[], tuple[str, int, bool]]] = [
            self._search, self._search, self._check, self._words, self._like, self._check_like,
            self._thumbnail, self._thumbnail, self._thumbnail, self._original, self._state,
            self._hostile_file,
        ]  # fmt: skip
        started = time.perf_counter()
        kind, status, right = self._rng.choice(kinds if self._ids else [self._search])()
        return Reply(kind, status, right, time.perf_counter() - started)

    def _request(
        self, method: str, path: str, body: bytes | None = None, kind: str = ""
    ) -> tuple[int, bytes]:
        headers = {"Authorization": basic(PASSWORD)} | ({"Content-Type": kind} if kind else {})
        self._connection.request(method, path, body, headers)
        response = self._connection.getresponse()
        return response.status, response.read()

    def _form(self, path: str, **fields: str) -> tuple[int, Any]:
        status, body = self._request("POST", path, urlencode(fields).encode(), FORM)
        return status, json.loads(body)

    def upload(self, path: str, file: Path) -> tuple[int, Any]:
        head = 'Content-Disposition: form-data; name="image"; filename="a.jpg"'
        before, after = f"--{BOUNDARY}\r\n{head}\r\n\r\n", f"\r\n--{BOUNDARY}--\r\n"
        body = before.encode() + file.read_bytes() + after.encode()
        status, answer = self._request(
            "POST", path, body, f"multipart/form-data; boundary={BOUNDARY}"
        )
        return status, json.loads(answer)

    def _search(self) -> tuple[str, int, bool]:
        file = self._rng.choice(self._images)
        status, found = self.upload("/search", file)
        paths = [hit["path"] for hit in found.get("results", ())]
        self._ids = [hit["id"] for hit in found.get("results", ())] or self._ids
        return "search with a picture", status, status == 200 and file.name in paths[:3]

    def _check(self) -> tuple[str, int, bool]:
        status, found = self.upload("/check", self._rng.choice(self._images))
        return "check of a picture", status, found.get("verdict") == "exact"

    def _words(self) -> tuple[str, int, bool]:
        name = self._rng.choice(self._images).stem
        status, found = self._form("/search", text=name)
        return "search with words", status, name in {
            Path(hit["path"]).stem for hit in found.get("results", ())
        }  # fmt: skip

    def _like(self) -> tuple[str, int, bool]:
        wanted = self._rng.choice(self._ids)
        status, found = self._form("/search", like=wanted, color="#808080")
        return "more like an image", status, bool(found.get("results"))

    def _check_like(self) -> tuple[str, int, bool]:
        status, found = self._form("/check", like=self._rng.choice(self._ids))
        return "check of an image", status, "verdict" in found

    def _thumbnail(self) -> tuple[str, int, bool]:
        side = self._rng.choice((320, 640, 1600))
        status, data = self._request(
            "GET", f"/thumbnails/{self._rng.choice(self._ids)}?side={side}"
        )
        return "thumbnail", status, data[8:12] == b"WEBP"

    def _original(self) -> tuple[str, int, bool]:
        status, data = self._request("GET", f"/images/{self._rng.choice(self._ids)}")
        return "original", status, status == 200 and len(data) > 0

    def _state(self) -> tuple[str, int, bool]:
        path = self._rng.choice(("/status", "/reindex", "/duplicates", "/models", "/"))
        status, data = self._request("GET", path)
        return "state and pages", status, status == 200 and len(data) > 0

    def _hostile_file(self) -> tuple[str, int, bool]:
        if not self._hostile:
            return self._state()
        file = self._rng.choice(self._hostile)
        status, _ = self.upload(self._rng.choice(("/search", "/check")), file)
        return "hostile file", status, status < 500


def in_the_way(server: Server, half_open: int, stop: threading.Event) -> Counter[int]:
    """Holds connections that never finish, and sends bodies without a password; their answers."""
    parts = urlsplit(server.address)
    answers: Counter[int] = Counter()
    held: list[socket.socket] = []
    try:
        while not stop.wait(PAUSE):
            while len(held) < half_open and not stop.is_set():
                held.append(socket.create_connection((parts.hostname, parts.port or 80), 10))
                held[-1].sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
            held.pop(0).close()
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
            with contextlib.suppress(OSError):
                connection.request("POST", "/search", bytes(5_000_000), {"Content-Type": FORM})
                answers[connection.getresponse().status] += 1
            connection.close()
    finally:
        for one in held:
            one.close()
    return answers


def crowd(server: Server, images: list[Path], options: argparse.Namespace) -> list[Reply]:
    until = time.perf_counter() + options.seconds
    replies: list[Reply] = []

    def go(seed: int) -> None:
        client = Client(server, images, options.hostile_files, seed)
        while time.perf_counter() < until:
            replies.append(client.ask())

    threads = [threading.Thread(target=go, args=(seed,)) for seed in range(options.clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, nargs="*", default=[DATASETS / "clothing"])
    parser.add_argument("--hostile", type=Path, nargs="*", default=[DATASETS / "robust"])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--half-open", type=int, default=150)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--kept", type=Path, default=Path("test-output/mixed"))
    parser.add_argument("--extractors", default="design,hsv,edges,texture")
    options = parser.parse_args()
    kept = options.kept.absolute()
    sources = images_in(options.folder)[: options.images]
    filled(kept / "images", sources, len(sources))
    images = sorted((kept / "images").iterdir())
    options.hostile_files = sorted(
        path for folder in options.hostile for path in folder.rglob("*") if path.is_file()
    )
    cache = kept / "cache.pkl"
    where = ("--images", kept / "images", "--cache", cache, "--extractors", options.extractors)
    timed("index", *where, "--json")
    timed("duplicates", *where, "--json", "--limit", 1)
    stop, refused = threading.Event(), list[Counter[int]]()
    with Server(where, images[0]) as server:
        before = server.peak_megabytes()
        thread = threading.Thread(
            target=lambda: refused.append(in_the_way(server, options.half_open, stop))
        )
        thread.start()
        try:
            replies = crowd(server, images, options)
        finally:
            stop.set()
            thread.join()
        peak = server.peak_megabytes()
    section = report(replies, refused[0], options, before, peak)
    write_section("robustness.md", "mixed work", section)
    if any(reply.status >= 500 or not reply.right for reply in replies):
        sys.exit("Something was answered wrongly.")


def report(
    replies: list[Reply],
    refused: Counter[int],
    options: argparse.Namespace,
    before: float,
    peak: float,
) -> str:
    by_kind: defaultdict[str, list[Reply]] = defaultdict(list)
    for reply in replies:
        by_kind[reply.kind].append(reply)
    rows: list[list[object]] = []
    for kind, some in sorted(by_kind.items()):
        statuses = Counter(reply.status for reply in some)
        took = [1000 * reply.seconds for reply in some]
        rows.append([
            kind, len(some), ", ".join(f"{status}: {n}" for status, n in sorted(statuses.items())),
            sum(reply.status >= 500 for reply in some), sum(not reply.right for reply in some),
            f"{np.median(took):.0f} / {np.quantile(took, 0.99):.0f}",
        ])  # fmt: skip
    by_status = ", ".join(f"{status}: {count}" for status, count in sorted(refused.items()))
    text = (
        f"### {options.clients} clients with mixed work for {options.seconds:g} seconds\n\n"
        f"`python -m benchmarks.mixed_work`: {len(replies):,} requests over {options.images:,} "
        f"images, and {len(options.hostile_files)} hostile files to choose from, on the same cores "
        f"as the server. {options.half_open} half-open connections were held all the time, and "
        f"bodies of 5 MB sent without a password (answers: {by_status}). Peak memory {peak:,.0f} "
        f"MB, {before:,.0f} MB before; milliseconds are median / 99th percentile.\n\n"
    )
    head = ["request", "count", "status", "5xx", "wrong", "ms"]
    return re.sub(r" +\n", "\n", text) + table(head, rows)


if __name__ == "__main__":
    main()
