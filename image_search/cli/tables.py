"""CSV tables that a spreadsheet opens as they are meant."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TextIO

from image_search.cli.options import write_file
from image_search.exchange.spreadsheets import escaped

# Marks the file as UTF-8 for spreadsheets, without which accents and other scripts are garbled.
_MARK = "\ufeff"


def write_rows(file: TextIO, rows: Iterable[Sequence[object]]) -> None:
    """Write ``rows``; text that begins like a formula gets an apostrophe before it, so that a name
    is never run."""
    table = csv.writer(file)
    for row in rows:
        table.writerow([_escaped(cell) for cell in row])


def write_table(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """As a file, with a byte order mark.

    Raises:
        SettingsError: the file cannot be written.
    """
    buffer = io.StringIO(newline="")
    buffer.write(_MARK)
    write_rows(buffer, rows)
    write_file(path, buffer.getvalue())


def _escaped(cell: object) -> object:
    return escaped(cell) if isinstance(cell, str) else cell
