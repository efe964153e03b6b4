"""``image-search verify``: whether the files of the index are as they were written."""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from image_search.cli.index import ProgressBar, stopping
from image_search.cli.options import NEEDED, Commands, add_command, settings_from
from image_search.cli.terminal import print_line as print

if TYPE_CHECKING:
    from image_search.maintenance.damage import Damage, Depth, Verified
    from image_search.maintenance.repairing import Repaired
    from image_search.settings import Settings

# Exit code where damage was found and is not repaired.
DAMAGED = 1


def add_to(commands: Commands) -> None:
    """Register the command."""
    parser = add_command(
        commands,
        "verify",
        "check that the files of the index are as they were written, and repair them",
        "image-search verify --read-data --repair",
        ["models", "extractors", "threads", "image_megapixels", "hub_timeout", "ignore"],
    )
    parser.add_argument(
        "--read-data", action="store_true", help="read everything and compare it with its checksums"
    )
    parser.add_argument(
        "--sample", type=_sample, metavar="N/T",
        help="read the Nth of T parts of the data: with another N each day, all in T days",
    )  # fmt: skip
    parser.add_argument(
        "--repair", action="store_true",
        help="rebuild what is damaged, and only that; with the settings of the service",
    )  # fmt: skip
    parser.set_defaults(run=run)


def _sample(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text, re.ASCII)
    part, parts = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= part <= parts:
        raise argparse.ArgumentTypeError(f"{text!r} is not like 3/7: the third of seven parts")
    return part, parts


def run(options: argparse.Namespace) -> int:
    """Verify, and repair if asked to; 0 if all is sound then, else 1."""
    from image_search.maintenance.damage import Depth
    from image_search.maintenance.repairing import repair

    settings = settings_from(options, NEEDED)
    part, parts = options.sample or (1, 1)
    depth = Depth(options.read_data or options.sample is not None, part, parts)
    found = _verified(settings, depth, quiet=options.json)
    if not options.json:
        _print_damage(settings, found)
    damage, repaired = found.damage, None
    if damage and options.repair:
        bar = ProgressBar(quiet=options.json)
        with stopping() as stop:
            try:
                repaired = repair(settings, damage, bar.show, stop.is_set)
            finally:
                bar.close()
        damage = _verified(settings, depth, quiet=options.json).damage
    if options.json:
        print(json.dumps(_plain(settings, found, repaired, damage)))
    else:
        _print_result(settings, found, repaired, damage)
    if repaired is not None and repaired.cancelled:
        return 130
    return DAMAGED if damage else 0


def _verified(settings: Settings, depth: Depth, *, quiet: bool) -> Verified:
    from image_search.maintenance.verifying import verify

    bar = BytesBar(quiet)
    try:
        return verify(settings, depth, bar.show)
    finally:
        bar.close()


class BytesBar:
    """A progress bar on standard error for what takes as long as reading or copying bytes."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._began = time.monotonic()

    def show(self, done: int, total: int) -> None:
        """Draw the bar as far as it is; nothing in the first second."""
        if self._quiet or (self._bar is None and time.monotonic() - self._began < 1):
            return
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(total=total, unit="B", unit_scale=True, dynamic_ncols=True)
        self._bar.update(done - self._bar.n)

    def close(self) -> None:
        """Leave the bar as it stands."""
        if self._bar is not None:
            self._bar.close()


def _name(settings: Settings, path: Path) -> str:
    """``path`` as seen from the folder of the index."""
    return path.relative_to(settings.cache.parent).as_posix()


def _print_damage(settings: Settings, found: Verified) -> None:
    for note in found.notes:
        print(f"Note: {note}", file=sys.stderr)
    for one in found.damage:
        print(f"Damaged: {_name(settings, one.path)}: {one.problem}")
        print(f"  To repair it: {one.cost}.")


def _print_result(
    settings: Settings, found: Verified, repaired: Repaired | None, left: list[Damage]
) -> None:
    looked = f"{found.images:,} images, {found.files:,} files looked at"
    depth, read = found.depth, f"{found.bytes_read / 1e6:,.1f} MB"
    if not depth.read:
        looked += "; --read-data compares vectors and fingerprints with their checksums too"
    elif depth.parts > 1:
        looked += f", part {depth.part} of {depth.parts} of the data read ({read})"
    else:
        looked += f", all data read ({read})"
    if not found.damage:
        print(f"Sound: {looked}.")
        return
    if repaired is None:
        print(f"{looked}.")
        print("Run the same command with --repair to rebuild what is damaged, and only that.")
        return
    for warning in repaired.warnings:
        print(f"Note: {warning}", file=sys.stderr)
    if repaired.cancelled:
        print("Interrupted; what was done is saved, and the next update goes on from there.")
    elif left:
        for one in left:
            print(f"Still damaged: {_name(settings, one.path)}: {one.problem}")
    else:
        print("Repaired: the index is sound.")


def _plain(
    settings: Settings, found: Verified, repaired: Repaired | None, left: list[Damage]
) -> dict[str, Any]:
    def listed(damage: list[Damage]) -> list[dict[str, str]]:
        return [
            {"file": _name(settings, d.path), "kind": d.kind, "problem": d.problem, "cost": d.cost}
            for d in damage
        ]

    return {
        "sound": not left,
        "damage": listed(found.damage),
        "left": listed(left),
        "images": found.images,
        "files": found.files,
        "bytes_read": found.bytes_read,
        "notes": found.notes,
        "repaired": None if repaired is None else dataclasses.asdict(repaired),
    }
