"""CLIP and ResNet50 see what their libraries would show them, and answer as the libraries would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import open_clip
import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from torchvision.models import ResNet50_Weights

from image_search.extractors import Extractor, TextExtractor, clip, resnet50, unit_rows
from image_search.extractors.base import BATCH
from image_search.extractors.clip_models import CLIP_MODELS, LAION2B, OPENAI, SIGLIP2, ClipModel
from image_search.extractors.runtime.torch_engine import Normalised
from image_search.extractors.tokenizer import tokens
from image_search.extractors.weights import sources
from image_search.imaging.arrays import Floats
from tests.extractors.test_contract import noise

pytestmark = pytest.mark.slow

TOKENIZER = open_clip.get_tokenizer(OPENAI.architecture)
SIZES = [
    (1, 1), (2, 3), (224, 224), (223, 224), (225, 301), (301, 225), (232, 232), (500, 333),
    (480, 640), (641, 479), (97, 1203 // 2), (50, 400), (400, 50), (1080, 1921),
]  # fmt: skip


def channels_first(
    squares: npt.NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]
) -> torch.Tensor:
    """(n, side, side, 3) uint8 to (n, 3, side, side) float32, normalised channel by channel."""
    batch: torch.Tensor = Normalised(mean, std)(torch.from_numpy(squares))
    return batch


@pytest.mark.parametrize("row", [OPENAI, SIGLIP2], ids=lambda row: row.name)
@pytest.mark.parametrize("size", SIZES)
def test_clip_prepares_pictures_as_open_clip_does(size: tuple[int, int], row: ClipModel) -> None:
    published = open_clip.get_pretrained_cfg(row.architecture, row.pretrained)
    side = open_clip.get_model_config(row.architecture)["vision_cfg"]["image_size"]
    config = PreprocessCfg(
        size=side,
        **{k: published[k] for k in ("mean", "std", "interpolation", "resize_mode")},
    )
    theirs = image_transform_v2(config, is_train=False)
    pixels = noise(*size)

    ours = channels_first(np.stack([bare(row).prepare(pixels)]), row.sight.mean, row.sight.std)

    assert torch.equal(ours[0].cpu(), theirs(Image.fromarray(pixels)))


@pytest.mark.parametrize("size", SIZES)
def test_resnet50_prepares_pictures_as_torchvision_does(size: tuple[int, int]) -> None:
    theirs = ResNet50_Weights.IMAGENET1K_V2.transforms()
    pixels = noise(*size)

    square = resnet50.ResNet50(unused).prepare(pixels)
    ours = channels_first(np.stack([square]), resnet50.MEAN, resnet50.STD)

    assert torch.equal(ours[0].cpu(), theirs(Image.fromarray(pixels)))


@pytest.mark.parametrize("size", [(20, 161), (161, 20), (3, 500), (700, 11)])
def test_a_long_strip_is_prepared_nearly_as_open_clip_does(size: tuple[int, int]) -> None:
    pixels = noise(*size)
    theirs = image_transform_v2(PreprocessCfg(mean=(0,) * 3, std=(1,) * 3), is_train=False)

    ours = channels_first(np.stack([bare().prepare(pixels)]), (0,) * 3, (1,) * 3)

    difference = (ours[0].cpu() - theirs(Image.fromarray(pixels))).abs() * 255
    assert float(difference.mean()) < 1
    assert float(difference.max()) < 25


@pytest.mark.parametrize("name", ["clip", "resnet50"])
def test_a_picture_is_seen_the_same_alone_and_in_a_full_batch(
    name: str, loaded: Mapping[str, Extractor]
) -> None:
    extractor = loaded[name]
    squares = [extractor.prepare(noise(230, 240 + number)) for number in range(BATCH + 1)]

    together = extractor.embed(squares)

    alone = np.concatenate([extractor.embed([square]) for square in squares])
    assert float((together * alone).sum(axis=1).min()) > 0.9999


@pytest.mark.parametrize("row", [OPENAI, LAION2B], ids=lambda row: row.name)
def test_clip_answers_as_open_clip_does(
    row: ClipModel, loaded: Mapping[str, Extractor], random_files: tuple[Path, Path]
) -> None:
    network, _, transform = open_clip.create_model_and_transforms(
        row.architecture, pretrained=str(random_files[0])
    )
    network.eval()
    text, pixels = "A ring, with a BLUE stone", noise(300, 400)
    with torch.inference_mode():
        words = network.encode_text(open_clip.get_tokenizer(row.architecture)([text]))
        picture = network.encode_image(transform(Image.fromarray(pixels))[None])

    ours = loaded[row.name]
    assert isinstance(ours, TextExtractor)

    assert cosine(ours.embed_text([text]), unit_rows(words.numpy())) > 0.999
    assert cosine(ours.embed([ours.prepare(pixels)]), unit_rows(picture.numpy())) > 0.999


def test_resnet50_answers_as_torchvision_does(
    loaded: Mapping[str, Extractor], random_files: tuple[Path, Path]
) -> None:
    network = torchvision.models.resnet50().eval()
    network.load_state_dict(torch.load(random_files[1]))
    trunk = torch.nn.Sequential(*list(network.children())[:-2])
    pixels = noise(300, 400)
    transform = ResNet50_Weights.IMAGENET1K_V2.transforms()
    with torch.inference_mode():
        last = trunk(transform(Image.fromarray(pixels))[None])
    pooled = torch.cat([last.mean((2, 3)), last.amax((2, 3))], dim=1).numpy()

    ours = loaded["resnet50"]

    assert cosine(ours.embed([ours.prepare(pixels)]), unit_rows(pooled)) > 0.999


@pytest.mark.parametrize("texts", [
    ["a ring", "", "  two   spaces ", "Émail \u2013 18ct, the ring's 2nd <b>", "naïve 日本語 🙂"],
    ["long " * 200, "antidisestablishmentarianism", "&amp;amp; mâ€™s", "<end_of_text> after"],
])  # fmt: skip
def test_words_become_the_tokens_that_open_clip_makes(texts: list[str]) -> None:
    assert np.array_equal(tokens(texts), TOKENIZER(texts).numpy())


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_becomes_the_tokens_that_open_clip_makes(text: str) -> None:
    assert np.array_equal(tokens([text]), TOKENIZER([text]).numpy())


def test_resnet50_pools_the_last_map_twice(loaded: Mapping[str, Extractor]) -> None:
    row = loaded["resnet50"].embed([loaded["resnet50"].prepare(noise(300, 300))])[0]

    average, maximum = row[:2048], row[2048:]

    assert (average >= 0).all(), "the map comes out of a rectifier"
    assert (maximum >= average - 1e-6).all()


@pytest.mark.parametrize("row", CLIP_MODELS, ids=lambda row: row.name)
def test_the_rows_of_clip_agree_with_open_clips_own_tables(row: ClipModel) -> None:
    theirs = open_clip.get_pretrained_cfg(row.architecture, row.pretrained)
    network = open_clip.get_model_config(row.architecture)

    assert theirs["hf_hub"] == row.weights.repo + "/"
    assert row.weights.filenames == (
        open_clip.constants.HF_SAFE_WEIGHTS_NAME,
        open_clip.constants.HF_WEIGHTS_NAME,
    )
    assert (theirs["mean"], theirs["std"]) == (row.sight.mean, row.sight.std)
    shape = "squash" if row.sight.squashed else "shortest"
    assert (theirs["interpolation"], theirs["resize_mode"]) == ("bicubic", shape)
    assert theirs.get("quick_gelu", False) == network.get("quick_gelu", False)
    assert (network["embed_dim"], network["vision_cfg"]["image_size"]) == (row.dim, row.sight.side)
    words = network["text_cfg"]
    assert words.get("context_length", TOKENIZER.context_length) == row.length
    assert words.get("hf_tokenizer_name") == (row.weights.repo if row.vocabulary else None)
    assert words.get("tokenizer_kwargs") == ({"clean": "canonicalize"} if row.vocabulary else None)
    assert row.weights.beside == ((row.vocabulary,) if row.vocabulary else ())
    assert row.weights.asked_for == ("" if row is OPENAI else row.name)


def test_the_row_of_resnet50_agrees_with_torchvisions_own_table() -> None:
    assert sources.RESNET50_IMAGENET1K_V2.url == ResNet50_Weights.IMAGENET1K_V2.url
    assert ResNet50_Weights.IMAGENET1K_V2.transforms().resize_size[0] == resnet50.SHORTEST


def cosine(one: Floats, other: Floats) -> float:
    return float((one * other).sum(axis=1).min())


def unused(_: object) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    raise AssertionError("the network is not needed to prepare a picture")


def bare(row: ClipModel = OPENAI) -> clip.Clip:
    return clip.Clip(row, unused, unused)
