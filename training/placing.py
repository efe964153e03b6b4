"""What lies where: a drawing is to be nearer to its photo than to any other one.

Contrastive learning with many remembered photos (InfoNCE; van den Oord and others, 2018; the memory
after He and others' MoCo, CVPR 2020). An edit is held against its photo by layout and meaning
together, for a mirrored picture lies elsewhere; a drawing by its layout alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from image_search.extractors.design_network import DIM, LAYOUT, LAYOUT_SHARE
from training.lessons import PHOTO, RENDERING, SKETCH, Lesson

#: Photos remembered.
MEMORY = 4096
_TEMPERATURE = 0.08
# Of the mean of a kind of pictures, the share that stays at each step.
_STEADY = 0.98
_KINDS = (PHOTO, RENDERING, SKETCH)


class Places:
    """What was seen of photos lately, and what each kind of pictures has in common."""

    def __init__(self, device: torch.device) -> None:
        self._means: dict[int, Tensor] = {}
        # The whole of an embedding; its last LAYOUT numbers are the layout.
        self._seen = torch.zeros((0, DIM), device=device)
        self._shown = torch.zeros(0, dtype=torch.int64, device=device)

    def loss_of(self, meaning: Tensor, layout: Tensor, lesson: Lesson) -> Tensor:
        """Mean cross entropy of finding the photos of the lesson's pairs among those of the batch
        and those remembered, from unit ``meaning`` (n, MEANING) and ``layout`` (n, LAYOUT)."""
        kinds, shows, pairs = (
            torch.from_numpy(of).to(layout.device)
            for of in (lesson.kinds, lesson.shows, lesson.pairs)
        )
        if not len(pairs):
            return layout.sum() * 0
        places = functional.normalize(self._centred(layout, kinds), dim=1)
        whole = torch.cat([meaning * (1 - LAYOUT_SHARE) ** 0.5, places * LAYOUT_SHARE**0.5], dim=1)
        photos = pairs[:, 1]
        among = torch.cat([whole[photos], self._seen])
        shown = torch.cat([shows[photos], self._shown])
        drawn = kinds[pairs[:, 0]] != PHOTO
        losses = []
        for asked, numbers, part in ((drawn, LAYOUT, places), (~drawn, DIM, whole)):
            if asked.any():
                gallery = functional.normalize(among[:, -numbers:], dim=1)
                losses.append(_found(part[pairs[asked, 0]], gallery, asked, shows[photos], shown))
        self._remember(whole[photos].detach(), shows[photos])
        return torch.cat(losses).mean()

    def _centred(self, layout: Tensor, kinds: Tensor) -> Tensor:
        out = layout.clone()
        for kind in _KINDS:
            of = kinds == kind
            if of.any():
                mean = layout[of].detach().mean(dim=0)
                known = self._means.get(kind)
                mean = mean if known is None else _STEADY * known + (1 - _STEADY) * mean
                self._means[kind] = mean
                out[of] = layout[of] - mean
        return out

    def _remember(self, whole: Tensor, shown: Tensor) -> None:
        self._seen = torch.cat([whole, self._seen])[:MEMORY]
        self._shown = torch.cat([shown, self._shown])[:MEMORY]


def _found(asking: Tensor, gallery: Tensor, asked: Tensor, own: Tensor, shown: Tensor) -> Tensor:
    """Cross entropy for each row of ``asking``; the photo of the i-th pair is row i of the gallery,
    and other views of it are no wrong answers."""
    right = torch.nonzero(asked)[:, 0]
    logits = asking @ gallery.t() / _TEMPERATURE
    same = own[right, None] == shown[None, :]
    same[torch.arange(len(right)), right] = False
    return functional.cross_entropy(logits.masked_fill(same, -1e4), right, reduction="none")
