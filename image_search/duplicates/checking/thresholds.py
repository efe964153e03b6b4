"""Where a verdict changes, and how often it errs: fitted to the collection itself.

Two distributions of one collection are compared: the scores of edited copies against their
originals, and the best score that each picture reaches among all *other* images. The threshold lies
where the second has ended. A few hundred measurements do not reach so far into its tail, so an
exponential tail is fitted to its quantiles (the limit for many distributions, Pickands 1975),
which a few duplicates that are in the collection already do not move.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from image_search.duplicates.checking.drawings import DrawingLine
from image_search.errors import CacheDamaged, CacheError
from image_search.storage import safe_pickle

# The share of pictures not in the collection that may be called near-duplicates.
FALSE_ALARMS = 0.002
# With so many measurements, they count as much as the assumption made without any.
_PRIOR = 20
# Of a thousand pairs of images of the collection, two are more similar than this quantile; of the
# images of a small one, three are, because in a handful of designs in many colours more pairs are
# related.
SIMILAR_QUANTILE, _RELATED = 0.998, 3


@dataclass(frozen=True)
class Scores:
    """What was measured for one kind of query.

    ``copies`` are the scores of edited copies against their originals, ``others`` the best score of
    each of some pictures among all images but itself (0 where nothing matches), ``likeness`` the
    fused scores of pairs taken at random, in a collection of so many ``contents``.
    """

    copies: Sequence[float]
    others: Sequence[float]
    likeness: Sequence[float]
    contents: int = 0

    @property
    def similar_threshold(self) -> float:
        """The fused score from which images are similar; infinite where nothing is known."""
        if not len(self.likeness):
            return math.inf
        level = max(
            1 - SIMILAR_QUANTILE,
            _RELATED / max(self.contents, 4 * _RELATED) if self.contents else 0,
        )
        return float(np.quantile(self.likeness, 1 - level))

    def scores_of_others(self, certain: float) -> list[float]:
        """The scores of ``others`` without those that half of the copies do not reach, or that are
        ``certain`` in any collection: these are duplicates that are in this one already."""
        middle = float(np.median(self.copies)) if len(self.copies) else certain
        limit = max(min(middle, certain), 1e-9)
        return [score for score in self.others if score < limit]


@dataclass(frozen=True)
class Threshold:
    """For one kind of query: ``duplicate_threshold`` is the score from which a picture is a
    near-duplicate, ``similar_threshold`` the fused score from which it is similar;
    ``false_alarms`` and ``misses`` are the error rates of the former, measured on
    ``measured_on`` pictures."""

    duplicate_threshold: float
    similar_threshold: float
    false_alarms: float
    misses: float
    measured_on: int


@dataclass(frozen=True)
class Assumed:
    """What scores are held to be before anything is measured: the ``median`` of other images, the
    mean excess over it (``spread``), and where a copy is as likely as a similar picture
    (``even``)."""

    median: float
    spread: float
    even: float


# Measured on several collections by ``benchmarks/copies.py``; see ``fingerprints.evidence``.
ASSUMED = Assumed(median=0.5, spread=0.6, even=5.0)
# The share of its own copies that a collection may lose to that assumption.
_LOST = 0.1
# The share that it loses at most, however near its pictures come to each other: colourways of one
# rendering are the same picture, recoloured, and no reason to overlook copies.
_MOST_LOST = 0.15


def fit(scores: Scores, assumed: Assumed = ASSUMED) -> Threshold:
    """The threshold that ``scores`` lead to; with few of them, ``assumed`` counts as much.

    It is not below the end of the tail of other pictures, unless that would lose too many copies,
    and so many pictures of this collection are colourways of each other. Above the tail it is the
    ``even`` score assumed, unless this collection would then lose more than a tenth of its copies.
    """
    of_others = scores.scores_of_others(2 * assumed.even)
    copies, others = np.asarray(scores.copies, float), np.asarray(of_others, float)
    median, spread = _tail(of_others, assumed)
    near = median + spread * math.log(0.5 / FALSE_ALARMS)
    share = _PRIOR / (_PRIOR + len(copies))
    quantiles = np.quantile(copies, (_LOST, _MOST_LOST)) if len(copies) else [assumed.even] * 2
    reached, most = (share * assumed.even + (1 - share) * float(value) for value in quantiles)
    near = min(max(near, min(assumed.even, reached)), max(assumed.even, most))
    return Threshold(
        duplicate_threshold=near,
        similar_threshold=scores.similar_threshold,
        false_alarms=max(
            float((others >= near).mean()) if len(others) else 0.0,
            0.5 * math.exp(-(near - median) / spread),
            # Nothing seen in so many tries: as likely as not, it is rarer than this.
            math.log(2) / max(len(others), 1) if len(others) < 1 / FALSE_ALARMS else 0.0,
        ),
        misses=float((copies < near).mean()) if len(copies) else 0.0,
        measured_on=len(copies),
    )


def _tail(others: Sequence[float], assumed: Assumed) -> tuple[float, float]:
    """The median of the scores of other images, and the mean excess over it, from quantiles that a
    tenth of outliers does not reach."""
    share = _PRIOR / (_PRIOR + len(others))
    if not len(others):
        return assumed.median, assumed.spread
    median, high = np.quantile(others, (0.5, 0.9))
    spread = max((high - median) / math.log(5), assumed.spread / 3)
    return (
        float(share * assumed.median + (1 - share) * median),
        float(share * assumed.spread + (1 - share) * spread),
    )


@dataclass(frozen=True)
class Thresholds:
    """A threshold for each kind of query, and the line for drawings, fitted to a collection of
    ``fitted_on`` images, with scores of a certain ``version``."""

    by_kind: Mapping[str, Threshold]
    fitted_on: int
    version: str
    drawings: DrawingLine | None = None

    def outdated(self, images: int, version: str) -> bool:
        """Whether a collection of now ``images`` images should be fitted again: it has doubled or
        halved since, or scores have another version."""
        return version != self.version or not self.fitted_on / 2 < images < self.fitted_on * 2


def _plain(threshold: Threshold) -> dict[str, float]:
    # By the names of release 0.1, so that files of either release can be read by the other.
    return {
        "near": threshold.duplicate_threshold,
        "alike": threshold.similar_threshold,
        "false_alarms": threshold.false_alarms,
        "misses": threshold.misses,
        "measured_on": threshold.measured_on,
    }


def save(path: Path, thresholds: Thresholds) -> None:
    """Write ``thresholds`` to the file ``path``, beside the cache.

    Raises:
        CacheError: the disk is full or not writable.
    """
    plain = {
        "way": thresholds.version,
        "fitted_on": thresholds.fitted_on,
        "by_kind": {kind: _plain(one) for kind, one in thresholds.by_kind.items()},
        "drawings": None if thresholds.drawings is None else vars(thresholds.drawings),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        safe_pickle.dump(path, plain)
    except OSError as error:
        raise CacheError(
            f"{path} cannot be written ({error.strerror or error}); make room on the disk."
        ) from error


def load(path: Path) -> Thresholds | None:
    """Return what ``save`` wrote; ``None`` if there is no file or it is damaged, so that the
    thresholds have to be measured again."""
    try:
        plain: Any = safe_pickle.load(path)
        by_kind = {
            str(kind): Threshold(
                duplicate_threshold=float(one["near"]),
                similar_threshold=float(one["alike"]),
                false_alarms=float(one["false_alarms"]),
                misses=float(one["misses"]),
                measured_on=int(one["measured_on"]),
            )
            for kind, one in plain["by_kind"].items()
        }
        line = plain["drawings"]
        drawings = None
        if line is not None:
            new = None if line["new"] is None else float(line["new"])
            drawings = DrawingLine(float(line["slope"]), new, int(line["measured_on"]))
        return Thresholds(by_kind, int(plain["fitted_on"]), str(plain["way"]), drawings)
    except (AttributeError, CacheDamaged, KeyError, OSError, TypeError, ValueError):
        return None
