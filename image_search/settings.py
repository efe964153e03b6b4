"""Every setting in one table: name, default, unit and the reason for the default.

A setting is an environment variable ``IMAGE_SEARCH_<NAME>``; most have a command-line twin
``--<name>`` that wins over it. The documentation is tested against this table.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from image_search.errors import SettingsError

PREFIX = "IMAGE_SEARCH_"
AUTO = "auto"
PROPOSALS = "proposals"
OFF, JSON_LINES = "off", "json"
DETECTORS = (PROPOSALS, "ssdlite320_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_fpn")
"""What ``detector`` may be; ``image_search.extractors.detectors`` has a row for each network."""
MODEL_SETS = ("classic", "sharp", "best", "light")
"""What ``models`` may be; ``image_search.extractors.model_sets`` says what is in each."""


@dataclass(frozen=True)
class Setting:
    """One row of the table. ``kind`` parses the text; ``low`` and ``high`` bound numbers, and
    ``choices`` are the only texts, where there are any."""

    name: str
    kind: type
    default: str | None
    unit: str
    reason: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def variable(self) -> str:
        """The environment variable's name."""
        return PREFIX + self.name.upper()

    @property
    def option(self) -> str:
        """The command-line twin."""
        return "--" + self.name.replace("_", "-")

    def parse(self, text: str) -> Any:
        """The value that ``text`` stands for.

        Raises:
            SettingsError: the text is not a value of this kind, or out of bounds.
        """
        try:
            value = self.kind(text)
        except ValueError:
            noun = {int: "a whole number", float: "a number"}.get(self.kind, "a value")
            raise SettingsError(f"{self.variable} must be {noun}, not {text!r}.") from None
        if isinstance(value, (int, float)):
            low, high = self.low, self.high
            if not ((low is None or value >= low) and (high is None or value <= high)):
                raise SettingsError(
                    f"{self.variable} must be between {low:g} and {high:g}, not {text}."
                )
        elif not text.strip():
            raise SettingsError(f"{self.variable} is empty; give it a value or unset it.")
        elif self.choices:
            value = text.strip().lower()
            if value not in self.choices:
                known = f"{', '.join(self.choices[:-1])} or {self.choices[-1]}"
                raise SettingsError(f"{self.variable} must be {known}, not {text!r}.")
        return value


# fmt: off
TABLE: tuple[Setting, ...] = (
    Setting("images", Path, "static/images", "folder",
            "the habit of the studios this was built for"),
    Setting("cache", Path, "image_features.pkl", "file",
            "the index; a folder of the same name ending in .files lies beside it"),
    Setting("password", str, None, "text",
            "where none is set, one is made, printed once and kept beside the cache"),
    Setting("host", str, "127.0.0.1", "address",
            "only this machine by default; the container sets 0.0.0.0"),
    Setting("port", int, "5050", "TCP port",
            "the habit of the studios this was built for", 1, 65535),
    Setting("models", str, "classic", "classic, sharp, best or light",
            "CLIP ViT-B/32 and ResNet50 are what the studios this was built for have used",
            choices=MODEL_SETS),
    Setting("extractors", str, "auto", "auto, or names joined by commas",
            "those of the set that models names, as far as their weights can be found"),
    Setting("threads", int, "0", "threads, 0 for one per core",
            "decoding and computing share the cores of the machine", 0, 1024),
    Setting("upload_megabytes", float, "64", "MB (10^6 bytes) per request",
            "a 16-bit A4 scan at 600 dpi fits; a runaway upload does not", 0.001, 100_000),
    Setting("upload_megapixels", float, "128", "megapixels per query picture",
            "an A3 scan at 600 dpi has 70; a decompression bomb has thousands", 0.001, 1000),
    Setting("image_megapixels", float, "128", "megapixels per indexed picture",
            "decoding takes 4 to 8 bytes a pixel, so this bounds memory", 0.001, 1000),
    Setting("hub_timeout", float, "5", "seconds",
            "without internet the answer must come soon; a slow line still connects in this time",
            0.05, 3600),
    Setting("trusted_proxy", str, None, "address",
            "only a reverse proxy named here may say from where a request came"),
    Setting("uploads", int, "0", "1 for yes, 0 for no",
            "whether images can be added from the page; else the collection is only ever read",
            0, 1),
    Setting("detector", str, PROPOSALS, f"{', '.join(DETECTORS[:-1])} or {DETECTORS[-1]}",
            "what finds the objects in a picture; proposals need nothing that is downloaded",
            choices=DETECTORS),
    Setting("parts", int, "1", "1 for yes, 0 for no",
            "whether parts of images can be found inside others; a search for parts needs imagenet "
            "among the extractors, and 7 kB of the index for each image", 0, 1),
    Setting("ignore", str, None, "patterns joined by commas",
            "what of the image folder is never indexed, such as *_old.*,archive/2019/*"),
    Setting("watch", int, "0", "seconds, 0 for never",
            "how often the image folder is looked through for changes; by default only when asked",
            0, 86_400),
    Setting("metrics", int, "0", "1 for yes, 0 for no",
            "whether GET /metrics answers; a studio without a monitor has no use for it", 0, 1),
    Setting("access_log", str, OFF, f"{OFF}, text or {JSON_LINES}",
            "a line for each request on standard error; most studios never look at it",
            choices=(OFF, "text", JSON_LINES)),
    Setting("views", str, None, "folder, or a pattern such as {design}_{view}",
            "files that are views of one design are one result; by default each file is one"),
    Setting("share", str, None, "address or path of the image folder on the studio's network",
            "how the studio opens the image folder, as in smb://studio/designs; paths copied on "
            "the page begin with it, and folders can be opened"),
)
# fmt: on


@dataclass(frozen=True)
class Settings:
    """The settings in force. Field by field, ``TABLE`` says what each one means."""

    images: Path = Path("static/images")
    cache: Path = Path("image_features.pkl")
    password: str | None = None
    host: str = "127.0.0.1"
    port: int = 5050
    models: str = "classic"
    extractors: str = "auto"
    threads: int = 0
    upload_megabytes: float = 64.0
    upload_megapixels: float = 128.0
    image_megapixels: float = 128.0
    hub_timeout: float = 5.0
    trusted_proxy: str | None = None
    uploads: int = 0
    detector: str = PROPOSALS
    parts: int = 1
    ignore: str | None = None
    watch: int = 0
    metrics: int = 0
    access_log: str = OFF
    views: str | None = None
    share: str | None = None

    @property
    def ignored(self) -> tuple[str, ...]:
        """The patterns of names and paths that are left out."""
        return tuple(filter(None, (part.strip() for part in (self.ignore or "").split(","))))

    @property
    def automatic(self) -> bool:
        """Whether the extractors are those of a set of models that this machine has."""
        return self.extractors.strip().lower() == AUTO

    @property
    def chosen_models(self) -> str:
        """What decides about the extractors: a set's name, or their own joined by commas."""
        return self.models if self.automatic else self.extractors

    @property
    def state_dir(self) -> Path:
        """The cache's companion folder: segments, thumbnails, secrets and the writer's lock."""
        return self.cache.with_suffix(".files")

    @property
    def workers(self) -> int:
        """How many threads decode and compute."""
        return self.threads or os.cpu_count() or 1

    @property
    def spare_workers(self) -> int:
        """How many of them do what nobody waits for, while there are requests to answer."""
        return max(1, self.workers // 2)

    @property
    def most_megapixels(self) -> float:
        """For a picture of either side: one that is sent, or one of the collection."""
        return max(self.upload_megapixels, self.image_megapixels)


def load_settings(
    environment: Mapping[str, str], overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The settings from the environment, with command-line values (already parsed) on top.

    Raises:
        SettingsError: a value is malformed, a variable of ours is unknown, or two contradict.
    """
    known = {row.variable: row for row in TABLE}
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known:
            raise SettingsError(
                f"{variable} is not a setting; the settings are: {', '.join(sorted(known))}."
            )
    values: dict[str, Any] = {
        row.name: row.parse(environment[row.variable])
        for row in TABLE
        if row.variable in environment
    }
    chosen = {name: value for name, value in (overrides or {}).items() if value is not None}
    # Of two settings for one thing, that of the command line wins whichever of them it is.
    if "models" in chosen and "extractors" not in chosen:
        values.pop("extractors", None)
    if chosen.get("extractors", AUTO).strip().lower() != AUTO and "models" not in chosen:
        values.pop("models", None)
    values.update(chosen)
    settings = dataclasses.replace(Settings(), **values)
    if settings.cache.is_dir():
        raise SettingsError(f"The cache must be a file, but {settings.cache} is a folder.")
    if settings.cache.suffix == ".files":
        raise SettingsError(
            "The name of the cache cannot end in .files, like the folder beside it."
        )
    return settings
