"""Real pictures, fingerprinted, and edited copies of them to ask for: what the benchmarks of copies
share."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.report import DATASETS
from image_search.duplicates.checking.calibrating import LOOKED_AT
from image_search.duplicates.checking.verifying import BY_FINGERPRINT, BY_NEGATIVE
from image_search.duplicates.fingerprints import (
    Fingerprint,
    FingerprintIndex,
    FingerprintStore,
    Match,
    difference,
    fingerprint,
    match,
    match_inverted,
)
from image_search.errors import UnreadableImage
from image_search.imaging.arrays import Pixels
from image_search.imaging.decoding import decode
from image_search.imaging.edits import KINDS, STRENGTHS, edited

# What is asked for, and what edited copies are pasted into.
FOLDERS = [DATASETS / name for name in ("jewellery", "clothing", "caltech101")]
BACKDROPS = DATASETS / "corel1k"
EDITS = [(kind, strength) for kind in KINDS for strength in range(len(STRENGTHS))]


@dataclass(frozen=True)
class Made:
    """A picture's fingerprint, and the milliseconds of processor time that decoding the file and
    making it took."""

    content: bytes
    path: Path
    fingerprint: Fingerprint
    decoding: float
    making: float


@dataclass(frozen=True)
class Copy:
    """An edited copy of the picture ``content``."""

    content: bytes
    kind: str
    strength: int
    pixels: Pixels


@dataclass(frozen=True)
class Judged:
    """A verified match, and whether a part was replaced, or one is all that is shared."""

    score: float
    content: bytes
    replaced: bool

    @property
    def near(self) -> float:
        """The score that counts for a near-duplicate."""
        return 0.0 if self.replaced else self.score


class Collection:
    """Pictures by the digest of their files, fingerprinted into ``folder``."""

    def __init__(self, paths: Iterable[Path], folder: Path) -> None:
        with ThreadPoolExecutor() as pool:
            made = [found for found in pool.map(make, paths) if found is not None]
        self.contents = {one.path: one.content for one in made}
        self.paths = {content: path for path, content in self.contents.items()}
        self.decoding = float(np.mean([one.decoding for one in made]))
        self.making = float(np.mean([one.making for one in made]))
        self.looking: list[float] = []  # milliseconds of processor time for each look at pixels
        self._store = FingerprintStore(folder)
        self._store.add([(one.content, one.fingerprint) for one in made])
        self.index = FingerprintIndex(self._store, self.paths)

    def only(self, contents: Iterable[bytes]) -> None:
        """Look among these from here on."""
        self.index.update(list(contents))

    def fingerprint(self, content: bytes) -> Fingerprint:
        found = self._store.get(content)
        assert found is not None
        return found

    def scores(self, query: Fingerprint) -> list[tuple[float, bytes]]:
        """The verified matches, best first, among as many candidates as a check looks at."""
        likely = [content for content, _ in self.index.candidates(query, BY_FINGERPRINT)]
        matches = [(match(query, self.fingerprint(content)), content) for content in likely]
        return sorted(
            ((found.score, content) for found, content in matches if found is not None),
            reverse=True,
        )

    def judged(self, query: Fingerprint, pixels: Pixels) -> list[Judged]:
        """The verified matches with the pixels of what is asked for, best first."""
        plain, negative = self.index.candidates_of_each([query, query.inverted], BY_FINGERPRINT)
        matches = [(content, match(query, self.fingerprint(content))) for content, _ in plain]
        matches += [
            (content, match_inverted(query, self.fingerprint(content)))
            for content, _ in negative[:BY_NEGATIVE]
        ]
        found: dict[bytes, Judged] = {}
        for content, near in matches:
            if near is None or (content in found and found[content].score >= near.score):
                continue
            found[content] = Judged(near.score, content, self._replaced(pixels, content, near))
        return sorted(found.values(), key=lambda one: (-one.score, one.content))

    def _replaced(self, pixels: Pixels, content: bytes, near: Match) -> bool:
        if near.score < LOOKED_AT:
            return False
        other = pixels_of(self.paths[content])
        started = time.thread_time()
        part = difference(pixels, other, near)
        self.looking.append((time.thread_time() - started) * 1000)
        return part is not None


def make(path: Path) -> Made | None:
    """The fingerprint of a file; ``None`` where it is no picture."""
    data = path.read_bytes()
    started = time.thread_time()
    try:
        pixels = decode(data, max_megapixels=500).pixels
    except UnreadableImage:
        return None
    decoded = time.thread_time()
    made = fingerprint(pixels)
    ended = time.thread_time()
    return Made(
        hashlib.sha256(data).digest(),
        path,
        made,
        (decoded - started) * 1000,
        (ended - decoded) * 1000,
    )


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("**/*") if path.is_file())


def pixels_of(path: Path) -> Pixels:
    return decode(path.read_bytes(), max_megapixels=500).pixels


def backdrops(folder: Path) -> list[Pixels]:
    """Every twentieth picture of ``folder``."""
    return [pixels_of(path) for path in files(folder)[::20]]


def spaced(paths: Sequence[Path], count: int) -> list[Path]:
    """So many of ``paths``, evenly apart; all, where there are fewer."""
    count = min(count, len(paths))
    return [paths[number * len(paths) // count] for number in range(count)]


def sample(paths: dict[bytes, Path], count: int) -> list[bytes]:
    """Contents drawn at random, always the same."""
    contents = sorted(paths)
    chosen = np.random.default_rng(0).permutation(len(contents))[:count]
    return [contents[number] for number in chosen]


def copies(
    paths: dict[bytes, Path], contents: Sequence[bytes], into: Sequence[Pixels], step: int = 1
) -> Iterator[Copy]:
    """Each picture in every ``step``-th of the ways, going round; pasted ``into`` others."""
    rng = np.random.default_rng(1)
    number = 0
    for content in contents:
        original = pixels_of(paths[content])
        while number < len(EDITS):
            kind, strength = EDITS[number]
            backdrop = into[int(rng.integers(len(into)))]
            yield Copy(content, kind, strength, edited(original, kind, strength, rng, backdrop))
            number += step
        number -= len(EDITS)
