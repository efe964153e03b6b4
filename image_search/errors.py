"""Every error that image_search raises on purpose, as one small tree.

The core raises these and nothing else on purpose; it never prints, exits or knows HTTP. The web and
the command line turn ``code`` and the message into a status or an exit code. A message says what is
wrong and what to do about it, in words meant for the person at the screen.
"""


class ImageSearchError(Exception):
    """Base of the tree. ``code`` is the stable word that clients may rely on."""

    code = "error"


class SettingsError(ImageSearchError):
    """A setting has a value that cannot be used, or two settings contradict each other."""

    code = "bad_setting"


class InvalidQuery(ImageSearchError):
    """The query is empty, contradictory or out of range."""

    code = "invalid_query"


class UnreadableImage(ImageSearchError):
    """The bytes are not an image that can be decoded."""

    code = "unreadable_image"


class ImageTooLarge(UnreadableImage):
    """The image has more pixels or bytes than the limit in force."""

    code = "image_too_large"


class NotAnImage(UnreadableImage):
    """The bytes are of something that is no image, such as a text."""


class FormatNotRead(UnreadableImage):
    """The bytes hold a picture in a format that is not read (yet)."""


class UnknownImage(ImageSearchError):
    """No indexed image has this id."""

    code = "unknown_image"


class ModelUnavailable(ImageSearchError):
    """A model's weights are neither on disk nor to be had, or cannot be loaded."""

    code = "model_unavailable"


class CacheError(ImageSearchError):
    """The cache cannot be read or written."""

    code = "cache_error"


class CacheDamaged(CacheError):
    """The cache is truncated, altered, hostile or of an unknown schema."""

    code = "cache_damaged"


class NotACache(CacheDamaged):
    """The file named as the cache is something else, which is left as it is."""

    code = "not_a_cache"


class NewerCache(CacheError):
    """The cache was made by a newer version, and is left as it is."""

    code = "newer_cache"


class CacheLocked(CacheError):
    """Another process is writing this cache."""

    code = "cache_locked"


class IndexEmpty(ImageSearchError):
    """There is nothing to search yet."""

    code = "index_empty"


class NotReady(ImageSearchError):
    """It cannot be judged yet, because what a verdict rests on is still being measured."""

    code = "not_ready"


class MissingPackage(ImageSearchError):
    """A Python package that this needs, and that is not installed by default, is not there."""

    code = "missing_package"
