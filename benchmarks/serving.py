"""From the upload of a 1-megapixel JPEG to the JSON answer, over HTTP: alone, and with 16 clients.

A real server, in a process of its own, over the images of ``--folder`` (several, if need be); where
these are fewer than ``--images``, copies with small edits are added. The clients run on the same
machine and so share its cores. Every picture is asked once, so that no embedding is remembered;
then a few pictures again and again. Each answer is held against that of a single client.
"""

from __future__ import annotations

import argparse
import base64
import http.client
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from PIL import Image, ImageEnhance

from benchmarks import random_weights
from benchmarks.report import DATASETS, ROOT, command, table, timed, write_section

PASSWORD = "for the benchmark"
FOLDERS = ("pacs", "clothing", "caltech101", "jewellery", "corel1k", "dtd10")
# Three common ones, and what ``auto`` uses with and without the weights of CLIP and ResNet50.
AUTOMATIC = [
    "clip,resnet50,hsv",
    "clip,resnet50,imagenet,design,hsv,edges,texture",
    "imagenet,design,hsv,edges,texture",
]
KINDS = {".jpg", ".jpeg", ".png"}
SIDES = 1152, 864
BOUNDARY = "image-search-benchmark"
# Asked alone; the answers to these are compared.
ALONE = 200
# Seconds of processor time in half a second, of a server that has nothing to do.
IDLE = 0.03
# Scores are computed in bfloat16, and a batch of several rounds a little otherwise than one alone.
TOLERANCE = 0.003


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, nargs="*", default=[DATASETS / name for name in FOLDERS]
    )
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kept", type=Path, default=Path("test-output/serving"))
    parser.add_argument("--extractors", nargs="*", default=AUTOMATIC)
    options = parser.parse_args()
    kept = options.kept.absolute()
    sources = images_in(options.folder)
    filled(kept / "images", sources, options.images)
    queries = list(pictures(kept / "queries", sources, int(options.seconds * 60)))
    random_weights.use(kept / "weights")
    rows = []
    for extractors in options.extractors:
        cache = kept / f"{extractors.replace(',', '-')}.pkl"
        where = ("--images", kept / "images", "--cache", cache, "--extractors", extractors)
        timed("index", *where, "--json")
        # Or the service would look for them, beside what is measured.
        timed("duplicates", *where, "--json", "--limit", 1)
        rows.append(measured(extractors, where, queries, options))
        print(rows[-1], flush=True)
    head = [
        "extractors", "alone, ms", "clients", "each picture once, ms", "answers/s",
        "processor time for each, ms", "the same pictures, ms", "answers/s", "refused", "wrong",
    ]  # fmt: skip
    write_section(
        "performance.md",
        "serving",
        f"### Answering over HTTP\n\n`python -m benchmarks.serving`: {options.images:,} images, "
        f"JPEG uploads of 1 megapixel, {options.seconds:g} seconds of {options.clients} clients "
        "without a pause, which run on the same cores as the server; milliseconds are median / "
        f"99th percentile. {ALONE} answers were compared with those that a single client got.\n\n"
        + table(head, rows),
    )


def images_in(folders: list[Path]) -> list[Path]:
    """The image files of these folders."""
    return sorted(
        path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in KINDS
    )


def filled(folder: Path, sources: list[Path], count: int) -> None:
    """``folder`` with ``count`` images: the sources, then copies of them, lightened or darkened."""
    if folder.exists() and sum(1 for _ in folder.iterdir()) >= count:
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(itertools.islice(itertools.cycle(sources), count)):
        target = folder / f"{number:06}{path.suffix.lower()}"
        if number < len(sources):
            target.write_bytes(path.read_bytes())
            continue
        with Image.open(path) as image:
            light = 0.85 + 0.05 * (number // len(sources) % 7)
            ImageEnhance.Brightness(image.convert("RGB")).enhance(light).save(
                target.with_suffix(".jpg"), quality=88
            )


def pictures(folder: Path, sources: list[Path], count: int) -> Iterator[Path]:
    """JPEG files of one megapixel, no two equal, made of the sources."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        source = sources[int(rng.integers(len(sources)))]
        left, top = rng.uniform(0, 0.2, 2)
        if not path.exists():
            with Image.open(source) as image:
                width, height = image.size
                box = left * width, top * height, (left + 0.8) * width, (top + 0.8) * height
                part = image.convert("RGB").resize(SIDES, Image.Resampling.BICUBIC, box=box)
            part.save(path, quality=88)
        yield path


def measured(
    extractors: str, where: tuple[object, ...], queries: list[Path], options: argparse.Namespace
) -> list[object]:
    # Each in a server of its own, which remembers nothing.
    first = next((options.kept / "images").iterdir())
    with Server(where, first) as server:
        before = server.processor_seconds()
        once = crowd(server, iter(queries), options.clients, options.seconds)
        used = (server.processor_seconds() - before) / len(once)
    asked = [answer for answer in once if answer.query in queries[:ALONE]]
    with Server(where, first) as server:
        again = crowd(server, itertools.cycle(queries[:50]), options.clients, options.seconds / 4)
    with Server(where, first) as server:
        alone = [ask(server.connection(), path) for path in queries[:ALONE]]
    right = {answer.query: answer for answer in alone}
    compared = [answer for answer in (*asked, *again) if answer.query in right]
    refused = sum(answer.status != 200 for answer in (*once, *again, *alone))
    wrong = sum(not agree(answer, right[answer.query]) for answer in compared)
    return [
        extractors.replace(",", ", "),
        spread(alone),
        options.clients,
        spread(once),
        f"{len(once) / options.seconds:.0f}",
        f"{1000 * used:.0f}" if used else "",
        spread(again),
        f"{len(again) / (options.seconds / 4):.0f}",
        f"{refused} of {len(once) + len(again) + len(alone):,}",
        f"{wrong} of {len(compared):,}",
    ]


@dataclass(frozen=True)
class Answer:
    """What came back for a picture, after so many seconds."""

    query: Path
    status: int
    body: bytes
    seconds: float

    def hits(self) -> list[tuple[str, float]]:
        results: list[dict[str, Any]] = json.loads(self.body)["results"]
        return [(hit["path"], hit["score"]) for hit in results]


def agree(one: Answer, other: Answer) -> bool:
    """Whether both list the same images, those of equal scores in any order."""
    if one.status != 200 or other.status != 200:
        return False
    here, there = one.hits(), other.hits()
    near = all(abs(a[1] - b[1]) <= TOLERANCE for a, b in zip(here, there, strict=True))
    scores, last = dict(there), there[-1][1]
    return near and all(
        abs(score - scores.get(path, last)) <= 2 * TOLERANCE for path, score in here
    )


def spread(answers: list[Answer]) -> str:
    took = sorted(1000 * answer.seconds for answer in answers)
    return f"{statistics.median(took):.0f} / {float(np.quantile(took, 0.99)):.0f}"


class Server:
    """The real command, until the end of the block."""

    def __init__(self, where: tuple[object, ...], first: Path) -> None:
        """``first`` is asked before anything is measured."""
        self._first = first
        self._process = subprocess.Popen(
            command("serve", "--json", "--port", 5979, *where),
            cwd=ROOT,
            env=os.environ | {"IMAGE_SEARCH_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.address = json.loads(self._process.stdout.readline())["address"]

    def __enter__(self) -> Server:
        try:
            # The models load, and see batches of every size, while requests are accepted already.
            for _ in range(3):
                ask(self.connection(), self._first)
            self._settle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    @property
    def process(self) -> int:
        """The number of its process."""
        return self._process.pid

    def processor_seconds(self) -> float:
        """What the server has used of the processors so far; 0 where the system does not show
        it."""
        output = Path(f"/proc/{self._process.pid}/stat")
        if not output.exists():
            return 0.0
        fields = output.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_megabytes(self) -> float:
        """The most memory that the server has held; 0 where the system does not show it."""
        records = Path(f"/proc/{self._process.pid}/status")
        found = re.search(r"VmHWM:\s+(\d+) kB", records.read_text()) if records.exists() else None
        return int(found[1]) / 1024 if found else 0.0

    def _settle(self) -> None:
        """Wait until it has nothing to do any more, a minute at most."""
        for _ in range(120):
            before = self.processor_seconds()
            time.sleep(0.5)
            if self.processor_seconds() - before < IDLE:
                return

    def connection(self, patience: float = 60.0) -> http.client.HTTPConnection:
        """A connection that waits so many seconds for an answer."""
        parts = urlsplit(self.address)
        assert parts.hostname is not None
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=patience)


def ask(connection: http.client.HTTPConnection, path: Path) -> Answer:
    """Upload one picture."""
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="{path.name}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    )
    body = head.encode() + path.read_bytes() + f"\r\n--{BOUNDARY}--\r\n".encode()
    password = base64.b64encode(f"studio:{PASSWORD}".encode()).decode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "Authorization": f"Basic {password}",
    }
    started = time.perf_counter()
    connection.request("POST", "/search", body, headers)
    response = connection.getresponse()
    content = response.read()
    return Answer(path, response.status, content, time.perf_counter() - started)


def crowd(server: Server, queries: Iterator[Path], clients: int, seconds: float) -> list[Answer]:
    """Every client asks as soon as it is answered, for so many seconds."""
    turn, found = threading.Lock(), list[Answer]()
    until = time.perf_counter() + seconds

    def go() -> None:
        connection = server.connection()
        while time.perf_counter() < until:
            with turn:
                path = next(queries, None)
            if path is None:
                sys.exit("There are too few pictures to ask with for so quick a server.")
            found.append(ask(connection, path))

    threads = [threading.Thread(target=go) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


if __name__ == "__main__":
    main()
