"""Files that look like the real weights: random ones of the right shapes, and tiny ones.

Random weights keep pictures apart well enough to search with; they mean nothing.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

# Random numbers are repeated from a store of this many: 150 million fresh ones take seconds.
_STORE = 1_000_003


def random_clip(folder: Path) -> Path:
    """All of CLIP ViT-B/32 in 8-bit floats, 151 MB, under the name that the hub has it by."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    config = open_clip.get_model_config("ViT-B-32-quickgelu")
    with torch.device("meta"):
        shapes = open_clip.CLIP(**config).state_dict()
    store = np.random.default_rng(0).standard_normal(_STORE, dtype=np.float32)
    weights = {}
    for seed, (name, tensor) in enumerate(shapes.items()):
        if tensor.ndim < 2 and not name.endswith("class_embedding"):
            # Norms and biases as before training, so that the signal gets through.
            values = torch.full(tensor.shape, 1.0 if name.endswith("weight") else 0.0)
        else:
            fan_in = tensor[0].numel() if tensor.ndim > 1 else tensor.numel()
            start = seed * 977
            rolled = np.roll(store, start)
            flat = np.resize(rolled, tensor.numel()) / np.float32(np.sqrt(fan_in))
            values = torch.from_numpy(flat).reshape(tensor.shape)
        weights[name] = values.to(torch.float8_e4m3fn)
    path = folder / "open_clip_model.safetensors"
    save_file(weights, path)
    return path


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
