"""``image-search check``: is this picture in the collection already, as it is or edited?"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_search.cli.index import ProgressBar, stopping
from image_search.cli.options import (
    NEEDED,
    Commands,
    add_command,
    add_filters,
    filter_from,
    settings_from,
    write_file,
)
from image_search.cli.tables import write_rows, write_table
from image_search.cli.terminal import print_line as print
from image_search.errors import (
    CacheDamaged,
    CacheError,
    CacheLocked,
    InvalidQuery,
    UnknownImage,
    UnreadableImage,
)

if TYPE_CHECKING:
    from image_search.duplicates.checking import Checked, CheckResult, Failed
    from image_search.library import Library
    from image_search.search.queries import Query

COLUMNS = (
    *("picture", "verdict", "words", "relation", "hit", "id", "likeness", "matching_points"),
    *(
        "evidence",
        "decision",
        "false_alarms",
        "misses",
        "chance",
        "compared",
        "unreadable",
        "checked",
    ),
    "error",
)
VERDICTS = ("exact", "near", "possible", "similar", "new")
# Exit codes: what was found, the strongest first.
EXISTS, POSSIBLE, NEW = 1, 3, 0
# Hits and unreadable files shown; --json and --csv have them all.
SHOWN = 5


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "check",
        "check whether pictures are in the collection already, unchanged or edited",
        "image-search check incoming/ --csv verdicts.csv --report clearance.html\n\n"
        "exit code: 0 all new or only similar, 1 something exists already,\n"
        "3 a drawing whose design may be among the images named, 2 error",
        ["models", "extractors", "threads", "upload_megapixels", "image_megapixels", "views"],
    )
    parser.add_argument(
        "pictures", metavar="IMAGE", nargs="*", type=Path, help="pictures, or folders of them"
    )
    parser.add_argument(
        "--like", metavar="ID", action="append", default=[],
        help="the id of an indexed image: is there another copy of it?",
    )  # fmt: skip
    parser.add_argument("--kind", default="auto", help="auto, photo or sketch; default auto")
    parser.add_argument(
        "--original",
        action="store_true",
        help="compare drawings as they are; do not remove the paper first",
    )
    parser.add_argument(
        "--region",
        metavar="X,Y,WIDTH,HEIGHT",
        help="the part of each picture to check, in fractions of its sides",
    )
    parser.add_argument(
        "-k", type=int, default=10,
        help="how many similar images of a photo; default 10. For a drawing, as many as the "
"stated chance needs, at most 30",
    )  # fmt: skip
    parser.add_argument(
        "--csv", metavar="FILE", help="write a table, one line for each hit; - is standard output"
    )
    parser.add_argument("--report", metavar="FILE", type=Path, help="write a printable report")
    add_filters(parser, "compare only with")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check and print; 0 all new, 1 something exists, 3 a drawn design may be here, 2 a picture
    could not be checked."""
    from image_search.duplicates.checking import Checked, Failed
    from image_search.library import Library
    from image_search.search.parsing import parse_region
    from image_search.search.queries import Query

    if not options.pictures and not options.like:
        raise InvalidQuery("Name the pictures to check, or an indexed image with --like.")
    if options.region and options.like:
        raise InvalidQuery("--region marks a part of a picture; it cannot be used with --like.")
    limits = Query(
        k=options.k,
        kind=options.kind,
        original=options.original,
        region=parse_region(options.region) if options.region else None,
        filter=filter_from(options),
    )
    library = Library.open(settings_from(options, NEEDED))
    bar = ProgressBar(quiet=options.json)
    with stopping() as stop:
        try:
            library.prepare(bar.show, stop.is_set)
        except (CacheDamaged, CacheLocked):
            raise
        except CacheError as error:
            # A disk that is full or not writable is no reason not to check by what there is.
            print(f"Note: Nothing new could be saved. {error}", file=sys.stderr)
        finally:
            bar.close()
    if stop.is_set():
        raise KeyboardInterrupt
    checked: list[Checked] = []
    failed: list[Failed] = []
    quiet = options.json or options.csv == "-"
    for name, read in _query(options, limits):
        try:
            data, query = read()
            one = Checked(name, data, library.check(query))
        except (UnreadableImage, UnknownImage) as error:
            failed.append(Failed(name, str(error)))
            if not quiet:
                print(f"{name}: not checked: {error}", flush=True)
            continue
        # The bytes are kept only where the report will show them.
        checked.append(one if options.report else Checked(name, b"", one.result))
        if not quiet:
            _print(name, one.result)
    if not checked and not failed:
        raise InvalidQuery(
            "No picture was found there. Name picture files, or folders that hold some."
        )
    _write(options, library, checked, failed)
    if not quiet:
        _summary(checked, failed)
    if failed:
        return 2
    if any(one.result.exists for one in checked):
        return EXISTS
    return POSSIBLE if any(one.result.verdict == "possible" for one in checked) else NEW


_Read = Callable[[], "tuple[bytes, Query]"]


def _query(options: argparse.Namespace, limits: Query) -> Iterator[tuple[str, _Read]]:
    """Everything that is to be checked by its name, read only when its turn comes; ``limits``
    are what all the queries have in common."""
    from image_search.imaging.reading import read_image_file

    def of_file(path: Path) -> _Read:
        def read() -> tuple[bytes, Query]:
            try:
                data = read_image_file(path)
            except OSError as error:
                raise UnreadableImage(f"It cannot be read ({error.strerror}).") from error
            return data, replace(limits, images=(data,))

        return read

    def of_id(image_id: str) -> _Read:
        return lambda: (b"", replace(limits, like=(image_id,)))

    for path in options.pictures:
        for one in _files(path):
            yield str(one), of_file(one)
    for image_id in options.like:
        yield image_id, of_id(image_id)


def _files(path: Path) -> Iterator[Path]:
    """A picture itself; of a folder every file in it and below that may be one."""
    from image_search.indexing.scanning import scan

    if not path.is_dir():
        yield path
        return
    yield from (path / entry.path for entry in scan(path))


def _print(name: str, result: CheckResult) -> None:
    from image_search.duplicates.checking.wording import percent

    print(f"{name}: {result.words}", flush=True)
    # All images that a drawing may be of are shown.
    shown = len(result.hits) if result.verdict == "possible" else SHOWN
    for one in result.hits[:shown]:
        evidence = one.evidence
        why = f"similarity {percent(one.hit.score)}"
        if evidence is not None:
            why = f"{evidence.words}"
            why += f"; {evidence.inliers} matching points" if evidence.inliers else ""
            why += f"; decided: {one.decision}" if one.decision else ""
        print(f"    {one.relation:7} {one.hit.path}  ({why})")
    if len(result.hits) > shown:
        print(f"    and {len(result.hits) - shown:,} more; --json lists them all")
    if result.suppressed:
        print(f"    {result.suppressed} left out: marked as different before")


def _summary(checked: Sequence[Checked], failed: Sequence[Failed]) -> None:
    if not checked:
        return
    last = checked[-1].result
    for warning in dict.fromkeys(w for one in checked for w in one.result.warnings):
        # The first sentence, as with a search; `image-search status` shows the rest.
        print(f"Note: {warning.split('. ')[0].rstrip('.')}.", file=sys.stderr)
    rates = (one.result.certainty for one in checked)
    for sentence in dict.fromkeys(sure.words for sure in rates if sure is not None and sure.words):
        print(sentence)
    unreadable = ""
    if last.unreadable:
        names = ", ".join(file.path for file in last.unreadable_files[:SHOWN])
        more = ", ..." if last.unreadable > SHOWN else ""
        unreadable = f"; {last.unreadable:,} could not be read: {names}{more}"
    print(f"Compared with {last.compared:,} images{unreadable}.")
    if len(checked) + len(failed) > 1:
        counts = Counter(one.result.verdict for one in checked)
        parts = [f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]]
        parts += [f"{len(failed)} not checked"] if failed else []
        print(f"{len(checked) + len(failed)} pictures: {', '.join(parts)}.")


def _write(
    options: argparse.Namespace,
    library: Library,
    checked: Sequence[Checked],
    failed: Sequence[Failed],
) -> None:
    """What to write beside the terminal: JSON, the table, the report."""
    from image_search.duplicates.checking import to_plain
    from image_search.imaging.reading import read_image_file

    if options.json:
        checks: list[dict[str, Any]] = [
            {"picture": one.name, **to_plain(one.result)} for one in checked
        ]
        checks += [{"picture": one.name, "verdict": None, "error": one.reason} for one in failed]
        print(json.dumps({"checks": checks}))
    if options.csv == "-":
        write_rows(sys.stdout, _table(checked, failed))
    elif options.csv:
        write_table(Path(options.csv), _table(checked, failed))
    if options.report:
        path = library.originals.path
        shown = [
            one if one.data else replace(one, data=read_image_file(path(one.name)))
            for one in checked
        ]
        write_file(options.report, library.report(shown, failed))


def _table(checked: Sequence[Checked], failed: Sequence[Failed]) -> Iterator[Sequence[object]]:
    yield COLUMNS
    for one in checked:
        result, rates = one.result, one.result.certainty
        errs: tuple[object, ...] = ("", "", "")
        if rates is not None:
            chance = "" if rates.chance is None else rates.chance
            errs = (rates.false_alarms, rates.misses, chance)
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(result.checked))
        end = (*errs, result.compared, result.unreadable, moment, "")
        start = (one.name, result.verdict, result.words)
        for hit in result.hits:
            evidence = hit.evidence
            yield [
                *start, hit.relation, hit.hit.path, hit.hit.id, hit.hit.score,
                "" if evidence is None else evidence.inliers,
                "" if evidence is None else evidence.words, hit.decision or "", *end,
            ]  # fmt: skip
        if not result.hits:
            yield [*start, *[""] * 7, *end]
    for bad in failed:
        yield [bad.name, *[""] * (len(COLUMNS) - 2), bad.reason]
