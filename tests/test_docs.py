"""What the documentation says is what the program does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from image_search import __version__, cli
from image_search.extractors import REGISTRY
from image_search.settings import TABLE, Setting

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "Readme.md").read_text("utf-8")
SETTINGS = (ROOT / "docs" / "settings.md").read_text("utf-8")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_setting_is_documented_with_its_default(row: Setting) -> None:
    option = "" if row.name == "password" else f"`{row.option}`"
    default = "" if row.default is None else f"`{row.default}`"
    line = f"| `{row.variable}` | {option} | {default} | {row.unit} | {row.reason} |"
    assert line in SETTINGS


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {row.variable for row in TABLE}
    assert set(re.findall(r"IMAGE_SEARCH_[A-Z_]+", SETTINGS + README)) <= known


def test_readme_names_every_command_and_every_extractor() -> None:
    for module in cli.COMMANDS:
        assert f"image-search {module.__name__.rsplit('.', 1)[-1]}" in README
    for name, spec in REGISTRY.items():
        assert f"| `{name}` |" in README
        if spec.weights is not None:
            assert f"{spec.weights.size / 1e6:.0f} MB" in README


def test_every_command_line_in_the_readme_can_be_parsed() -> None:
    lines = re.findall(r"^image-search .*$", README, re.MULTILINE)
    assert len(lines) >= 8
    for line in lines:
        arguments = shlex.split(line, comments=True)[1:]
        cli.build_parser().parse_args(arguments)  # exits where it cannot be parsed


def test_every_page_and_picture_that_is_linked_to_exists() -> None:
    for page in (ROOT / "Readme.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_changelog_has_an_entry_for_this_version() -> None:
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text("utf-8")
