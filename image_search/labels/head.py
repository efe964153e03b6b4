"""The classifier of labels: a linear layer on frozen embeddings, with calibrated probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from image_search.errors import CacheDamaged
from image_search.imaging.arrays import Floats
from image_search.storage import safe_pickle
from image_search.storage.records import ExtractorIdentity, identities

_FORMAT = "image_search labels"
_VERSION = 1
# No studio has so many kinds of things; a hostile file may claim them.
MOST_LABELS = 2000


@dataclass(frozen=True)
class Assessment:
    """How good a classifier is on images that it did not see, by cross-validation.

    ``accuracy``: the share of images whose likeliest label is one that they have. ``error``: the
    expected calibration error, by how much stated probabilities differ from the share that is
    right (Naeini et al., AAAI 2015; 15 bins). ``images`` were used, ``labels`` is how many of them
    have each label. Both figures are ``None`` where too few images have labels to measure them.
    """

    images: int
    labels: Mapping[str, int] = field(default_factory=dict)
    accuracy: float | None = None
    error: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class LabelHead:
    """Predicts ``labels`` from the unit embeddings of ``extractors``, side by side.

    ``weights`` (labels, sum of dims) and ``bias`` (labels,) hold the centring, the scaling and the
    calibration too. Where ``exclusive``, every labelled image has exactly one of the labels. Images
    whose energy (see ``energy``) is below ``least_energy`` are then unlike all of these, and half
    of the probability is that they show none of the labels. ``source`` is where the labels came
    from, see ``naming.namer``; ``trained`` is in seconds since 1970.
    """

    labels: tuple[str, ...]
    extractors: tuple[ExtractorIdentity, ...]
    weights: Floats
    bias: Floats
    exclusive: bool
    least_energy: float
    source: str
    trained: float
    assessment: Assessment

    def probabilities(self, blocks: Mapping[str, Floats]) -> Floats:
        """Return the probability (n, labels) of each label.

        Args:
            blocks: unit embeddings (n, dim) by extractor.
        """
        joined = np.concatenate([blocks[one.name] for one in self.extractors], axis=1)
        scores = joined @ self.weights.T + self.bias
        return stated(scores, self.least_energy) if self.exclusive else sigmoid(scores)

    def to_json(self) -> dict[str, Any]:
        """Return what is known of the classifier, for programs and people."""
        about = self.assessment
        return {
            "labels": [{"name": name, "images": n} for name, n in about.labels.items()],
            "images": about.images,
            "accuracy": about.accuracy,
            "calibration_error": about.error,
            "exclusive": self.exclusive,
            "extractors": [one.name for one in self.extractors],
            "source": self.source,
            "trained": self.trained,
            "seconds": about.seconds,
        }

    def save(self, path: Path) -> None:
        """Write the classifier to ``path``, in one step.

        Raises:
            OSError: the disk is full or not writable.
        """
        about = self.assessment
        plain = {
            "format": _FORMAT,
            "version": _VERSION,
            "labels": list(self.labels),
            "extractors": [(one.name, one.model, one.dim) for one in self.extractors],
            "weights": self.weights.astype("<f4").tobytes(),
            "bias": self.bias.astype("<f4").tobytes(),
            "exclusive": self.exclusive,
            "least_energy": self.least_energy,
            "source": self.source,
            "trained": self.trained,
            "images": about.images,
            "counts": [int(about.labels.get(label, 0)) for label in self.labels],
            "accuracy": about.accuracy,
            "error": about.error,
            "seconds": about.seconds,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        safe_pickle.dump(path, plain)

    @staticmethod
    def load(path: Path) -> LabelHead | None:
        """Return the classifier in ``path``, or ``None`` where there is none.

        Raises:
            CacheDamaged: it is damaged, or of another version of this program.
        """
        try:
            return _from_plain(safe_pickle.load(path))
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise CacheDamaged(f"its content is malformed ({error})") from error


def _from_plain(plain: Any) -> LabelHead:
    if not isinstance(plain, dict) or plain.get("format") != _FORMAT:
        raise ValueError("it is another file")
    if plain["version"] != _VERSION:
        raise ValueError(f"it has version {plain['version']!r}")
    labels = tuple(map(str, plain["labels"]))
    extractors = identities(plain["extractors"])
    if not 1 <= len(labels) <= MOST_LABELS:
        raise ValueError(f"{len(labels)} labels")
    dim = sum(one.dim for one in extractors)
    weights = np.frombuffer(plain["weights"], "<f4").astype(np.float32)
    bias = np.frombuffer(plain["bias"], "<f4").astype(np.float32)
    if len(bias) != len(labels) or not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise ValueError("numbers that do not fit the labels")
    counts = dict(zip(labels, map(int, plain["counts"]), strict=True))
    known = {
        name: None if plain[name] is None else float(plain[name]) for name in ("accuracy", "error")
    }
    return LabelHead(
        labels=labels,
        extractors=extractors,
        weights=weights.reshape(len(labels), dim),
        bias=bias,
        exclusive=bool(plain["exclusive"]),
        least_energy=float(plain["least_energy"]),
        source=str(plain["source"]),
        trained=float(plain["trained"]),
        assessment=Assessment(
            int(plain["images"]), counts, known["accuracy"], known["error"], float(plain["seconds"])
        ),
    )


# The probability that an image unlike all labelled ones shows none of their labels. On caltech101's
# classifier, a third of the jewellery is not recognised as foreign, and 5 % of its own kind is.
_OF_NONE = 0.5


def stated(scores: Floats, least_energy: float) -> Floats:
    """Return the probabilities (n, labels) for the ``scores`` of exclusive labels."""
    found = softmax(scores)
    found[energy(scores) < least_energy] *= np.float32(1 - _OF_NONE)
    return found


def energy(scores: Floats) -> Floats:
    """Return how familiar each row of ``scores`` (n, labels) is, (n,): the logarithm of the sum of
    their exponentials (Liu et al., NeurIPS 2020)."""
    most = scores.max(axis=1)
    return np.asarray(most + np.log(np.exp(scores - most[:, None]).sum(axis=1)), np.float32)


def softmax(scores: Floats) -> Floats:
    """Return probabilities (n, labels) that sum to 1 for each row of ``scores``."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def sigmoid(scores: Floats) -> Floats:
    """Return the probability of each of ``scores`` by itself."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * scores)), np.float32)
