"""Figures on classes and sets that were never learnt from, always for the network alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from image_search.evaluation.metrics import average_precision, precision_at, ranked, recall_at
from image_search.extractors.base import unit_rows
from image_search.extractors.design import build, encoder
from image_search.imaging.arrays import Floats, Pixels
from image_search.imaging.decoding import WORKING_SIDE
from training.pictures import load
from training.sources import LABELLED, below, held_out

Embed = Callable[[Sequence[Pixels]], Floats]

#: Sets of which nothing is ever learnt.
UNSEEN = ("corel1k", "jewellery")


def judge(weights: Path, sets: Path) -> dict[str, float]:
    """Figures by name, for those of the sets that are there."""
    embed = embedding(weights)
    figures: dict[str, float] = {}
    for name in (*UNSEEN, *LABELLED):
        if (sets / name).is_dir():
            figures |= _alike(name, sets / name, embed)
    if (sets / "sketchy").is_dir():
        figures |= _drawn(sets / "sketchy", embed)
    return figures


def embedding(weights: Path) -> Embed:
    """The network in a file of weights as a function of pictures."""
    network = build(weights)["image"].eval()

    @torch.inference_mode()
    def see(squares: npt.NDArray[np.generic]) -> Floats:
        rows: Floats = network(torch.from_numpy(squares)).numpy()
        return rows

    extractor = encoder(see)

    def embed(pictures: Sequence[Pixels]) -> Floats:
        return extractor.embed([extractor.prepare(pixels) for pixels in pictures])

    return embed


def _alike(name: str, folder: Path, embed: Embed) -> dict[str, float]:
    """Each picture asks for those of its class; of sets that were learnt from, only the classes
    that were held out ask."""
    pictures = load(below(folder), side=WORKING_SIDE)
    labels = np.array([path.parent.name for path in pictures])
    rows = _centred(embed(list(pictures.values())))
    asking = np.array([name in UNSEEN or held_out(label) for label in labels])
    cosines = rows[asking] @ rows.T
    ranking = ranked(cosines, labels[asking, None] == labels, np.flatnonzero(asking))
    return {
        f"{name}: P@10": float(np.nanmean(precision_at(ranking, 10))),
        f"{name}: mAP": float(np.nanmean(average_precision(ranking))),
    }


def _drawn(folder: Path, embed: Embed) -> dict[str, float]:
    """Sketches of held-out classes ask for their photos among all."""
    photos = load(below(folder / "photo"), side=WORKING_SIDE)
    asking = [path for path in below(folder / "sketch") if held_out(path.parent.name)]
    sketches = load(asking, side=WORKING_SIDE)
    # Each domain about its own mean: drawings lack much of what photos have in common.
    rows, gallery = (_centred(embed(list(of.values()))) for of in (sketches, photos))
    own = np.array([(path.parent.name, path.stem) for path in photos])
    asked = np.array([(path.parent.name, path.stem.rsplit("-", 1)[0]) for path in sketches])
    same_class = asked[:, None, 0] == own[None, :, 0]
    very_same = same_class & (asked[:, None, 1] == own[None, :, 1])
    cosines = rows @ gallery.T
    return {
        "sketchy: recall@10 of the very photo": float(
            np.nanmean(recall_at(ranked(cosines, very_same), 10))
        ),
        "sketchy: P@10": float(np.nanmean(precision_at(ranked(cosines, same_class), 10))),
    }


def _centred(rows: Floats) -> Floats:
    return unit_rows(rows - rows.mean(axis=0))
