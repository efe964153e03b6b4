"""The verdict on a drawing: among which images the drawn design is, if it is here at all.

Matching points show copies of one picture; a drawing of a design shares none with a photo of it.
So the verdict on a drawing rests on the search. Each image is as likely to be the drawn one as
``exp(slope * likeness) / place ** PLACE`` says, relative to all the others: a conditional logit
(McFadden, 1974). ``likeness`` is in standard deviations above the mean of the collection, ``place``
is the rank in the answer of the search, and ``slope`` is fitted to the collection, to drawings
rendered from a sample of its own images.

People draw worse than that: ``HARDER`` is the share of the slope that is left for their drawings,
measured once.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from image_search.indexing.originals import id_of
from image_search.search.lookups import hits_of
from image_search.search.queries import Filter, Hit
from image_search.search.search_index import ScoringQuery, SearchIndex
from image_search.storage import Snapshot

# Arrays of 64 bits, for chances multiply.
Floats = npt.NDArray[np.float64]

# Images named at most, and the chance from which on no more of them are named.
MOST, ENOUGH = 30, 0.9
# Both measured by ``python -m benchmarks.verdicts --constants`` on 300 sketches of the Sketchy
# database (Sangkloy and others, SIGGRAPH 2016), of the 17 classes that ``design`` was not trained
# on: .65 is stated, .65 true. One half of the classes leads to 0.40 and 0.66, and states .68 of the
# other half, where .61 is true; that one leads to 0.56 and 0.18, and states .62 where .69 is true.
# Classes differ: of hats the photo is among those named in 20 of 100 cases, of pianos always.
HARDER, PLACE = 0.49, 0.42
# First hits whose likeness counts one by one, and images drawn at random that stand for the rest.
DEPTH, SAMPLE = 60, 200
# The slope before anything is measured, and how far that of a collection usually is from it, in
# logarithms (the scale of a Cauchy distribution, for some collections are quite different); and the
# slopes that are tried. The slope of few drawings varies more than those of collections do.
_ASSUMED, _USUAL = 2.4, 0.25
_SLOPES = np.geomspace(0.2, 20, 231)
# Of so many drawings whose design is not there, the share whose first hit may lie below what is
# called new; half of what is promised, for real paper may be worse than what was drawn on.
NEW_SHARE, PROMISED = 0.025, 0.05
_QUANTILE = -1.96  # of the standard normal distribution, for that share
# Fewer measurements, or images, do not show how low a first hit can be.
_FEWEST, _SMALLEST = 30, 100


@dataclass(frozen=True)
class DrawingLine:
    """What was fitted for drawings: the ``slope`` of rendered drawings, and the likeness of a first
    hit below which a design is ``new``; ``None`` where that cannot be known. ``measured_on`` so
    many drawings."""

    slope: float
    new: float | None
    measured_on: int

    @property
    def by_hand(self) -> float:
        """The slope for a drawing by a person."""
        return HARDER * self.slope


#: What holds where nothing could be measured.
ASSUMED_LINE = DrawingLine(_ASSUMED, None, 0)


@dataclass(frozen=True, eq=False)
class Answer:
    """How a collection of so many ``images`` answers a drawing: the likeness of its ``first`` hits
    (n,), best first, and of some images drawn at random from the ``rest`` (m,)."""

    first: Floats
    rest: Floats
    images: int

    def chances(self, slope: float) -> Floats:
        """The probability (n,) that the drawn design is among the first hit, the first two, and so
        on, provided that it is in the collection."""
        evidence = np.concatenate(self.evidence(np.array([slope])), axis=1)[0]
        shares = np.exp(evidence - evidence.max())
        shares /= shares.sum()
        return np.asarray(np.cumsum(shares[: len(self.first)]), np.float64)

    def evidence(self, slopes: Floats) -> tuple[Floats, Floats]:
        """The logarithm of how likely each is the drawn one, by slope: (slopes, n), (slopes, m)."""
        count, below = len(self.first), max(self.images - len(self.first), 0)
        first = slopes[:, None] * self.first - PLACE * np.log1p(np.arange(count))
        rest = np.sort(self.rest)[::-1] if below else self.rest[:0]
        places = count + (np.arange(len(rest)) + 0.5) * below / max(len(rest), 1)
        sampled = slopes[:, None] * rest - PLACE * np.log1p(places)
        return first, sampled + math.log(below / len(rest)) if len(rest) else sampled


@dataclass(frozen=True, eq=False)
class MeasuredDrawing:
    """A rendered drawing and its ``answer``: the ``place`` of its own image among the first hits,
    counted from 0, ``None`` where it comes later; its ``likeness``; and that of the best other
    image."""

    answer: Answer
    place: int | None
    likeness: float
    other: float

    def loss(self, slopes: Floats) -> Floats:
        """How unlikely each of the ``slopes`` makes what was found: negative logarithms."""
        first, rest = self.answer.evidence(slopes)
        if self.place is not None:
            own = first[:, self.place]
        else:
            nearer = float(np.mean(self.answer.rest > self.likeness)) if len(rest[0]) else 0.0
            place = len(first[0]) + nearer * (self.answer.images - len(first[0]))
            own = slopes * self.likeness - PLACE * math.log1p(place)
        return np.asarray(np.logaddexp.reduce(np.hstack([first, rest]), axis=1) - own, np.float64)


def fit(measured: Sequence[MeasuredDrawing]) -> DrawingLine:
    """The line that drawings rendered from images of the collection lead to."""
    loss = np.log1p((np.log(_SLOPES / _ASSUMED) / _USUAL) ** 2)
    for one in measured:
        loss = loss + one.loss(_SLOPES)
    others = np.log([one.other for one in measured if one.other > 0])
    known = len(others) >= _FEWEST and measured[0].answer.images >= _SMALLEST
    new = math.exp(float(others.mean() + _QUANTILE * others.std())) if known else None
    return DrawingLine(float(_SLOPES[int(np.argmin(loss))]), new, len(measured))


@dataclass(frozen=True, eq=False)
class Judged:
    """What a drawing gets: the hits to look at, best first, and the ``chance`` that the design, if
    it is in the collection, is among them. Where it is ``new``, there are none."""

    hits: tuple[Hit, ...]
    chance: float
    new: bool


def judge(answer: Answer, hits: Sequence[Hit], line: DrawingLine) -> Judged:
    """Return the hits to look at for a drawing, as few as are enough, at most ``MOST``.

    Args:
        answer: the likeness of the hits and of a sample of the others.
        hits: the first hits, best first, as in ``answer``.
        line: what was fitted to the collection.
    """
    if line.new is not None and len(hits) and float(answer.first.max()) < line.new:
        return Judged((), 0.0, new=True)
    chances = answer.chances(line.by_hand)[:MOST]
    if not len(chances):
        return Judged((), 0.0, new=False)
    enough = np.flatnonzero(chances >= ENOUGH)
    count = int(enough[0]) + 1 if len(enough) else len(chances)
    return Judged(tuple(hits[:count]), min(float(chances[count - 1]), 1.0), new=False)


def sample_of(snapshot: Snapshot) -> dict[bytes, str]:
    """Contents that stand for all of them, for digests are as good as random, and for each the id
    of an image that holds it."""
    digests = heapq.nsmallest(SAMPLE, snapshot.contents())
    return {digest: id_of(snapshot.files_of(digest)[0]) for digest in digests}


def answer_of(
    index: SearchIndex,
    question: ScoringQuery,
    hits: Sequence[Hit],
    compared: int,
    sample: Mapping[bytes, str],
    own: bytes = b"",
) -> tuple[Answer, float]:
    """How the index answers: the likeness of ``hits``, and of the others by a ``sample``.

    Args:
        index: what was searched.
        question: the prepared query.
        hits: the first hits in their order.
        compared: how many images they are the first of.
        sample: contents drawn at random from the whole collection, and the ids of their images.
        own: a content that is not among the others, and whose likeness is wanted.

    Returns:
        The answer, and the likeness of the ``own`` content; 0 where there is none.
    """
    snapshot = index.snapshot
    records = (snapshot.find(int(hit.id, 16)) for hit in hits)
    digests = {record.digest for record in records if record is not None}
    # By the plain sum, which is the same for two pictures whatever else is found; and of the whole
    # collection, whatever the filter admits, for the same likeness is to mean the same.
    plain = replace(question.plain, filter=Filter())
    scores = {hit.id: hit.score for hit in hits_of(index, plain, {*sample, *digests, own} - {b""})}
    drawn = {digest: scores[name] for digest, name in sample.items() if name in scores}
    values = list(drawn.values()) or [0.0]
    mean, spread = float(np.mean(values)), float(np.std(values))

    def likeness(score: float) -> float:
        return (score - mean) / max(spread, 1e-6)

    first = [likeness(scores.get(hit.id, hit.score)) for hit in hits]
    rest = [likeness(score) for digest, score in drawn.items() if digest not in {*digests, own}]
    answer = Answer(np.array(first, np.float64), np.array(rest, np.float64), compared)
    names = (id_of(record) for record in snapshot.files_of(own)) if own else ()
    return answer, max((likeness(scores[name]) for name in names if name in scores), default=0.0)
