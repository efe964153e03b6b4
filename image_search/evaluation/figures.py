"""What an evaluation found, as plain values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from image_search.evaluation.asking import FUSION
from image_search.evaluation.pairs import PairFigures
from image_search.indexing.reports import Unreadable
from image_search.search.queries import AUTO

MAP = "mAP"


@dataclass(frozen=True)
class Figure:
    """A mean over queries, with the bounds that hold it in 95 % of bootstrap resamples."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Answer:
    """One place of a ranking. ``number`` is the image's in the gallery."""

    number: int
    path: str
    score: float
    right: bool


@dataclass(frozen=True)
class Case:
    """One query with its best answers; ``first_right`` is the place of the first right one."""

    number: int
    path: str
    average_precision: float
    first_right: int
    right_answers: int
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Group:
    """Some of the queries: how many, and how they did."""

    queries: int
    measures: dict[str, Figure]


@dataclass(frozen=True)
class Confusion:
    """Which class the first k results of each query vote for: the class of most of them, among
    equals that of the best.

    ``counts`` has a row for each class of the queries and a column for each class that was voted
    for, both in the order of ``classes``; it is empty where there are too many. ``right`` is the
    share of queries whose results vote for their own class.
    """

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    right: float


@dataclass(frozen=True)
class RankingFigures:
    """The figures of one ranking.

    ``shares`` are the extractors' shares in the score, by kind of query; ``metric`` is what
    compares raw features, or ``auto``.
    ``measures`` are mAP and, for several k, P@k and recall@k; ``recall`` is the curve, pairs of k
    and recall@k; ``by`` gives mAP, P@k and recall@k of the queries of each kind, and of each class.
    ``worst`` are the queries with the lowest average precision, ``sample`` some of any.
    ``confusion`` is there where a right result is one of the same class.
    """

    name: str
    shares: dict[str, dict[str, float]]
    measures: dict[str, Figure]
    recall: tuple[tuple[int, float], ...]
    pairs: PairFigures | None
    by: dict[str, dict[str, Group]]
    worst: tuple[Case, ...]
    metric: str = AUTO
    sample: tuple[Case, ...] = ()
    confusion: Confusion | None = None


@dataclass(frozen=True)
class Side:
    """The gallery, or the queries: what was read and what could not be."""

    folder: str
    images: int
    classes: int
    contents: str
    fingerprint: str
    unreadable: tuple[Unreadable, ...]


@dataclass(frozen=True)
class CalibrationFigures:
    """What was fitted to the gallery; see ``image_search.search.ranking.fusion``."""

    fitted_on: int
    std: dict[str, float]
    contrast: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """The fusion's mAP beside that of its best single extractor: the difference relative to it."""

    best_single: str
    relative: Figure


@dataclass(frozen=True)
class Evaluation:
    """All figures with all that they depend on.

    ``queries`` is None where every image of the gallery was the query in turn. ``asked`` queries
    were counted; ``without_answer`` more had no right answer in the gallery and were not.
    """

    gallery: Side
    queries: Side | None
    truth: str
    rule: str
    k: int
    cut_offs: tuple[int, ...]
    asked: int
    without_answer: int
    resamples: int
    seed: int
    kind: str
    models: dict[str, str]
    calibration: CalibrationFigures
    warnings: tuple[str, ...]
    rankings: tuple[RankingFigures, ...]
    fusion_against_best: Comparison | None
    seconds: float

    def ranking(self, name: str) -> RankingFigures:
        """The figures of one ranking.

        Raises:
            KeyError: there is none of this name.
        """
        return {ranking.name: ranking for ranking in self.rankings}[name]

    @property
    def main(self) -> RankingFigures:
        """The ranking that a search uses by default."""
        return self.rankings[-1]

    @property
    def fused(self) -> bool:
        """Whether there was more than one extractor to fuse."""
        return self.main.name == FUSION

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON, with the names of release 0.1 beside the new ones."""
        plain = dataclasses.asdict(self)
        plain["ways"] = plain["rankings"]
        plain["calibration"]["spreads"] = plain["calibration"]["std"]
        return plain
