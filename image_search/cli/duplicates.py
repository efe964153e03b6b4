"""``image-search duplicates``: the same pictures within the collection, and decisions on them."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_search.cli.index import ProgressBar, stopping
from image_search.cli.options import NEEDED, Commands, add_command, settings_from, write_file
from image_search.cli.tables import write_rows, write_table
from image_search.cli.terminal import print_line as print
from image_search.errors import CacheDamaged, CacheError, CacheLocked, InvalidQuery

if TYPE_CHECKING:
    from image_search.duplicates import Duplicates, Group, Page

COLUMNS = (
    *("group", "kind", "path", "id", "width", "height", "size", "modified", "relation", "words"),
    *("against", "decision"),
)


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "duplicates",
        "list the duplicates in the collection, and record decisions about them",
        "image-search duplicates --csv duplicates.csv",
        ["models", "extractors", "threads", "image_megapixels"],
    )
    parser.add_argument(
        "--csv", metavar="FILE", help="write a table, one line for each image; - is standard output"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="groups to list; default 20, with --csv all"
    )
    parser.add_argument("--offset", type=int, default=0, metavar="N", help="groups to skip")
    parser.add_argument(
        "--only", choices=("open", "decided"), default="all",
        help="only groups without a decision, or only those with one (including images marked "
"as different, which are otherwise left out)",
    )  # fmt: skip
    parser.add_argument(
        "--keep", metavar="RULE",
        help="list which of the files that are the same picture to keep: largest, heaviest, "
        "oldest, newest or shortest; exact duplicates, and images that were decided to be the same",
    )  # fmt: skip
    parser.add_argument(
        "--decide", nargs=3, metavar=("ID", "ID", "DECISION"),
        help="two images are the same design (same), a colourway, another variant, one contains "
        "the other (contains), or different; with ids from --json or --csv",
    )  # fmt: skip
    parser.add_argument(
        "--undo", nargs="*", metavar="ID",
        help="undo the decision on two images, or the last one",
    )  # fmt: skip
    parser.add_argument("--export-decisions", metavar="FILE", help="write every decision as JSON")
    parser.add_argument(
        "--import-decisions", metavar="FILE", type=Path,
        help="import such a file; for each pair the newest decision counts",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare what was not compared yet and list, or decide; 0 when done, 130 when interrupted."""
    from image_search.library import Library

    actions = [
        name
        for name in ("decide", "undo", "export_decisions", "import_decisions")
        if getattr(options, name) is not None
    ]
    if len(actions) > 1:
        raise InvalidQuery(
            "Use one at a time: --decide, --undo, --export-decisions or --import-decisions."
        )
    duplicates = Library.open(settings_from(options, NEEDED)).duplicates
    if actions:
        text, plain = _ACTIONS[actions[0]](duplicates, options)
        print(json.dumps(plain) if options.json else text)
        for warning in duplicates.new_warnings():
            print(f"Note: {warning}", file=sys.stderr)
        return 0
    bar = ProgressBar(quiet=options.json)
    with stopping() as stop:
        try:
            whole = duplicates.update(bar.show, stop.is_set)
        except (CacheDamaged, CacheLocked):
            raise
        except CacheError as error:
            # A disk that is full or not writable is no reason to withhold what there is.
            whole = False
            print(f"Note: Only earlier results are shown. {error}", file=sys.stderr)
        finally:
            bar.close()
    if not whole and stop.is_set():
        print("Interrupted; what was compared so far is saved.", file=sys.stderr)
        return 130
    _show(duplicates, options)
    return 0


def _decide(duplicates: Duplicates, options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    one, other, decision = options.decide
    undo = duplicates.decide(one, other, decision)
    text = f"Saved: {one} and {other} are {_MEANING[decision]}. --undo reverts it."
    return text, {"decision": decision, "undo": undo}


_MEANING = {
    "same": "the same design",
    "colourway": "colourways",
    "variant": "variants",
    "contains": "a picture and what contains it",
    "different": "different",
}


def _undo(duplicates: Duplicates, options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    if len(options.undo) not in (0, 2):
        raise InvalidQuery("--undo takes two ids, or none for the last decision made.")
    if options.undo:
        left = duplicates.undo(*options.undo)
        text = f"Undone; now {left}." if left else "Undone."
        return text, {"decision": left}
    latest = duplicates.undo_latest()
    if latest is None:
        return "There is no decision to undo.", {"undone": None}
    one, other, decision = latest
    text = f"Undone: {one.path} and {other.path} were {_MEANING[decision]}."
    return text, {"undone": decision, "paths": [one.path, other.path]}


def _export(duplicates: Duplicates, options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    plain = duplicates.export_decisions()
    count = len(plain["decisions"])
    write_file(Path(options.export_decisions), json.dumps(plain, indent=1) + "\n")
    return f"{count:,} decisions written to {options.export_decisions}.", {"exported": count}


def _import(duplicates: Duplicates, options: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    path: Path = options.import_decisions
    try:
        plain = json.loads(path.read_bytes())
    except OSError as error:
        raise InvalidQuery(f"{path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError):
        raise InvalidQuery(
            f"{path} is not JSON. Name a file written by --export-decisions."
        ) from None
    done = duplicates.import_decisions(plain)
    text = f"{done.taken:,} decisions imported; {done.kept:,} older ones left out."
    return text, dataclasses.asdict(done)


_ACTIONS = {
    "decide": _decide,
    "undo": _undo,
    "export_decisions": _export,
    "import_decisions": _import,
}


def _keep(duplicates: Duplicates, options: argparse.Namespace) -> None:
    from image_search.duplicates import keeping

    found = duplicates.kept(options.keep)
    if options.csv == "-":
        write_rows(sys.stdout, [keeping.COLUMNS, *keeping.rows(found)])
    elif options.csv:
        write_table(Path(options.csv), [keeping.COLUMNS, *keeping.rows(found)])
    if options.json:
        print(json.dumps(keeping.to_plain(found, options.keep)))
    elif options.csv != "-":
        for one in found:
            print(f"Keep {one.keep.path}")
            for record in one.others:
                print(f"    same as {record.path}")
        others = sum(len(one.others) for one in found)
        print(
            f"{len(found):,} pictures are there more than once, in {others:,} further files. "
            f"Kept: {keeping.RULES[options.keep]}. No file was changed."
        )


def _show(duplicates: Duplicates, options: argparse.Namespace) -> None:
    if options.keep:
        _keep(duplicates, options)
        return
    limit = options.limit or (1000 if options.csv else 20)
    page = duplicates.page(options.offset, limit, options.only)
    while options.csv and not options.limit and len(page.groups) < page.total - options.offset:
        more = duplicates.page(options.offset + len(page.groups), limit, options.only)
        page = dataclasses.replace(page, groups=(*page.groups, *more.groups))
    for warning in page.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    if options.csv == "-":
        write_rows(sys.stdout, _table(page.groups))
    elif options.csv:
        write_table(Path(options.csv), _table(page.groups))
    if options.json:
        from image_search.duplicates import to_plain

        print(json.dumps(to_plain(page)))
    elif options.csv != "-":
        _print(page)


def _print(page: Page) -> None:
    from image_search.indexing.originals import id_of

    for group in page.groups:
        print(f"{'Exact duplicates' if group.kind == 'exact' else 'Near-duplicates'}:")
        paths = {id_of(record): record.path for record in group.members}
        for record in group.members:
            print(
                f"    {id_of(record)}  {record.path}  {record.width} x {record.height}, "
                f"{record.size:,} bytes"
            )
        for pair in group.pairs:
            decided = f"  [{pair.decision}]" if pair.decision else ""
            print(f"        {paths[pair.a]} and {paths[pair.b]}: {pair.words}{decided}")
    if not page.total:
        print("No duplicates.")
        return
    shown = f" {len(page.groups):,} of them shown." if len(page.groups) < page.total else ""
    groups = "1 group" if page.total == 1 else f"{page.total:,} groups"
    print(f"{groups} with {page.images:,} images, {page.undecided:,} of them undecided.{shown}")


def _table(groups: Sequence[Group]) -> Iterator[Sequence[object]]:
    from image_search.indexing.originals import id_of

    yield COLUMNS
    for group in groups:
        paths = {id_of(record): record.path for record in group.members}
        for record in group.members:
            own = id_of(record)
            pair = next((pair for pair in group.pairs if own in (pair.a, pair.b)), None)
            about = ["", "", "", ""]
            if pair is not None:
                against = paths[pair.b if own == pair.a else pair.a]
                about = [pair.relation, pair.words, against, pair.decision or ""]
            moment = round(record.mtime_ns / 1e9)
            records = [own, record.width, record.height, record.size, moment]
            yield [group.id, group.kind, record.path, *records, *about]
