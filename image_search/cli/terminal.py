"""What commands print: one line for each call, whatever names on disk hold."""

from __future__ import annotations

import sys
import unicodedata
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm
    from typing_extensions import Never

# Control characters move the cursor, clear the screen or send keys; marks of direction and
# separators of lines make one name look like another, or like two lines (Unicode Technical Report
# 36, section 3). Everything else that is not to be seen, such as joiners of emoji, stays.
_HIDDEN = ("Cc", "Zl", "Zp")
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def escaped(text: str) -> str:
    """Return ``text`` with control characters, and marks that turn the direction of writing,
    written out as ``\\x1b``."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        letter.encode("unicode_escape").decode("ascii")
        if letter in _DIRECTIONS or unicodedata.category(letter) in _HIDDEN
        else letter
        for letter in text
    )


def print_line(line: str = "", *, file: TextIO | None = None, flush: bool = False) -> None:
    """Print one line for people. The commands import it as ``print``, so that all use it."""
    (file or sys.stdout).write(escaped(line) + "\n")
    if flush:
        (file or sys.stdout).flush()


class Steps:
    """A progress bar over the steps of some work."""

    def __init__(self, title: str, *, quiet: bool) -> None:
        self._title, self._quiet = title, quiet
        self._bar: tqdm[Never] | None = None

    def show(self, done: int, total: int) -> None:
        """Draw the bar at ``done`` of ``total`` steps."""
        from tqdm import tqdm

        if self._bar is None:  # drawn once there is something to do
            self._bar = tqdm(
                total=total, desc=self._title, unit=" steps", disable=self._quiet,
                dynamic_ncols=True,
            )  # fmt: skip
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()
