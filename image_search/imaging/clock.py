"""Times in a film as people write them."""

from __future__ import annotations


def clock(seconds: float) -> str:
    """Return a time as people write it: ``0:12``, ``1:03:07``."""
    whole = int(seconds)
    minutes, rest = f"{whole // 60 % 60}", f"{whole % 60:02}"
    return f"{whole // 3600}:{minutes:0>2}:{rest}" if whole >= 3600 else f"{minutes}:{rest}"
