"""Options that commands share: the command-line twins of the settings, and ``--json``."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from image_search.cli.terminal import print_line as print
from image_search.errors import SettingsError
from image_search.settings import TABLE, Setting, Settings, load_settings

if TYPE_CHECKING:
    from PIL import Image

    from image_search.search.queries import Filter

Commands: TypeAlias = "argparse._SubParsersAction[CommandParser]"

ROWS = {row.name: row for row in TABLE}


class CommandParser(argparse.ArgumentParser):
    """A parser that takes options before, after and between the names of files."""

    _mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse ``args`` as ``parse_known_intermixed_args`` does, which calls this method again."""
        if self._mixing:
            return super().parse_known_args(args, namespace)
        self._mixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False


def add_command(
    commands: Commands,
    name: str,
    summary: str,
    example: str,
    settings: Sequence[str],
    *,
    writes_part: bool = False,
) -> CommandParser:
    """A command with ``--json``, ``--images``, ``--cache`` and the twins of more ``settings``; in
    one that ``writes_part``, ``--cache`` is the folder of the part and must be given."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        # Otherwise --image would be read as --images, and a picture as the folder.
        allow_abbrev=False,
    )
    parser.add_argument("--json", action="store_true", help="print one JSON value, for programs")
    if writes_part:
        parser.add_argument(
            "-o", "--cache", dest="setting_cache", metavar="PART", type=Path, required=True,
            help="folder to write the part to (IMAGE_SEARCH_CACHE is left alone); a part that is "
            "there is brought up to date",
        )  # fmt: skip
    for setting in ("images", *([] if writes_part else ["cache"]), *settings):
        row = ROWS[setting]
        default = "" if row.default is None else f"; default {row.default}"
        parser.add_argument(
            row.option,
            dest="setting_" + row.name,
            type=_parser_of(row),
            metavar=row.name.split("_")[-1].upper(),
            help=f"{row.unit}{default} ({row.variable})",
        )
    return parser


NEEDED, MADE = "needed", "made"


def settings_from(options: argparse.Namespace, index: str = "") -> Settings:
    """The settings in force for a command: its options over the environment.

    Where an ``index`` is ``NEEDED``, or ``MADE`` where there is none, and neither it nor the images
    are named, standard error shows which ones are meant: the defaults follow the current
    folder.

    Raises:
        SettingsError: a setting cannot be used.
    """
    chosen: dict[str, Any] = {
        name.removeprefix("setting_"): value
        for name, value in vars(options).items()
        if name.startswith("setting_")
    }
    settings = load_settings(os.environ, chosen)
    for line in _missing_defaults(settings, chosen, index):
        print(f"Note: {line}", file=sys.stderr)
    return settings


def _missing_defaults(settings: Settings, chosen: dict[str, Any], index: str) -> list[str]:
    """Messages about defaults that are not found in the current folder."""

    def is_default(name: str) -> bool:
        return chosen.get(name) is None and ROWS[name].variable not in os.environ

    lines = []
    if index and is_default("cache") and not settings.cache.exists():
        place = settings.cache.absolute()
        named = "name another one with --cache or IMAGE_SEARCH_CACHE"
        if index == MADE:
            lines.append(f"There is no index in the current folder yet; it is made as {place}.")
        else:
            lines.append(f"There is no index in the current folder ({place}); {named}.")
    if index == MADE and is_default("images") and not settings.images.exists():
        lines.append(
            f"There is no image folder {settings.images.absolute()} (the default, in the "
            "current folder); name yours with --images or IMAGE_SEARCH_IMAGES."
        )
    return lines


def write_file(path: Path, text: str) -> None:
    """Write an output file of a command.

    Raises:
        SettingsError: the file cannot be written.
    """
    try:
        # Names of files on disk need not be valid text.
        path.write_bytes(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}).") from error


def check_picture(path: Path) -> None:
    """Check that a picture can be written under this name, before work is done for it.

    Raises:
        SettingsError: it is not that of a PNG.
    """
    if path.suffix.lower() != ".png":
        raise SettingsError(f"The picture is a PNG; name it {path.stem}.png, for example.")


def write_picture(path: Path, picture: Image.Image) -> None:
    """Write an output picture of a command, as a PNG.

    Raises:
        SettingsError: the file cannot be written.
    """
    content = io.BytesIO()
    picture.save(content, "png")
    try:
        path.write_bytes(content.getvalue())
    except OSError as error:
        raise SettingsError(f"{path} cannot be written ({error.strerror}).") from error


def _parser_of(row: Setting) -> Any:
    def parse(text: str) -> Any:
        try:
            return row.parse(text)
        except SettingsError as error:
            message = str(error).replace(row.variable, row.option)
            raise argparse.ArgumentTypeError(message) from None

    return parse


def add_filters(parser: argparse.ArgumentParser, title: str) -> None:
    """Give a command the options that choose images of the collection."""
    only = parser.add_argument_group(title)
    only.add_argument("--folder", help="images in this folder or below")
    only.add_argument("--name", help="file names with this text, or matching * and ?")
    only.add_argument("--after", metavar="DATE", help="altered since")
    only.add_argument("--before", metavar="DATE", help="and before")
    only.add_argument("--min-side", metavar="PIXELS", type=int, help="shorter side at least")
    only.add_argument("--orientation", help="portrait, landscape or square")
    only.add_argument(
        "--label", action="append", default=[], help="images with this label; may be repeated"
    )


def filter_from(options: argparse.Namespace) -> Filter:
    """The filter that the options of ``add_filters`` make up.

    Raises:
        InvalidQuery: an option has no sense.
    """
    # Imported here, so that --help answers at once.
    from image_search.search.parsing import parse_time
    from image_search.search.queries import Filter

    after, before = (parse_time(day) if day else None for day in (options.after, options.before))
    return Filter(
        folder=options.folder,
        name=options.name,
        after=after,
        before=before,
        min_side=options.min_side,
        orientation=options.orientation,
        label=tuple(options.label),
    )
