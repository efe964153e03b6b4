"""A query can be followed in a few files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

#: Files of the package that a reader must open to follow one photo from the library to its hits.
MOST = 15


@pytest.mark.slow
def test_a_photo_query_passes_few_files() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.query_path"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )

    files = re.findall(r"^ +\d+ +\d+  (\S+\.py)$", done.stdout, re.MULTILINE)
    assert {"library.py", "imaging/decoding.py", "search/searching.py"} <= set(files)
    assert len(files) <= MOST, done.stdout
