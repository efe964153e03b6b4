"""The collection as a map: every image at a place in the plane, near the images that it is like."""

from __future__ import annotations

from image_search.mapping.maps import Map, Maps, PlacedImages

__all__ = ["Map", "Maps", "PlacedImages"]
