"""Artwork on transparency is laid on a ground on which it can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from image_search.imaging import decoding as images
from image_search.imaging.decoding import decode
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import Settings
from tests.drawing import design, saved

SIZE = (240, 160)


def mark(number: int) -> Image.Image:
    """The stencil of a logo: mode L, 255 where it is."""
    stencil = Image.new("L", SIZE, 0)
    draw = ImageDraw.Draw(stencil)
    rng = np.random.default_rng(number)
    for _ in range(14):
        x, y = int(rng.integers(20, 200)), int(rng.integers(15, 120))
        width, height = (int(side) for side in rng.integers(8, 34, 2))
        shape = draw.rectangle if rng.random() < 0.5 else draw.ellipse
        shape((x, y, x + width, y + height), outline=255, width=3)
    return stencil


def logo(number: int, ink: int = 255) -> Image.Image:
    image = Image.new("RGBA", SIZE, (ink, ink, ink, 0))
    image.putalpha(mark(number))
    return image


def test_white_lettering_is_seen() -> None:
    pixels = decode(saved(logo(1)), max_megapixels=1).pixels

    assert np.array_equal(pixels.max(axis=-1), np.asarray(mark(1)))


@pytest.mark.parametrize("ink", [0, 90, 200])
def test_anything_else_stays_on_white(ink: int) -> None:
    pixels = decode(saved(logo(1, ink)), max_megapixels=1).pixels

    assert pixels.max() == 255
    assert pixels.min() == ink


@pytest.mark.parametrize(("emblem", "ground"), [((200, 0, 0), 0), ((0, 0, 0), 128)])
def test_white_lettering_beside_a_large_emblem_is_seen(
    emblem: tuple[int, int, int], ground: int
) -> None:
    image = Image.new("RGBA", (400, 160), (255, 255, 255, 0))
    image.paste(logo(1), (0, 0))
    ImageDraw.Draw(image).rectangle([260, 20, 380, 60], fill=(*emblem, 255))

    pixels = decode(saved(image), max_megapixels=1).pixels

    assert pixels[0, 0].tolist() == [ground] * 3
    assert np.array_equal(pixels[:, :240, 0] == 255, np.asarray(mark(1)) == 255)
    assert pixels[40, 300].tolist() == list(emblem)


@pytest.mark.parametrize("ink", [(255, 255, 120, 255), (250, 246, 232, 255)])
def test_a_pale_ink_is_seen(ink: tuple[int, int, int, int]) -> None:
    image = Image.new("RGBA", SIZE, (*ink[:3], 0))
    image.putalpha(mark(1))

    assert decode(saved(image), max_megapixels=1).pixels[0, 0].tolist() == [0, 0, 0]


def test_a_light_thing_that_has_shadows_stays_on_white() -> None:
    shoe = np.full((100, 100, 4), 255, np.uint8)
    shoe[..., :3] = np.linspace(190, 255, 100).astype(np.uint8)[:, None, None]
    shoe[:30, :, 3] = 0

    assert decode(saved(Image.fromarray(shoe)), max_megapixels=1).pixels[5, 5].tolist() == [255] * 3


def test_two_white_logos_are_two_logos(settings: Settings) -> None:
    for number in range(2):
        (settings.images / f"white {number}.png").write_bytes(saved(logo(number)))
    for number in range(10, 20):
        (settings.images / f"{number}.png").write_bytes(saved(design(number, SIZE)))
    library = Library.open(settings)
    library.update()
    library.prepare()

    for number in range(2):
        larger = logo(number).resize((480, 320), Image.Resampling.LANCZOS)
        result = library.check(Query(images=(saved(larger),)))
        assert (result.verdict, result.hits[0].hit.path) == ("near", f"white {number}.png")
        assert all(hit.relation == "similar" for hit in result.hits[1:])


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_alpha_that_hides_everything_is_no_alpha(mode: str) -> None:
    image = design(7).convert(mode)
    image.putalpha(0)

    expected = design(7).convert("L" if mode == "LA" else "RGB").convert("RGB")
    assert np.array_equal(decode(saved(image), max_megapixels=1).pixels, np.asarray(expected))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_a_large_picture_is_reduced_in_bands_that_do_not_show(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = saved(logo(1).resize((3001, 2003)).convert(mode))
    whole = decode(data, max_megapixels=10).pixels
    monkeypatch.setattr(images, "_LARGE", 100_000)

    assert np.array_equal(decode(data, max_megapixels=10).pixels, whole)
