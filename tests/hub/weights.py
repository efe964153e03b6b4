"""Files that look like the real weights: random ones of the right shapes, and tiny ones.

Random weights keep pictures apart well enough to search with; they mean nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

# Random numbers are repeated from a store of this many: 150 million fresh ones take seconds.
_STORE = 1_000_003
# Pieces of the small vocabulary, single bytes among them.
_WORDS = 350


def random_clip(folder: Path, architecture: str = "ViT-B-32-quickgelu") -> Path:
    """All of a CLIP in 8-bit floats, 151 MB for ViT-B/32, under the name that the hub has it by."""
    import open_clip
    import torch

    config = open_clip.get_model_config(architecture)
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    with torch.device("meta"):
        network = kind(**config)
    return _random(network, folder / "open_clip_model.safetensors")


def random_siglip2(folder: Path, architecture: str) -> tuple[Path, Path]:
    """SigLIP 2 of this architecture in 8-bit floats, and its vocabulary.

    From now on open_clip makes its text tower with one layer and as many words as that vocabulary
    has: whole, it has 1.1 GB. The image tower is whole.
    """
    import open_clip

    config = open_clip.get_model_config(architecture)
    config["text_cfg"].update(vocab_size=_WORDS, layers=1)
    path = folder / f"{architecture}.json"
    path.write_text(json.dumps(config), "utf-8")
    open_clip.add_model_config(path)
    return random_clip(folder, architecture), small_vocabulary(folder)


def random_dinov2(folder: Path) -> Path:
    """All of DINOv2 ViT-S/14 in 8-bit floats, 22 MB, under the name that the hub has it by."""
    import timm
    import torch

    with torch.device("meta"):
        network = timm.create_model("vit_small_patch14_dinov2")
    return _random(network, folder / "model.safetensors")


def _random(network: torch.nn.Module, path: Path) -> Path:
    from safetensors.torch import save_file

    save_file(_random_weights(network), path)
    return path


def _random_weights(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    import torch

    shapes = network.state_dict()
    store = np.random.default_rng(0).standard_normal(_STORE, dtype=np.float32)
    weights = {}
    for seed, (name, tensor) in enumerate(shapes.items()):
        if tensor.ndim < 2 and not name.endswith("class_embedding"):
            # Norms and biases as before training, so that the signal gets through.
            one = name.endswith(("weight", "gamma"))
            values = torch.full(tensor.shape, 1.0 if one else 0.0)
        else:
            fan_in = tensor[0].numel() if tensor.ndim > 1 else tensor.numel()
            start = seed * 977
            rolled = np.roll(store, start)
            flat = np.resize(rolled, tensor.numel()) / np.float32(np.sqrt(fan_in))
            values = torch.from_numpy(flat).reshape(tensor.shape)
        weights[name] = values.to(torch.float8_e4m3fn)
    return weights


def random_resnet50(folder: Path) -> Path:
    """All of ResNet50 in 16-bit floats, 51 MB."""
    import torch
    import torchvision

    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = torchvision.models.resnet50().state_dict()
    path = folder / "resnet50.pth"
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in weights.items()}, path)
    return path


def random_vgg(folder: Path, name: str = "vgg16") -> Path:
    """All of VGG16, or of VGG19, in 8-bit floats: 138 or 144 MB."""
    import torch
    import torchvision

    with torch.device("meta"):
        network = getattr(torchvision.models, name)()
    path = folder / f"{name}.pth"
    torch.save(_random_weights(network), path)
    return path


def random_detector(path: Path) -> Path:
    """All of the detector of torchvision that the file at ``path`` is named after, in 16 bits."""
    import torch
    from torchvision.models import get_model

    with torch.random.fork_rng():
        torch.manual_seed(0)
        weights = get_model(path.stem, weights=None, weights_backbone=None).state_dict()
    for name, tensor in weights.items():
        if name.endswith("cls_score.weight"):
            tensor *= 1000  # else all classes are as likely, and none is likely enough
    torch.save({k: v.half() if v.is_floating_point() else v for k, v in weights.items()}, path)
    return path


def tiny_safetensors(folder: Path, size: int = 1_000_000) -> Path:
    """A sound file of the right format which no network could load."""
    header = b'{"x":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size, size)
    content = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8).tobytes()
    path = folder / "open_clip_model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + content)
    return path


def tiny_torch(folder: Path, size: int = 1_000_000) -> Path:
    """A sound file of the right format which no network could load."""
    import zipfile

    path = folder / "resnet50.pth"
    content = np.random.default_rng(2).integers(0, 256, size, dtype=np.uint8).tobytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"no weights at all")
        archive.writestr("archive/data/0", content)
    return path


def small_vocabulary(folder: Path) -> Path:
    """A vocabulary of the kind that SigLIP 2 brings along: pieces learnt from a few words, single
    bytes for all else."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )

    vocabulary = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    vocabulary.normalizer = normalizers.Replace(" ", "\u2581")
    vocabulary.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    vocabulary.decoder = decoders.ByteFallback()
    special = ["<pad>", "<eos>", "<bos>", "<unk>", *(f"<0x{byte:02X}>" for byte in range(256))]
    words = ["a gold ring with a leaf motif", "a ring with a blue stone", "the chairs of a room"]
    vocabulary.train_from_iterator(
        words,
        trainers.BpeTrainer(
            vocab_size=_WORDS - 256, special_tokens=special[:4], show_progress=False
        ),
    )
    vocabulary.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", 1)]
    )
    learnt = json.loads(vocabulary.to_str())
    pieces = [piece for piece in learnt["model"]["vocab"] if piece not in special]
    learnt["model"]["vocab"] = {piece: row for row, piece in enumerate([*special, *pieces])}
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(learnt), "utf-8")
    return path
