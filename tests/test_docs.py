"""What the documentation says is what the program does, and what it links to exists."""

from __future__ import annotations

import ast
import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from image_search import cli, errors
from image_search.extractors import REGISTRY
from image_search.library import Library
from image_search.search.queries import Hit
from image_search.settings import TABLE, Setting, Settings
from image_search.web import create_app
from image_search.web.errors import STATUS
from image_search.web.search import FIELDS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
README = (ROOT / "Readme.md").read_text("utf-8")
SETTINGS, GUIDE, API = (
    (DOCS / name).read_text("utf-8") for name in ("settings.md", "guide.md", "api.md")
)
PAGES = sorted(
    path
    for folder in (ROOT, DOCS, ROOT / "training")
    for path in (folder.glob("*.md") if folder == ROOT else folder.rglob("*.md"))
)
# The changelog may name what there is no more.
PRESENT = [page for page in PAGES if page.name != "CHANGELOG.md"]
# What is for a browser alone, and needs no description for programs.
OF_THE_PAGE = {
    *("pages.show", "pages.example", "static_files.show"),
    *("sign_in.form", "sign_in.check", "sign_in.leave"),
}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_every_setting_is_documented_with_its_default(row: Setting) -> None:
    option = "" if row.name == "password" else f"`{row.option}`"
    default = "" if row.default is None else f"`{row.default}`"
    line = f"| `{row.variable}` | {option} | {default} | {row.unit} | {row.reason} |"
    assert line in SETTINGS


def test_no_setting_is_documented_that_does_not_exist() -> None:
    known = {row.variable for row in TABLE}
    for page in PRESENT:
        named = set(re.findall(r"IMAGE_SEARCH_[A-Z_]+", page.read_text("utf-8")))
        assert named <= known, name_of(page)


def test_the_guide_names_every_command() -> None:
    actions = cli.build_parser()._actions
    (commands,) = [one.choices for one in actions if isinstance(one.choices, dict)]
    assert len(commands) == len(cli.COMMANDS)
    for name in commands:
        assert f"image-search {name}" in GUIDE


@pytest.mark.parametrize("name", list(REGISTRY))
def test_every_extractor_is_documented_with_its_download(name: str) -> None:
    row = re.search(rf"^\| `{name}` \|.*$", SETTINGS, re.MULTILINE)
    assert row is not None
    weights = REGISTRY[name].weights
    if weights is None:
        assert "none" in row[0]
    else:
        assert f"{weights.size / 1e6:.0f} MB" in row[0]


def command_lines() -> Iterator[tuple[str, str]]:
    """Every example of a command in a page, with the page's name."""
    for page in PAGES:
        for block in re.findall(r"^```sh\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
            for line in block.replace("\\\n", " ").splitlines():
                found = re.match(r"(?:[A-Z_]+=\S+ +)*(image-search .*)", line)
                if found:
                    yield name_of(page), found[1]


def test_every_command_line_in_the_pages_can_be_parsed() -> None:
    lines = list(command_lines())
    assert len(lines) >= 25
    for _, line in lines:
        arguments = shlex.split(line, comments=True)[1:]
        cli.build_parser().parse_args(arguments)  # exits where it cannot be parsed


def test_every_address_is_documented(settings: Settings) -> None:
    app = create_app(Library.open(settings), settings)
    for rule in app.url_map.iter_rules():
        if rule.endpoint in OF_THE_PAGE:
            continue
        address = re.sub(r"<[^>]+>", "ID", rule.rule)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            assert f"`{method} {address}`" in API


@pytest.mark.parametrize("field", ["image", *FIELDS])
def test_every_field_of_a_query_is_documented(field: str) -> None:
    assert re.search(rf"^\|[^|]*`{field}`[^|]*\|", API, re.MULTILINE)


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Hit)])
def test_every_field_of_a_hit_is_documented(field: str) -> None:
    assert re.search(rf"^\|[^|]*`{field}`[^|]*\|", API, re.MULTILINE)


@pytest.mark.parametrize("kind", [kind for kind in STATUS if kind is not errors.ImageSearchError])
def test_every_error_is_documented_with_its_status(kind: type[errors.ImageSearchError]) -> None:
    assert re.search(rf"^\| {STATUS[kind]} \|[^|]*`{kind.code}`", API, re.MULTILINE)


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The files that a page links to, with the anchor in them or an empty text."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not re.match(r"[a-z]+:", target):
            file, _, anchor = target.partition("#")
            yield (page.parent / file).resolve() if file else page, anchor


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    bare = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.replace(" ", "-") for heading in bare}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_page_picture_and_heading_that_is_linked_to_exists(page: Path) -> None:
    for file, anchor in links(page):
        assert file.exists(), f"{name_of(page)} links to {file}"
        assert not anchor or anchor in anchors(file), f"{name_of(page)} links to {file}#{anchor}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, ahead = {ROOT / "Readme.md"}, [ROOT / "Readme.md"]
    while ahead:
        for file, _ in links(ahead.pop()):
            if file.suffix == ".md" and file not in reached:
                reached.add(file)
                ahead.append(file)
    assert reached >= set(PAGES)


@pytest.mark.parametrize("page", PRESENT, ids=name_of)
def test_every_module_that_a_page_names_exists(page: Path) -> None:
    """But for those that the recipes for contributors create."""
    text = page.read_text("utf-8")
    created = set(re.findall(r"Create `([\w/]+\.py)`", text))
    folders = (ROOT, ROOT / "image_search")
    for path in set(re.findall(r"`([\w./]+/\w+\.(?:py|md|safetensors))`", text)) - created:
        assert any((folder / path).exists() for folder in folders), f"{name_of(page)}: {path}"


def written_sections() -> dict[str, str]:
    """The page that each benchmark writes a section into, by the section's name."""
    found = {}
    for path in (ROOT / "benchmarks").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "write_section":
                page, name = (ast.literal_eval(argument) for argument in node.args[:2])
                found[name] = page
    return found


def test_every_section_of_figures_is_where_its_benchmark_writes_it() -> None:
    sections = {
        name: name_of(page).removeprefix("docs/")
        for page in PAGES
        for name in re.findall(r"<!-- begin (.+?) -->", page.read_text("utf-8"))
        if page.parent == DOCS
    }
    assert sections == written_sections()
