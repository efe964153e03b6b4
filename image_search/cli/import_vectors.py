"""``image-search import``: vectors made by other programs, to search with."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from image_search.cli.index import ProgressBar, stopping
from image_search.cli.options import NEEDED, Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print
from image_search.errors import CacheError, InvalidQuery


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "import",
        "take vectors that another program made of the indexed images, to search with",
        "image-search import vectors.parquet --name theirs\n"
        "  image-search import vectors.npy --paths paths.txt --name theirs\n"
        "  image-search search --like 0123456789abcdef --weights theirs=1",
        [],
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="a CSV table (the path of an image, then numbers), a NumPy array of a row for each "
        "image, a folder of arrays as export writes it, or a Parquet file with the columns path "
        "and vector",
    )
    parser.add_argument(
        "--name", required=True, help="what searches call them, in the place of an extractor"
    )
    parser.add_argument(
        "--paths", type=Path, metavar="FILE", help="for one array: a text file, a path in each line"
    )
    parser.add_argument("--column", metavar="NAME", help="the column of vectors of a Parquet file")
    parser.add_argument(
        "--remove", action="store_true", help="remove the vectors of this name instead"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Take the vectors up, or remove them; 0 when done, 130 when interrupted."""
    from image_search.exchange.importing import take_vectors
    from image_search.exchange.vector_files import VectorFile
    from image_search.library import Library
    from image_search.storage.imported import remove_imported

    settings = settings_from(options, NEEDED)
    if options.remove:
        if options.file is not None:
            raise InvalidQuery("Give either a file or --remove.")
        try:
            removed = remove_imported(settings.cache, options.name)
        except OSError as error:
            raise CacheError(f"They cannot be removed ({error.strerror or error}).") from error
        if not removed:
            raise InvalidQuery(f"There are no imported vectors called {options.name[:40]!r}.")
        print(json.dumps({"removed": options.name}) if options.json else f"{options.name}: removed")
        return 0
    if options.file is None:
        raise InvalidQuery("Name the file with the vectors.")
    library = Library.open(settings)
    bar = ProgressBar(quiet=options.json)
    with stopping() as stop:
        try:
            done = take_vectors(
                library.snapshot(),
                settings.cache,
                settings.images,
                options.name,
                VectorFile(options.file, options.paths, options.column),
                on_progress=bar.show,
                cancelled=stop.is_set,
            )
        finally:
            bar.close()
    if options.json:
        print(json.dumps(dataclasses.asdict(done)))
    elif done.cancelled:
        print("Interrupted; nothing was taken up.")
    else:
        print(f"{done.images:,} images have a vector of {done.dim:,} numbers in {done.name}.")
        if done.without:
            print(f"{done.without:,} images have none.")
        if done.unknown:
            print(
                f"{done.unknown:,} paths are of no indexed image, such as "
                f"{', '.join(done.examples)}."
            )
        print(f"Search with it: image-search search --like ID --weights {done.name}=1")
    return 130 if done.cancelled else 0
