"""Text in tables that a spreadsheet would run as a formula."""

from __future__ import annotations

# What makes a spreadsheet take a cell for a formula (OWASP, "CSV Injection").
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001


def escaped(text: str) -> str:
    """``text`` with an apostrophe before it where it begins like a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text


def unescaped(text: str) -> str:
    """The inverse of ``escaped``."""
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA) else text
