"""The words of the project: names by the glossary, plain English in what users read."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_search.extractors import REGISTRY

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "image_search"
SOURCES = sorted(PACKAGE.rglob("*.py"))
# Parts of names, between underscores and capitals, and what took their place.
OLD_WORDS = {
    "alike": "similar",
    "anew": "again",
    "dice": "rng",
    "examined": "LoadedImage",
    "exchanged": "replaced_region",
    "fact": "record",
    "facts": "records",
    "foresee": "prefetch",
    "heard": "active",
    "lack": "missing_reason",
    "laid": "aligned",
    "lay": "register",
    "levelled": "hubness_corrected",
    "obstacle": "blocked_reason",
    "remedy": "hint",
    "said": "message",
    "say": "weight",
    "settle": "schedule_maintenance",
    "settled": "handled",
    "speakers": "expansion_size",
    "spreads": "std",
    "strangers": "others",
    "told": "listed",
    "trust": "contrast",
    "unprinted": "without_fingerprint",
    "vouched": "verified",
    "way": "homography, version or ranking",
    "ways": "rankings",
}
# Whole names that are common words, so that only these are old.
OLD_NAMES = {
    "Asked": "PreparedQuery",
    "Fact": "FileRecord",
    "InBulk": "FullBatchModel",
    "Kept": "CompiledModel",
    "Known": "IndexedFiles",
    "Means": "IndexingContext",
    "OnFirstNeed": "LazyModel",
    "Question": "ScoringQuery",
    "SharedBatches": "MicroBatcher",
    "NEIGHBOURS": "QUERY_EXPANSION",
    "Turns": "a fair semaphore",
    "refuse_to_forget_all": "check_mass_deletion",
    "take_in": "save_upload",
    "under_way": "pending",
    "_under_way": "pending",
}
# Words that need translating, in what users read.
PRIVATE = re.compile(
    r"\b(?:anew|foresee\w*|heard|kinship|meanwhile|mend(?:ed|s)?|nobody|silent|somebody"
    r"|taken for|tell apart|to be had|told|vouched|gives? \w+ a say|no say)\b",
    re.IGNORECASE,
)
COMMENTS = {
    ".html": re.compile(r"\{#.*?#\}|<!--.*?-->", re.DOTALL),
    ".js": re.compile(r"(?:(?<=\s)|^)//.*$", re.MULTILINE),
}


def words_of(name: str) -> list[str]:
    """The parts of a name, in small letters: ``_read`` and ``readAll`` hold ``read``."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def names_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a module defines or uses, with its line; not what is in strings."""
    for node in ast.walk(tree):
        line = getattr(node, "lineno", 0)
        if isinstance(node, ast.Name):
            yield node.id, line
        elif isinstance(node, ast.Attribute):
            yield node.attr, line
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, line
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.arg, line
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).rpartition(".")[2], line


def is_old(name: str) -> bool:
    """Whether a name, or a part of it, has another word in the glossary."""
    return name in OLD_NAMES or not OLD_WORDS.keys().isdisjoint(words_of(name))


def messages_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """The strings of a module that are no docstrings, with their lines."""
    comments = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in comments:
            continue
        if isinstance(node.value, str):
            yield node.value, node.lineno


@pytest.mark.parametrize(
    "name", ["way", "_told", "WayFigures", "on_way", "Kept", "spreadsOf", "fact"]
)
def test_old_names_are_recognised(name: str) -> None:
    assert is_old(name)


@pytest.mark.parametrize(
    "name", ["colourway", "always", "layer", "kept", "known", "question", "trusted"]
)
def test_other_names_are_not_old(name: str) -> None:
    assert not is_old(name)


def test_names_follow_the_glossary() -> None:
    old = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in SOURCES
        for name, line in names_in(ast.parse(path.read_text("utf-8")))
        if is_old(name)
    ]
    assert old == []


def test_messages_are_in_plain_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in SOURCES
        for text, line in messages_in(ast.parse(path.read_text("utf-8")))
        if PRIVATE.search(text)
    ]
    assert found == []


def test_the_page_and_the_reports_are_in_plain_words() -> None:
    files = [*(ROOT / "templates").glob("*.html"), *(ROOT / "static" / "js").glob("*.js")]
    assert files
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in files
        for match in PRIVATE.finditer(COMMENTS[path.suffix].sub("", path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize("name", [n for n, row in REGISTRY.items() if not row.variant_of])
def test_every_extractor_has_a_word_on_the_page(name: str) -> None:
    script = (ROOT / "static" / "js" / "words.js").read_text("utf-8")
    assert re.search(rf'^  {name}: "[a-z]+",', script, re.MULTILINE)
