"""Write the software bill of materials of an installation, as CycloneDX JSON.

``python -m releasing.sbom FILE [PYTHON]`` lists what is installed for the interpreter ``PYTHON``
(this one, unless named) and pinned in requirments.lock, with versions, licences and the native
libraries inside the wheels. Tools that are installed beside it are left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

import image_search
from releasing.licences import libraries_in, licence_of
from releasing.lock import DIRECT, LOCK, ROOT, names


def bill_of(python: str) -> dict[str, Any]:
    """Return the bill of materials of what is installed for the interpreter ``python``.

    Raises:
        ValueError: What was made is not valid CycloneDX.
    """
    bill = json.loads(
        _output(sys.executable, "-m", "cyclonedx_py", "environment", python,
                "--pyproject", str(ROOT / "pyproject.toml"), "--output-reproducible",
                "--no-validate")
    )  # fmt: skip
    installed = _installed(python)
    pinned = names(LOCK) & installed.keys()
    references: dict[str, str] = {}
    components: list[dict[str, Any]] = []
    for component in bill["components"]:
        name = canonicalize_name(component["name"])
        if name in pinned:
            references[name] = component["bom-ref"]
            components.append(_with_licences(component, installed[name]))
    kept = set(references.values())
    root = bill["metadata"]["component"]
    root["version"] = image_search.__version__
    direct = sorted(references[name] for name in names(DIRECT) & references.keys())
    bill["components"] = components
    bill["dependencies"] = [{"ref": root["bom-ref"], "dependsOn": direct}] + [
        {**entry, "dependsOn": [other for other in entry.get("dependsOn", []) if other in kept]}
        for entry in bill["dependencies"]
        if entry["ref"] in kept
    ]
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)):
        raise ValueError(f"This is not what CycloneDX 1.6 asks for: {error}")
    return dict(bill)


def _with_licences(component: dict[str, Any], dependency: Distribution) -> dict[str, Any]:
    """Return ``component`` with a licence, and with the libraries inside its wheel."""
    component = {"licenses": [{"expression": licence_of(dependency)}], **component}
    if libraries := sorted(libraries_in(dependency)):
        component["components"] = [
            {"type": "library", "name": name, "licenses": [{"expression": licence}]}
            for name, licence in libraries
        ]
    return component


def _installed(python: str) -> dict[str, Distribution]:
    """Return what is installed for ``python``, by canonical name."""
    path = json.loads(_output(python, "-c", "import json, sys; print(json.dumps(sys.path))"))
    # The first of two that have the same name is the one that is imported.
    found = reversed(list(distributions(path=[entry for entry in path if entry])))
    return {canonicalize_name(each.metadata["Name"]): each for each in found}


def _output(*command: str) -> str:
    """Return what a command prints; its messages go where those of this program go."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout  # noqa: S603


def main(arguments: list[str]) -> int:
    """Write the bill of materials to the file that ``arguments`` names."""
    if len(arguments) not in (1, 2):
        print("Usage: python -m releasing.sbom FILE [PYTHON]", file=sys.stderr)
        return 2
    bill = bill_of(*(arguments[1:] or [sys.executable]))
    Path(arguments[0]).write_text(json.dumps(bill, indent=2) + "\n", "utf-8")
    print(f"{arguments[0]}: {len(bill['components'])} components.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
