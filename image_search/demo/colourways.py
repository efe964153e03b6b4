"""The colourways of each kind of design."""

from __future__ import annotations

from collections.abc import Mapping

from image_search.demo.palettes import Colourway

#: Quiet grounds that flatter each metal: light, dark and green ones.
_GROUNDS: tuple[Mapping[str, str], ...] = (
    {
        "gold": "#ece4d6",
        "silver": "#dbe1e6",
        "rose-gold": "#eedcd5",
        "black-rhodium": "#d6d1ca",
        "bronze": "#e0dccb",
    },
    {
        "gold": "#21343e",
        "silver": "#3a4552",
        "rose-gold": "#4b2f39",
        "black-rhodium": "#dcd8d2",
        "copper": "#27423c",
    },
    {
        "gold": "#d5dccb",
        "silver": "#d3dde0",
        "rose-gold": "#e9d8d2",
        "black-rhodium": "#cdc9c2",
        "copper": "#e6e0d2",
    },
)
_GEMS = ("diamond", "sapphire", "emerald", "ruby", "aquamarine", "amethyst", "morganite", "citrine")
_PEARLS = ("pearl-white", "pearl-rose", "pearl-black")
_ENAMELS = ("onyx", "turquoise", "jade", "coral", "sapphire")


def jewels(index: int) -> tuple[Colourway, ...]:
    """Return five metals with stones; ``index`` chooses which stones and grounds."""
    return tuple(
        Colourway(
            metal,
            {
                "ground": ground,
                "metal": metal,
                "diamond": "diamond",
                "gem": _GEMS[(index * 3 + i * 2 + i // 4) % len(_GEMS)],
                "pearl": _PEARLS[(index + i) % len(_PEARLS)],
                "accent": _ENAMELS[(index + i) % len(_ENAMELS)],
            },
        )
        for i, (metal, ground) in enumerate(_GROUNDS[index % len(_GROUNDS)].items())
    )


def _rows(names: str, slots: str, *rows: str) -> tuple[Colourway, ...]:
    """Return colourways: a name a row, a column a slot, each "rrggbb" or the name of a ramp."""

    def material(word: str) -> str:
        hexadecimal = len(word) == 6 and all(c in "0123456789abcdef" for c in word)
        return f"#{word}" if hexadecimal else word

    return tuple(
        Colourway(name, dict(zip(slots.split(), map(material, row.split()), strict=True)))
        for name, row in zip(names.split(), rows, strict=True)
    )


FOILS = _rows(
    "gold-on-navy rose-on-ivory gold-on-forest silver-on-plum",
    "ground metal accent",
    "1d2f45 gold copper",
    "f0e7da rose-gold bronze",
    "23473f gold silver",
    "452a40 silver rose-gold",
)
GLAZES = _rows(
    "cobalt terracotta midnight sage",
    "ground base second accent metal",
    "d9d3c7 f3ece0 1f5f8b d89b3c gold",
    "cfc9be f0e9dd 2f6f62 c4623f gold",
    "e4ddd0 16324f 2a7f86 e9e1cf bronze",
    "d6d2c8 efe8da 7f9a83 b5525c silver",
)
CLOTHS = _rows(
    "apricot midnight sage plum",
    "ground leaf petal light accent",
    "f3e9da 4f7358 d9705f f7c9b6 e0a43a",
    "1c2b45 3f6f73 c9687a f2d9c6 e3b04b",
    "dfe6dc 2f5d50 e9b44c fffaf0 b84a39",
    "3d2440 7b6a8e d98aa0 f5e4dc e6b566",
)
SEATS = _rows(
    "walnut oak ebony ash teak",
    "ground frame seat accent metal",
    "e9e2d7 walnut 3f6b6a d8bd8a gold",
    "dbe0e3 oak b8563c e8dac0 silver",
    "e0dace ebony c7a33f ddd2bd gold",
    "e4e4dc ash 5d7391 cfc2a6 silver",
    "d9e0d8 teak 7a3f4d e6d8bf bronze",
)
MARKS = _rows(
    "ink night berry",
    "ground ink second accent",
    "f6f2ea 1f3a4d d98b4a 7fa69a",
    "16323a f3e9d8 e3a857 d9674f",
    "fbf6ef 4b2d52 d4577a f0b35a",
)
