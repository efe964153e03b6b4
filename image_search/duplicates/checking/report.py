"""The printable report of checks: one HTML file that needs nothing beside it."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from image_search import assets
from image_search.duplicates.checking.evidence import side_by_side
from image_search.duplicates.checking.verdict import POSSIBLE, WORDS, CheckHit, CheckResult
from image_search.duplicates.checking.wording import percent
from image_search.errors import ImageSearchError
from image_search.extractors.weights.files import without_hint
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import Picture, decode
from image_search.imaging.thumbnails import thumbnail
from image_search.search.queries import Hit

# Hits shown with their evidence, and nearest images shown, for each picture.
PROVEN, SHOWN = 4, 8
# Longest side of the pictures in the report, in pixels.
_SIDE = 320


@dataclass(frozen=True)
class Checked:
    """A picture that was checked: its ``name``, its bytes and the ``result``."""

    name: str
    data: bytes
    result: CheckResult


@dataclass(frozen=True)
class Failed:
    """A picture that could not be checked, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class _Proof:
    """A hit with its evidence as a picture, empty where the image has gone since."""

    hit: CheckHit
    picture: str


@dataclass(frozen=True)
class _Section:
    name: str
    result: CheckResult
    picture: str
    proofs: tuple[_Proof, ...]
    shown: tuple[tuple[Hit, str], ...]


def render(
    checked: Sequence[Checked],
    failed: Sequence[Failed],
    look: Callable[[str, int], Pixels | None],
    max_megapixels: float,
) -> str:
    """Return the report of checks as HTML.

    Args:
        checked: the pictures that were checked, with their results.
        failed: those that could not be, with the reasons.
        look: returns an indexed image, or a page or frame of it, as RGB pixels by its id, reduced
            to a shortest side; ``None`` where it is gone.
        max_megapixels: the limit for decoding.
    """
    import jinja2  # every command would wait for it, and only reports need it

    def pixels(data: bytes) -> Pixels:
        return decode(data, max_megapixels=max_megapixels, side=_SIDE).pixels

    def small(shown: Pixels) -> str:
        height, width = shown.shape[:2]
        return _uri(thumbnail(Picture(shown, width, height), _SIDE))

    def of_hit(show: Callable[[Pixels], str], image_id: str) -> str:
        try:
            shown = look(image_id, _SIDE)
        except ImageSearchError:
            return ""
        return "" if shown is None else show(shown)

    def proof(one: Checked, hit: CheckHit) -> _Proof:
        evidence = hit.evidence
        if evidence is None:
            return _Proof(hit, "")
        of_query = evidence.outline_query, evidence.part_query
        of_other = evidence.outline_hit, evidence.part_hit
        return _Proof(
            hit,
            of_hit(
                lambda other: _uri(side_by_side(pixels(one.data), other, of_query, of_other)),
                hit.hit.region_id,
            ),
        )

    sections = [
        _Section(
            one.name,
            one.result,
            small(pixels(one.data)),
            tuple(proof(one, hit) for hit in one.result.hits[:PROVEN] if hit.evidence),
            tuple((hit, of_hit(small, hit.region_id)) for hit in _shown(one.result)),
        )
        for one in checked
    ]
    loader = jinja2.FileSystemLoader(assets.folder("templates"))
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"fact": without_hint, "moment": _moment, "percent": percent}
    return environment.get_template("check.html").render(
        sections=sections,
        failed=failed,
        words=WORDS,
        style=(assets.folder("static") / "css" / "base.css").read_text("utf-8"),
    )


def _shown(result: CheckResult) -> Sequence[Hit]:
    """The images beside the evidence: all that a drawing may be of, else the nearest."""
    if result.verdict == POSSIBLE:
        return [one.hit for one in result.hits]
    return result.nearest[:SHOWN]


def _uri(webp: bytes) -> str:
    return "data:image/webp;base64," + base64.b64encode(webp).decode("ascii")


def _moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(seconds)).strip()
