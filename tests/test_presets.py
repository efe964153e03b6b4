"""Weights of groups, and mixtures that have a name."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image_search.errors import InvalidQuery
from image_search.extractors import REGISTRY
from image_search.library import Library
from image_search.search.queries import (
    GROUPS,
    PRESETS,
    Query,
    by_extractor,
    group_of,
    groups_of,
    unused_weights,
)
from image_search.settings import Settings
from tests.conftest import Run
from tests.counting import stand_in_for_clip
from tests.drawing import MadeOnce, draw_into, picture

NAMES = st.lists(st.sampled_from([*REGISTRY, "plugged-in"]), min_size=1, unique=True)
WEIGHT = st.floats(0, 1e6)


def indexed(settings: Settings) -> None:
    draw_into(settings.images, 8)
    Library.open(settings).update()


@pytest.fixture
def library(settings: Settings, made_once: MadeOnce) -> Library:
    return made_once(replace(settings, extractors="hsv,edges,texture"), indexed)


@given(NAMES, st.dictionaries(st.sampled_from(GROUPS), WEIGHT))
def test_a_group_that_is_present_says_all_it_has_to(
    names: list[str], weights: dict[str, float]
) -> None:
    found = by_extractor(weights, names)

    assert set(found) == set(names)
    for group in GROUPS:
        members = [found[name] for name in names if group_of(name) == group]
        assert len(set(members)) <= 1
        if members:
            assert sum(members) == pytest.approx(weights.get(group, 0))


@given(NAMES, st.dictionaries(st.sampled_from(["hsv", "clip"]), WEIGHT))
def test_extractors_keep_their_own_weights(names: list[str], weights: dict[str, float]) -> None:
    found = by_extractor(weights, names)

    assert {name: found[name] for name in weights} == weights


def test_groups_and_extractors_add_up() -> None:
    assert by_extractor({"structure": 4, "edges": 1}, ["edges", "texture"]) == {
        "edges": 3,
        "texture": 2,
    }


def test_every_mixture_speaks_of_every_group() -> None:
    assert all(set(preset) == set(GROUPS) for preset in PRESETS.values())
    assert groups_of(["hsv", "clip-laion2b"]) == {"hsv": "colour", "clip-laion2b": "meaning"}


def test_what_would_say_most_but_is_not_here_is_reported() -> None:
    assert unused_weights(PRESETS["idea"], ["hsv"]) == ("meaning",)
    assert unused_weights(PRESETS["idea"], ["clip", "hsv"]) == ()
    assert unused_weights(PRESETS["form"], ["edges"]) == ()
    assert unused_weights({}, ["edges"]) == ()


# What is about style has tests with an extractor for it, in ``test_style_search``.
@pytest.mark.parametrize("preset", [name for name, row in PRESETS.items() if not row["style"]])
def test_a_mixture_is_its_weights(library: Library, preset: str) -> None:
    named = library.search(Query((picture(3),), preset=preset))
    by_hand = library.search(Query((picture(3),), weights=PRESETS[preset]))

    assert named.hits == by_hand.hits
    assert named.extractors == ("hsv", "edges", "texture")


def test_mixtures_rank_by_what_they_are_named_for(library: Library) -> None:
    colours = library.search(Query((picture(3),), preset="colours")).hits[1]
    form = library.search(Query((picture(3),), preset="form")).hits[1]

    assert max(colours.contributions, key=colours.contributions.__getitem__) == "hsv"
    assert max(form.contributions, key=form.contributions.__getitem__) != "hsv"


def test_a_mixture_of_what_is_not_here_says_so(library: Library) -> None:
    result = library.search(Query((picture(3),), preset="idea"))

    assert any("compares meaning" in warning for warning in result.warnings)
    with pytest.raises(InvalidQuery, match="leave no extractor"):
        library.search(Query((picture(3),), weights={"meaning": 1}))


def test_a_mixture_does_not_keep_words_from_finding_names(library: Library) -> None:
    result = library.search(Query(text="0005", preset="idea"))

    assert result.hits[0].path == "0005.png"
    with pytest.raises(InvalidQuery, match="weights leave no extractor"):
        library.search(Query(text="0005", weights={"hsv": 1}))


def test_meaning_is_what_the_networks_compare(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_for_clip(monkeypatch)
    draw_into(folder, 4)
    library = Library.open(replace(settings, extractors="clip,hsv"))
    library.update()

    result = library.search(Query(text="red", weights={"meaning": 1}))

    assert (result.extractors, result.warnings) == (("clip",), ())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query((b"",), preset="balanced"), "colours, even, style, other_subject, not 'balanced'"),
        (Query((b"",), preset="form", weights={"hsv": 1}), "Both weights and a preset"),
    ],
)
def test_what_is_no_mixture_is_refused(query: Query, message: str) -> None:
    with pytest.raises(InvalidQuery, match=message):
        query.check()


def test_the_command_takes_both(run: Run, library: Library, tmp_path: Path) -> None:
    file = tmp_path / "query.png"
    file.write_bytes(picture(3))

    for options in (["--preset", "colours"], ["--weights", "colour=1"]):
        code, out, _ = run("search", file, "--json", *options)
        assert code == 0
        assert json.loads(out)["results"][0]["path"] == "0003.png"
    code, _, err = run("search", file, "--preset", "shape")
    assert (code, "idea, form" in err) == (2, True)
