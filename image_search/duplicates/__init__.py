"""The duplicates that a collection holds already: groups of images that show the same picture."""

from image_search.duplicates.duplicates import Duplicates
from image_search.duplicates.groups import ALL, DECIDED, OPEN, Group, Link, Page, to_plain

__all__ = ["ALL", "DECIDED", "OPEN", "Duplicates", "Group", "Link", "Page", "to_plain"]
