"""Put each test into a tier, and print the time that each tier took.

A tier is a marker: ``unit`` runs in the process of the test, ``service`` starts other processes,
``browser`` drives a real browser, ``slow`` takes more than ten seconds or so. A module or test may
name its tier; without one it follows from the fixtures that a test asks for.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pytest

TIERS = "unit", "service", "browser", "slow"
# A test that asks for one of these fixtures belongs to the tier beside it.
_BY_FIXTURE = {"browser": "browser", "service": "service", "open_service": "service"}


def tier_of(markers: set[str], fixtures: set[str]) -> str:
    """Return the tier of a test with these markers and fixtures."""
    named = markers & set(TIERS)
    implied = {tier for fixture, tier in _BY_FIXTURE.items() if fixture in fixtures}
    return max(named or implied or {"unit"}, key=TIERS.index)


def slowest_first(files: Sequence[Path], tiers: Sequence[str]) -> list[int]:
    """Return the order for tests in these files and of these tiers: file by file, and files with
    tests of a slower tier before others."""
    slowest: dict[Path, int] = defaultdict(int)
    for file, tier in zip(files, tiers, strict=True):
        slowest[file] = max(slowest[file], TIERS.index(tier))
    # Dictionaries keep their order: files of one tier stay as they were.
    place = {file: i for i, file in enumerate(sorted(slowest, key=lambda one: -slowest[one]))}
    return sorted(range(len(files)), key=lambda i: place[files[i]])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    tiers = []
    for item in items:
        markers = {marker.name for marker in item.iter_markers()}
        tiers.append(tier_of(markers, set(getattr(item, "fixturenames", ()))))
        if tiers[-1] not in markers:
            item.add_marker(tiers[-1])
    if "PYTEST_XDIST_WORKER" in os.environ:
        # Long files that begin last would keep one process busy when the others are done.
        items[:] = [items[i] for i in slowest_first([item.path for item in items], tiers)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many tests of each tier ran and how long they took, set-up included."""
    seconds: dict[str, float] = defaultdict(float)
    tests: dict[str, set[str]] = defaultdict(set)
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                tier = tier_of(set(report.keywords), set())
                seconds[tier] += report.duration
                tests[tier].add(report.nodeid)
    if not seconds:
        return
    terminalreporter.section("time per tier")
    for tier in TIERS:
        if tier in seconds:
            terminalreporter.line(f"{tier:8} {len(tests[tier]):5} tests {seconds[tier]:8.0f} s")
