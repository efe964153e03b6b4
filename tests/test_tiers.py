"""Tests fall into tiers by their markers and fixtures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiers import TIERS, slowest_first, tier_of


@pytest.mark.parametrize(
    ("markers", "fixtures", "tier"),
    [
        (set(), {"tmp_path"}, "unit"),
        (set(), {"service"}, "service"),
        (set(), {"service", "browser"}, "browser"),
        ({"slow", "parametrize"}, {"browser"}, "slow"),
        ({"service"}, set(), "service"),
    ],
)
def test_the_slowest_tier_counts(markers: set[str], fixtures: set[str], tier: str) -> None:
    assert tier_of(markers, fixtures) == tier


def test_files_with_slow_tests_begin_first() -> None:
    files = [Path(name) for name in ("a", "a", "b", "c", "c", "d")]
    tiers = ["unit", "unit", "service", "unit", "slow", "service"]

    assert slowest_first(files, tiers) == [3, 4, 2, 5, 0, 1]


def test_every_test_is_in_a_tier(request: pytest.FixtureRequest) -> None:
    for item in request.session.items:
        assert any(item.get_closest_marker(tier) for tier in TIERS), item.nodeid
