"""Which version of the readers made out a picture; it grows whenever some files are shown in
another way than before."""

from __future__ import annotations

from typing import Final

# 1: before colour profiles. 2: profiles, grounds for light artwork, pages, raw previews.
DECODING: Final = 2
