"""The verdicts of a check on drawings: of the demo's example sketches, and of people's sketches of
photos half of which are not there.

``--constants`` measures instead how much harder people's drawings are than rendered ones, for
``image_search.duplicates.checking.drawings``, and how far the stated chance is from the true one on
classes that were not looked at for that.
"""

from __future__ import annotations

import argparse
import hashlib
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.report import DATASETS, table, write_section
from image_search.duplicates.checking import NEW, POSSIBLE, CheckResult, drawings, drawn
from image_search.duplicates.checking.drawings import MeasuredDrawing
from image_search.library import Library
from image_search.search.queries import AUTO, Query
from image_search.search.ranking.fusion import (
    SKETCH,
)
from image_search.settings import Settings
from training.sources import held_out

PHOTOS, SKETCHES = DATASETS / "sketchy" / "photo", DATASETS / "sketchy" / "sketch"
PLACES = np.arange(0, 0.91, 0.06)
# Each half of the photos is a collection once, the other half is what is not there.
HALVES = (0, 1)


@dataclass(frozen=True)
class Drawing:
    """A sketch, the image that it was drawn from, and whether that is in the collection;
    ``unseen`` where ``design`` has learnt nothing of its class, ``of_all`` where it was chosen
    without regard to that."""

    file: Path
    own: str
    here: bool
    unseen: bool
    of_all: bool = False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--constants", action="store_true", help="measure HARDER and PLACE")
    parser.add_argument("--sketches", type=int, default=150, help="sketches of each kind")
    parser.add_argument("--kind", default=SKETCH, help="sketch, or auto to recognise drawings")
    parser.add_argument("--caches", type=Path, help="keep the collections here, for quick reruns")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        place = options.caches or Path(temporary)
        if options.constants:
            print(constants(place, options.sketches))
            return
        text = demo(place) + sketchy(place, options.sketches, options.kind)
    write_section("quality.md", "verdicts", text)


def indexed(images: Path, place: Path) -> tuple[Library, float]:
    """The library over a folder, and the seconds that fitting took."""
    library = Library.open(Settings(images=images, cache=place / "image_features.pkl"))
    library.update()
    started = time.perf_counter()
    library.prepare()
    return library, time.perf_counter() - started


def half(place: Path, which: int) -> Path:
    """A folder with every other photo of Sketchy."""
    images = place / f"half-{which}"
    for file in sorted(PHOTOS.rglob("*.jpg")):
        target = images / file.relative_to(PHOTOS)
        if half_of(file.stem) == which and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
    return images


def half_of(stem: str) -> int:
    return zlib.crc32(stem.encode()) % 2


def sketches(which: int) -> list[Drawing]:
    """Every sketch, in an order as good as random, for a collection of this half."""
    found = []
    for file in SKETCHES.rglob("*.png"):
        stem, label = file.stem.rsplit("-", 1)[0], file.parent.name
        found.append(Drawing(file, f"{label}/{stem}.jpg", half_of(stem) == which, held_out(label)))
    return sorted(found, key=lambda one: hashlib.sha256(one.file.name.encode()).digest())


@dataclass(frozen=True)
class ByHand:
    """How one ``half`` of the photos answers a sketch of this ``label``, whose photo is there."""

    half: int
    label: str
    asked: MeasuredDrawing


def constants(place: Path, most: int) -> str:
    """HARDER and PLACE by so many sketches of unseen classes for each half of the photos, and by
    either half of the classes, with what they state of the other."""
    by_hand: list[ByHand] = []
    rendered: list[list[MeasuredDrawing]] = []
    for which in HALVES:
        library = Library.open(
            Settings(half(place, which), place / f"half-{which}-state" / "f.pkl")
        )
        library.update(fingerprints=False)
        rendered.append(rendered_of(library))
        of_unseen = [one for one in sketches(which) if one.unseen and one.here]
        for one in of_unseen[:most]:
            by_hand.append(ByHand(which, one.file.parent.name, _measured(library, one)))
    labels = sorted({one.label for one in by_hand})
    parts = {"all": labels, "every other one": labels[::2], "the rest": labels[1::2]}
    lines = []
    for name, of in parts.items():
        some = [one for one in by_hand if one.label in of]
        others = [one for one in by_hand if one.label not in of]
        drawings.PLACE = fitted([one.asked for one in some])
        slopes = [drawings.fit(part).slope for part in rendered]
        harder = calibrated(some, slopes)
        stated, true = shares(some, slopes, harder)
        message = (
            f"PLACE = {drawings.PLACE:.2f}, HARDER = {harder:.2f} (slopes {slopes[0]:.2f}, "
            f"{slopes[1]:.2f}), {stated:.2f} stated, {true:.2f} true"
        )
        if others:
            stated, true = shares(others, slopes, harder)
            message += f"; of the other classes {stated:.2f} stated, {true:.2f} true"
        lines.append(f"{name}, {len(some)} sketches of {len(of)} classes: {message}")
    named = {
        label: shares([o for o in by_hand if o.label == label], slopes, 1)[1] for label in labels
    }
    least, most_named = min(named, key=named.__getitem__), max(named, key=named.__getitem__)
    lines.append(
        f"named among {drawings.MOST}: {named[least]:.2f} of {least} to {named[most_named]:.2f} of "
        f"{most_named}"
    )
    return "\n".join(lines)


def shares(asked: Sequence[ByHand], slopes: Sequence[float], harder: float) -> tuple[float, float]:
    """The mean chance that is stated of as many hits as can be named, and the share that are among
    them."""
    last = drawings.MOST - 1
    stated = [one.asked.answer.chances(harder * slopes[one.half])[last] for one in asked]
    true = [one.asked.place is not None and one.asked.place <= last for one in asked]
    return float(np.mean(stated)), float(np.mean(true))


def calibrated(asked: Sequence[ByHand], slopes: Sequence[float]) -> float:
    """The share of the slope under which as much is stated as is true."""
    tried = np.arange(0.1, 1.0, 0.01)
    apart = [abs(np.subtract(*shares(asked, slopes, harder))) for harder in tried]
    return float(tried[int(np.argmin(apart))])


def fitted(asked: Sequence[MeasuredDrawing]) -> float:
    """The power of the place under which, with the slope that suits it, what was found is
    likeliest."""
    best = (np.inf, 0.0)
    for power in PLACES:
        drawings.PLACE = float(power)
        slope = drawings.fit(asked).slope
        loss = sum(float(one.loss(np.array([slope]))[0]) for one in asked)
        best = min(best, (loss, float(power)))
    return best[1]


def rendered_of(library: Library) -> list[MeasuredDrawing]:
    """Drawings of images of the collection, rendered and asked as a fit does."""
    found = drawn.measure(library._checker.context(seconds=600))
    assert found is not None
    return found


def _measured(library: Library, drawing: Drawing) -> MeasuredDrawing:
    content = hashlib.sha256((PHOTOS / drawing.own).read_bytes()).digest()
    checker = library._checker
    return drawn.measured_drawing(
        content, drawing.file.read_bytes(), checker.sample(), checker.prepare_query
    )


def demo(place: Path) -> str:
    """The example sketches of the demo collection, declared as sketches and not."""
    from image_search.demo import draw_collection

    draw_collection(place / "demo", place / "examples")
    library, seconds = indexed(place / "demo", place / "demo-state")
    rows: list[list[object]] = []
    for kind in (AUTO, SKETCH):
        verdicts: Counter[str] = Counter()
        named, counts, chances, recognised = 0, [], [], 0
        for file in sorted((place / "examples").glob("*.png")):
            design = file.stem.removeprefix("sketch-of-")
            result = library.check(Query(images=(file.read_bytes(),), kind=kind))
            verdicts[result.verdict] += 1
            recognised += result.kind == SKETCH
            # Its colourways are named ``DESIGN`` or ``DESIGN-COLOUR``.
            named += any(Path(hit.hit.path).stem.startswith(design) for hit in result.hits)
            counts.append(len(result.hits))
            if result.certainty is not None and result.certainty.chance is not None:
                chances.append(result.certainty.chance)
        counted = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
        row = [f"kind={kind}", recognised, counted, named, np.median(counts), np.mean(chances)]
        rows.append([*row[:-1], f"{row[-1]:.2f}"])
    head = [
        "asked",
        "recognised as drawings",
        "verdicts",
        "design named",
        "hits (median)",
        "chance",
    ]
    return (
        "### Verdicts on drawings\n\n`python -m benchmarks.verdicts`: the 22 example sketches of "
        f"the demo collection (fitting took {seconds:.0f} s):\n\n" + table(head, rows) + "\n\n"
    )


@dataclass(frozen=True)
class Checked:
    drawing: Drawing
    result: CheckResult

    @property
    def named(self) -> bool:
        return any(hit.hit.path == self.drawing.own for hit in self.result.hits)

    @property
    def chance(self) -> float:
        certainty = self.result.certainty
        return 0.0 if certainty is None or certainty.chance is None else certainty.chance


def sketchy(place: Path, most: int, kind: str) -> str:
    """People's sketches of photos, of which one half is the collection, and then the other."""
    asked: list[Checked] = []
    fitting = []
    for which in HALVES:
        library, seconds = indexed(half(place, which), place / f"half-{which}-state")
        fitting.append(seconds)
        for one in sample(which, most):
            query = Query(images=(one.file.read_bytes(),), kind=kind)
            asked.append(Checked(one, library.check(query)))
    rows: list[list[object]] = []
    for here in (True, False):
        for unseen in (False, True):
            of = [one for one in asked if one.drawing.here is here]
            # Of all classes only those that were drawn without regard to the class.
            of = [one for one in of if (one.drawing.unseen if unseen else one.drawing.of_all)]
            name = "photo is there" if here else "photo is not there"
            rows.append([name + ", unseen" * unseen, *figures(of)])
    took = np.median([one.result.took_ms for one in asked])
    head = [
        *("sketches", "asked", "new", "exact or near", "photo named", "hits (median)"),
        *("stated chance", "stated minus true"),
    ]
    photos = len(list(PHOTOS.rglob("*.jpg")))
    return (
        f"Sketches of Sketchy (asked with kind={kind}): of its {photos:,} photos one half is the "
        f"collection, then the other (fitting took {np.mean(fitting):.0f} s, a check {took:.0f} ms "
        "after its embedding); unseen are those of classes that `design` was not trained "
        "on:\n\n" + table(head, rows) + "\n\n" + thirds(asked)
    )


def sample(which: int, most: int) -> list[Drawing]:
    """So many sketches of photos that are there and that are not, and so many of unseen classes."""
    chosen: list[Drawing] = []
    for here in (True, False):
        some = [one for one in sketches(which) if one.here is here]
        of_all = [replace(one, of_all=True) for one in some[:most]]
        unseen = [one for one in some if one.unseen][:most]
        chosen += of_all + [one for one in unseen if replace(one, of_all=True) not in of_all]
    return chosen


def figures(asked: Sequence[Checked]) -> list[object]:
    verdicts = Counter(one.result.verdict for one in asked)
    total = len(asked)
    known = total - verdicts[NEW] - verdicts[POSSIBLE]
    cells = [total, f"{verdicts[NEW] / total:.1%}", known]
    counts = [len(one.result.hits) for one in asked]
    if not asked[0].drawing.here:
        return [*cells, "-", np.median(counts), f"{np.mean([o.chance for o in asked]):.2f}", "-"]
    named = np.mean([one.named for one in asked])
    stated = np.mean([one.chance for one in asked])
    return [
        *cells, f"{named:.1%}", np.median(counts), f"{stated:.2f}", f"{stated - named:+.3f}",
    ]  # fmt: skip


def thirds(asked: Sequence[Checked]) -> str:
    """Whether a higher stated chance is a higher one."""
    of = sorted(
        (one for one in asked if one.drawing.here and one.drawing.unseen and one.chance),
        key=lambda one: one.chance,
    )
    cells = [
        f"{np.mean([one.chance for one in part]):.2f} stated, "
        f"{np.mean([one.named for one in part]):.2f} true"
        for part in (of[: len(of) // 3], of[len(of) // 3 : -len(of) // 3], of[-len(of) // 3 :])
    ]
    return f"By the stated chance, the unseen whose photo is there in thirds: {'; '.join(cells)}.\n"


if __name__ == "__main__":
    main()
