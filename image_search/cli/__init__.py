"""The command line: parse, call the library, show. One module per command, no search logic."""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
from collections.abc import Sequence

from image_search import __version__
from image_search.cli import (
    backup,
    between,
    check,
    classify,
    duplicates,
    embed,
    evaluate,
    export,
    import_vectors,
    index,
    map,
    models,
    objects,
    restore,
    search,
    serve,
    status,
    stylize,
    train,
    verify,
)
from image_search.cli.options import CommandParser
from image_search.cli.terminal import print_line as print
from image_search.errors import ImageSearchError

COMMANDS = (
    serve, index, search, objects, check, duplicates, map, train, between, stylize, classify,
    evaluate, models, status, verify, backup, restore, embed, export, import_vectors,
)  # fmt: skip

# Exit codes. 1 is kept for "exists", the answer of a check, and for damage that was found.
OK, ERROR, INTERRUPTED = 0, 2, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may hold what the terminal cannot show; that is no reason to stop.
        sys.stdout.reconfigure(errors="backslashreplace")
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.run is not evaluate.run:
        # Pictures and queries share the cores already; the threads of the linear algebra beneath
        # would only wait for one another. It looks at this when it is first imported.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except ImageSearchError as error:
        if options.json:
            print(json.dumps({"error": {"code": error.code, "message": str(error)}}))
        else:
            print(f"image-search: {error}", file=sys.stderr)
        return ERROR
    except KeyboardInterrupt:
        print("image-search: interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe (head, less) has gone; that is no error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="image-search",
        description="Has this been drawn before? Finds designs by picture, sketch or words.",
        epilog="Settings are also read from the environment: IMAGE_SEARCH_IMAGES and so on.",
    )
    parser.add_argument("--version", action="version", version=f"image-search {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, parser_class=CommandParser
    )
    for module in COMMANDS:
        module.add_to(commands)
    return parser
