"""One bit for each coordinate: how vectors are compressed, and how compressed ones are compared.

RaBitQ (Gao and Long, SIGMOD 2024) keeps the signs of a vector that was rotated at random, and with
them one factor that makes the estimate of an inner product unbiased. Its fast-scan form in FAISS
1.15.1 overflows from 4,096 dimensions up, so the plain form is used.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from image_search.imaging.arrays import Floats
from image_search.search.engines.alone import searched
from image_search.search.engines.base import Mask, Rows

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


class Coder:
    """Encodes vectors made of blocks of the lengths ``dims``, and compares codes with queries.

    Each block is rotated for itself and brought to one scale, so that a query may leave blocks out
    (zeros) or weigh them, without the others' signs adding noise.
    """

    way = "rabitq-1024/1"
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
        """Estimates of the ``top_k`` highest inner products with ``query``, and their rows."""
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
        dice = np.random.RandomState(dim)
        self._turns = [_Turn(dim, dice), _Turn(_BITS, dice)]
        self._scale = np.float32(dim**0.5)

    def __call__(self, rows: Floats) -> Floats:
        """``rows`` (n, dim) to coordinates of about 1, where a row is of length 1: (n, _BITS)."""
        for turn in self._turns:
            rows = turn(rows)
        return rows * self._scale


class _Turn:
    def __init__(self, dim: int, dice: np.random.RandomState) -> None:
        self._order = dice.permutation(dim)
        self._signs = dice.choice([-1.0, 1.0], dim).astype(np.float32)
        self._right = _orthogonal(dim // _SIDE, dice)[:, : _BITS // _SIDE]
        self._left = _orthogonal(_SIDE, dice)

    def __call__(self, rows: Floats) -> Floats:
        # As two large products, which are many times as quick as many small ones.
        side, across = self._right.shape
        turned = (np.take(rows, self._order, axis=1) * self._signs).reshape(-1, side) @ self._right
        turned = turned.reshape(len(rows), _SIDE, across).transpose(0, 2, 1).reshape(-1, _SIDE)
        return np.asarray((turned @ self._left).reshape(len(rows), _BITS), np.float32)


def _orthogonal(side: int, dice: np.random.RandomState) -> Floats:
    matrix, triangle = np.linalg.qr(dice.normal(size=(side, side)))
    # With the signs of the diagonal taken out, the result is the same with every library.
    return np.asarray(matrix * np.sign(np.diag(triangle)), np.float32)


@functools.lru_cache(maxsize=64)
def _rotation(dim: int) -> _Rotation:
    return _Rotation(dim)
