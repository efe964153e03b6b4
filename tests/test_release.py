"""The changelog, the pinned dependencies, their licences and the bill of materials agree."""

from __future__ import annotations

import json
import platform
import re
import sys
from datetime import date
from email.message import Message
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from image_search import __version__
from releasing.licences import UNKNOWN, dependencies, libraries_in, name_of, not_accepted, row_of
from releasing.lock import DIRECT, LOCK, names, pins

ROOT = Path(__file__).resolve().parent.parent
CHANGELOG = (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_the_changelog_lists_releases_newest_first_under_dates() -> None:
    headings = re.findall(r"^## (.+)$", CHANGELOG, re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    releases = [re.fullmatch(r"\[(\d+)\.(\d+)\.(\d+)\] - (\S+)", name) for name in headings[1:]]
    assert all(releases), headings
    versions = [tuple(map(int, match.groups()[:3])) for match in releases if match]
    dates = [date.fromisoformat(match[4]) for match in releases if match]
    assert versions == sorted(set(versions), reverse=True)
    assert dates == sorted(dates, reverse=True)
    assert ".".join(map(str, versions[0])) == __version__


def test_the_changelog_groups_changes_by_kind() -> None:
    order = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    for section in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        groups = re.findall(r"^### (.+)$", section, re.MULTILINE)
        assert groups == [name for name in order if name in groups], section.splitlines()[0]
        # Every change stands under a group.
        assert "\n- " not in section.partition("\n### ")[0], section.splitlines()[0]


def exact(pin: Requirement) -> str:
    """The one version that ``pin`` allows."""
    (specifier,) = pin.specifier
    assert specifier.operator == "=="
    return specifier.version


#: The lock file of the package, and that of the tools that make a release.
LOCKS = [(DIRECT, LOCK), (ROOT / "releasing" / "tools.txt", ROOT / "releasing" / "tools.lock")]


@pytest.mark.parametrize(("direct", "lock"), LOCKS, ids=["package", "tools"])
def test_every_pin_has_its_version_and_hashes_in_the_lock_file(direct: Path, lock: Path) -> None:
    locked = {(canonicalize_name(pin.name), exact(pin)) for pin in pins(lock)}
    asked = {(canonicalize_name(pin.name), exact(pin)) for pin in pins(direct)}
    assert asked <= locked
    versions = {name: {v for n, v in locked if n == name} for name, _ in asked}
    assert versions == {name: {v for n, v in asked if n == name} for name, _ in asked}
    text = lock.read_text("utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        assert line.startswith("#") or re.search(r" --hash=sha256:[0-9a-f]{64}$", line), line
    # Each user's own configuration says where packages come from.
    assert "//" not in text


def test_the_lock_file_pins_what_dependencies_need() -> None:
    locked = {canonicalize_name(pin.name): pin for pin in pins(LOCK) if applies(pin)}
    for dependency in dependencies():
        for text in dependency.requires or []:
            need = Requirement(text)
            if not applies(need):
                continue
            pin = locked.get(canonicalize_name(need.name))
            assert pin is not None, f"{dependency.metadata['Name']} needs {need}"
            if exact(locked[name_of(dependency)]) == dependency.version:
                assert need.specifier.contains(exact(pin), prereleases=True), need


def applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def test_the_container_starts_from_a_digest_and_installs_by_hashes() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
    (image,) = re.findall(r"^ARG PYTHON_IMAGE=(.+)$", lines, re.MULTILINE)
    version = r"3\.(\d+)\.\d+"
    assert re.fullmatch(rf"python:{version}-slim-\w+@sha256:[0-9a-f]{{64}}", image)
    assert set(re.findall(r"^FROM (\S+)", lines, re.MULTILINE)) == {"${PYTHON_IMAGE}"}
    installs = re.findall(r"pip install [^&;]+", lines.replace("\\\n", " "))
    # What is left is torch, by version, and the package itself.
    unhashed = [line for line in installs if "--require-hashes" not in line]
    assert ["--torch-backend" in line for line in unhashed] == [True, False]
    assert "--no-deps --no-build-isolation ." in unhashed[1]


def test_every_licence_is_accepted() -> None:
    assert [problem for each in dependencies() for problem in not_accepted(each)] == []


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64") or sys.version_info < (3, 11),
    reason="the table is that of Linux on x86-64, with the versions for Python 3.11 and newer",
)
def test_every_licence_is_documented() -> None:
    documented = (ROOT / "docs" / "licences.md").read_text("utf-8").splitlines()
    for dependency in dependencies():
        assert row_of(dependency) in documented, "make licences prints the table"


class Invented(Distribution):
    """A dependency of which only the metadata and the names of files are known."""

    def __init__(self, *files: str, **stated: str) -> None:
        self._files, self._stated = files, {"Name": "invented", "Version": "1", **stated}

    def read_text(self, filename: str) -> str | None:
        if filename == "METADATA":
            message = Message()
            for name, value in self._stated.items():
                message[name.replace("_", "-")] = value
            return message.as_string()
        return "".join(f"{file},,\n" for file in self._files) if filename == "RECORD" else None

    def locate_file(self, path: object) -> Path:
        return ROOT / str(path)


@pytest.mark.parametrize(
    ("stated", "problems"),
    [
        ({"License_Expression": "MIT OR Apache-2.0"}, []),
        ({"Classifier": "License :: OSI Approved :: BSD License"}, []),
        ({"License_Expression": "MIT AND AGPL-3.0-only"}, ["invented: AGPL-3.0-only"]),
        ({"License": "Whatever you like"}, [f"invented: {UNKNOWN}"]),
        ({}, [f"invented: {UNKNOWN}"]),
    ],
)
def test_other_licences_are_refused(stated: dict[str, str], problems: list[str]) -> None:
    assert not_accepted(Invented(**stated)) == problems


def test_native_libraries_in_a_wheel_are_found() -> None:
    known = ["invented.libs/libx265-4883ecb5.so.217", "invented.libs/libpng16.86585de4.so.16"]
    wheel = Invented(*known, "invented/_core.so", License_Expression="MIT")
    assert {library.name for library in libraries_in(wheel)} == {"x265", "libpng"}
    assert not not_accepted(wheel)
    wheel = Invented("invented.libs/libsecret-0a1b2c3d.so.2", License_Expression="MIT")
    assert not_accepted(wheel) == [f"libsecret inside invented: {UNKNOWN}"]


@pytest.mark.slow
def test_the_bill_of_materials_lists_every_pinned_dependency(tmp_path: Path) -> None:
    from releasing import sbom  # needs cyclonedx-bom, a tool that only releases need

    assert sbom.main([str(tmp_path / "bill.json")]) == 0  # which also validates it
    bill = json.loads((tmp_path / "bill.json").read_text("utf-8"))
    components: dict[str, Any] = {
        canonicalize_name(each["name"]): each for each in bill["components"]
    }
    assert set(components) == names(LOCK, here=True)
    for dependency in dependencies():
        component = components[name_of(dependency)]
        assert component["version"] == dependency.version
        assert component["licenses"]
    inside = {each["name"] for each in components["pillow-heif"]["components"]}
    assert {"libheif", "x265"} <= inside
    root = bill["metadata"]["component"]
    assert (root["name"], root["version"]) == ("image-search", __version__)
    (needs,) = [each for each in bill["dependencies"] if each["ref"] == root["bom-ref"]]
    assert len(needs["dependsOn"]) == len(names(DIRECT))
