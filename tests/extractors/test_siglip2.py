"""SigLIP 2: fetched with its vocabulary, reads and sees as open_clip does, says what it lacks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import open_clip
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from open_clip.tokenizer import get_clean_fn
from PIL import Image

from image_search.errors import ModelUnavailable
from image_search.extractors import REGISTRY, Extractor, TextExtractor, resolve, unit_rows
from image_search.extractors.clip_models import SIGLIP2, SIGLIP2_B_16, ClipModel
from image_search.extractors.vocabulary import canonical, reader
from tests.extractors.conftest import direct_to
from tests.extractors.test_contract import noise
from tests.hub import Hub, random_siglip2, small_vocabulary, tiny_safetensors

pytestmark = pytest.mark.slow

NAME, WEIGHTS = SIGLIP2.name, SIGLIP2.weights
Files = tuple[Path, Path]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Files]:
    """Its weights, of random numbers, and a vocabulary, as the hub has them."""
    with made(SIGLIP2, tmp_path_factory.mktemp("siglip2")) as found:
        yield found


@contextmanager
def made(row: ClipModel, folder: Path) -> Iterator[Files]:
    original = open_clip.get_model_config(row.architecture)
    yield random_siglip2(folder, row.architecture)
    kept = Path(open_clip.__file__).with_name("model_configs") / f"{row.architecture}.json"
    open_clip.add_model_config(kept)
    assert open_clip.get_model_config(row.architecture) == original


@pytest.fixture(scope="module")
def siglip2(
    files: Files, tiny_files: Files, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Extractor]:
    """Fetched and then, when the hub is gone, loaded."""
    with pytest.MonkeyPatch.context() as patch:
        with Hub(*tiny_files, more={WEIGHTS.repo: files}) as hub:
            direct_to(hub, tmp_path_factory.mktemp("cache"), patch)
            assert resolve(NAME, fetch=True, timeout=20).names == (NAME,)
        yield REGISTRY[NAME].load()


def test_it_sees_and_reads_as_open_clip_does(siglip2: Extractor, files: Files) -> None:
    compare_with_open_clip(siglip2, SIGLIP2, files)
    assert siglip2.embed([]).shape == (0, SIGLIP2.dim)


def test_the_one_with_finer_patches_sees_and_reads_as_open_clip_does(
    tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = SIGLIP2_B_16
    with made(row, tmp_path) as files:
        with Hub(*tiny_files, more={row.weights.repo: files}) as hub:
            direct_to(hub, tmp_path / "cache", monkeypatch)
            assert resolve(row.name, fetch=True, timeout=20).names == (row.name,)
        compare_with_open_clip(REGISTRY[row.name].load(), row, files)


def compare_with_open_clip(extractor: Extractor, row: ClipModel, files: Files) -> None:
    network, _, transform = open_clip.create_model_and_transforms(
        row.architecture,
        pretrained=str(files[0]),
        image_mean=row.sight.mean,
        image_std=row.sight.std,
        image_resize_mode="squash",
    )
    network.eval()
    pixels, text = noise(300, 400), "A ring, with a BLUE stone"
    tokens = reader(row.weights, row.vocabulary, row.length)([text])
    with torch.inference_mode():
        words = network.encode_text(torch.from_numpy(tokens))
        picture = network.encode_image(transform(Image.fromarray(pixels))[None])

    assert isinstance(extractor, TextExtractor)
    seen, read = extractor.embed([extractor.prepare(pixels)]), extractor.embed_text([text])

    assert seen.shape == read.shape == (1, row.dim)
    assert float((seen * unit_rows(picture.numpy())).sum()) > 0.999
    assert float((read * unit_rows(words.numpy())).sum()) > 0.999
    assert extractor.embed_text([]).shape == (0, row.dim)


def test_words_become_the_tokens_of_the_vocabulary(siglip2: Extractor) -> None:
    assert siglip2.name == NAME
    tokens = reader(WEIGHTS, SIGLIP2.vocabulary, SIGLIP2.length)

    rows = tokens(["", "q", "Q!", "q_q", "\u65e5", "q " * 100])

    assert rows.shape == (6, 64)
    end, nothing, byte = 1, 0, 4  # the bytes come after four signs without a letter
    assert rows[0].tolist() == [end] + [nothing] * 63
    assert rows[1].tolist() == [byte + ord("q"), end] + [nothing] * 62
    assert (rows[2] == rows[1]).all(), "neither case nor punctuation counts"
    assert rows[3, 0] == byte + ord("q")
    assert rows[3].tolist().index(end) >= 3, "an underscore is a blank between two words"
    assert rows[4, :4].tolist() == [*(byte + one for one in "\u65e5".encode()), end]
    assert rows[5, -1] == end, "what is cut off still ends"


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_cleaned_as_open_clip_does(text: str) -> None:
    assert canonical(text) == get_clean_fn("canonicalize")(text)


def test_weights_without_the_vocabulary_do_not_count(
    tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, vocabulary = tiny_safetensors(tmp_path), small_vocabulary(tmp_path)
    with Hub(*tiny_files, more={WEIGHTS.repo: [weights]}) as hub:
        direct_to(hub, tmp_path / "cache", monkeypatch)
        with pytest.raises(ModelUnavailable, match="404"):
            WEIGHTS.fetch()
    assert WEIGHTS.path() is None

    with Hub(*tiny_files, more={WEIGHTS.repo: [weights, vocabulary]}) as hub:
        direct_to(hub, tmp_path / "cache", monkeypatch)
        found = WEIGHTS.fetch()

    assert found == WEIGHTS.path()
    assert found.with_name("tokenizer.json").read_bytes() == vocabulary.read_bytes()


@pytest.mark.parametrize("content", ["", "{}", '{"model": {"type": "BPE"}}'])
def test_a_file_that_is_no_vocabulary_is_named(
    tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    weights, vocabulary = tiny_safetensors(tmp_path), tmp_path / "tokenizer.json"
    vocabulary.write_text(content)
    with Hub(*tiny_files, more={WEIGHTS.repo: [weights, vocabulary]}) as hub:
        direct_to(hub, tmp_path / "cache", monkeypatch)
        WEIGHTS.fetch()

    with pytest.raises(ModelUnavailable, match=r"tokenizer\.json cannot be read") as caught:
        reader(WEIGHTS, SIGLIP2.vocabulary, SIGLIP2.length)(["a ring"])

    assert "image-search models fetch clip-siglip2" in str(caught.value)


def test_the_vocabulary_of_another_model_is_named(
    tiny_files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, vocabulary = tiny_safetensors(tmp_path), small_vocabulary(tmp_path)
    vocabulary.write_text(vocabulary.read_text("utf-8").replace("<eos>", "</s>"), "utf-8")
    with Hub(*tiny_files, more={WEIGHTS.repo: [weights, vocabulary]}) as hub:
        direct_to(hub, tmp_path / "cache", monkeypatch)
        WEIGHTS.fetch()

    with pytest.raises(ModelUnavailable, match="of another model"):
        reader(WEIGHTS, SIGLIP2.vocabulary, SIGLIP2.length)(["a ring"])
