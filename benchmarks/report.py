"""What the benchmarks share: the machine's description, a run of the real command, and the page."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATASETS = ROOT.parent / "shared" / "datasets"


def machine() -> str:
    """One line on the machine and the libraries that matter."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        found = re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())
        model = found.group(1) if found else model
    return (
        f"{os.cpu_count()} cores of {model}, {platform.system()}, "
        f"Python {platform.python_version()}, {time.strftime('%Y-%m-%d')}"
    )


def write_section(page: str, name: str, text: str) -> None:
    """Print ``text`` and put it into ``docs/page``, between the markers of section ``name``."""
    print(text)
    path = ROOT / "docs" / page
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    section = f"{begin}\n{text.strip()}\n\nMeasured on {machine()}.\n{end}"
    old = path.read_text("utf-8") if path.exists() else ""
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(old):
        new = pattern.sub(lambda _: section, old)
    else:
        new = f"{old.rstrip()}\n\n{section}\n"
    path.parent.mkdir(exist_ok=True)
    path.write_text(new.lstrip("\n"), "utf-8")


def command(*arguments: object) -> list[str]:
    """The real command line, in this Python."""
    return [sys.executable, "-m", "image_search", *map(str, arguments)]


def timed(*arguments: object) -> tuple[float, str]:
    """Run the real command; seconds and standard output. Ends the benchmark where it fails."""
    started = time.perf_counter()
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=ROOT, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, done.args))} failed:\n{done.stderr}")
    return time.perf_counter() - started, done.stdout


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
