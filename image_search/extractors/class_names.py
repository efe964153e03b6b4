"""The words that name ImageNet's classes, in the order in which its classifiers number them.

Nothing is stored here: timm, which is installed with the requirements, has the WordNet nouns and
definitions of the classes (Miller, "WordNet: a lexical database for English", 1995), and open_clip
has an everyday name for each. The files are read where they are installed; importing timm or
open_clip would import PyTorch, for a few words.
"""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

COUNT = 1000
"""Classes; their numbers begin with 0."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
# What a query holds besides names: it neither names anything nor is missing.
_EMPTY = re.compile(
    r"a|an|and|any|at|by|for|from|in|is|like|my|of|on|or|our|pictured|shown|some|that|the|"
    r"these|this|to|two|with|without|photo|photos|photograph|picture|pictures|image|images"
)
_IRREGULAR = {
    "children": "child",
    "feet": "foot",
    "geese": "goose",
    "mice": "mouse",
    "people": "person",
    "teeth": "tooth",
}
# In a definition, "a breed of dog" is about a dog; so with these for "breed".
_KINDS = re.compile(
    r"breed|class|collection|family|form|genus|group|kind|member|one|pair|part|piece|set|"
    r"several|size|sort|species|stage|strain|style|type|variety|various"
)
# Where the noun that a definition begins with has ended. Words with endings such as "-ing" begin
# what is said about it, too.
_ENDS = re.compile(
    r"as|at|between|but|by|from|having|in|into|is|are|near|on|that|to|under|used|was|were|"
    r"when|where|which|who|whose|with|for|made|consisting|worn|found|built|designed|"
    r"containing|usually|often|resembling|carrying|driven|drawn|covered|originally|native|"
    r"living|shaped|held|attached"
)


@dataclass(frozen=True)
class Naming:
    """What a text names: ``classes`` of each name in it, the names as they are ``known``, and the
    ``unknown`` words beside them, as they were written."""

    classes: tuple[tuple[int, ...], ...] = ()
    known: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


@cache
def class_names() -> tuple[str, ...]:
    """The everyday name of each class."""
    tree = ast.parse(_file("open_clip", "zero_shot_metadata.py").read_text("utf-8"))
    for statement in tree.body:
        if not isinstance(statement, ast.Assign):
            continue
        target = statement.targets[0]
        if isinstance(target, ast.Name) and target.id == "IMAGENET_CLASSNAMES":
            names: Sequence[str] = ast.literal_eval(statement.value)
            return tuple(re.sub(r" \(.*\)", "", name) for name in names)
    raise LookupError("open_clip has no names of ImageNet's classes")


def named(text: str) -> Naming:
    """What ``text`` names: as few names as possible for as many of its words as possible.

    Case, hyphens and plurals do not count. A name may be broader than a class: a word that names
    of classes end with, or that their definitions begin with, stands for all of them.
    """
    tokens = [
        (found[0].casefold().replace("\u2019", "'"), found.span()) for found in _WORD.finditer(text)
    ]
    words = [word for word, _ in tokens]
    best = _best_names(words)
    classes, known, unknown = list[tuple[int, ...]](), list[str](), list[str]()
    at, missing = 0, list[int]()

    def note_missing() -> None:
        if missing:
            unknown.append(text[tokens[missing[0]][1][0] : tokens[missing[-1]][1][1]])
            missing.clear()

    while at < len(words):
        length, of = best[at]
        if of:
            note_missing()
            name = " ".join(words[at : at + length])
            if of not in classes:
                classes.append(of)
                known.append(_shown(name, of))
        elif _EMPTY.fullmatch(words[at]):
            note_missing()
        else:
            missing.append(at)
        at += length
    note_missing()
    return Naming(tuple(classes), tuple(known), tuple(dict.fromkeys(unknown)))


def _best_names(words: Sequence[str]) -> list[tuple[int, tuple[int, ...]]]:
    """For each place in ``words``, how many of them to take together from there, and the classes
    that these name; one word and no classes where they name none."""
    # From the end: (words without a name, names) of the best division of what follows.
    costs = [(0, 0)] * (len(words) + 1)
    best: list[tuple[int, tuple[int, ...]]] = [(1, ())] * len(words)
    for at in reversed(range(len(words))):
        costs[at] = (costs[at + 1][0] + (_EMPTY.fullmatch(words[at]) is None), costs[at + 1][1])
        for length in range(1, min(_longest(), len(words) - at) + 1):
            of = _classes_of(words[at : at + length])
            lost, names = costs[at + length]
            if of and (lost, names + 1) < costs[at]:
                costs[at], best[at] = (lost, names + 1), (length, of)
    return best


def _classes_of(words: Sequence[str]) -> tuple[int, ...]:
    if len(words) == 1 and _EMPTY.fullmatch(words[0]):
        return ()
    *before, last = words
    for lookup in (_exact(), _broader()):
        for form in _forms(last):
            name = " ".join([*before, form])
            if of := lookup.get(name) or lookup.get(name.replace(" ", "")):
                return of
    return ()


def _shown(name: str, of: tuple[int, ...]) -> str:
    """A name as it was asked for, with the everyday one where that is another."""
    if len(of) > 1:
        return name
    everyday = class_names()[of[0]]
    same = {" ".join(_words(everyday)), "".join(_words(everyday))}
    *before, last = name.split()
    if any(" ".join([*before, form]) in same for form in _forms(last)):
        return name
    return f"{name} ({everyday})"


@cache
def _exact() -> Mapping[str, tuple[int, ...]]:
    """The classes by each of their names, words in small letters, also joined to one."""
    found: defaultdict[str, list[int]] = defaultdict(list)
    senses = Counter(noun for nouns in _nouns().values() for noun in nouns)
    for number, (noun, everyday) in enumerate(zip(_synsets(), class_names(), strict=True)):
        first, *others = _nouns()[noun]
        sure = [first, everyday, *re.split(r" or | / ", everyday)]
        # A noun with several senses is left to those classes that are called by it first.
        names = [*sure, *(name for name in others if senses[name] == 1)]
        for words in {tuple(_words(name)) for name in names}:
            for key in {" ".join(words), "".join(words)}:
                found[key].append(number)
    return {name: tuple(numbers) for name, numbers in found.items() if name}


@cache
def _broader() -> Mapping[str, tuple[int, ...]]:
    """The classes by words that stand for several kinds of a thing."""
    found: defaultdict[str, set[int]] = defaultdict(set)
    defined: defaultdict[str, set[int]] = defaultdict(set)
    nouns = {noun for nouns in _nouns().values() for noun in nouns}
    definitions = _table("imagenet_synset_to_definition.txt")
    for number, (synset, everyday) in enumerate(zip(_synsets(), class_names(), strict=True)):
        first, whole = _nouns()[synset][0], everyday.casefold()
        # "African grey" is cut short: the everyday name ends with "parrot".
        for name in {whole} if whole.startswith(first) else {first, whole}:
            parts = name.split()
            for start in range(1, len(parts)):
                ending = " ".join(_words(" ".join(parts[start:])))
                if len(ending) > 1 and not _EMPTY.fullmatch(parts[start]):
                    found[ending].add(number)
        for form in _forms(_defined_as(definitions[synset])):
            if form in nouns:
                defined[form].add(number)
                break
    for noun, numbers in defined.items():
        # A single definition may use a noun in any sense: a cliff is "a steep high face of rock".
        if len(numbers) > 1 or noun in found:
            found[noun] |= numbers
    return {name: tuple(sorted(numbers)) for name, numbers in found.items()}


def _defined_as(definition: str) -> str:
    """The noun that a definition begins with: "dog" of "an old breed of tiny dog with eyes"."""
    clause = re.split(r"[;:]", re.sub(r"\([^)]*\)", "", definition.casefold()))[0]
    noun = ""
    for word in _words(clause):
        if word == "of":
            if noun and not any(_KINDS.fullmatch(form) for form in _forms(noun)):
                break
            noun = ""
        elif _ENDS.fullmatch(word):
            if noun:
                break
        else:
            noun = word
    return noun


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(name)]


def _forms(word: str) -> Iterator[str]:
    """``word``, what it may be the plural of, and its plural, the likeliest first."""
    yield word
    if word in _IRREGULAR:
        yield _IRREGULAR[word]
    if word.endswith("men"):
        yield word[:-3] + "man"
    if word.endswith("ies") and len(word) > 4:
        yield word[:-3] + "y"
    if word.endswith("ves"):
        yield word[:-3] + "f"
        yield word[:-3] + "fe"
    if word.endswith("s") and not word.endswith("ss") and len(word) > 2:
        yield word[:-1]
    if word.endswith("es") and len(word) > 3:
        yield word[:-2]
    yield word + "s"


@cache
def _longest() -> int:
    return max(len(name.split()) for name in (*_exact(), *_broader()))


@cache
def _synsets() -> tuple[str, ...]:
    """The id of each class in WordNet."""
    return tuple(_file("timm", "data/_info/imagenet_synsets.txt").read_text("utf-8").split())


@cache
def _nouns() -> Mapping[str, tuple[str, ...]]:
    """WordNet's nouns, in small letters, for each of its ids that ImageNet has pictures of."""
    table = _table("imagenet_synset_to_lemma.txt")
    return {synset: tuple(nouns.casefold().split(", ")) for synset, nouns in table.items()}


def _table(name: str) -> dict[str, str]:
    lines = _file("timm", f"data/_info/{name}").read_text("utf-8").splitlines()
    return {synset: text.strip('"') for synset, _, text in (line.partition("\t") for line in lines)}


def _file(package: str, name: str) -> Path:
    """A file of an installed package, which is found without importing it."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise LookupError(f"{package} is not installed")
    return Path(found.origin).parent / name
