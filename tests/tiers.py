"""Put each test into a tier, and print the time that each tier took.

A tier is a marker: ``unit`` runs in the process of the test, ``service`` starts other processes,
``browser`` drives a real browser, ``slow`` takes more than ten seconds or so. A module or test may
name its tier; without one it follows from the fixtures that a test asks for.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

TIERS = "unit", "service", "browser", "slow"
# A test that asks for one of these fixtures belongs to the tier beside it.
_BY_FIXTURE = {"browser": "browser", "service": "service", "open_service": "service"}


def tier_of(markers: set[str], fixtures: set[str]) -> str:
    """Return the tier of a test with these markers and fixtures."""
    named = markers & set(TIERS)
    implied = {tier for fixture, tier in _BY_FIXTURE.items() if fixture in fixtures}
    return max(named or implied or {"unit"}, key=TIERS.index)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        markers = {marker.name for marker in item.iter_markers()}
        tier = tier_of(markers, set(getattr(item, "fixturenames", ())))
        if tier not in markers:
            item.add_marker(tier)


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
