"""Labels of a collection: trained, predicted, corrected by people, and used as a filter."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt

from image_search.errors import (
    CacheDamaged,
    CacheError,
    IndexEmpty,
    InvalidQuery,
    UnknownImage,
)
from image_search.imaging.arrays import Floats, Pixels
from image_search.labels import LABEL_PREFIX, label_files
from image_search.labels.fitting import (
    Cancelled,
    Progress,
    check_installed,
    chosen_images,
    fit_head,
)
from image_search.labels.head import LabelHead
from image_search.labels.naming import FOLDER, clean_label, namer
from image_search.labels.predicted import Predictions
from image_search.labels.store import Corrections, LabelStore
from image_search.search.queries import Filter, Hit, Query, words
from image_search.search.ranking.fusion import PHOTO, Calibration, Layout, default_weights
from image_search.search.searching import LABELS, PreparedQuery, SearchResult
from image_search.settings import Settings
from image_search.storage import Snapshot
from image_search.storage.records import parse_id

# From here on a label is as probable as not: a filter admits the image.
LIKELY = 0.5
# What is shown of an image: labels below this are guesses at random, and more than a few are noise.
LEAST_SHOWN, MOST_SHOWN = 0.2, 4
_DIGITS = 3
_MEANT = 3
# Images of a label that stand for it where nothing else is asked, of the first so many.
_TYPICAL, _LOOKED_AT = 5, 1000
# ``label:ring`` and ``label:"engagement ring"`` among the words of a query.
_TOKEN = re.compile(rf'(?<!\S){LABEL_PREFIX}(?:"([^"]*)"|(\S+))', re.IGNORECASE)


EmbedFiles = Callable[[Sequence[bytes], Sequence[str]], Mapping[str, Floats]]
"""Returns unit embeddings (files, dim) by extractor, for image files and names of extractors."""


@dataclass(frozen=True)
class LabelCount:
    """A label with how many ``images`` have it, of which people ``confirmed`` so many."""

    name: str
    images: int
    confirmed: int


@dataclass(frozen=True)
class ImageLabels:
    """The labels of an image with their probability, the likeliest first; those that people
    ``confirmed`` have 1, and what they ``refused`` is left out."""

    labels: dict[str, float]
    confirmed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Labels:
    """The labels of one collection. Safe to use from many threads.

    ``damage`` says what is wrong with the classifier on disk; it is empty if nothing is.
    """

    def __init__(
        self, settings: Settings, snapshot: Callable[[], Snapshot], embed: EmbedFiles
    ) -> None:
        """Keep what is trained and corrected beside the cache of ``settings``; ``snapshot`` returns
        the index as it is now."""
        self._embed = embed
        self._path, corrections = label_files(settings)
        self._snapshot = snapshot
        self._store = LabelStore(corrections)
        self._lock = threading.Lock()
        self._training = threading.Lock()
        self._signature: tuple[int, int] | None = None
        self._predictions: Predictions | None = None
        self.damage = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was found damaged, in words."""
        self._current()
        return (*self._store.warnings, *((self.damage,) if self.damage else ()))

    @property
    def head(self) -> LabelHead | None:
        """The classifier that was trained last, if there is one."""
        predictions = self._current()
        return None if predictions is None else predictions.head

    def train(
        self,
        source: str = FOLDER,
        on_progress: Progress = lambda *_: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> LabelHead | None:
        """Fit the classifier to the images that have labels and keep it; ``None`` if that was
        cancelled, and then the one before stays.

        Args:
            source: where labels come from besides people, see ``naming.namer``.
            on_progress: is given how many steps of how many are done.
            cancelled: is asked between the steps.

        Raises:
            InvalidQuery: the source cannot be, or there is too little to learn from.
            IndexEmpty: nothing is indexed.
            MissingPackage: scikit-learn is not installed.
            CacheError: the classifier cannot be written.
        """
        check_installed()
        of_path = namer(source)
        snapshot = self._snapshot()
        if not snapshot.images:
            raise IndexEmpty("The index holds no images yet. Index them before labels are trained.")
        with self._training:
            rows, named = _labelled(snapshot, of_path, self._store.all())
            taken = chosen_images(named)
            rows, named = [rows[n] for n in taken], [named[n] for n in taken]
            shares = shares_of(snapshot)
            extractors = tuple(one for one in snapshot.extractors if shares[one.name] > 0)
            blocks = embeddings_of(snapshot, rows, tuple(one.name for one in extractors))
            try:
                head = fit_head(blocks, named, extractors, shares, source, on_progress, cancelled)
            except Cancelled:
                return None
            try:
                head.save(self._path)
            except OSError as error:
                raise CacheError(
                    f"{self._path} cannot be written ({error.strerror or error}); check its "
                    "permissions and make room on the disk."
                ) from error
        return head

    def decide(self, image_id: str, label: str, holds: bool | None) -> ImageLabels:
        """Record that an indexed image has ``label``, or does not have it; ``None`` takes that
        back. The labels that it has then.

        Raises:
            UnknownImage: no image has this id.
            InvalidQuery: the label cannot be one.
            CacheError: it cannot be written.
        """
        label, known = clean_label(label), parse_id(image_id)
        record = self._snapshot().find(known[0]) if known else None
        if record is None or record.reason:
            raise UnknownImage(f"No indexed image has the id {image_id[:40]!r}.")
        self._store.decide(record.digest, label, holds)
        return self.of_images([image_id])[image_id]

    def counts(self) -> list[LabelCount]:
        """Return every label, by name, with how many images have it."""
        snapshot, corrections = self._snapshot(), self._store.all()
        known, total = self._names(snapshot, corrections), dict[str, int]()
        confirmed = dict.fromkeys(known, 0)
        for label in known:
            total[label] = len(self._ids_with(snapshot, corrections, label))
        for of_image in corrections.values():
            for label, holds in of_image.items():
                confirmed[label] = confirmed.get(label, 0) + holds
        return [LabelCount(label, total[label], confirmed[label]) for label in known]

    def of_content(self, digest: bytes, probabilities: Floats | None) -> ImageLabels:
        """Return the labels of an image.

        Args:
            digest: SHA-256 of its content.
            probabilities: (labels,) by the classifier; ``None`` where it cannot see the image.
        """
        decided = self._store.all().get(digest, {})
        found: dict[str, float] = {}
        if probabilities is not None and (head := self.head) is not None:
            found = dict(zip(head.labels, map(float, probabilities), strict=True))
        found |= {label: 1.0 for label, holds in decided.items() if holds}
        refused = tuple(sorted(label for label, holds in decided.items() if not holds))
        order = sorted(found, key=lambda label: (-found[label], label))
        return ImageLabels(
            {label: round(found[label], _DIGITS) for label in order if label not in refused},
            tuple(sorted(label for label, holds in decided.items() if holds)),
            refused,
        )

    def of_images(self, ids: Sequence[str]) -> dict[str, ImageLabels]:
        """Return the labels of indexed images by id; of those that there are."""
        numbers = {parsed[0]: one for one in ids if (parsed := parse_id(one))}
        snapshot = self._snapshot()
        wanted = np.array(list(numbers), np.uint64)
        predictions = self._usable(snapshot)
        found: dict[str, ImageLabels] = {}
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            records = [row for row in segment.of_ids(wanted) if live[row]]
            known = predictions.of_records(snapshot, segment, records) if predictions else {}
            for row in records:
                one = numbers[int(segment.records.ids[row])]
                found[one] = self.of_content(segment.records.digests[row], known.get(row))
        return found

    def classify(self, files: Sequence[bytes]) -> list[ImageLabels]:
        """Return the labels of pictures that need not be in the index.

        Raises:
            InvalidQuery: no labels were trained yet.
            UnreadableImage, ImageTooLarge: one of the pictures cannot be used.
            ModelUnavailable: it needs an extractor that cannot be loaded.
        """
        head = self.head
        if head is None:
            raise InvalidQuery(NOT_TRAINED)
        embeddings = self._embed(files, [one.name for one in head.extractors])
        return self._classified(files, head.probabilities(embeddings))

    def _classified(self, files: Sequence[bytes], rows: Floats) -> list[ImageLabels]:
        digests = [hashlib.sha256(content).digest() for content in files]
        return [self.of_content(digest, row) for digest, row in zip(digests, rows, strict=True)]

    def labelled(
        self,
        found: SearchResult,
        query: Query,
        asked: PreparedQuery,
        embed: Callable[[Sequence[Pixels], Sequence[str]], Mapping[str, Floats]],
    ) -> SearchResult:
        """Return ``found`` with the labels of this collection, of the hits and of the picture that
        was ``asked`` with. ``embed`` returns unit embeddings (pictures, dim) by extractor."""
        found = replace(found, hits=tuple(self.shown(found.hits)))
        if query.labels_alone:
            # How close they are to typical ones is no answer to anything that was asked.
            hits = tuple(replace(hit, closer_than=None) for hit in found.hits)
            return replace(found, hits=hits, matched_by=LABELS)
        head = self.head
        if head is None or asked.kind != PHOTO or len(query.images) != 1:
            return found
        if query.parts or query.ignore:  # what asks is not the picture that has labels
            return found
        names = [one.name for one in head.extractors]
        if not set(names) <= set(found.extractors):
            return found
        rows = head.probabilities(embed(asked.pictures, names))
        return replace(found, labels=merged(self._classified(query.images, rows)[0], found.labels))

    def prepared(self, query: Query) -> Query:
        """Return ``query`` with the images that its labels admit in its filter.

        Words such as ``label:ring`` name a label too, and are taken out of its text.

        Raises:
            InvalidQuery: there is no such label, or none at all.
        """
        text = query.text or ""
        names = [clean_label(one or other) for one, other in _TOKEN.findall(text)]
        if names:
            query = replace(query, text=words(_TOKEN.sub(" ", text)) or None)
        names += [clean_label(label) for label in query.filter.label]
        if not names:
            return query
        condition = self.admitting(replace(query.filter, label=tuple(dict.fromkeys(names))))
        if query.images or query.like or query.color or words(query.text):
            return replace(query, filter=condition)
        # A label alone asks for all images that have it: first those like the surest of them.
        like = self._surest(condition)
        return replace(query, filter=condition, like=like, kind=PHOTO, labels_alone=True)

    def admitting(self, condition: Filter) -> Filter:
        """Return ``condition`` with the ids of the images that have all its labels.

        Raises:
            InvalidQuery: there is no such label, or none at all.
        """
        snapshot, corrections = self._snapshot(), self._store.all()
        known = self._names(snapshot, corrections)
        folded = {name.casefold(): name for name in known}
        ids: npt.NDArray[np.uint64] | None = None
        for asked in condition.label:
            label = folded.get(asked.casefold())
            if label is None:
                raise InvalidQuery(_unknown(asked, known))
            found = self._ids_with(snapshot, corrections, label)
            ids = found if ids is None else np.intersect1d(ids, found)
        return replace(condition, ids=ids)

    def _surest(self, condition: Filter) -> tuple[str, ...]:
        """Return the ids of the images that ``condition`` admits whose labels are surest."""
        assert condition.ids is not None
        known = self.of_images([f"{one:016x}" for one in condition.ids[:_LOOKED_AT].tolist()])
        folded = {label.casefold() for label in condition.label}

        def sure(one: str) -> float:
            labels = known[one].labels.items()
            return sum(p for name, p in labels if name.casefold() in folded)

        return tuple(sorted(known, key=lambda one: (-sure(one), one))[:_TYPICAL])

    def shown(self, hits: Sequence[Hit]) -> list[Hit]:
        """Return ``hits`` with their labels in this collection before those that an extractor
        knows."""
        if not hits or (self._current() is None and not self._store.all()):
            return list(hits)
        known = self.of_images([hit.id for hit in hits])
        return [_with_labels(hit, known.get(hit.id)) for hit in hits]

    def _names(self, snapshot: Snapshot, corrections: Corrections) -> list[str]:
        predictions = self._usable(snapshot)
        found = set(predictions.head.labels if predictions else ())
        for of_image in corrections.values():
            found.update(label for label, holds in of_image.items() if holds)
        return sorted(found)

    def _ids_with(
        self, snapshot: Snapshot, corrections: Corrections, label: str
    ) -> npt.NDArray[np.uint64]:
        predictions = self._usable(snapshot)
        ids = np.zeros(0, np.uint64)
        if predictions and label in predictions.head.labels:
            ids = predictions.ids_with(snapshot, label, LIKELY)
        held = [digest for digest, of in corrections.items() if of.get(label) is True]
        refused = [digest for digest, of in corrections.items() if of.get(label) is False]
        ids = np.setdiff1d(ids, _ids_of(snapshot, refused))
        return np.union1d(ids, _ids_of(snapshot, held))

    def _usable(self, snapshot: Snapshot) -> Predictions | None:
        predictions = self._current()
        return predictions if predictions and predictions.usable(snapshot) else None

    def _current(self) -> Predictions | None:
        """The classifier as it is on disk now."""
        signature = _signature(self._path)
        with self._lock:
            if signature != self._signature:
                self.damage, self._predictions = "", None
                try:
                    head = LabelHead.load(self._path)
                    self._predictions = None if head is None else Predictions(head)
                except CacheDamaged as error:
                    self.damage = (
                        f"The classifier of labels in {self._path.name} cannot be used: {error}. "
                        "Train labels again."
                    )
                self._signature = signature
            return self._predictions


NOT_TRAINED = (
    "No labels were trained yet. Run `image-search train labels`, or train them on the page."
)


def _with_labels(hit: Hit, known: ImageLabels | None) -> Hit:
    if known is None:
        return hit
    return replace(hit, labels=merged(known, hit.labels), confirmed=known.confirmed)


def merged(known: ImageLabels, others: Mapping[str, float]) -> dict[str, float]:
    """Return the labels to be shown: those ``known`` in the collection, then the ``others``."""
    own = {name: p for name, p in known.labels.items() if p >= LEAST_SHOWN}
    own = dict(list(own.items())[: max(MOST_SHOWN, len(known.confirmed))])
    folded = {name.casefold() for name in (*own, *known.refused)}
    return own | {name: p for name, p in others.items() if name.casefold() not in folded}


def _unknown(asked: str, known: Sequence[str]) -> str:
    if not known:
        return NOT_TRAINED
    folded = {name.casefold(): name for name in known}
    close = get_close_matches(asked.casefold(), folded, _MEANT, 0.6)
    some = [folded[name] for name in close] or list(known[:10])
    more = "" if close or len(known) <= len(some) else " and others"
    what = "You may mean" if close else "There are"
    return f"There is no label {asked[:40]!r}. {what} {', '.join(some)}{more}."


def _labelled(
    snapshot: Snapshot, of_path: Callable[[str], frozenset[str]], corrections: Corrections
) -> tuple[list[tuple[int, int]], list[frozenset[str]]]:
    """Return the images with labels, as numbers of segment and record, and the labels of each;
    those of which it is only known what they do not show have none."""
    rows, named = [], []
    for number, (segment, live) in enumerate(zip(snapshot.segments, snapshot.live, strict=True)):
        records = segment.records
        for row in np.flatnonzero(live & (segment.vector_of >= 0)).tolist():
            labels, decided = of_path(records.paths[row]), corrections.get(records.digests[row], {})
            refused = {label for label, holds in decided.items() if not holds}
            labels = (labels | {label for label, holds in decided.items() if holds}) - refused
            if labels or decided:
                rows.append((number, row))
                named.append(labels)
    return rows, named


def shares_of(snapshot: Snapshot) -> dict[str, float]:
    """Return how much the classifier lets each extractor count, whose embeddings are scaled to the
    same spread: as much as a search for photos does."""
    names = tuple(one.name for one in snapshot.extractors)
    layout = Layout(names, tuple(one.dim for one in snapshot.extractors))
    calibration = Calibration.from_plain(layout, snapshot.calibration)
    weights = default_weights(PHOTO, names, calibration)
    return {name: weights[name] * calibration.std[name] for name in names}


def embeddings_of(
    snapshot: Snapshot, rows: Sequence[tuple[int, int]], names: Sequence[str]
) -> dict[str, Floats]:
    """Return unit embeddings (images, dim) by extractor in ``names``, of images given as numbers of
    segment and record."""
    dims = {one.name: one.dim for one in snapshot.extractors}
    blocks = {name: np.empty((len(rows), dims[name]), np.float32) for name in names}
    numbers = np.array([number for number, _ in rows])
    records = np.array([row for _, row in rows])
    for number, segment in enumerate(snapshot.segments):
        at = np.flatnonzero(numbers == number)
        if not len(at):
            continue
        vectors = segment.vector_of[records[at]].astype(np.int64)
        for column in segment.columns(snapshot.extractors):
            if column.extractor.name in blocks:
                blocks[column.extractor.name][at] = column.units(vectors)
    return blocks


def _ids_of(snapshot: Snapshot, digests: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    found = [np.zeros(0, np.uint64)]
    if digests:
        for segment, live in zip(snapshot.segments, snapshot.live, strict=True):
            rows = np.array(segment.holding_any(digests), np.intp)
            found.append(segment.records.ids[rows[live[rows]]])
    return np.concatenate(found)


def _signature(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino
