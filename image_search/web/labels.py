"""Labels: which there are, training them, correcting them, and those of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from image_search.errors import InvalidQuery
from image_search.labels.fitting import check_installed
from image_search.labels.labels import ImageLabels
from image_search.labels.naming import FOLDER, namer
from image_search.search.queries import MAX_PICTURES
from image_search.web.errors import Refusal
from image_search.web.service import service
from image_search.web.work import WorkRunning

blueprint = Blueprint("labels", __name__)


@blueprint.get("/labels")
def show() -> ResponseReturnValue:
    """Every label with its counts, and what is known of the classifier."""
    labels = service().library.labels
    head = labels.head
    return jsonify(
        labels=[asdict(one) for one in labels.counts()],
        classifier=None if head is None else head.to_json(),
        training=service().training.state.to_json(),
        warnings=list(labels.warnings),
    )


@blueprint.post("/labels")
def decide() -> ResponseReturnValue:
    """The image ``id`` has the ``label`` (``holds`` is 1), does not have it (0), or that is not
    decided any more (empty); answers its labels."""
    form = _form("id", "label", "holds")
    holds = {"1": True, "0": False, "": None}
    if form["holds"] not in holds:
        raise InvalidQuery(f"holds must be 1, 0 or empty, not {form['holds'][:40]!r}.")
    found = service().library.labels.decide(form["id"], form["label"], holds[form["holds"]])
    return jsonify(id=form["id"], **to_json(found))


@blueprint.get("/labels/<image_id>")
def of_image(image_id: str) -> ResponseReturnValue:
    """All labels of an indexed image, with probabilities."""
    service().library.originals.path(image_id)
    return jsonify(id=image_id, **to_json(service().library.labels.of_images([image_id])[image_id]))


@blueprint.post("/labels/train")
def train() -> ResponseReturnValue:
    """202 and the work; 409 and the running work where there is some. The field ``source`` says
    where labels come from: ``folder`` (default), ``folders``, ``people`` or a pattern."""
    source = _form("source", needed=False)["source"] or FOLDER
    # What cannot be is the answer to this request, not the end of the work.
    check_installed()
    namer(source)
    library, training = service().library, service().training

    def work(
        note: Callable[[int, int], None], cancelled: Callable[[], bool]
    ) -> Mapping[str, Any] | None:
        head = library.labels.train(source, note, cancelled)
        return None if head is None else head.to_json()

    try:
        return jsonify(training.start(work).to_json()), 202
    except WorkRunning as error:
        extra = {"job": training.state.to_json()}
        raise Refusal(409, error.code, str(error), extra=extra) from None


@blueprint.get("/labels/train")
def watch() -> ResponseReturnValue:
    """The running training, or the last one."""
    return jsonify(service().training.state.to_json())


@blueprint.delete("/labels/train")
def cancel() -> ResponseReturnValue:
    """Asks the running training to stop (202); 200 where none runs."""
    state = service().training.cancel()
    return jsonify(state.to_json()), 202 if state.state == "running" else 200


@blueprint.post("/classify")
def classify() -> ResponseReturnValue:
    """The labels of each picture in the field ``image``, which may be repeated."""
    uploads = request.files.getlist("image")
    _form(needed=False)
    if not uploads:
        raise InvalidQuery("image must be a file; with curl, -F image=@ring.jpg.")
    if len(uploads) > MAX_PICTURES:
        raise InvalidQuery(
            f"The request holds {len(uploads):,} images; at most {MAX_PICTURES} are allowed."
        )
    found = service().library.labels.classify([file.read() for file in uploads])
    return jsonify(
        images=[
            {"path": file.filename or "", "labels": one.labels}
            for file, one in zip(uploads, found, strict=True)
        ]
    )


def to_json(labels: ImageLabels) -> dict[str, Any]:
    """The labels of an image for programs."""
    return asdict(labels)


def _form(*names: str, needed: bool = True) -> dict[str, str]:
    """The fields of the form, each at most once.

    Raises:
        InvalidQuery: one is unknown, given twice, or not given although it is needed.
    """
    fields = {name: values for name, values in request.form.lists() if name != "csrf_token"}
    for name, values in fields.items():
        if name not in names:
            known = ", ".join(names) or "image"
            raise InvalidQuery(f"There is no field {name[:40]!r}; the fields are {known}.")
        if len(values) > 1:
            raise InvalidQuery(f"The field {name!r} is given {len(values)} times; give it once.")
    for name in names:
        if needed and name not in fields:
            raise InvalidQuery(f"The field {name!r} is missing.")
    return {name: fields.get(name, [""])[0].strip() for name in names}
