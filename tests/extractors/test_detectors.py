"""torchvision's detectors: fetched from a hub, loaded, and used beside the proposals."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from image_search.errors import ModelUnavailable
from image_search.extractors import detectors
from image_search.extractors.detectors import DETECTORS, Detection, Detector, load
from image_search.imaging.arrays import Pixels
from image_search.imaging.objects.proposals import SAME, overlaps
from image_search.library import Library
from image_search.search.queries import Query
from image_search.settings import DETECTORS as CHOICES
from image_search.settings import PROPOSALS, Settings
from tests.conftest import Run
from tests.drawing import ornate, saved
from tests.hub import Hub, random_detector

QUICK = "ssdlite320_mobilenet_v3_large"
NAMES = list(DETECTORS)


@pytest.fixture(scope="module")
def weights_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A file of random weights for a detector, made once."""
    folder = tmp_path_factory.mktemp("detectors")

    def made(name: str) -> Path:
        path = folder / f"{name}.pth"
        return path if path.exists() else random_detector(path)

    return made


def serve(hub: Hub, name: str, path: Path, patch: pytest.MonkeyPatch) -> None:
    """Have the hub serve the file at ``path`` as the weights of a detector."""
    patch.setitem(vars(DETECTORS[name].weights), "address", hub.serve(path))


def test_the_rows_are_those_of_torchvision() -> None:
    from torchvision.models import get_model_weights

    assert (PROPOSALS, *DETECTORS) == CHOICES
    for name, row in DETECTORS.items():
        theirs = get_model_weights(name).DEFAULT
        assert row.weights.url == theirs.url
        assert row.weights.size == pytest.approx(theirs.meta["_file_size"] * 2**20, rel=0.01)
        assert str(theirs) in row.weights.source
        assert row.weights.licence == "BSD-3-Clause"


@pytest.mark.parametrize("name", NAMES)
def test_a_detector_from_the_hub_to_the_answer(
    hub: Hub,
    name: str,
    weights_of: Callable[[str], Path],
    run: Run,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(hub, name, weights_of(name), monkeypatch)
    code, out, err = run("models", "fetch", name, "--json")
    assert code == 0, err
    assert [row["name"] for row in json.loads(out)["detectors"] if row["present"]] == [name]
    monkeypatch.setattr(detectors, "LEAST", 0.0)  # random weights are sure of nothing

    found = load(name).detect(np.asarray(ornate(1)))

    assert found
    for one in found:
        x, y, width, height = one.box
        assert min(x, y) >= 0
        assert min(width, height) > 0
        assert max(x + width, y + height) <= 1.0001
        assert one.name != "__background__"
    answer = Library.open(replace(settings, detector=name)).objects(Query((saved(ornate(1)),)))
    assert answer.warnings == ()
    assert answer.objects[0].name == found[0].name
    assert len(answer.objects) <= 8


def test_without_its_weights_the_proposals_serve_and_it_is_stated_once(
    hub: Hub, settings: Settings
) -> None:
    assert not hub.requests
    library = Library.open(replace(settings, detector=QUICK))
    query = Query((saved(ornate(1).resize((640, 480))),))

    first, second = library.objects(query), library.objects(query)

    assert "without ssdlite320" in first.warnings[0]
    assert f"image-search models fetch {QUICK}" in first.warnings[0]
    assert second.warnings == ()
    assert first.objects == second.objects
    assert first.objects == Library.open(settings).objects(query).objects
    assert not hub.requests, "a query downloads nothing"


def test_weights_of_another_network_are_named(
    hub: Hub,
    weights_of: Callable[[str], Path],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    serve(hub, QUICK, weights_of("fasterrcnn_mobilenet_v3_large_fpn"), monkeypatch)
    DETECTORS[QUICK].weights.fetch()

    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        load(QUICK)
    answer = Library.open(replace(settings, detector=QUICK)).objects(Query((saved(ornate(1)),)))
    assert "cannot be loaded" in answer.warnings[0]


def test_what_is_detected_comes_first_and_is_not_proposed_again(
    hub: Hub, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert hub.url
    picture = ornate(1).resize((192, 192))
    sheet = ornate(0).resize((640, 480))
    sheet.paste("#c9c2b4", (0, 0, 640, 480))
    sheet.paste(picture, (64, 96))
    sheet.paste(picture, (384, 144))
    box = (64 / 640, 96 / 480, 192 / 640, 192 / 480)
    plain = Library.open(settings).objects(Query((saved(sheet),))).objects

    class Known(Detector):
        def detect(self, _: Pixels) -> list[Detection]:
            return [Detection(box, "vase", 0.9)]

    library = Library.open(replace(settings, detector=QUICK))
    monkeypatch.setattr(library._objects, "_detector", Known.__new__(Known))

    found = library.objects(Query((saved(sheet),))).objects

    assert (found[0].name, found[0].score) == ("vase", 0.9)
    others = np.array([astuple(one.region) for one in found[1:]])
    assert overlaps(others, np.array([box])).max() < SAME
    assert any(one.region in [two.region for two in plain] for one in found[1:])


def test_detectors_are_listed(hub: Hub, run: Run) -> None:
    assert hub.url
    code, out, _ = run("models")

    assert code == 0
    for name in NAMES:
        assert name in out
