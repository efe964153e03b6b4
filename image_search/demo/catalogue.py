"""What is in the demo collection: one row a design."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from image_search.demo import (
    chairs,
    earrings,
    logos,
    motifs,
    patterns,
    pendants,
    prints,
    rings,
    tiles,
)
from image_search.demo.colourways import CLOTHS, FOILS, GLAZES, MARKS, SEATS, jewels
from image_search.demo.geometry import Part
from image_search.demo.palettes import Colourway
from image_search.demo.shading import Plate, View, render

#: How a near-copy differs from the picture it was made from.
NEAR_DUPLICATES = ("mirrored", "cropped", "small", "recompressed", "grey")
_SCALE = 2  # supersampling: enough for smooth edges, four times the pixels
_SIZES = (
    (640, 640),
    (720, 600),
    (600, 720),
    (800, 640),
    (560, 700),
    (680, 680),
    (640, 480),
    (600, 600),
    (540, 800),
    (768, 576),
)


@dataclass(frozen=True)
class Stage:
    """How designs of a kind are shown: the ground, the shadow, the share of the picture filled."""

    ground: str
    shadow: str
    fill: float


@dataclass(frozen=True)
class Design:
    """One design: its kind (the folder), its name, its picture's size and its colourways.

    ``near_duplicates`` names the edited copies (of NEAR_DUPLICATES) that exist of one of its
    pictures.
    """

    kind: str
    name: str
    size: tuple[int, int]
    parts: Callable[[], list[Part]]
    colourways: tuple[Colourway, ...]
    stage: Stage
    near_duplicates: tuple[str, ...]
    sketched: bool

    @property
    def seed(self) -> int:
        """The seed of everything random about this design."""
        return zlib.crc32(f"{self.kind}/{self.name}".encode())

    @property
    def studio(self) -> bool:
        """Whether the ground is a lit backdrop, not a coloured material."""
        return self.stage.ground in ("studio", "room")

    def plate(self) -> Plate:
        """Render the design, without colours."""
        view = View.of(self.size, _SCALE, self.stage.fill)
        stage = self.stage
        return render(self.parts(), view, _SCALE, stage.ground, stage.shadow, self.seed)

    def stem(self, index: int) -> str:
        """Return the file name, without its ending, of the picture in colourway ``index``."""
        return f"{self.name}-{self.colourways[index].name}-{index + 1:02d}"

    def ending(self, index: int) -> str:
        """Return the ending of the picture in colourway ``index``: mostly JPEG, as in a studio."""
        draw = (self.seed + index * 7) % 10
        return {0: ".png", 1: ".webp"}.get(draw, ".jpg")


_STAGES = {
    "rings": Stage("studio", "drop", 0.96),
    "pendants": Stage("studio", "drop", 0.86),
    "earrings": Stage("studio", "drop", 0.94),
    "motifs": Stage("card", "none", 0.88),
    "tiles": Stage("mortar", "none", 1.0),
    "prints": Stage("cloth", "none", 1.0),
    "chairs": Stage("room", "stand", 0.89),
    "logos": Stage("card", "none", 0.76),
}
_PARTS: dict[str, Sequence[Callable[[], list[Part]]]] = {
    "rings": (
        rings.solitaire,
        rings.solitaire_leaf,
        rings.trilogy,
        rings.halo,
        rings.eternity,
        rings.signet,
        rings.twist,
        rings.crossover,
        rings.bezel,
        rings.cluster,
        rings.bubbles,
    ),
    "pendants": (
        pendants.drop_stone,
        pendants.sunburst,
        pendants.crescent,
        pendants.locket,
        pendants.open_heart,
        pendants.feather,
        pendants.deco_fan,
        pendants.tree,
        pendants.winged_heart,
        pendants.tablet_bar,
    ),
    "earrings": (
        earrings.teardrop,
        earrings.hoops,
        earrings.chandelier,
        earrings.studs,
        earrings.ginkgo,
        earrings.deco_step,
        earrings.swirl,
    ),
    "motifs": (
        motifs.mandala,
        motifs.damask,
        motifs.paisley,
        motifs.laurel,
        motifs.girih,
        motifs.peacock,
    ),
    "tiles": (
        tiles.alhambra,
        tiles.encaustic,
        tiles.azulejo,
        tiles.scallop,
        tiles.hexagon,
        tiles.ogee,
        tiles.chevron_fan,
    ),
    "prints": (
        prints.willow,
        prints.peony,
        prints.meadow,
        patterns.deco_shell,
        prints.citrus,
        patterns.cranes,
        patterns.kilim,
        patterns.stars,
        prints.ogee_tulip,
    ),
    "chairs": (
        chairs.spindle,
        chairs.lounge,
        chairs.wishbone,
        chairs.shell,
        chairs.stool,
        chairs.ladder,
    ),
    "logos": (
        logos.lotus,
        logos.sun_wave,
        logos.compass,
        logos.leaf_drop,
        logos.knot,
        logos.crane,
        logos.moon_garden,
        logos.hive,
    ),
}
_COLOURS = {"motifs": FOILS, "tiles": GLAZES, "prints": CLOTHS, "chairs": SEATS, "logos": MARKS}
#: Names that would repeat across kinds, or be too short, are spelled out.
_NAMES = {
    "bezel": "bezel-emerald-cut",
    "cluster": "pearl-cluster",
    "bubbles": "pearl-bubbles",
    "halo": "oval-halo",
    "eternity": "eternity-band",
    "signet": "signet-star",
    "twist": "twist-solitaire",
    "crossover": "crossover-pave",
    "tree": "tree-of-life",
    "crescent": "crescent-moon",
    "ogee": "ogee-lantern",
    "ogee_tulip": "tulip-trellis",
    "stars": "moon-and-stars",
    "crane": "paper-crane",
    "hive": "honey-bee",
    "stool": "bar-stool",
    "spindle": "spindle-back",
    "ladder": "ladder-back",
    "lounge": "lounge-chair",
    "shell": "shell-chair",
    "wishbone": "wishbone-chair",
    "knot": "trefoil-knot",
}
_SKETCHED = {
    "solitaire",
    "solitaire-leaf",
    "trilogy",
    "oval-halo",
    "signet-star",
    "crescent-moon",
    "deco-fan",
    "tree-of-life",
    "winged-heart",
    "sunburst",
    "teardrop",
    "ginkgo",
    "swirl",
    "mandala",
    "damask",
    "alhambra",
    "peony",
    "tulip-trellis",
    "spindle-back",
    "wishbone-chair",
    "lotus",
    "moon-garden",
}


@lru_cache(maxsize=1)
def catalogue() -> tuple[Design, ...]:
    """Return every design of the collection, always in the same order."""
    out: list[Design] = []
    for kind, drawings in _PARTS.items():
        for i, parts in enumerate(drawings):
            word = parts.__name__
            number = len(out)
            copies = (
                tuple(NEAR_DUPLICATES[(number + k * 2) % len(NEAR_DUPLICATES)] for k in range(2))
                if number % 3 == 0
                else ()
            )
            name = _NAMES.get(word, word.replace("_", "-"))
            out.append(
                Design(
                    kind,
                    name,
                    _SIZES[(number * 3 + i) % len(_SIZES)],
                    parts,
                    _COLOURS.get(kind) or jewels(i + len(kind)),
                    _STAGES[kind],
                    copies,
                    name in _SKETCHED,
                )
            )
    return tuple(out)
