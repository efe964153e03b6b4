"""The whole evaluation over small folders: that it measures what the product does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from image_search.errors import IndexEmpty, InvalidQuery
from image_search.evaluation import TRUTHS, Collection, evaluate, measuring
from image_search.evaluation.asking import RankingConfig, ranking_configs, scores
from image_search.evaluation.protocol import prepare
from image_search.search.queries import METRICS, Query
from image_search.settings import Settings
from image_search.storage.records import image_id
from tests.drawing import draw_into
from tests.evaluation.folders import COLOURS, EACH, draw_photos, draw_sketches


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation")
    draw_photos(folder / "photo")
    draw_sketches(folder / "sketch")
    (folder / "photo" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing follows")
    return folder


def collected(state: Path, name: str, extractors: str = "hsv,edges") -> Collection:
    cache = state / f"{name}-{extractors}.pkl"
    return Collection.of(Settings(images=state / name, cache=cache, extractors=extractors))


@pytest.fixture(scope="module")
def photos(state: Path) -> Collection:
    return collected(state, "photo")


@pytest.fixture(scope="module")
def sketches(state: Path) -> Collection:
    return collected(state, "sketch")


@pytest.fixture(scope="module")
def designs(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Enough images to be calibrated."""
    folder = tmp_path_factory.mktemp("designs")
    for number, name in enumerate("abc"):
        draw_into(folder / "designs" / name, 20, first=20 * number)
    return collected(folder, "designs", "design,hsv,edges,texture")


@pytest.fixture(scope="module")
def others(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Designs of the same classes that are none of these."""
    folder = tmp_path_factory.mktemp("others")
    for number, name in enumerate("abc"):
        draw_into(folder / "others" / name, 2, first=60 + 2 * number)
    return collected(folder, "others", "design,hsv,edges,texture")


@pytest.mark.parametrize("metric", METRICS)
def test_scores_by_a_metric_are_those_of_a_search(
    designs: Collection, others: Collection, metric: str
) -> None:
    trial = prepare(designs, others, TRUTHS["class"])
    name = "design"
    config = RankingConfig(name, {name: 1.0}, metric=metric)
    [(rows, found)] = trial.chunks(config)

    assert found.shape == (len(trial.asked), len(designs))
    for query, row in zip(range(rows.start, rows.stop), found, strict=True):
        asked = Query(
            (others.files[int(trial.asked[query])].read_bytes(),),
            weights={name: 1},
            metric=metric,
            k=len(designs),
        )
        hits = {hit.path: hit.score for hit in designs.library.search(asked).hits}
        searched = np.array([hits[path] for path in designs.paths])
        # The query's own feature is read from its index, in half precision.
        np.testing.assert_allclose(row, searched, rtol=5e-3, atol=2e-2 * np.abs(searched).max())


def test_metrics_are_measured_beside_what_a_search_does(photos: Collection) -> None:
    plain = evaluate(photos, None, TRUTHS["class"])
    found = evaluate(photos, None, TRUTHS["class"], metrics=("euclidean", "cosine"))

    assert [ranking.name for ranking in found.rankings] == [
        "hsv, euclidean", "hsv, cosine", "hsv", "edges, euclidean", "edges, cosine", "edges",
        "fusion",
    ]  # fmt: skip
    assert [ranking.metric for ranking in found.rankings[:3]] == ["euclidean", "cosine", "auto"]
    for name in ("hsv", "edges", "fusion"):
        assert found.ranking(name).measures == plain.ranking(name).measures
    # Features of length 1 are in the same order by both.
    by_distance, by_cosine = found.ranking("hsv, euclidean"), found.ranking("hsv, cosine")
    difference = by_distance.measures["mAP"].mean - by_cosine.measures["mAP"].mean
    assert difference == pytest.approx(0, abs=0.01)
    assert found.fusion_against_best is not None
    assert found.fusion_against_best.best_single in ("hsv", "edges")


@pytest.mark.parametrize("kind", ["auto", "photo", "sketch"])
@pytest.mark.parametrize("calibrated", [False, True])
def test_scores_are_those_of_a_search(
    photos: Collection,
    sketches: Collection,
    designs: Collection,
    others: Collection,
    kind: str,
    calibrated: bool,
) -> None:
    photos, sketches = (designs, others) if calibrated else (photos, sketches)
    trial = prepare(photos, sketches, TRUTHS["class"], kind=kind)
    assert (photos.calibration.fitted_on > 0) == calibrated
    for config in ranking_configs(trial.names):
        for rows, found in trial.chunks(config):
            for query, row in zip(range(rows.start, rows.stop), found, strict=True):
                asked = Query(
                    images=(sketches.files[int(trial.asked[query])].read_bytes(),),
                    k=len(photos),
                    weights=config.weights,
                    kind=kind,
                )
                hits = photos.library.search(asked).hits
                ours = dict(zip(photos.paths, row.tolist(), strict=True))
                assert {hit.path: hit.score for hit in hits} == pytest.approx(ours, abs=2e-4)


@pytest.mark.parametrize("kind", ["photo", "sketch"])
def test_a_query_from_the_gallery_is_not_there_for_itself(designs: Collection, kind: str) -> None:
    trial = prepare(designs, designs, TRUTHS["class"], kind=kind)
    known = (designs.calibration, designs.models)
    (config,) = (config for config in ranking_configs(trial.names) if config.weights is None)
    ((_, found),) = trial.chunks(config)

    assert list(trial.itself) == list(range(len(designs)))
    for query, row in enumerate(found):
        rest = np.delete(designs.centred, query, axis=0)
        (alone,) = scores(config, [trial.question(query, config)], *known, rest)
        assert np.delete(row, query) == pytest.approx(alone, abs=2e-4)


def test_figures_agree_with_scikit_learn_over_searches(photos: Collection) -> None:
    found = evaluate(photos, None, TRUTHS["class"], k=3)
    precisions = []
    for path in photos.paths:
        # The stored vectors ask in both, for a file embedded afresh is not rounded.
        answer = photos.library.search(Query(like=(f"{image_id(path):016x}",), k=len(photos)))
        hits = [hit for hit in answer.hits if hit.path != path]
        right = [hit.path.split("/")[0] == path.split("/")[0] for hit in hits]
        precisions.append(average_precision_score(right, [hit.score for hit in hits]))

    assert found.main.name == "fusion"
    assert found.main.measures["mAP"].mean == pytest.approx(np.mean(precisions), abs=1e-3)
    assert found.asked == len(photos) == len(COLOURS) * EACH
    assert found.without_answer == 0
    assert [failure.path for failure in found.gallery.unreadable] == ["broken.png"]


def test_colours_are_found_by_colour(photos: Collection) -> None:
    found = evaluate(photos, None, TRUTHS["class"], k=3)
    hsv = found.ranking("hsv")

    assert [ranking.name for ranking in found.rankings] == ["hsv", "edges", "fusion"]
    assert hsv.measures["P@3"].mean > found.ranking("edges").measures["P@3"].mean
    assert hsv.by["class"].keys() == COLOURS.keys()
    groups = hsv.by["class"].values()
    assert {group.queries for group in groups} == {EACH}
    for name in ("mAP", "P@3", "recall@3"):
        means = [group.measures[name].mean for group in groups]
        assert np.mean(means) == pytest.approx(hsv.measures[name].mean)
    assert hsv.pairs is not None
    assert hsv.pairs.same_pairs == len(photos) * (EACH - 1)
    assert hsv.pairs.other_pairs == len(photos) * (len(photos) - EACH)
    assert hsv.recall[-1][1] == pytest.approx(1)
    against = found.fusion_against_best
    assert against is not None
    best = found.ranking(against.best_single).measures["mAP"].mean
    ratio = found.main.measures["mAP"].mean / best - 1
    assert against.relative.mean == pytest.approx(ratio)
    assert against.relative.low <= ratio <= against.relative.high


def test_every_measure_lies_within_its_interval(photos: Collection, sketches: Collection) -> None:
    found = evaluate(photos, sketches, TRUTHS["instance"], k=5)

    for ranking in found.rankings:
        assert set(ranking.measures) == {
            "mAP", "P@1", "P@5", "P@10", "P@100", "recall@1", "recall@5", "recall@10", "recall@100",
        }  # fmt: skip
        for figure in ranking.measures.values():
            assert 0 <= figure.low <= figure.mean + 1e-9
            assert figure.mean <= figure.high + 1e-9 <= 1 + 2e-9


def test_sketches_find_their_discs_by_shape(photos: Collection, sketches: Collection) -> None:
    found = evaluate(photos, sketches, TRUTHS["instance"])

    assert found.asked == 2 * len(photos)
    # Three discs of each shape, one of them of the right class: chance among them, but only them.
    assert found.ranking("edges").measures["recall@10"].mean > 0.8
    assert found.queries is not None
    assert found.queries.images == len(sketches)


def test_queries_are_grouped_by_what_a_search_takes_them_for(
    photos: Collection, sketches: Collection
) -> None:
    of_sketches = evaluate(photos, sketches, TRUTHS["class"]).main.by["kind"]
    of_photos = evaluate(photos, None, TRUTHS["class"]).main.by["kind"]

    assert {label: group.queries for label, group in of_sketches.items()} == {"sketch": 24}
    assert {label: group.queries for label, group in of_photos.items()} == {"photo": 12}


def test_the_kind_can_be_declared(photos: Collection, sketches: Collection) -> None:
    found = evaluate(photos, sketches, TRUTHS["class"], kind="photo")

    assert found.kind == "photo"
    assert found.main.by["kind"].keys() == found.main.shares.keys() == {"photo"}
    assert found.main.shares["photo"]["hsv"] > 0
    result = evaluate(photos, sketches, TRUTHS["class"])
    assert result.main.shares["sketch"] == {"hsv": 0, "edges": 1}


def test_chunks_do_not_change_the_figures(
    photos: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(photos, None, TRUTHS["class"])
    monkeypatch.setattr(measuring, "_SCORES", 5 * len(photos))
    chunked = evaluate(photos, None, TRUTHS["class"])

    for one, other in zip(whole.rankings, chunked.rankings, strict=True):
        assert one.measures.keys() == other.measures.keys()
        for name, figure in one.measures.items():
            assert figure.mean == pytest.approx(other.measures[name].mean)
        assert [case.path for case in one.worst] == [case.path for case in other.worst]


def test_the_worst_queries_come_with_their_answers(photos: Collection) -> None:
    worst = evaluate(photos, None, TRUTHS["class"], k=4).main.worst

    precisions = [case.average_precision for case in worst]
    assert precisions == sorted(precisions)
    assert len(worst) == 2 * len(COLOURS)  # at most two of a class
    for case in worst:
        assert len(case.answers) == 4
        assert case.path not in [answer.path for answer in case.answers]
        assert case.right_answers == EACH - 1
        right = [answer.path.split("/")[0] == case.path.split("/")[0] for answer in case.answers]
        assert [answer.right for answer in case.answers] == right
        scores = [answer.score for answer in case.answers]
        assert scores == sorted(scores, reverse=True)


def test_k_beyond_the_collection_tells_all_but_the_query(photos: Collection) -> None:
    for case in evaluate(photos, None, TRUTHS["class"], k=500).main.worst:
        assert len(case.answers) == len(photos) - 1
        assert case.path not in [answer.path for answer in case.answers]


def test_the_same_file_is_left_out_where_the_queries_lie_in_the_gallery(
    state: Path, photos: Collection
) -> None:
    reds = Collection.of(
        Settings(images=state / "photo" / "red", cache=state / "red.pkl", extractors="hsv,edges")
    )

    found = evaluate(photos, reds, TRUTHS["class"])

    assert found.asked == EACH
    assert all(case.right_answers == EACH - 1 for case in found.main.worst)


def test_queries_without_an_answer_are_counted_and_left_out(
    state: Path, sketches: Collection
) -> None:
    blues = Collection.of(
        Settings(images=state / "photo" / "blue", cache=state / "blue.pkl", extractors="hsv,edges")
    )

    found = evaluate(blues, sketches, TRUTHS["class"])

    assert (found.asked, found.without_answer) == (2 * EACH, 4 * EACH)
    assert found.main.pairs is None  # there are no other pairs


def test_one_extractor_alone_is_not_fused(state: Path) -> None:
    found = evaluate(collected(state, "photo", "hsv"), None, TRUTHS["class"])

    assert [ranking.name for ranking in found.rankings] == ["hsv"]
    assert found.fusion_against_best is None
    assert not found.fused


def test_only_extractors_that_both_sides_have_are_asked(state: Path, photos: Collection) -> None:
    sketches = collected(state, "sketch", "edges")

    assert [ranking.name for ranking in evaluate(photos, sketches, TRUTHS["class"]).rankings] == [
        "edges"
    ]
    with pytest.raises(InvalidQuery, match="different models"):
        evaluate(collected(state, "photo", "hsv"), sketches, TRUTHS["class"])


def test_what_cannot_be_measured_is_refused(photos: Collection, sketches: Collection) -> None:
    with pytest.raises(InvalidQuery, match="needs queries"):
        evaluate(photos, None, TRUTHS["instance"])
    with pytest.raises(InvalidQuery, match="No query has a right answer"):
        evaluate(photos, sketches, TRUTHS["same-name"])
    with pytest.raises(InvalidQuery, match="k must be"):
        evaluate(photos, sketches, TRUTHS["class"], k=0)


def test_a_folder_without_readable_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    with pytest.raises(IndexEmpty, match="no readable image"):
        collected(tmp_path, "images")


def test_a_rerun_embeds_nothing_and_says_the_same(state: Path, photos: Collection) -> None:
    again = collected(state, "photo")

    assert again.fingerprint == photos.fingerprint
    assert again.contents == photos.contents
    assert again.library.update().embedded == 0
    np.testing.assert_array_equal(again.vectors, photos.vectors)


def test_contents_do_not_depend_on_the_cache(state: Path, photos: Collection) -> None:
    other = Collection.of(
        Settings(images=state / "photo", cache=state / "other.pkl", extractors="hsv,edges")
    )

    assert other.contents == photos.contents


def test_removed_files_are_no_longer_searched(tmp_path: Path) -> None:
    draw_photos(tmp_path / "photo")
    before = collected(tmp_path, "photo")
    (tmp_path / "photo" / "red" / "disc1.png").unlink()
    after = collected(tmp_path, "photo")

    assert set(before.paths) - set(after.paths) == {"red/disc1.png"}
    kept = [number for number, path in enumerate(before.paths) if path != "red/disc1.png"]
    np.testing.assert_array_equal(after.vectors, before.vectors[kept])


def test_a_way_by_hand_ranks_by_its_weights(photos: Collection) -> None:
    trial = prepare(photos, None, TRUTHS["class"])
    scores = {
        name: np.concatenate([chunk for _, chunk in trial.chunks(config)])
        for name, config in {
            "hsv": RankingConfig("hsv", {"hsv": 1.0, "edges": 0.0}),
            "edges": RankingConfig("edges", {"hsv": 0.0, "edges": 1.0}),
            "both": RankingConfig("both", {"hsv": 3.0, "edges": 1.0}),
        }.items()
    }

    mixed = 0.75 * scores["hsv"] + 0.25 * scores["edges"]  # nothing is fitted to twelve images
    np.testing.assert_allclose(scores["both"], mixed, atol=1.1e-4)
