"""Rows in half precision and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from image_search.storage.columns import widen


def test_every_finite_half_is_widened_exactly() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    found = np.empty(halves.shape, np.float32)

    widen(halves, found)

    np.testing.assert_array_equal(found, halves.astype(np.float32))
    np.testing.assert_array_equal(np.signbit(found), np.signbit(halves))


@given(st.integers(0, 70), st.integers(1, 9), st.integers(0, 99))
def test_rows_within_others_are_widened(rows: int, dim: int, seed: int) -> None:
    stored = np.zeros(rows, [("unit", "<f2", (dim,)), ("norm", "<f4")])
    stored["unit"] = np.random.default_rng(seed).normal(size=(rows, dim))
    found = np.empty((rows, dim), np.float32)

    widen(stored["unit"], found)

    np.testing.assert_array_equal(found, stored["unit"].astype(np.float32))
