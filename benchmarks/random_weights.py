"""Weights of the right shapes and random numbers, where the loaders look for the real ones.

For timing they are as good as trained ones, and they need no download.
"""

from __future__ import annotations

import os
from pathlib import Path


def environment(folder: Path) -> dict[str, str]:
    """The variables that lead the loaders to the weights below ``folder``."""
    return {"HF_HOME": str(folder / "huggingface"), "TORCH_HOME": str(folder / "torch")}


def use(folder: Path) -> None:
    """Have this process and its children load the weights below ``folder``, made where there are
    none yet."""
    if not folder.exists():
        place(folder)
    os.environ.update(environment(folder), HF_HUB_OFFLINE="1")


def place(folder: Path) -> dict[str, str]:
    """Write CLIP's and ResNet50's weights below ``folder``; returns the environment to use them.

    The environment of this process is changed, too, which has to come before anything that reads
    it: call this first.
    """
    variables = environment(folder)
    os.environ.update(variables, HF_HUB_OFFLINE="1")
    import open_clip
    import torch
    import torchvision
    from safetensors.torch import save_file

    from image_search.extractors import clip_models, resnet50
    from image_search.extractors.weights import sources

    torch.manual_seed(0)
    network = open_clip.create_model(clip_models.OPENAI.architecture)
    weights = sources.CLIP_VIT_B_32_OPENAI
    path = weights.place / "snapshots" / "random" / weights.filenames[0]
    path.parent.mkdir(parents=True)
    save_file({name: value.half() for name, value in network.state_dict().items()}, path)
    path = resnet50.WEIGHTS.place
    path.parent.mkdir(parents=True)
    torch.save(torchvision.models.resnet50().state_dict(), path)
    return variables
