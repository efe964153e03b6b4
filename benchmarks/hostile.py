"""What one decode of files made to do harm costs at most, and what 32 of them cost a service.

Every file is made here. Each is decoded in a fresh process, whose memory is looked at from outside
together with that of the processes it starts; then 32 clients send them all at once to a real
server, searching and checking in turn.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Final

from benchmarks.hostile_files import FILES
from benchmarks.mixed_work import Client
from benchmarks.report import ROOT, table, timed, write_section
from benchmarks.serving import Server
from tests.drawing import draw_into

# Seconds between two looks at the memory.
LOOK: Final = 0.01
# Runs in a process of its own: reads nothing but the package before the time counts.
SCRIPT: Final = """
import os, sys, time
from image_search.errors import ImageSearchError
from image_search.imaging.decoding import decode
from image_search.imaging.formats.sandbox import SANDBOX
data = open(sys.argv[1], "rb").read()
print("ready", flush=True)
began = time.perf_counter()
try:
    picture = decode(data, max_megapixels=128)
    said = f"{picture.width} x {picture.height}" + (f" ({picture.note})" if picture.note else "")
except ImageSearchError as error:
    said = str(error)
took = time.perf_counter() - began
SANDBOX.close()
print(took, sum(os.times()[:4]), said, flush=True)
"""


class Memory(threading.Thread):
    """Looks at what a process and all that it started hold together, until ``stop``."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self._process, self._stopped, self.peak = process, threading.Event(), 0
        self.start()

    def run(self) -> None:
        while not self._stopped.wait(LOOK):
            self.peak = max(self.peak, sum(map(resident, family(self._process))))

    def stop(self) -> float:
        """The most that was held, in MB."""
        self._stopped.set()
        self.join()
        return self.peak / 1e6


def family(process: int) -> list[int]:
    """A process, and those that it started."""
    found = [process]
    with contextlib.suppress(OSError):
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += family(int(child))
    return found


def resident(process: int) -> int:
    """Bytes of memory of its own, without what is shared with others."""
    try:
        fields = Path(f"/proc/{process}/statm").read_text().split()
    except OSError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")


def one_decode(path: Path) -> tuple[float, float, float, str]:
    """Seconds, seconds of processor time of the whole process, MB, and what came of it."""
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    process.stdout.readline()
    memory = Memory(process.pid)
    seconds, used, message = (*process.stdout.readline().strip().split(" ", 2), "", "", "")[:3]
    most = memory.stop()
    process.wait()
    return (
        float(seconds or "nan"),
        float(used or "nan"),
        most,
        message or f"ended with {process.returncode}",
    )


def all_at_once(files: list[Path], options: argparse.Namespace) -> str:
    """Sends every file, by so many clients at once."""
    kept = options.kept / "served"
    (kept / "images").mkdir(parents=True, exist_ok=True)
    images = draw_into(kept / "images", 20)
    where = (
        "--images", kept / "images", "--cache", kept / "cache.pkl",
        "--extractors", "design,hsv,edges,texture",
    )  # fmt: skip
    timed("index", *where, "--json")
    statuses: Counter[int] = Counter()
    with Server(where, images[0]) as server:
        memory = Memory(server.process)
        turn, left = threading.Lock(), [*enumerate(files)]

        def go() -> None:
            client = Client(server, images, files, 0)
            while True:
                with turn:
                    if not left:
                        return
                    number, file = left.pop()
                statuses[client.upload("/check" if number % 2 else "/search", file)[0]] += 1

        threads = [threading.Thread(target=go) for _ in range(options.clients)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds, most = time.perf_counter() - began, memory.stop()
    message = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
    return (
        f"Those of less than 50 MB, to a service with {options.clients} clients at once: "
        f"{most:,.0f} MB at most in all its processes, {seconds:.0f} s; answers {message}."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="files whose name holds this text")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--kept", type=Path, default=Path("test-output/hostile"))
    options = parser.parse_args()
    options.kept = options.kept.absolute()
    options.kept.mkdir(parents=True, exist_ok=True)
    rows: list[list[object]] = []
    paths, worst = [], [0.0, 0.0]
    for number, (name, make) in enumerate(FILES.items()):
        if options.only not in name:
            continue
        path = options.kept / f"{number:02}"
        if not path.exists():
            path.write_bytes(make())
        seconds, used, most, message = one_decode(path)
        paths.append(path)
        worst = [max(worst[0], seconds), max(worst[1], most)]
        rows.append(
            [
                name,
                f"{path.stat().st_size:,}",
                f"{seconds:.1f}",
                f"{used:.1f}",
                f"{most:,.0f}",
                message,
            ]
        )
        print(rows[-1], flush=True)
    if options.only:
        return
    served = all_at_once([path for path in paths if path.stat().st_size < 50_000_000], options)
    intro = (
        f"`python -m benchmarks.hostile`: one decode takes {worst[0]:.1f} s and {worst[1]:,.0f} MB "
        "at most, with all processes that it starts."
    )
    write_section(
        "robustness.md",
        "hostile files",
        f"### {len(rows)} files made to cost too much\n\n{intro} {served}\n\n"
        + table(["file", "bytes", "s", "processor s, start included", "MB", "result"], rows),
    )


if __name__ == "__main__":
    main()
