"""The walls of the house: imports run downwards only, files are short, the core does not speak."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "image_search"
FILES = sorted(PACKAGE.rglob("*.py"))
# Where a part of a query's way ends, a file may; to divide it more often only moves the reader's
# eye (``benchmarks.query_path`` counts the files of one query).
LONGEST = 500

# From the bottom to the top; a module may import from floors below and from its own.
FLOORS = (
    ("__init__", "errors", "assets"),
    ("settings",),
    ("imaging",),
    ("extractors",),
    ("storage",),
    ("search",),
    ("indexing",),
    ("duplicates",),
    ("labels",),
    ("library",),
    ("mapping", "styling", "autoencoder"),
    ("maintenance",),
    ("exchange",),
    ("evaluation",),
    ("web",),
    ("cli",),
    ("__main__",),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}
# What draws the demo collection stands beside the house: it needs nothing of it.
BESIDE = {"demo"}
ENTRANCES = {"web", "cli", "__main__", *BESIDE}
CORE = [
    path
    for path in FILES
    if path.relative_to(PACKAGE).parts[0].removesuffix(".py") not in ENTRANCES
]


def part(module: str) -> str:
    """The part of the house that a dotted name of ours belongs to."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def dotted(path: Path) -> str:
    names = ["image_search", *path.relative_to(PACKAGE).with_suffix("").parts]
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


MODULES = {dotted(path) for path in FILES}


def imports(path: Path, *, for_types: bool) -> Iterator[str]:
    """Every module that ``path`` imports, wherever in it; those for types only where asked."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[ast.AST] = set()
    if not for_types:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
                skipped.update(child for inner in node.body for child in ast.walk(inner))
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = _absolute(node, path)
            for name in node.names:
                inner = f"{source}.{name.name}"
                yield inner if inner in MODULES else source


def _absolute(node: ast.ImportFrom, path: Path) -> str:
    if node.level == 0:
        return node.module or ""
    package = ["image_search", *path.relative_to(PACKAGE).parts[:-1]]
    above = package[: len(package) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_run_downwards_only(path: Path) -> None:
    here = part(dotted(path))
    for module in imports(path, for_types=True):
        if not module.startswith("image_search"):
            continue
        there = part(module)
        if here in BESIDE:
            assert there in {here, "errors", "assets", "__init__"}, f"{here} imports {module}"
        elif there in BESIDE:
            assert here in ENTRANCES
        else:
            # A part without a floor is the matter of the test at the end.
            below = FLOOR.get(there, 0) <= FLOOR.get(here, 99)
            assert below, f"{here} imports {module}, which is above it"


def test_no_module_imports_itself_in_a_circle() -> None:
    edges = {
        dotted(path): {m for m in imports(path, for_types=False) if m in MODULES} - {dotted(path)}
        for path in FILES
    }
    done: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " -> ".join([*trail, module])
        if module not in done:
            for other in sorted(edges[module]):
                # A package's front door imports its rooms; a room asks the front door for nothing.
                visit(other, (*trail, module))
            done.add(module)

    for module in sorted(edges):
        visit(module, ())


@pytest.mark.parametrize("path", CORE, ids=name_of)
def test_the_core_knows_no_web_and_no_terminal(path: Path) -> None:
    found = {module.split(".")[0] for module in imports(path, for_types=True)}
    assert not found & {"flask", "werkzeug", "waitress", "argparse"}
    names = {n.id for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Name)}
    assert not names & {"print", "input", "exit", "quit"}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_no_module_has_a_name_that_says_nothing(path: Path) -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "data", "misc"}
    assert not empty & set(dotted(path).split("."))


def test_every_part_has_its_floor() -> None:
    parts = {part(dotted(path)) for path in FILES}
    assert parts <= FLOOR.keys() | BESIDE
