"""The version, the changelog and the pinned dependencies agree with each other."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from image_search import __version__

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_changelog_lists_releases_newest_first_under_dates() -> None:
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    releases = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\S+)", name) for name in headings[1:]]
    assert all(releases), headings
    versions = [tuple(map(int, match.groups()[:3])) for match in releases if match]
    dates = [date.fromisoformat(match[4]) for match in releases if match]
    assert versions == sorted(set(versions), reverse=True)
    assert dates == sorted(dates, reverse=True)
    assert ".".join(map(str, versions[0])) == __version__


def test_the_changelog_groups_changes_by_kind() -> None:
    order = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for section in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        groups = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert groups == [name for name in order if name in groups], section.splitlines()[0]
        # Every change stands under a group.
        assert "\n- " not in section.partition("\n### ")[0], section.splitlines()[0]
