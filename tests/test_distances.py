"""Searches by one extractor and a metric: exact on raw features, over all that a filter admits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from image_search.errors import InvalidQuery, SettingsError, UnknownImage
from image_search.evaluation.metrics import Doubles
from image_search.imaging.decoding import decode
from image_search.library import Library
from image_search.search import distances
from image_search.search.distances import similarity
from image_search.search.queries import METRICS, Filter, Query
from image_search.settings import Settings
from image_search.storage.columns import Block
from tests.conftest import Run
from tests.counting import Raw, stand_in_with_lengths
from tests.drawing import draw_into, picture

COUNT = 70
HSV = {"hsv": 1.0}


@pytest.fixture
def library(settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Library:
    """Designs under two extractors, one of which has raw features of any length; in two folders
    and two segments."""
    stand_in_with_lengths(monkeypatch)
    draw_into(folder, 50)
    opened = Library.open(replace(settings, extractors="hsv,edges"))
    opened.update(fingerprints=False)
    (folder / "later").mkdir()
    for number in range(50, COUNT):
        (folder / "later" / f"{number:04}.png").write_bytes(picture(number))
    opened.update(fingerprints=False)
    return opened


def feature(data: bytes) -> Doubles:
    raw = Raw()
    rows = raw.features([raw.prepare(decode(data, max_megapixels=1).pixels)])
    return np.asarray(rows[0], np.float64)


def expected(metric: str, asked: Doubles, numbers: range = range(COUNT)) -> dict[int, float]:
    """The score of every picture by its number, by the formula of the metric."""
    found = {}
    for number in numbers:
        one = feature(picture(number))
        found[number] = {
            "cosine": float(one @ asked / np.linalg.norm(one) / np.linalg.norm(asked)),
            "euclidean": -float(np.linalg.norm(one - asked)),
            "dotproduct": float(one @ asked),
        }[metric]
    return found


@pytest.mark.parametrize("metric", METRICS)
def test_the_first_thirty_are_the_thirty_nearest(library: Library, metric: str) -> None:
    result = library.search(Query((picture(7),), weights=HSV, metric=metric))

    wanted = expected(metric, feature(picture(7)))
    assert (len(result.hits), result.compared, result.metric) == (30, COUNT, metric)
    assert result.extractors == ("hsv",)
    scores = [hit.score for hit in result.hits]
    assert scores == sorted(scores, reverse=True)
    worst = min(wanted[int(hit.path[-8:-4])] for hit in result.hits)
    left = wanted.keys() - {int(hit.path[-8:-4]) for hit in result.hits}
    # Vectors are kept in half precision.
    assert max(wanted[number] for number in left) <= worst + abs(worst) * 2e-3
    for hit in result.hits:
        assert hit.score == pytest.approx(wanted[int(hit.path[-8:-4])], rel=2e-3, abs=2e-2)
        assert hit.scores == hit.contributions == {"hsv": hit.score}


def test_the_metrics_rank_differently(library: Library) -> None:
    orders = {
        tuple(hit.path for hit in library.search(Query((picture(7),), weights=HSV, metric=m)).hits)
        for m in METRICS
    }

    assert len(orders) == len(METRICS)


def test_the_picture_itself_is_at_no_distance(library: Library) -> None:
    hit = library.search(Query((picture(60),), weights=HSV, metric="euclidean", k=1)).hits[0]

    assert hit.path == "later/0060.png"
    assert hit.score == pytest.approx(0, abs=0.02)


def test_indexed_images_ask_by_their_own_features(library: Library) -> None:
    known = library.search(Query((picture(3),), weights=HSV, metric="euclidean", k=2)).hits
    by_picture = library.search(Query((picture(3),), weights=HSV, metric="dotproduct")).hits

    by_id = library.search(Query(like=(known[0].id,), weights=HSV, metric="dotproduct")).hits
    both = library.search(
        Query((picture(3),), like=(known[1].id,), weights=HSV, metric="euclidean")
    ).hits

    assert [hit.path for hit in by_id] == [hit.path for hit in by_picture]
    mean = (feature(picture(3)) + feature(picture(int(known[1].path[-8:-4])))) / 2
    wanted = expected("euclidean", mean)
    assert both[0].score == pytest.approx(max(wanted.values()), abs=0.02)


def test_filters_are_exact(library: Library) -> None:
    result = library.search(
        Query((picture(7),), weights=HSV, metric="euclidean", filter=Filter(folder="later"))
    )

    wanted = expected("euclidean", feature(picture(7)), range(50, COUNT))
    assert result.compared == len(result.hits) == COUNT - 50
    assert int(result.hits[0].path[-8:-4]) == max(wanted, key=wanted.__getitem__)


def test_an_extractor_without_a_length_has_length_one(library: Library) -> None:
    weights = {"edges": 1.0}
    cosine, euclidean = (
        library.search(Query((picture(9),), weights=weights, metric=metric)).hits
        for metric in ("cosine", "euclidean")
    )

    assert [hit.path for hit in cosine] == [hit.path for hit in euclidean]
    for one, other in zip(cosine, euclidean, strict=True):
        assert other.score == pytest.approx(-np.sqrt(max(0, 2 - 2 * one.score)), abs=0.02)


def test_many_rows_are_compared_in_pieces(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = Query((picture(7),), weights=HSV, metric="euclidean")
    whole = library.search(query).hits
    monkeypatch.setattr(distances, "_CHUNK", 4 * Raw.dim * 7)

    assert library.search(query).hits == whole


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metric": "manhattan"}, "metric must be one of auto, cosine, euclidean, dotproduct"),
        ({"metric": "cosine"}, "hsv, edges would take part; name one in weights"),
        ({"metric": "cosine", "weights": {"hsv": 1, "edges": 1}}, "hsv, edges would take part"),
        ({"metric": "cosine", "weights": HSV, "text": "ring"}, "leave out words"),
        ({"metric": "cosine", "weights": HSV, "color": ((1, (0, 0, 0)),)}, "leave out words"),
    ],
)
def test_what_no_metric_can_compare_is_refused(
    library: Library, fields: dict[str, object], message: str
) -> None:
    with pytest.raises(InvalidQuery, match=message):
        library.search(Query((picture(1),), **fields))  # type: ignore[arg-type]


def test_an_unknown_image_is_refused(library: Library) -> None:
    for image_id in ("0" * 16, "nothing"):
        with pytest.raises(UnknownImage):
            library.search(Query(like=(image_id,), weights=HSV, metric="euclidean"))


def test_a_check_takes_no_metric(library: Library) -> None:
    with pytest.raises(InvalidQuery, match="leave out metric"):
        library.check(Query((picture(1),), weights=HSV, metric="cosine"))


def test_where_lengths_are_unknown_the_message_says_what_computes_them(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """As in an index that release 0.1 made."""
    stand_in_with_lengths(monkeypatch)
    draw_into(folder, 12)
    used = replace(settings, extractors="hsv,edges")
    monkeypatch.setenv("IMAGE_SEARCH_EXTRACTORS", used.extractors)
    joined = Block.joined
    with monkeypatch.context() as patch:
        patch.setattr(
            Block,
            "joined",
            lambda blocks, dim: joined(
                [Block(block.units, np.zeros_like(block.norms)) for block in blocks], dim
            ),
        )
        Library.open(used).update(fingerprints=False)
    file = folder / "0003.png"
    search = ("search", file, "--weights", "hsv=1", "--metric")
    assert run(*search, "cosine")[0] == 0

    code, _, error = run(*search, "euclidean")

    assert code == 2
    assert "image-search index --renew hsv" in error
    assert run("index", "--only-search", "--renew", "hsv")[0] == 0
    code, printed, _ = run(*search, "euclidean", "-k", "1", "--json")
    answer = json.loads(printed)
    assert (code, answer["metric"]) == (0, "euclidean")
    assert answer["results"][0]["path"] == "0003.png"
    assert run(*search, "euclidean")[1].startswith("Scores are Euclidean distances below 0")


def test_what_cannot_be_computed_again_is_not_removed(library: Library) -> None:
    with pytest.raises(SettingsError, match="texture is not in use here"):
        library.update(without=["texture"])
    with pytest.raises(SettingsError, match="there is no other"):
        library.update(without=["hsv", "edges"])
    assert library.status().extractors == ("hsv", "edges")


def test_small_differences_are_not_lost_to_rounding() -> None:
    """By the difference of squares they would be: both are about 10 million."""
    units = np.full((1, 400), 0.05, np.float32)
    feature = np.full(400, 160, np.float32)
    feature[0] += 0.25

    found = similarity("euclidean", units, np.array([3200], np.float32), feature)

    assert found[0] == pytest.approx(-0.25, abs=1e-3)
