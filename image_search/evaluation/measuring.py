"""One ranking, measured over all queries in chunks that fit into memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from image_search.evaluation import metrics
from image_search.evaluation.asking import EvaluationQuery, RankingConfig, metric_scores, scores
from image_search.evaluation.collection import Collection
from image_search.evaluation.figures import Answer, Case, Confusion, RankingFigures
from image_search.evaluation.metrics import Doubles, Integers, Ranked
from image_search.evaluation.pairs import PairScores
from image_search.evaluation.truth import class_of
from image_search.imaging.arrays import Floats
from image_search.search.queries import AUTO
from image_search.search.ranking.fusion import (
    SKETCH,
)

# Scores held at once: 2 million in float32, and a few arrays of 8 bytes beside them.
_SCORES = 1 << 21
# Worst queries listed, and how many of them may share a class, so that one class does not fill
# them.
WORST, WORST_OF_CLASS = 12, 2
# Classes whose confusion is a table, and queries whose results are shown whether good or bad.
MOST_CLASSES, SAMPLED = 100, 8


@dataclass(frozen=True, eq=False)
class Trial:
    """Which of the ``questions`` are asked of the gallery, and what is right.

    ``asked`` (q,) are the queries' numbers, ``wanted`` (q,) the key of each, ``held`` (n,) the key
    of each image of the gallery; an image is right where the two are equal. ``itself`` (q,) is the
    image that is the query itself, or -1. ``names`` are the extractors that both sides have.
    ``kind`` is what all queries are declared to be, or None to detect it as a search does.
    ``classes`` are the names of the keys, where these are classes, else empty.
    """

    gallery: Collection
    questions: Collection
    asked: Integers
    wanted: Integers
    held: Integers
    itself: Integers
    names: tuple[str, ...]
    kind: str | None = None
    classes: tuple[str, ...] = ()

    @cached_property
    def labels(self) -> dict[str, list[str]]:
        """What the queries are grouped by, and each one's label."""
        asked, questions = self.asked.tolist(), self.questions
        return {
            "kind": [self.kind or questions.kinds[number] for number in asked],
            "class": [class_of(questions.files[number]) for number in asked],
        }

    def question(self, query: int, config: RankingConfig) -> EvaluationQuery:
        """A query as a search that ranks by ``config`` would prepare it."""
        number, kind = int(self.asked[query]), self.labels["kind"][query]
        # Drawings are only cleaned and turned for the extractors in use, because it costs time.
        weights = config.weights
        names = tuple(n for n in self.names if weights is None or weights.get(n, 0) > 0)
        if kind == SKETCH:
            blocks, variants = self.questions.drawn(number, names, self.kind or AUTO)
            return EvaluationQuery(blocks, kind, variants)
        stored = self.questions.blocks(number)
        return EvaluationQuery({name: stored[name] for name in names}, kind)

    def chunks(self, config: RankingConfig) -> Iterator[tuple[slice, Floats]]:
        """Some queries at a time, with their scores over the gallery (queries, n)."""
        step = max(1, _SCORES // len(self.gallery))
        for begin in range(0, len(self.asked), step):
            end = min(begin + step, len(self.asked))
            if config.metric != AUTO:
                yield slice(begin, end), self._by_metric(config, begin, end)
                continue
            questions = [self.question(query, config) for query in range(begin, end)]
            gallery, itself = self.gallery, self.itself[begin:end]
            known = (gallery.calibration, gallery.models, gallery.centred)
            yield slice(begin, end), scores(config, questions, *known, itself)

    def _by_metric(self, config: RankingConfig, begin: int, end: int) -> Floats:
        name = next(iter(config.weights or {}))
        stored = self.questions.features(name)
        asked = [
            self.questions.drawn_feature(number, name, self.kind or AUTO)
            if self.labels["kind"][query] == SKETCH
            else stored[number]
            for query, number in enumerate(self.asked[begin:end].tolist(), start=begin)
        ]
        return metric_scores(config.metric, np.stack(asked), self.gallery.features(name))


@dataclass(frozen=True, eq=False)
class Measured:
    """``figures`` lack ``measures`` and ``by``, which follow from ``values``: average precision of
    every query, then P@k and then recall@k at each cut-off, (q, 1 + 2 * cut-offs)."""

    values: Doubles
    figures: RankingFigures


def measure(trial: Trial, config: RankingConfig, cut_offs: Sequence[int], k: int) -> Measured:
    """Rank the gallery for every query by ``config``; list ``k`` results of the worst queries."""
    pairs = PairScores()
    curve = metrics.cut_offs(len(trial.gallery), cut_offs)
    values, recalls, cases, sample, votes = [], [], [], [], []
    shown = _sample(trial)
    for rows, chunk in trial.chunks(config):
        itself = trial.itself[rows]
        relevant = trial.wanted[rows, None] == trial.held
        others = np.arange(len(trial.gallery)) != itself[:, None]
        pairs.add(chunk[others], relevant[others])
        ranking = metrics.ranked(chunk, relevant, itself)
        precision = metrics.average_precision(ranking)
        measures = [precision]
        measures += [metrics.precision_at(ranking, cut) for cut in cut_offs]
        measures += [metrics.recall_at(ranking, cut) for cut in cut_offs]
        values.append(np.stack(measures, axis=1))
        votes.append(voted(trial.held[ranking.order[:, :k]], len(trial.classes)))
        recalls.append(np.stack([metrics.recall_at(ranking, cut) for cut in curve], axis=1))
        # Only the worst of each chunk can be the worst of all.
        candidates = _worst(precision, trial.labels["class"][rows])
        for row in candidates:
            cases.append(_case(trial, rows.start, row, precision[row], chunk[row], ranking, k))
        for row in [query - rows.start for query in shown if rows.start <= query < rows.stop]:
            sample.append(_case(trial, rows.start, row, precision[row], chunk[row], ranking, k))
    found = np.concatenate(values)
    precisions = np.array([case.average_precision for case in cases])
    classes = [class_of(trial.questions.files[case.number]) for case in cases]
    return Measured(
        found,
        RankingFigures(
            name=config.name,
            shares={
                kind: config.shares(kind, trial.names, trial.gallery.calibration)
                for kind in sorted(set(trial.labels["kind"]))
            },
            measures={},
            recall=tuple(zip(curve, np.concatenate(recalls).mean(axis=0).tolist(), strict=True)),
            pairs=pairs.figures(),
            by={},
            worst=tuple(cases[n] for n in _worst(precisions, classes)),
            metric=config.metric,
            sample=tuple(sample),
            confusion=_confusion(trial, np.concatenate(votes)),
        ),
    )


def voted(first: Integers, classes: int) -> Integers:
    """The class (q,) that most of the ``first`` results (q, k) have, given by its number; among
    equals that of the best result. -1 where there are no ``classes``."""
    if not classes:
        return np.full(len(first), -1, np.int64)
    # How many of the first have the class that each of them has.
    counts = (first[:, :, None] == first[:, None, :]).sum(axis=2)
    return np.asarray(first[np.arange(len(first)), counts.argmax(axis=1)], np.int64)


def _sample(trial: Trial) -> list[int]:
    """Queries whose results are shown: the first of every class, of a few classes."""
    labels = trial.labels["class"]
    firsts = {label: query for query, label in reversed([*enumerate(labels)])}
    names = sorted(firsts)
    return sorted(firsts[name] for name in names[:: max(1, -(-len(names) // SAMPLED))])


def _confusion(trial: Trial, votes: Integers) -> Confusion | None:
    """What the votes of the queries are, against their own classes; ``None`` without classes."""
    if not trial.classes:
        return None
    count = len(trial.classes)
    right = float((votes == trial.wanted).mean())
    if count > MOST_CLASSES:
        return Confusion(trial.classes, (), right)
    counts = np.bincount(trial.wanted * count + votes, minlength=count * count)
    table = counts.reshape(count, count).tolist()
    order = sorted(range(count), key=trial.classes.__getitem__)
    return Confusion(
        tuple(trial.classes[row] for row in order),
        tuple(tuple(table[row][column] for column in order) for row in order),
        right,
    )


def _worst(precisions: Doubles, classes: Sequence[str]) -> list[int]:
    """The queries with the lowest average precision, worst first, a few of each class."""
    chosen: list[int] = []
    taken: dict[str, int] = {}
    for query in np.argsort(precisions, kind="stable").tolist():
        name = classes[query]
        if len(chosen) < WORST and taken.get(name, 0) < WORST_OF_CLASS:
            taken[name] = taken.get(name, 0) + 1
            chosen.append(query)
    return chosen


def _case(
    trial: Trial, begin: int, row: int, precision: float, scores: Floats, ranking: Ranked, k: int
) -> Case:
    number = int(trial.asked[begin + row])
    best = ranking.order[row, : min(k, len(trial.gallery) - (trial.itself[begin + row] >= 0))]
    return Case(
        number=number,
        path=trial.questions.paths[number],
        average_precision=float(precision),
        first_right=int(metrics.first_answer(ranking)[row]),
        right_answers=int(ranking.answers[row]),
        answers=tuple(
            Answer(image, trial.gallery.paths[image], float(scores[image]), bool(right))
            for image, right in zip(best.tolist(), ranking.relevant[row], strict=False)
        ),
    )
