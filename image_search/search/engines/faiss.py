"""Nearest vectors with FAISS: all of them compared, or a shortlist by compressed codes.

The codes hold one bit for each coordinate. RaBitQ (Gao and Long, SIGMOD 2024) keeps the signs of a
vector that was rotated at random, and with them one factor that makes the estimate of an inner
product unbiased. Its fast-scan form in FAISS 1.15.1 overflows from 4,096 dimensions up, so the
plain form is used.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats
from image_search.search.engines.base import Mask, Rows, VectorIndex

Codes = npt.NDArray[np.uint8]

# The rotation works on blocks of a multiple of so many coordinates; shorter ones get zeros.
_SIDE = 64
# Bits for a block: shorter ones are spread over more coordinates than they have, which makes their
# estimates as good as those of longer ones, and of longer ones only so many coordinates are kept.
_BITS = 1024
# Bits of a query's coordinates: more cost time and gain little against the error of one bit; where
# the weights differ much, the small ones need more.
_FEW_BITS, _MANY_BITS = 4, 6
# Coordinates beyond so many standard deviations of the block that weighs most are cut off.
_REACH = 2.7
# Vectors encoded at a time; bounds the memory that it takes.
_ROWS = 256
# Rows on the shortlist: at least so many, and so many for each one wanted. Chosen on a million
# vectors (docs/performance.md).
DEPTH, PER_HIT = 512, 8
# Of so few rows half does as well: 10,000 real ones missed none of the best 30 with a third.
FEW = 1 << 15
# Asked for beyond what is wanted, so that rows equal to the last one are rarely asked for again.
_MORE = 16


def candidates(
    query: Floats,
    k: int,
    indexes: Sequence[tuple[VectorIndex, Mask]],
    equal: float,
    reach: int = 0,
) -> list[Rows]:
    """For each index, the rows that may be among the ``k`` best of all.

    Args:
        query: (dim,) vector.
        k: how many are wanted.
        indexes: each with a mask (rows,) of the rows that may be found.
        equal: rows whose score is less than this below the last of the best are returned too.
        reach: at least so many of the nearest are returned, of all indexes together.
    """

    def ask(one: tuple[VectorIndex, Mask]) -> tuple[Floats, Rows]:
        # One that estimates gives several for each one asked for.
        some = reach if isinstance(one[0], FlatIndex) else -(-reach // PER_HIT)
        return _nearest(one[0], query, max(k, some), one[1], equal)

    if len(indexes) == 1 and isinstance(indexes[0][0], FlatIndex):
        return [ask(indexes[0])[1]]
    rows = sum(len(keep) for _, keep in indexes)
    # A few are looked through in milliseconds: to hand the work over, and to wait for it, would
    # take as long.
    found = list((map if rows <= FEW else _pool().map)(ask, indexes))
    scores = np.concatenate([scores for scores, _ in found]) if found else np.zeros(0, np.float32)
    # Estimates must be compared exactly to find the best; exact scores are sorted as they are.
    exact = all(isinstance(index, FlatIndex) for index, _ in indexes)
    most = max(reach, k if exact else depth(k, rows))
    if len(scores) <= most:
        return [rows for _, rows in found]
    last = np.partition(scores, -most)[-most] - (equal if exact else 0)
    return [rows[scores >= last] for scores, rows in found]


def _nearest(
    index: VectorIndex, query: Floats, k: int, keep: Mask, equal: float
) -> tuple[Floats, Rows]:
    count = int(np.count_nonzero(keep))
    if not count:
        return np.zeros(0, np.float32), np.zeros(0, np.int64)
    k = min(k, count)
    wanted = k + _MORE
    while True:
        scores, rows = index.shortlist(query, wanted, None if count == len(keep) else keep)
        # More than asked for are estimates, with a margin of their own.
        if len(rows) != wanted or scores[-1] < scores[k - 1] - equal:
            return scores, rows
        wanted *= 2


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, "search")


class FlatIndex:
    """An index that compares all vectors, kept in memory; the reference for every other index."""

    def __init__(self, vectors: Floats) -> None:
        """Take a copy of ``vectors``, (rows, dim) float32."""
        self._index = faiss.IndexFlatIP(vectors.shape[1])
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))

    def search(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """See ``VectorIndex.search``."""
        top_k = min(top_k, self._index.ntotal)
        if top_k < 1:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        parameters = None
        if keep is not None:
            bits = np.packbits(keep, bitorder="little")
            # FAISS's Python layer takes arrays and keywords here, which its type hints do not know.
            selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        asked = np.ascontiguousarray(query[None], dtype=np.float32)
        scores, rows = searched(self._index, asked, top_k, parameters)
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def shortlist(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """The result of ``search``, which is exact."""
        return self.search(query, top_k, keep)


def depth(top_k: int, rows: int) -> int:
    """How many of so many ``rows`` must be compared exactly to find the best ``top_k``."""
    return max(DEPTH if rows > FEW else DEPTH // 2, PER_HIT * top_k)


class CompressedIndex:
    """An index that takes a thirtieth of the vectors' memory, and may miss a true neighbour.

    Scores are exact: ``exact`` reads vectors (n, dim) by their rows, from wherever they lie.
    """

    def __init__(self, codes: Codes, dims: Sequence[int], exact: Callable[[Rows], Floats]) -> None:
        """Take a copy of ``codes``, as ``Coder(dims)`` made them."""
        self._coder, self._exact = Coder(dims), exact
        self._index = self._coder.index(codes)

    def shortlist(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """See ``VectorIndex.shortlist``."""
        rows = self._index.ntotal
        wanted = min(depth(top_k, rows), rows) if top_k > 0 else 0
        if keep is not None:
            wanted = min(wanted, int(np.count_nonzero(keep)))
        if wanted < 1:
            return np.zeros(0, np.float32), np.zeros(0, np.int64)
        return self._coder.estimate(self._index, query, wanted, keep)

    def search(self, query: Floats, top_k: int, keep: Mask | None = None) -> tuple[Floats, Rows]:
        """See ``VectorIndex.search``; where ``keep`` leaves few rows, these are all compared."""
        rows = np.sort(self.shortlist(query, top_k, keep)[1])
        scores = np.asarray(self._exact(rows) @ query, dtype=np.float32)
        best = np.lexsort((rows, -scores))[:top_k]
        return scores[best], rows[best]


class Coder:
    """Encodes vectors made of blocks of the lengths ``dims``, and compares codes with queries.

    Each block is rotated for itself and brought to one scale, so that a query may leave blocks out
    (zeros) or weigh them, without the others' signs adding noise.
    """

    version = "rabitq-1024/1"
    """To be changed whenever the same vectors would get other codes."""

    def __init__(self, dims: Sequence[int]) -> None:
        self._dims = tuple(dims)
        self._dim = _BITS * len(self._dims)

    @property
    def length(self) -> int:
        """Bytes of one code."""
        return int(self._index().code_size)

    def encode(self, batches: Iterable[Floats]) -> Codes:
        """Codes (n, length) of the vectors in ``batches``, each (some, sum of dims)."""
        index, codes = self._index(), []
        for batch in batches:
            for start in range(0, len(batch), _ROWS):
                rows = np.asarray(batch[start : start + _ROWS], np.float32)
                index.reset()
                index.add(_rotated(self._dims, rows))
                codes.append(faiss.vector_to_array(index.codes).reshape(len(rows), -1))
        return np.concatenate([*codes, np.zeros((0, self.length), np.uint8)])

    def index(self, codes: Codes) -> Any:
        """An index over ``codes`` (n, length), which are copied."""
        index = self._index()
        faiss.copy_array_to_vector(codes.reshape(-1), index.codes)
        index.ntotal = len(codes)
        return index

    def estimate(
        self, index: Any, query: Floats, top_k: int, keep: Mask | None
    ) -> tuple[Floats, Rows]:
        """Estimates of the ``top_k`` highest inner products with ``query`` (dim,), and their
        rows."""
        coded, bits = _coded(self._dims, np.asarray(query, np.float32).tobytes())
        selector = None
        if keep is not None:
            packed = np.packbits(keep, bitorder="little")
            # FAISS's Python layer takes arrays and keywords here, which its type hints do not know.
            selector = faiss.IDSelectorBitmap(packed)  # type: ignore[call-arg, arg-type]
        parameters = faiss.RaBitQSearchParameters(  # type: ignore[call-arg]
            qb=bits, sel=selector
        )
        scores, rows = searched(index, coded, top_k, parameters)
        found = rows[0] >= 0
        return scores[0][found], rows[0][found]

    def _index(self) -> Any:
        index = faiss.IndexRaBitQ(self._dim, faiss.METRIC_INNER_PRODUCT)
        # What is encoded is centred already.
        index.train(np.zeros((1, self._dim), np.float32))
        return index


@functools.lru_cache(maxsize=64)
def _coded(dims: tuple[int, ...], content: bytes) -> tuple[Floats, int]:
    """A query of these blocks, the bytes of its float32, rotated, (1, dim of the codes), and
    rounded to the values that FAISS codes it with, zero being one of them; and the bits to code it
    with. Remembered, for a query goes to every segment.

    Zeros, the coordinates of blocks left out, would otherwise be coded as a little more or less
    than zero, all of them alike, which adds up.
    """
    rotated = _rotated(dims, np.frombuffer(content, np.float32)[None])
    rotated *= np.float32(1 / _BITS)
    std = rotated.reshape(len(dims), _BITS).std(axis=1)
    used = [float(spread) for spread in std if spread > 0]
    if not used:
        return rotated, _FEW_BITS
    bits = _FEW_BITS if max(used) < 2 * min(used) else _MANY_BITS
    half = 2 ** (bits - 1)
    step = np.float32(_REACH * max(used) / half)
    steps = np.clip(np.round(rotated / step), 1 - half, half)
    # Both ends must be there, for FAISS goes by them. What they add is far below the error.
    steps[0, np.argmin(steps)], steps[0, np.argmax(steps)] = 1 - half, half
    return np.asarray(steps * step, np.float32), bits


def _rotated(dims: tuple[int, ...], vectors: Floats) -> Floats:
    """Each block rotated and brought to coordinates of about 1: (n, dim of the codes)."""
    rows = np.zeros((len(vectors), _BITS * len(dims)), np.float32)
    begin = 0
    for number, dim in enumerate(dims):
        wide = -(-max(dim, _BITS) // _SIDE) * _SIDE
        block = np.zeros((len(vectors), wide), np.float32)
        block[:, :dim] = vectors[:, begin : begin + dim]
        if block.any():
            rows[:, number * _BITS : (number + 1) * _BITS] = _rotation(wide)(block)
        begin += dim
    return rows


class _Rotation:
    """``dim`` coordinates rotated, and ``_BITS`` of the new ones kept: as good as random, and much
    cheaper.

    Twice over: coordinates are shuffled, their signs flipped at random, and, laid out as a matrix,
    its rows and columns rotated. Fixed once and for all, for codes are kept on disk.
    """

    def __init__(self, dim: int) -> None:
        # The old generator, whose numbers no version of numpy changes.
        rng = np.random.RandomState(dim)
        self._turns = [_Turn(dim, rng), _Turn(_BITS, rng)]
        self._scale = np.float32(dim**0.5)

    def __call__(self, rows: Floats) -> Floats:
        """``rows`` (n, dim) to coordinates of about 1, where a row is of length 1: (n, _BITS)."""
        for turn in self._turns:
            rows = turn(rows)
        return rows * self._scale


class _Turn:
    def __init__(self, dim: int, rng: np.random.RandomState) -> None:
        self._order = rng.permutation(dim)
        self._signs = rng.choice([-1.0, 1.0], dim).astype(np.float32)
        self._right = _orthogonal(dim // _SIDE, rng)[:, : _BITS // _SIDE]
        self._left = _orthogonal(_SIDE, rng)

    def __call__(self, rows: Floats) -> Floats:
        # As two large products, which are many times as quick as many small ones.
        side, across = self._right.shape
        turned = (np.take(rows, self._order, axis=1) * self._signs).reshape(-1, side) @ self._right
        turned = turned.reshape(len(rows), _SIDE, across).transpose(0, 2, 1).reshape(-1, _SIDE)
        return np.asarray((turned @ self._left).reshape(len(rows), _BITS), np.float32)


def _orthogonal(side: int, rng: np.random.RandomState) -> Floats:
    matrix, triangle = np.linalg.qr(rng.normal(size=(side, side)))
    # With the signs of the diagonal taken out, the result is the same with every library.
    return np.asarray(matrix * np.sign(np.diag(triangle)), np.float32)


@functools.lru_cache(maxsize=64)
def _rotation(dim: int) -> _Rotation:
    return _Rotation(dim)


def searched(index: Any, queries: Floats, top_k: int, parameters: Any) -> tuple[Floats, Rows]:
    """Scores and rows, (queries, top_k) each; -1 as a row where there are fewer.

    FAISS divides queries, not rows, among threads, and searches ask one at a time: others would
    have nothing to do, and to wait for them at the end costs many times the search where the cores
    are busy. OpenMP keeps the number by thread, hence every time.
    """
    faiss.omp_set_num_threads(1)
    scores, rows = index.search(queries, top_k, params=parameters)
    return scores, rows
