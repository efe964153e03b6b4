"""The recipes in CONTRIBUTING.md work as they stand there: they are followed in a copy."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.service

ROOT = Path(__file__).resolve().parent.parent
# A path in the text, or a block of code; a block belongs to the path that was named last.
STEP = re.compile(r"`([\w/]+\.py)`|^```(python|diff)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONTRACTS = (
    "tests/extractors/test_contract.py",
    "tests/engines/test_contract.py",
    "tests/imaging/test_farbfeld.py",
)
# The whole fixture makes random weights for every network, none of which is asked for here.
LOADED = """
import pytest
from image_search.extractors import REGISTRY

@pytest.fixture(scope="session")
def loaded():
    return {"thirds": REGISTRY["thirds"].load()}
"""


def follow(recipes: str, root: Path) -> list[str]:
    """Create and change the files that the recipes name, and return their paths."""
    path, touched = "", list[str]()
    for named, language, block in STEP.findall(recipes):
        if named:
            path = named
            continue
        touched.append(path)
        if language == "python":
            assert not (root / path).exists(), f"{path} is there already"
            (root / path).write_text(block, "utf-8")
        else:
            changed((root / path), block)
    return touched


def changed(path: Path, diff: str) -> None:
    """Apply a diff without line numbers, whose unchanged and removed lines occur once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    text = path.read_text("utf-8")
    assert text.count(before) == 1, f"{path.name} does not hold once:\n{before}"
    path.write_text(text.replace(before, after), "utf-8")


def test_the_recipes_pass_the_contract_tests(tmp_path: Path) -> None:
    for folder in ("image_search", "tests"):
        ignored = shutil.ignore_patterns("__pycache__", "golden", "web")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=ignored)
    shutil.copytree(ROOT / "image_search" / "web", tmp_path / "image_search" / "web")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    guide = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    touched = follow(guide[guide.index("## Add an extractor") :], tmp_path)
    assert len(touched) == 11
    (tmp_path / "tests" / "extractors" / "conftest.py").write_text(LOADED, "utf-8")

    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *("-k", "thirds or half or farbfeld", *CONTRACTS),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    for one in ("thirds", "half", "test_farbfeld.py"):
        assert re.search(rf"{one}.* PASSED", done.stdout), f"nothing was tested of {one}"
