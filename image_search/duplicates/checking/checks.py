"""Has this been drawn before? One picture held against the whole collection."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from image_search.duplicates.checking.drawings import DEPTH, DrawingLine
from image_search.duplicates.checking.fingerprinted import Fingerprinted
from image_search.duplicates.checking.limits import limit_of, unknown_of
from image_search.duplicates.checking.possible import decisions_on, designs_of
from image_search.duplicates.checking.thresholds import Threshold
from image_search.duplicates.checking.verdict import (
    EXACT,
    EXISTING,
    NEAR,
    NEW,
    SAME_BYTES,
    SAME_PIXELS,
    SIMILAR,
    Certainty,
    CheckHit,
    CheckResult,
    Evidence,
    headline_of,
    is_clear,
    sentence_of,
)
from image_search.duplicates.checking.verifying import (
    Sighting,
    View,
    judged,
    sightings_of,
    views_of,
)
from image_search.duplicates.checking.wording import VERSIONS
from image_search.duplicates.decisions import DIFFERENT, Decisions, pair_of
from image_search.duplicates.fingerprints import Match, difference, fingerprint
from image_search.errors import ImageSearchError, InvalidQuery
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import pixel_digest
from image_search.indexing.originals import Originals
from image_search.indexing.unread import unreadable_of
from image_search.search.lookups import contents_of, hits_of
from image_search.search.queries import AUTO, WHOLE_IMAGE, Hit, Query, Region, words
from image_search.search.ranking.fusion import (
    SKETCH,
)
from image_search.search.search_index import SearchIndex
from image_search.search.searching import PreparedQuery, pixels_of
from image_search.search.views import Designs

# Contents that are verified beside those that fingerprints suggest: so many of those whose
# embeddings come nearest.
BY_LIKENESS = 20
# The shorter side of a page whose parts are looked at, in pixels.
_PAGE = 900
# Pixels of the images that are decoded whole in one check, to see whether they are equal.
_PIXELS = 60_000_000
# Kinds of regions that may be another picture than the one that represents the file, and how many
# of those that come nearest are decoded and compared.
PARTS = ("page", "frame")
_PARTS_LOOKED_AT = 5


@dataclass(frozen=True)
class Collection:
    """What a check works with. ``line`` is what was fitted for drawings, ``sample`` are contents
    that stand for all of them. Each of ``designs`` counts once."""

    index: SearchIndex
    fingerprinted: Fingerprinted
    originals: Originals
    decisions: Decisions
    threshold: Callable[[str], tuple[Threshold, bool]]
    line: DrawingLine | None
    sample: Mapping[bytes, str]
    max_megapixels: float
    designs: Designs


def see(query: Query) -> None:
    """See that ``query`` asks about exactly one picture.

    Raises:
        InvalidQuery: it does not, or has words or colours, which no picture can be the same as, or
            a metric, for which there is no threshold, or more than one part is marked.
    """
    if len(query.images) + len(query.like) != 1:
        raise InvalidQuery("A check is about one picture: send exactly one image, or one like.")
    if words(query.text) or words(query.not_text) or query.color:
        raise InvalidQuery("A check compares a picture; leave out text, not_text and color.")
    if query.metric != AUTO:
        raise InvalidQuery("A check has its own way to compare; leave out metric.")
    if query.part != WHOLE_IMAGE:
        raise InvalidQuery("A check compares whole images, or one with an area; leave out part.")
    if query.regions or query.ignore:
        raise InvalidQuery(
            "A check compares one picture, or one area of it: choose a single area or object "
            "(region), and leave none out (ignore)."
        )


def check(
    collection: Collection, query: Query, data: bytes, prepared: PreparedQuery, own: str = ""
) -> CheckResult:
    """Return the verdict on the one picture of a query.

    Args:
        collection: what the picture is compared with.
        query: the query; ``prepared`` is the same, decoded and embedded.
        data: the bytes of the picture.
        own: the id of the indexed image that it comes from, which is no hit; else empty.
    """
    started = time.perf_counter()
    index, threshold, fitted = collection.index, *collection.threshold(prepared.kind)
    drawing = prepared.kind == SKETCH
    # A drawing as a search ranks. A photo by the plain sum: to that the threshold was fitted, and
    # what is similar to the first results is no likelier to be the same picture.
    question = prepared.question if drawing else prepared.question.plain
    depth = max(query.k, BY_LIKENESS, DEPTH if drawing else 0)
    designs = collection.designs
    nearest, compared = designs.grouped(
        index.snapshot, partial(index.search, question), depth + bool(own)
    )
    known = index.snapshot.find(int(own[:16], 16)) if own else None
    own_design = "" if known is None else designs.design_of(known.path)
    nearest = [hit for hit in nearest if designs.design_of(hit.path) != own_design]
    content = hashlib.sha256(data).digest() if query.region is None else b""
    found = _Found(collection, query, content, prepared, own_design)
    found.verify(nearest[:BY_LIKENESS], threshold.duplicate_threshold, data)
    hits = designs.once(found.hits, lambda one: one.hit.path)
    chance, suppressed = None, found.suppressed
    counted = {designs.design_of(one.hit.path) for one in hits}
    left = [
        hit
        for hit in nearest
        if hit.id not in found.handled and designs.design_of(hit.path) not in counted
    ]
    if not drawing:
        similar = {hit.id for hit in nearest[: query.k] if hit.score >= threshold.similar_threshold}
        hits += [CheckHit(hit, SIMILAR) for hit in left if hit.id in similar]
        verdict = hits[0].relation if hits else NEW
    elif any(hit.relation in EXISTING for hit in hits):
        verdict = hits[0].relation
    else:
        decided = decisions_on(index, content, left, collection.decisions.all() if content else {})
        drawn = designs_of(
            index, question, hits, left, compared, collection.line, collection.sample, decided
        )
        hits, verdict, chance = drawn.hits, drawn.verdict, drawn.chance
        suppressed += drawn.suppressed
        fitted = fitted and collection.line is not None
    shown = designs.with_views(index.snapshot, [one.hit for one in hits])
    hits = [
        replace(one, hit=replace(hit, rank=rank))
        for rank, (one, hit) in enumerate(zip(hits, shown, strict=True), start=1)
    ]
    missing, limit = collection.fingerprinted.missing(), limit_of(query, compared)
    if query.filter.limits and missing:
        admitted = contents_of(index, query.filter)
        missing = tuple(digest for digest in missing if digest in admitted)
    without_fingerprint = len(missing)
    warnings = [*prepared.warnings, *collection.decisions.new_warnings()]
    if verdict not in EXISTING:
        warnings += found.unknown
    if without_fingerprint:
        warnings.append(
            f"{without_fingerprint:,} images have no fingerprint yet, so edited copies of them may "
            "be missed; reindex to make them."
        )
    if not fitted:
        warnings.append(
            "The thresholds are not fitted to this collection yet, so default thresholds decide "
            "and no error rates are known."
        )
    failures = [
        record
        for record in index.snapshot.failures
        if query.filter.may_admit(record.path, record.mtime_ns / 1e9)
    ]
    certainty = (
        Certainty.of(threshold, collection.line, prepared.kind, verdict, len(hits), chance)
        if fitted
        else None
    )
    chance = chance if fitted else None
    clear = is_clear(verdict, prepared.kind, certainty) and not (
        limit or without_fingerprint or found.unknown
    )
    return CheckResult(
        verdict=verdict,
        words="; ".join(filter(None, (sentence_of(verdict, hits, chance, prepared.kind), limit))),
        certainty=certainty,
        hits=tuple(hits),
        nearest=tuple(nearest[: query.k]),
        compared=compared,
        without_fingerprint=without_fingerprint,
        unreadable=len(failures),
        unreadable_files=tuple(map(unreadable_of, failures)),
        suppressed=suppressed,
        took_ms=round((time.perf_counter() - started) * 1000, 1),
        kind=prepared.kind,
        extractors=prepared.extractors,
        fingerprint=index.snapshot.fingerprint,
        content=hashlib.sha256(data).hexdigest(),
        checked=time.time(),
        warnings=tuple(warnings),
        drawing=next(iter(prepared.drawings), None),
        parts=tuple(part.on_whole(query.region) for part in found.parts),
        limit=limit,
        headline=headline_of(
            verdict,
            len(hits),
            chance,
            prepared.kind,
            limit=limit,
            clear=clear,
            versions=certainty is not None and certainty.false_alarms >= VERSIONS,
        ),
        clear=clear,
    )


class _Found:
    """The images of the collection that show the same picture.

    ``handled`` are the ids of images that need no further look: found, or decided to be
    different. ``parts`` are the pictures on the query, where it is a page, and ``unknown`` what the
    comparison cannot know.
    """

    def __init__(
        self, collection: Collection, query: Query, content: bytes, asked: PreparedQuery, own: str
    ) -> None:
        """``own`` is the design of the indexed image that is checked, if it is one."""
        self._collection, self._query, self._region = collection, query, query.region
        self._content, self._prepared, self._own = content, asked, own
        self.hits: list[CheckHit] = []
        self.handled: set[str] = set()
        self.suppressed = 0
        self.parts: tuple[Region, ...] = ()
        self.unknown: list[str] = []

    def verify(self, nearest: Sequence[Hit], threshold: float, data: bytes) -> None:
        """Verify the candidates; keep the matches that score ``threshold`` or more."""
        fingerprinted, index = self._collection.fingerprinted, self._collection.index
        condition = self._query.filter
        pixels, megapixels = self._prepared.pictures[0], self._collection.max_megapixels
        views = views_of(
            pixels,
            lambda: pixels_of(data, self._region, max_megapixels=megapixels, side=_PAGE),
        )
        if self._prepared.kind == SKETCH:
            # Drawings beside each other on a sheet are offered as parts by
            # ``PreparedQuery.drawings``.
            views = [view for view in views if view.box is None]
        self.parts = tuple(view.box for view in views if view.box is not None)
        self.unknown = unknown_of(self._query, views[0].fingerprint, pixels, len(self.parts))
        similar = [
            record.digest for hit in nearest if (record := index.snapshot.find(int(hit.id, 16)))
        ]
        found = sightings_of(
            views,
            fingerprinted.index(),
            fingerprinted.store.get,
            threshold,
            beside=similar,
            among=contents_of(index, condition) if condition.limits else None,
            without=self._content,
        )
        plain = {digest: one[0].match for digest, one in found.items() if one[0].view.plain}
        same = self._same_pixels(plain, data) if self._content else set()
        exact = {digest: found.pop(digest)[0] for digest in same}
        seen = judged(found, self._other)
        decisions = self._collection.decisions.all() if self._content else {}
        relations: list[tuple[str, Mapping[bytes, Sighting | None], str]] = [
            (EXACT, {self._content: None} if self._content else {}, SAME_BYTES),
            (EXACT, exact, SAME_PIXELS),
            (NEAR, {digest: one for digest, one in seen.items() if not one.difference}, ""),
            (SIMILAR, {digest: one for digest, one in seen.items() if one.difference}, ""),
        ]
        for relation, contents, description in relations:
            self._keep(relation, contents, description, decisions)
        self._keep_parts(views[0], nearest, threshold, decisions)

    def _same_pixels(self, found: Mapping[bytes, Match], data: bytes) -> set[bytes]:
        """Those of ``found`` that hold the very pixels of ``data``, in another file."""
        same, own, left = set(), b"", _PIXELS
        for digest in sorted(found, key=lambda digest: -found[digest].score):
            record = next(iter(self._collection.index.snapshot.files_of(digest)), None)
            if record is None or not found[digest].is_unaltered or left < 0:
                continue
            left -= record.width * record.height
            own = own or self._pixels(lambda: data)
            if own and own == self._pixels(partial(self._collection.originals.read, record)):
                same.add(digest)
        return same

    def _other(self, digest: bytes) -> Pixels | None:
        """A picture of the collection; ``None`` where it is gone or damaged since it was
        indexed."""
        for record in self._collection.index.snapshot.files_of(digest):
            try:
                limit = self._collection.max_megapixels
                return self._collection.originals.picture(record, limit).pixels
            except ImageSearchError:
                continue  # a copy may be there still
        return None

    def _pixels(self, read: Callable[[], bytes]) -> bytes:
        try:
            return pixel_digest(read(), max_megapixels=self._collection.max_megapixels)
        except ImageSearchError:
            return b""  # gone or damaged since it was indexed; the match remains

    def _keep(
        self,
        relation: str,
        contents: Mapping[bytes, Sighting | None],
        description: str,
        decisions: Mapping[tuple[bytes, bytes], str],
    ) -> None:
        kept = []
        height, width = self._prepared.pictures[0].shape[:2]
        for digest, near in contents.items():
            decision = decisions.get(pair_of(self._content, digest))
            evidence = (
                Evidence.of(None, description)
                if near is None
                else near.evidence((width, height), description)
            )
            evidence = evidence.on_whole(self._region)
            for found in hits_of(self._collection.index, self._prepared.question, [digest]):
                hit = self._as_whole(found)
                is_own = self._collection.designs.design_of(hit.path) == self._own
                self.handled.add(hit.id)
                if decision == DIFFERENT:
                    self.suppressed += not is_own
                elif not is_own:
                    kept.append(CheckHit(hit, relation, evidence, decision))
        kept.sort(key=lambda hit: (-_score(hit), hit.hit.path))
        self.hits += kept

    def _as_whole(self, hit: Hit) -> Hit:
        """``hit`` as the page or frame that represents its file: that is what was compared."""
        record = self._collection.index.snapshot.find(int(hit.id, 16))
        if hit.region_id == hit.id or record is None:
            return hit
        shown = record.regions[0]
        return replace(
            hit, kind=shown.kind, page=0, time=shown.time, note=record.note, region_id=hit.id
        )

    def _keep_parts(
        self,
        view: View,
        nearest: Sequence[Hit],
        threshold: float,
        decisions: Mapping[tuple[bytes, bytes], str],
    ) -> None:
        """Compare the query as it is with the pages and frames that come nearest, of files whose
        first is another picture; these have no fingerprints, so few are decoded for that."""
        height, width = self._prepared.pictures[0].shape[:2]
        left = [hit for hit in nearest if hit.kind in PARTS and hit.id not in self.handled]
        for hit in left[:_PARTS_LOOKED_AT]:
            other = self._collection.originals.pixels(
                hit.region_id, self._collection.max_megapixels
            )
            match = None if other is None else view.match(fingerprint(other))
            if other is None or match is None or match.score < threshold:
                continue
            differs = difference(view.pixels, other, match)
            evidence = Sighting(view, match, differs).evidence((width, height))
            record = self._collection.index.snapshot.find(int(hit.id, 16))
            pair = pair_of(self._content, b"" if record is None else record.digest)
            decision = decisions.get(pair)
            self.handled.add(hit.id)
            if decision == DIFFERENT:
                self.suppressed += 1
                continue
            relation = SIMILAR if differs else NEAR
            self.hits.append(CheckHit(hit, relation, evidence.on_whole(self._region), decision))
        order = {EXACT: 0, NEAR: 1}
        self.hits.sort(key=lambda one: order.get(one.relation, 2))


def _score(hit: CheckHit) -> float:
    return 0.0 if hit.evidence is None else hit.evidence.score
