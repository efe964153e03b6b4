"""Two sets of models, or lists of extractors, on a labelled folder: which one finds more?

Both embed the same sample into temporary indexes; queries, truth, ranking and measures are those of
``evaluate``, and the difference is resampled in pairs.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from image_search.errors import InvalidQuery
from image_search.evaluation import metrics
from image_search.evaluation.asking import ranking_configs
from image_search.evaluation.collection import Collection
from image_search.evaluation.figures import MAP, Figure
from image_search.evaluation.measuring import measure
from image_search.evaluation.metrics import Doubles
from image_search.evaluation.protocol import RESAMPLES, SEED, prepare
from image_search.evaluation.truth import TRUTHS, class_of
from image_search.extractors.resolve import chosen
from image_search.indexing.reports import Progress
from image_search.indexing.scanning import scan
from image_search.settings import Settings

#: Images embedded of each folder: enough to see differences of a few points of P@10.
SAMPLE = 1000
K = 10
P_AT_K = f"P@{K}"


@dataclass(frozen=True)
class Contender:
    """One of the two: its extractors, its figures, and what it costs on this machine.

    ``bytes_per_image`` is the size of its index on disk, ``seconds_per_image`` the time that
    decoding and embedding took, all threads together; None for too few images.
    """

    name: str
    extractors: tuple[str, ...]
    measures: dict[str, Figure]
    seconds_per_image: float | None
    bytes_per_image: float


@dataclass(frozen=True)
class ModelComparison:
    """What was found. ``differences`` are those of the first less the second, in each measure, with
    the bounds that hold them in 95 % of resamples in pairs.

    ``images`` of ``of_images`` were embedded, ``asked`` queries counted.
    """

    contenders: tuple[Contender, Contender]
    differences: dict[str, Figure]
    images: int
    of_images: int
    classes: int
    asked: int
    seed: int
    resamples: int
    warnings: tuple[str, ...]

    @property
    def better(self) -> str | None:
        """The name of the better one by P@10; None where the difference may be chance."""
        difference = self.differences[P_AT_K]
        if difference.low > 0:
            return self.contenders[0].name
        return self.contenders[1].name if difference.high < 0 else None

    @property
    def verdict(self) -> str:
        """The result in a sentence."""
        first, second = (contender.name for contender in self.contenders)
        found = self.differences[P_AT_K]
        if found.low > 0 or found.high < 0:
            sign = 1 if found.low > 0 else -1
            low, high = sorted((sign * found.low, sign * found.high))
            return (
                f"{self.better} is better by {100 * abs(found.mean):.1f} points of {P_AT_K} "
                f"(95 %: {100 * low:.1f} to {100 * high:.1f})."
            )
        return (
            f"No difference beyond chance: {first} less {second} is {100 * found.mean:+.1f} points "
            f"of {P_AT_K} (95 %: {100 * found.low:+.1f} to {100 * found.high:+.1f})."
        )

    def to_plain(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**dataclasses.asdict(self), "better": self.better, "verdict": self.verdict}


def compare(
    settings: Settings,
    names: tuple[str, str],
    gallery: Path,
    queries: Path | None = None,
    *,
    sample: int = SAMPLE,
    seed: int = SEED,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> ModelComparison:
    """Measure two sets, or lists of extractors, on a folder that has a folder for each class.

    Args:
        settings: threads and limits; images, cache and extractors in it are not used.
        names: of two sets, or extractors joined by commas.
        gallery: the images that are ranked.
        queries: the images to search with, in folders of the same names; None takes every image of
            the gallery in turn, left out of its own ranking.
        sample: embed at most so many images of each folder, as many of each class as its share.
        seed: of the choice.
        on_progress: called while images are embedded.

    Raises:
        ModelUnavailable: a model of one of the two is neither here nor can it be downloaded.
        InvalidQuery: no query has a right answer, or ``sample`` is below 2.
        SettingsError: there is no such set, extractor or folder.
        IndexEmpty: a folder holds no readable image.
    """
    if sample < 2:
        raise InvalidQuery(f"The sample must have at least 2 images, not {sample}.")
    lists = [",".join(spec.name for spec in chosen(name)) for name in names]
    with tempfile.TemporaryDirectory(prefix="image-search-") as temporary:
        place = Path(temporary)
        images, of_images = _sampled(settings, gallery, place / "gallery", sample, seed)
        asked = queries
        if queries is not None:
            asked, _ = _sampled(settings, queries, place / "queries", sample, seed)
        sides = [
            _measured(
                dataclasses.replace(settings, models="classic", extractors=extractors),
                images,
                asked,
                place / f"index{number}",
                on_progress,
            )
            for number, extractors in enumerate(lists)
        ]
    if sides[0].questions != sides[1].questions:
        raise InvalidQuery("The images were changed while they were compared; compare again.")
    first, second = (side.values for side in sides)
    measures = [_figures(values) for values in (first, second)]
    contenders = [
        Contender(
            name=name,
            extractors=tuple(extractors.split(",")),
            measures=found,
            seconds_per_image=side.seconds_per_image,
            bytes_per_image=side.bytes_per_image,
        )
        for name, extractors, found, side in zip(names, lists, measures, sides, strict=True)
    ]
    return ModelComparison(
        contenders=(contenders[0], contenders[1]),
        differences=_figures(first - second),
        images=len(sides[0].gallery),
        of_images=of_images,
        classes=len({class_of(file) for file in sides[0].gallery}),
        asked=len(sides[0].questions),
        seed=seed,
        resamples=RESAMPLES,
        warnings=tuple(dict.fromkeys(text for side in sides for text in side.warnings)),
    )


@dataclass(frozen=True, eq=False)
class _Side:
    """One contender: ``values`` (q, 2) are average precision and P@10 of each of ``questions``."""

    values: Doubles
    gallery: Sequence[Path]
    questions: Sequence[Path]
    seconds_per_image: float | None
    bytes_per_image: float
    warnings: tuple[str, ...]


def _measured(
    settings: Settings,
    images: Path,
    queries: Path | None,
    place: Path,
    on_progress: Callable[[Progress], None],
) -> _Side:
    """Embed and rank, with the extractors of ``settings``."""
    clock = _Clock(on_progress)
    gallery = _collected(settings, images, place / "gallery.pkl", clock.note)
    seconds = clock.seconds_per_image
    size = sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
    questions = None
    if queries is not None:
        questions = _collected(settings, queries, place / "queries.pkl", on_progress)
    trial = prepare(gallery, questions, TRUTHS["class"], K)
    # The last one is what a search does by default.
    measured = measure(trial, ranking_configs(trial.names)[-1], (K,), K)
    files = trial.questions.files
    return _Side(
        values=measured.values[:, :2],
        gallery=gallery.files,
        questions=[files[number] for number in trial.asked.tolist()],
        seconds_per_image=seconds,
        bytes_per_image=size / len(gallery),
        warnings=gallery.warnings,
    )


def _collected(
    settings: Settings, images: Path, cache: Path, on_progress: Callable[[Progress], None]
) -> Collection:
    cache.parent.mkdir(exist_ok=True)
    return Collection.of(dataclasses.replace(settings, images=images, cache=cache), on_progress)


def _figures(values: Doubles) -> dict[str, Figure]:
    """The means of the two columns, with their intervals."""
    resampled = metrics.resampled_means(values, resamples=RESAMPLES, seed=SEED)
    return {
        name: Figure(float(values[:, n].mean()), *metrics.interval(resampled[:, n]))
        for n, name in enumerate((MAP, P_AT_K))
    }


class _Clock:
    """The time that an image takes, of the second half, so that no model's loading counts."""

    def __init__(self, on_progress: Callable[[Progress], None]) -> None:
        self._on_progress = on_progress
        self._seen: list[tuple[float, int]] = []

    def note(self, progress: Progress) -> None:
        """Take notice of the progress and hand it on."""
        if progress.phase == "embedding" and 2 * progress.done >= progress.total:
            self._seen = [*self._seen[:1], (time.monotonic(), progress.done)]
        self._on_progress(progress)

    @property
    def seconds_per_image(self) -> float | None:
        """None where too few images were done to say."""
        if len(self._seen) < 2 or self._seen[1][1] <= self._seen[0][1]:
            return None
        (begin, before), (end, after) = self._seen
        return (end - begin) / (after - before)


def _sampled(
    settings: Settings, folder: Path, place: Path, count: int, seed: int
) -> tuple[Path, int]:
    """A folder with at most ``count`` of the images of ``folder``, copied to ``place`` unless that
    is all of them; and how many ``folder`` has."""
    paths = list(scan(folder, ignore=settings.ignored).paths)
    if len(paths) <= count:
        return folder, len(paths)
    # The class of an image is the name of the folder that contains it, which may be the outermost.
    inside = place / folder.resolve().name
    for path in stratified(paths, count, seed):
        target = inside / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(folder / path, target)
    return inside, len(paths)


def stratified(paths: Sequence[str], count: int, seed: int) -> list[str]:
    """Choose ``count`` of these paths, or all if there are no more: of each class (the folder that
    contains the file) its share, rounded so that the total is right, and as far as possible two."""
    by_class: dict[str, list[str]] = defaultdict(list)
    for path in sorted(paths):
        by_class[path.rpartition("/")[0]].append(path)
    chance = np.random.default_rng(seed)
    shuffled = [[some[n] for n in chance.permutation(len(some))] for some in by_class.values()]
    # Every image has a place in its class's queue, as a share of the class; the lowest are taken,
    # those that are the first two of a class before all.
    queue = [
        (number >= 2, (number + 0.5) / len(some), at, path)
        for at, some in enumerate(shuffled)
        for number, path in enumerate(some)
    ]
    return sorted(path for *_, path in sorted(queue)[:count])
