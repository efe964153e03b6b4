"""Where the page's templates and static files lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def folder(name: str) -> Path:
    """The folder ``templates`` or ``static``.

    An installed wheel carries both inside the package, a checkout has them beside it. Inside comes
    first: what lies beside an installed package belongs to somebody else.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
