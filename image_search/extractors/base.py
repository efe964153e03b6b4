"""What an extractor is, and how many threads use one at once.

Extractors are the one seam between pictures (or words) and vectors. For queries they are shared:
while a network is busy, what is asked gathers, and goes through it as one batch; nothing is
embedded twice. Indexing makes batches of its own.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt

from image_search.errors import ImageSearchError
from image_search.imaging.arrays import Floats, Pixels

if TYPE_CHECKING:
    from image_search.extractors.registry import ExtractorSpec

Forward = Callable[[npt.NDArray[Any]], Floats]
"""A network: (n, ...) of what it takes to (n, dim) float32, n at most BATCH. Squares are (n, side,
side, 3) uint8 RGB, texts (n, 77) int64 tokens. It may be called from many threads at once."""

# Where the rate per core is highest; the activations of more no longer fit into a core's cache.
BATCH = 16
# Of what waits, so many go through a network together at most: networks are warmed up for batches
# of each of these sizes, and a full batch would go through the one that indexing uses (see
# ``runtime/openvino_engine.py``), for whose loading no query should wait.
MOST = BATCH // 2
# Extractors that work for queries at the same time, those that wait for one another included.
THREADS = 16
# Bytes of embeddings that each extractor remembers: thousands of queries, an afternoon's work of a
# studio, for less than a picture of its catalogue.
REMEMBERED_BYTES = 1 << 24

Item = TypeVar("Item")


class Extractor(Protocol):
    """Turns pictures into unit-length embeddings.

    The work is split so that a pipeline can overlap it: ``prepare`` is the cheap part for one
    picture; ``embed`` is the expensive part, for a whole batch. Both are called from many threads
    at once; an engine that cannot bear that takes turns by itself.
    """

    @property
    def name(self) -> str:
        """Its name in the registry, in settings and in every answer."""

    @property
    def model(self) -> str:
        """Exactly which model this is; vectors of different models are never compared."""

    @property
    def dim(self) -> int:
        """Length of one embedding."""

    def prepare(self, pixels: Pixels) -> npt.NDArray[np.generic]:
        """One upright RGB picture, (height, width, 3) uint8, to this extractor's input array."""

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Prepared inputs to embeddings, (len(inputs), dim) float32; each row has length 1."""


@runtime_checkable
class FeatureExtractor(Protocol):
    """An extractor whose features have a length that means something before it is taken away."""

    def features(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Prepared inputs to raw features, (len(inputs), dim) float32."""


@runtime_checkable
class TextExtractor(Protocol):
    """An extractor that places words in the same space as pictures."""

    def embed_text(self, texts: Sequence[str]) -> Floats:
        """Texts to embeddings, (len(texts), dim) float32; each row has length 1."""


@runtime_checkable
class Labeller(Protocol):
    """An extractor that has a name for what a picture shows."""

    def labels(self, rows: Floats, lengths: Floats | None = None) -> list[dict[str, float]]:
        """For each embedding of ``rows`` (n, dim), of length 1, the probability by name, the
        likeliest first; ``lengths`` (n,) are what the embeddings were scaled from, if known."""


def unit_rows(rows: npt.NDArray[np.floating], *, in_place: bool = False) -> Floats:
    """Rows scaled to length 1, float32; ``in_place`` where they are float32 already.

    A row without direction (all zeros) becomes the constant unit vector, so that the inner product
    of two such rows is 1 and nothing downstream meets a NaN.
    """
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    # Half the time of numpy.linalg.norm, which squares into memory of its own first.
    lengths = np.sqrt(np.vecdot(rows, rows))[:, None]
    found = np.divide(rows, np.maximum(lengths, np.float32(1e-12)), out=rows if in_place else None)
    without = lengths[:, 0] <= 1e-12
    if without.any():
        found[without] = 1.0 / np.sqrt(rows.shape[1])
    return np.asarray(found, np.float32)


def features_of_squares(
    inputs: Sequence[npt.NDArray[np.generic]], forward: Forward, dim: int
) -> Floats:
    """Squares of one size, (side, side, 3) uint8 each, to what ``forward`` makes of them,
    (len(inputs), dim) float32."""
    if not inputs:
        return np.empty((0, dim), dtype=np.float32)
    starts = range(0, len(inputs), BATCH)
    rows = [forward(np.stack(inputs[i : i + BATCH]).astype(np.uint8, copy=False)) for i in starts]
    return np.concatenate(rows)


def with_norms(
    extractor: Extractor, inputs: Sequence[npt.NDArray[np.generic]]
) -> tuple[Floats, Floats]:
    """The embeddings (n, dim) of prepared inputs, each row of length 1, and the lengths (n,) of the
    raw features: 1 where an extractor has no others, and never 0, which stands for unknown."""
    if not isinstance(extractor, FeatureExtractor):
        return extractor.embed(inputs), np.ones(len(inputs), np.float32)
    features = extractor.features(inputs)
    norms = np.linalg.norm(features, axis=1).astype(np.float32)
    return unit_rows(features), np.maximum(norms, np.float32(1e-12))


@dataclass(frozen=True)
class SquashedNetwork:
    """An extractor: the whole picture, squashed into a square, through a network.

    ``see`` takes squares of ``side`` pixels and returns (n, dim).
    """

    name: str
    model: str
    dim: int
    side: int
    see: Forward

    def prepare(self, pixels: Pixels) -> Pixels:
        """Return one RGB picture, (height, width, 3) uint8, as (side, side, 3) uint8."""
        # Here, because commands that look at no picture should not wait for OpenCV.
        from image_search.imaging.decoding import resized

        return resized(pixels, self.side, self.side)

    def features(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Return what the network makes of squares, (len(inputs), dim) float32."""
        return features_of_squares(inputs, self.see, self.dim)

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """Return the embeddings of squares, (len(inputs), dim) float32; each row has length 1."""
        return unit_rows(self.features(inputs))


@dataclass(eq=False)
class _Asked(Generic[Item]):
    item: Item
    key: bytes
    row: Floats | None = None
    error: BaseException | None = None

    @property
    def answered(self) -> bool:
        return self.row is not None or self.error is not None


class MicroBatcher(Generic[Item]):
    """``compute``, (items) to rows (items, dim), for many threads at once.

    What waits is computed together, at most ``MOST`` items at a time and ``at_once`` batches side
    by side. Items of equal ``key`` are computed once; their rows are kept until they take more than
    ``most_bytes``, those asked for longest ago being forgotten first.
    """

    def __init__(
        self,
        compute: Callable[[Sequence[Item]], Floats],
        key: Callable[[Item], bytes],
        *,
        at_once: int,
        most_bytes: int = REMEMBERED_BYTES,
    ) -> None:
        self._compute, self._key = compute, key
        self._free, self._most_bytes = at_once, most_bytes
        self._changed = threading.Condition()
        self._waiting: deque[_Asked[Item]] = deque()
        self._in_progress: dict[bytes, _Asked[Item]] = {}
        self._rows: OrderedDict[bytes, Floats] = OrderedDict()
        self._bytes = 0

    def __call__(self, items: Sequence[Item]) -> Floats:
        """Rows (len(items), dim). Raises what ``compute`` raises."""
        return self.result(self.submit(items))

    def submit(self, items: Sequence[Item]) -> Sequence[_Asked[Item]]:
        """Put ``items`` to those that wait, without waiting for an ``answer``: whoever computes
        next takes them along."""
        keyed = [(item, self._key(item)) for item in items]
        with self._changed:
            return [self._ask(item, key) for item, key in keyed]

    def result(self, asked: Sequence[_Asked[Item]]) -> Floats:
        """Rows (len(asked), dim) of what was asked. Raises what ``compute`` raises."""
        with self._changed:
            while not all(one.answered for one in asked):
                # Whoever waits also computes, for others while its own is in progress.
                if self._free and self._waiting:
                    self._lead()
                else:
                    self._changed.wait()
        for one in asked:
            if one.error is not None:
                raise one.error
        return np.stack([one.row for one in asked if one.row is not None])

    def _ask(self, item: Item, key: bytes) -> _Asked[Item]:
        row = self._rows.get(key)
        if row is not None:
            self._rows.move_to_end(key)
            return _Asked(item, key, row)
        asked = self._in_progress.get(key)
        if asked is None:
            asked = self._in_progress[key] = _Asked(item, key)
            self._waiting.append(asked)
        return asked

    def _lead(self) -> None:
        """Compute some of what waits, with the lock released for that time."""
        # What the others that are free may take is left to them.
        count = min(MOST, -(-len(self._waiting) // self._free))
        batch = [self._waiting.popleft() for _ in range(count)]
        self._free -= 1
        self._changed.release()
        rows, failure = None, None
        try:
            rows = self._compute([one.item for one in batch])
        except BaseException as error:
            failure = error
        finally:
            self._changed.acquire()
            self._free += 1
            for number, one in enumerate(batch):
                del self._in_progress[one.key]
                if rows is None:
                    one.error = failure
                else:
                    one.row = rows[number].copy()
                    self._remember(one.key, one.row)
            self._changed.notify_all()

    def _remember(self, key: bytes, row: Floats) -> None:
        self._rows[key] = row
        self._bytes += row.nbytes
        while self._bytes > self._most_bytes:
            self._bytes -= self._rows.popitem(last=False)[1].nbytes


class Shared:
    """An extractor whose ``embed`` is shared; everything else is its own."""

    def __init__(self, extractor: Extractor) -> None:
        #: The extractor itself.
        self.extractor = extractor
        self.name, self.model, self.dim = extractor.name, extractor.model, extractor.dim
        self.raw = isinstance(extractor, FeatureExtractor)
        compute = extractor.features if isinstance(extractor, FeatureExtractor) else extractor.embed
        self._embed = MicroBatcher(compute, _content, at_once=os.cpu_count() or 1)

    def prepare(self, pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.generic]:
        """See ``Extractor.prepare``."""
        return self.extractor.prepare(pixels)

    def embed(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Floats:
        """See ``Extractor.embed``."""
        if not inputs:
            return self.extractor.embed(inputs)
        return unit_rows(self._embed(inputs)) if self.raw else self._embed(inputs)

    def submit(self, inputs: Sequence[npt.NDArray[np.generic]]) -> Callable[[], Floats]:
        """As ``embed``, or as ``features`` where the extractor has that, in two steps: between the
        two calls others may ask, for the same batch."""
        asked = self._embed.submit(inputs)
        return lambda: self._embed.result(asked)


class SharedWithWords(Shared):
    """The same for an extractor that reads words, too."""

    def __init__(self, extractor: Extractor, reader: TextExtractor) -> None:
        super().__init__(extractor)
        self._reader = reader
        self._embed_text = MicroBatcher(
            reader.embed_text, lambda text: text.encode("utf-8", "surrogatepass"), at_once=1
        )

    def embed_text(self, texts: Sequence[str]) -> Floats:
        """See ``TextExtractor.embed_text``."""
        return self._embed_text(texts) if texts else self._reader.embed_text(texts)


def shared(extractor: Extractor) -> Extractor:
    """``extractor`` for queries of many threads."""
    if isinstance(extractor, TextExtractor):
        return SharedWithWords(extractor, extractor)
    return Shared(extractor)


def _content(prepared: npt.NDArray[np.generic]) -> bytes:
    digest = hashlib.sha256(f"{prepared.dtype} {prepared.shape}".encode())
    digest.update(np.ascontiguousarray(prepared).data)
    return digest.digest()


class ExtractorPool:
    """Loads each extractor of ``specs`` once, on first need; different ones side by side."""

    def __init__(self, specs: Mapping[str, ExtractorSpec]) -> None:
        self._specs = specs
        self._lock = threading.Lock()
        self._loaded: dict[str, Extractor] = {}
        self._shared: dict[str, Extractor] = {}
        self._turns: dict[str, threading.Lock] = {}

    def get(self, name: str) -> Extractor:
        """The extractor ``name``.

        Raises:
            ModelUnavailable: its weights are missing or cannot be loaded.
        """
        with self._lock:
            if name in self._loaded:
                return self._loaded[name]
            turn = self._turns.setdefault(name, threading.Lock())
        with turn:
            if name not in self._loaded:
                self._loaded[name] = self._specs[name].load()
            return self._loaded[name]

    def for_queries(self, name: str) -> Extractor:
        """The extractor ``name``, whose batches many threads share, and which embeds nothing twice.

        Raises:
            ModelUnavailable: as ``get`` does.
        """
        extractor = self.get(name)
        if self._specs[name].weights is None:
            return extractor  # its work is done one picture at a time, in ``prepare``
        with self._lock:
            return self._shared.setdefault(name, shared(extractor))

    def warm_up(self, names: Sequence[str], cancelled: Callable[[], bool]) -> None:
        """Load these, and let each see a picture, and words where it reads any; then as many at
        once as queries may bring, for a network prepares itself for each size when it first meets
        it. The rest is left as soon as it is ``cancelled``.

        Raises:
            ModelUnavailable: as ``get`` does.
        """
        grey = np.full((64, 64, 3), 127, dtype=np.uint8)
        for count in range(1, MOST + 1):
            for name in names:
                if cancelled():
                    return
                extractor = self.get(name)
                # Others work one picture at a time.
                if count == 1 or self._specs[name].weights is not None:
                    extractor.embed([extractor.prepare(grey)] * count)
                    if isinstance(extractor, TextExtractor):
                        extractor.embed_text(["a picture"] * count)

    def begin(self, names: Sequence[str]) -> None:
        """Begin to load these, if it has not begun yet; whoever asks for one then waits for less.

        What goes wrong is raised where an extractor is asked for.
        """
        with self._lock:
            wanted = [name for name in names if name not in self._turns]
            for name in wanted:
                self._turns[name] = threading.Lock()
        for name in wanted:
            threading.Thread(target=self._attempt, args=(name,), name=f"load {name}").start()

    def _attempt(self, name: str) -> None:
        with contextlib.suppress(ImageSearchError):
            self.get(name)

    def load(self, names: Sequence[str]) -> list[Extractor]:
        """All of these, loaded side by side.

        Raises:
            ModelUnavailable: as ``get`` does.
        """
        if len(names) < 2:
            return [self.get(name) for name in names]
        with ThreadPoolExecutor(len(names), thread_name_prefix="load") as threads:
            return list(threads.map(self.get, names))


class QueryExtractors:
    """The extractors of one query, by name as ``load`` gives them.

    Where no other query needs the cores, they work side by side; else one after the other, and
    ``let_others_go_first`` is called once when all their inputs are ready, so that what others ask
    can go through the networks with it.
    """

    def __init__(
        self,
        load: Callable[[str], Extractor],
        let_others_go_first: Callable[[], None] | None = None,
    ) -> None:
        self.load, self._alone = load, let_others_go_first is None
        self._let_others_go_first = let_others_go_first
        #: What was embedded first, by extractor that has embeddings of any length (see
        #: ``FeatureExtractor``): these, (pictures, dim).
        self.raw: dict[str, Floats] = {}

    def embed(self, pictures: Sequence[Pixels], names: Sequence[str]) -> dict[str, Floats]:
        """Unit embeddings (pictures, dim) by extractor, of RGB pixels.

        Raises:
            ModelUnavailable: one of the extractors cannot be loaded.
        """
        if self._alone and len(names) > 1:
            embed = _threads().map(lambda name: self._submit(pictures, name)(), names)
            return dict(zip(names, embed, strict=True))
        results = {name: self._submit(pictures, name) for name in names}
        if results and self._let_others_go_first is not None:
            self._let_others_go_first()
            self._let_others_go_first = None
        return {name: result() for name, result in results.items()}

    def _submit(self, pictures: Sequence[Pixels], name: str) -> Callable[[], Floats]:
        extractor = self.load(name)
        inputs = [extractor.prepare(pixels) for pixels in pictures]
        if not isinstance(extractor, Shared):
            if inputs and isinstance(extractor, FeatureExtractor):
                return partial(self._scaled, name, lambda: extractor.features(inputs))
            return lambda: extractor.embed(inputs)
        rows = extractor.submit(inputs)
        return partial(self._scaled, name, rows) if extractor.raw and inputs else rows

    def _scaled(self, name: str, rows: Callable[[], Floats]) -> Floats:
        raw = rows()
        self.raw.setdefault(name, raw)
        return unit_rows(raw)


@functools.cache
def _threads() -> ThreadPoolExecutor:
    # Most of them wait, in a network's queue, for the batch that they share.
    return ThreadPoolExecutor(THREADS, "query")


class Lazily:
    """Calls ``load`` once, on first need, whichever thread that is."""

    def __init__(self, load: Callable[[], Sequence[Extractor]]) -> None:
        self._load, self._lock = load, threading.Lock()
        self._loaded: Sequence[Extractor] | None = None

    def __call__(self) -> Sequence[Extractor]:
        """What ``load`` gave.

        Raises:
            ModelUnavailable: as ``load`` does.
        """
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded
