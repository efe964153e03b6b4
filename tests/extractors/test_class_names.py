"""Words that name ImageNet's classes, from files of installed packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

from image_search.extractors.class_names import COUNT, class_names, named


def names_of(text: str) -> list[set[str]]:
    return [{class_names()[number] for number in classes} for classes in named(text).classes]


def test_the_classes_have_their_known_numbers() -> None:
    known = {0: "tench", 207: "Golden Retriever", 679: "necklace", 883: "vase", 950: "orange"}
    assert len(class_names()) == COUNT
    assert {number: class_names()[number] for number in known} == known
    # By the names of the other package, whose order is its own.
    for number, noun in {0: "tinca tinca", 770: "running shoe", 812: "space shuttle"}.items():
        assert named(noun).classes == ((number,),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("necklace", "necklace"),
        ("a photo of NECKLACES", "necklace"),
        ("running shoes", "sneaker"),
        ("Running-Shoe", "sneaker"),
        ("sneakers", "sneaker"),
        ("vases", "vase"),
        ("tshirt", "T-shirt"),
        ("t shirts", "T-shirt"),
        ("wooden spoons", "wooden spoon"),
        ("grand pianos", "grand piano"),
        ("gas masks", "gas mask or respirator"),
    ],
)
def test_names_of_one_class(text: str, expected: str) -> None:
    assert names_of(text) == [{expected}]
    assert named(text).unknown == ()


def test_the_longest_names_count() -> None:
    assert names_of("red wine glass") == [
        {"red wine"}, {"beer glass", "goblet", "loupe magnifying glass"}
    ]  # fmt: skip
    assert names_of("hot dog") == [{"hot dog"}]
    assert len(names_of("teapot and vase")) == 2


@pytest.mark.parametrize(
    ("word", "some", "fewest"),
    [
        ("dogs", {"Chihuahua", "Great Dane"}, 30),
        ("chair", {"barber chair", "folding chair", "rocking chair"}, 3),
        ("shoe", {"sneaker", "sandal"}, 3),
        ("bird", {"ostrich", "hummingbird"}, 15),
        ("boats", {"lifeboat", "canoe"}, 3),
        ("bag", {"plastic bag", "purse"}, 4),
    ],
)
def test_broader_words_stand_for_several_classes(word: str, some: set[str], fewest: int) -> None:
    (found,) = names_of(word)
    assert some <= found
    assert len(found) >= fewest
    assert not found & {"dog sled", "shoe store", "bird house"}


@pytest.mark.parametrize(
    "word", ["ring", "gold", "art deco", "leaf", "grey", "face", "", "戒指", "?"]
)
def test_other_words_name_nothing(word: str) -> None:
    assert named(word).classes == ()
    assert named(word).known == ()


def test_unknown_words_are_given_as_they_were_written() -> None:
    found = named("An Art Deco necklace, with Filigree")
    assert found.known == ("necklace",)
    assert found.unknown == ("Art Deco", "Filigree")


def test_a_name_with_another_everyday_name_is_shown_with_it() -> None:
    assert named("crocodile").known == ("crocodile (Nile crocodile)",)
    assert named("Vases").known == ("vases",)


def test_names_are_read_without_pytorch() -> None:
    code = (
        "import sys; from image_search.extractors.class_names import named; "
        "assert named('vase').classes; print({'torch', 'timm', 'open_clip'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
