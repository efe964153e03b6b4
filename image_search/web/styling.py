"""A picture in the style of another: its page, drawing it, and what came of it."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from PIL import Image

from image_search.errors import InvalidQuery, UnknownImage
from image_search.imaging.arrays import Pixels
from image_search.search.searching import pixels_of
from image_search.styling.transfer import AUTO, SIDES, STRENGTH, checked, stylized
from image_search.web import gate
from image_search.web.errors import Refusal
from image_search.web.pages import modules_of
from image_search.web.service import service
from image_search.web.work import WorkRunning

blueprint = Blueprint("styling", __name__)

_SIDE = 512
_FIELDS = ("like", "style", "method", "strength", "side")


@blueprint.get("/stylize")
def show() -> ResponseReturnValue:
    """The page."""
    return render_template(
        "styling.html",
        csrf_token=gate.csrf_token(),
        modules=modules_of("styling.js"),
        strength=STRENGTH,
        side=_SIDE,
        sides=SIDES,
        upload_megabytes=service().settings.upload_megabytes,
    )


@blueprint.post("/stylize")
def draw() -> ResponseReturnValue:
    """202 and the work that draws the picture ``image`` (or ``like``, the id of an indexed image)
    in the style of ``style_image`` (or ``style``, an id); 409 and the running work where there is
    some."""
    form = {name: value.strip() for name, value in request.form.items() if name != "csrf_token"}
    for name in (*form, *request.files):
        if name not in (*_FIELDS, "image", "style_image"):
            known = ", ".join(("image", "style_image", *_FIELDS))
            raise InvalidQuery(f"There is no field {name[:40]!r}; the fields are {known}.")
    strength, wanted = _number(form, "strength", STRENGTH), _number(form, "side", _SIDE)
    if not wanted.is_integer():
        raise InvalidQuery(f"side must be a whole number, not {form['side'][:40]!r}.")
    side = int(wanted)
    method = checked(form.get("method") or AUTO, strength, side)
    content = _picture("image", "like", side)
    style = _picture("style_image", "style", side)
    styling, drawn = service().styling, service().drawn

    def keep(pixels: Pixels) -> None:
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "png", compress_level=1)
        drawn[:] = [png.getvalue()]

    def work(
        note: Callable[[int, int], None], cancelled: Callable[[], bool]
    ) -> Mapping[str, Any] | None:
        found = stylized(
            content, style, method=method, strength=strength, side=side,
            on_progress=note, cancelled=cancelled, on_preview=keep,
        )  # fmt: skip
        if found is None:
            drawn.clear()
            return None
        keep(found[0])
        height, width = found[0].shape[:2]
        return {"method": found[1], "width": width, "height": height}

    try:
        state = styling.start(work)
    except WorkRunning as error:
        extra = {"job": styling.state.to_json()}
        raise Refusal(409, error.code, str(error), extra=extra) from None
    return jsonify(state.to_json()), 202


@blueprint.get("/stylize/work")
def watch() -> ResponseReturnValue:
    """The running work, or the last one."""
    return jsonify(service().styling.state.to_json())


@blueprint.delete("/stylize/work")
def cancel() -> ResponseReturnValue:
    """Asks the running work to stop (202); 200 where none runs."""
    state = service().styling.cancel()
    return jsonify(state.to_json()), 202 if state.state == "running" else 200


@blueprint.get("/stylize/picture")
def picture() -> Response:
    """The picture that was drawn last, or as far as the running work is, as a PNG."""
    drawn = service().drawn[:1]
    if not drawn:
        raise UnknownImage("No picture was drawn yet.")
    return Response(drawn[0], mimetype="image/png")


def _number(form: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(form.get(name) or default)
    except ValueError:
        raise InvalidQuery(f"{name} must be a number, not {form[name][:40]!r}.") from None


def _picture(upload: str, indexed: str, side: int) -> Pixels:
    """The pixels of a picture that was sent, or of an image of the collection."""
    file, image_id = request.files.get(upload), request.form.get(indexed, "").strip()
    library, settings = service().library, service().settings
    if file is not None and (data := file.read()):
        return pixels_of(data, None, max_megapixels=settings.upload_megapixels, side=side)
    if not image_id:
        raise InvalidQuery(f"{upload} must be a file, or {indexed} the id of an indexed image.")
    pixels = library.originals.pixels(image_id, settings.image_megapixels, side)
    if pixels is None:
        raise UnknownImage(f"The file of the image {image_id[:40]!r} has gone or changed.")
    return pixels
