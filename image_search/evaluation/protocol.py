"""The protocol: every query against the whole gallery, in every ranking."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from image_search.errors import InvalidQuery
from image_search.evaluation import metrics
from image_search.evaluation.asking import FUSION, ranking_configs
from image_search.evaluation.collection import Collection
from image_search.evaluation.figures import (
    MAP,
    CalibrationFigures,
    Comparison,
    Evaluation,
    Figure,
    Group,
    RankingFigures,
    Side,
)
from image_search.evaluation.measuring import Measured, Trial, measure
from image_search.evaluation.metrics import Doubles, Integers
from image_search.evaluation.truth import TRUTHS, Truth, class_of, numbered
from image_search.search.queries import AUTO

# P@k and recall@k are always given for these.
CUT_OFFS = (1, 10, 100)
RESAMPLES, SEED = 2000, 0


def evaluate(
    gallery: Collection,
    queries: Collection | None,
    truth: Truth,
    *,
    k: int = 10,
    kind: str = AUTO,
    metrics: Sequence[str] = (),
    on_ranking: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """The quality of every ranking, measured by ranking the gallery for every query.

    Args:
        gallery: the images that are ranked.
        queries: the images to search with; None takes every image of the gallery in turn. The file
            of a query is left out of its own ranking.
        truth: the rule by which a result is right.
        k: a cut-off added to ``CUT_OFFS``, and the number of results listed for the worst queries.
        kind: what all queries are treated as; ``auto`` lets the search recognise it.
        metrics: by each of these every extractor is measured on its raw features too.
        on_ranking: called with the name of each ranking before it is measured.

    Raises:
        InvalidQuery: the truth needs queries, no query has a right answer, ``k`` is below 1, or the
            lengths of raw features are not known.
    """
    started = time.monotonic()
    trial = prepare(gallery, queries, truth, k, kind)
    cut_offs = tuple(sorted({*CUT_OFFS, k}))
    measured = []
    for config in ranking_configs(trial.names, metrics):
        on_ranking(config.name)
        measured.append(measure(trial, config, cut_offs, k))
    figures, comparison = _with_intervals(measured, trial.labels, cut_offs, k)
    return Evaluation(
        gallery=_side(gallery),
        queries=None if queries is None else _side(queries),
        truth=truth.name,
        rule=truth.rule,
        k=k,
        cut_offs=cut_offs,
        asked=len(trial.asked),
        without_answer=len(trial.questions) - len(trial.asked),
        resamples=RESAMPLES,
        seed=SEED,
        kind=kind,
        models={name: gallery.models[name] for name in trial.names},
        calibration=CalibrationFigures(
            fitted_on=gallery.calibration.fitted_on,
            std=dict(gallery.calibration.std),
            contrast=dict(gallery.calibration.contrast),
        ),
        warnings=tuple(dict.fromkeys(gallery.warnings + (queries.warnings if queries else ()))),
        rankings=figures,
        fusion_against_best=comparison,
        seconds=round(time.monotonic() - started, 3),
    )


def prepare(
    gallery: Collection, queries: Collection | None, truth: Truth, k: int = 1, kind: str = AUTO
) -> Trial:
    """Decide which queries are used and what is right; raises as ``evaluate``."""
    if k < 1:
        raise InvalidQuery(f"k must be at least 1, not {k}.")
    if queries is None and truth.paired:
        raise InvalidQuery(
            f"The truth {truth.name} needs queries that are not in the gallery: {truth.rule}."
        )
    questions = queries or gallery
    models = questions.models
    names = tuple(name for name, model in gallery.models.items() if models.get(name) == model)
    if not names:
        raise InvalidQuery(
            "Gallery and queries were indexed with different models; index them again."
        )
    asked, held = map(np.array, numbered(truth, questions.files, gallery.files))
    places = {file: number for number, file in enumerate(gallery.files)}
    itself = np.array([places.get(file, -1) for file in questions.files])
    answers = np.bincount(held, minlength=int(asked.max()) + 1)[asked]
    answers -= (itself >= 0) & (held[itself] == asked)
    chosen = np.flatnonzero(answers > 0)
    if not len(chosen):
        raise InvalidQuery(
            f"No query has a right answer in the gallery; with the truth {truth.name} that is "
            f"{truth.rule}."
        )
    return Trial(
        gallery=gallery,
        questions=questions,
        asked=chosen,
        wanted=asked[chosen],
        held=held,
        itself=itself[chosen],
        names=names,
        kind=None if kind == AUTO else kind,
        classes=_classes(questions, gallery, asked, held) if truth is TRUTHS["class"] else (),
    )


def _classes(
    questions: Collection, gallery: Collection, asked: Integers, held: Integers
) -> tuple[str, ...]:
    """The name of each key, by its number."""
    names: dict[int, str] = {}
    for side, keys in ((questions, asked), (gallery, held)):
        for file, key in zip(side.files, keys.tolist(), strict=True):
            names.setdefault(key, class_of(file))
    return tuple(names[key] for key in range(len(names)))


def _with_intervals(
    measured: Sequence[Measured],
    labels: Mapping[str, Sequence[str]],
    cut_offs: Sequence[int],
    k: int,
) -> tuple[tuple[RankingFigures, ...], Comparison | None]:
    """Means with their intervals, all from the same resamples, so that rankings compare in
    pairs."""
    names = [MAP, *(f"P@{cut}" for cut in cut_offs), *(f"recall@{cut}" for cut in cut_offs)]
    listed = [MAP, f"P@{k}", f"recall@{k}"]
    resampled = [_resampled(each.values) for each in measured]
    figures = []
    for each, means in zip(measured, resampled, strict=True):
        by = {
            kind: _groups(each.values, np.array(of), [names.index(name) for name in listed], listed)
            for kind, of in labels.items()
        }
        measures = _figures(each.values, means, names)
        figures.append(replace(each.figures, measures=measures, by=by))
    if figures[-1].name != FUSION:
        return tuple(figures), None
    maps = [ranking.measures[MAP].mean for ranking in figures]
    # By a metric an extractor is no part of the fusion.
    alone = [n for n, ranking in enumerate(figures[:-1]) if ranking.metric == AUTO]
    best = max(alone, key=maps.__getitem__)
    relative = resampled[-1][:, 0] / resampled[best][:, 0] - 1
    figure = Figure(maps[-1] / maps[best] - 1, *metrics.interval(relative))
    return tuple(figures), Comparison(figures[best].name, figure)


def _groups(
    values: Doubles, labels: npt.NDArray[np.str_], columns: Sequence[int], names: Sequence[str]
) -> dict[str, Group]:
    """The figures of the queries of each label."""
    groups = {}
    for label in np.unique(labels).tolist():
        some = values[labels == label][:, columns]
        groups[label] = Group(len(some), _figures(some, _resampled(some), names))
    return groups


def _resampled(values: Doubles) -> Doubles:
    return metrics.resampled_means(values, resamples=RESAMPLES, seed=SEED)


def _figures(values: Doubles, resampled: Doubles, names: Sequence[str]) -> dict[str, Figure]:
    means = values.mean(axis=0).tolist()
    return {
        name: Figure(means[column], *metrics.interval(resampled[:, column]))
        for column, name in enumerate(names)
    }


def _side(collection: Collection) -> Side:
    return Side(
        folder=str(collection.folder),
        images=len(collection),
        classes=len({class_of(file) for file in collection.files}),
        contents=collection.contents,
        fingerprint=collection.fingerprint,
        unreadable=collection.failures,
    )
