"""A small collection of designs to check pictures against, and queries about them."""

from __future__ import annotations

from PIL import Image, ImageDraw

from image_search.library import Library
from image_search.search.queries import Query
from tests.drawing import ornate, saved

IMAGES = 12


def of(image: Image.Image, kind: str = "PNG", **options: object) -> Query:
    return Query(images=(saved(image, kind, **options),))


def id_of(library: Library, path: str) -> str:
    data = (library.settings.images / path).read_bytes()
    hits = library.check(Query(images=(data,))).hits
    return next(hit.hit.id for hit in hits if hit.hit.path == path)


def screenshot(*numbers: int) -> Image.Image:
    """A page with a bar, text and pictures beside each other."""
    page = Image.new("RGB", (1200, 800), "white")
    draw = ImageDraw.Draw(page)
    draw.rectangle((0, 0, 1200, 50), fill="gray")
    for row in range(10):
        draw.text((60, 480 + 28 * row), "made of silver, by hand, in our own studio " * 2, "black")
    for place, number in enumerate(numbers):
        page.paste(ornate(number).resize((300, 225)), (60 + 360 * place, 120))
    return page
