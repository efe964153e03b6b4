"""The report: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from image_search import assets
from image_search.errors import ImageSearchError, SettingsError
from image_search.evaluation import plots
from image_search.evaluation.collection import Collection
from image_search.evaluation.figures import MAP, Case, Evaluation, Figure, Group
from image_search.evaluation.mapped import map_of

# Longest side of the pictures in the report, in pixels; about 2.5 kB each.
SIDE = 128
# Answers shown of each of the worst queries.
SHOWN = 10


@dataclass(frozen=True)
class _Shown:
    """A case with its pictures as data URIs, empty where a picture has gone since."""

    case: Case
    picture: str
    answers: tuple[str, ...]


def write_report(
    path: Path, evaluation: Evaluation, gallery: Collection, queries: Collection | None
) -> None:
    """Write the report of ``evaluation``, which was made from these collections, to ``path``.

    Raises:
        SettingsError: the file cannot be written.
    """
    text = render(evaluation, gallery, queries)
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise SettingsError(f"The report {path} cannot be written ({error.strerror}).") from error


def render(evaluation: Evaluation, gallery: Collection, queries: Collection | None) -> str:
    """Return the report as HTML."""
    loader = jinja2.FileSystemLoader(assets.folder("templates"))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"share": _share, "bounds": _bounds, "percent": _percent}
    style = (assets.folder("static") / "css" / "base.css").read_text("utf-8")
    return environment.get_template("evaluation.html").render(
        evaluation=evaluation,
        main=evaluation.main,
        measures=_columns(evaluation.k),
        style=style,
        plots=plots,
        map=map_of(gallery),
        groups=[(kind, _groups(evaluation, kind)) for kind in evaluation.main.by],
        sample=[_shown(case, gallery, queries or gallery) for case in evaluation.main.sample],
        worst=[_shown(case, gallery, queries or gallery) for case in evaluation.main.worst],
    )


def _columns(k: int) -> list[str]:
    """The measures of the table; all are in the JSON."""
    first = [MAP, f"P@{k}", f"recall@{k}"]
    return list(dict.fromkeys([*first, "P@1", "recall@100"]))


def _groups(evaluation: Evaluation, kind: str) -> Sequence[tuple[str, Sequence[Group]]]:
    """The figures of each group of queries in every ranking, the group that does worst first."""
    rows = [
        (label, [ranking.by[kind][label] for ranking in evaluation.rankings])
        for label in evaluation.main.by[kind]
    ]
    return sorted(rows, key=lambda row: row[1][-1].measures[MAP].mean)


def _shown(case: Case, gallery: Collection, questions: Collection) -> _Shown:
    pictures = tuple(_picture(gallery, answer.number) for answer in case.answers[:SHOWN])
    return _Shown(case, _picture(questions, case.number), pictures)


def _picture(collection: Collection, number: int) -> str:
    try:
        data = collection.thumbnail(number, SIDE).read_bytes()
    except (ImageSearchError, OSError):
        return ""
    return "data:image/webp;base64," + base64.b64encode(data).decode("ascii")


def _share(value: float, digits: int = 3) -> str:
    """A share between 0 and 1 without its leading zero."""
    text = f"{value:.{digits}f}"
    return text.removeprefix("0") if 0 <= value < 1 else text


def _bounds(figure: Figure) -> str:
    return f"{_share(figure.low)}\u2013{_share(figure.high)}"


def _percent(value: float, digits: int = 0) -> str:
    return f"{100 * value:.{digits}f} %"
