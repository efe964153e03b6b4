"""``python -m tests.golden``: record the vectors, rankings and verdicts of today."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np

from tests.golden.measuring import FOLDER, measure


def main() -> None:
    """Measure, and write the files that ``test_golden.py`` compares with."""
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder))
    # Half precision: a hundredth of the tolerance, at half the size.
    rows = {name: row.astype(np.float16) for name, row in found.vectors.items()}
    np.savez_compressed(FOLDER / "vectors.npz", **rows)  # type: ignore[arg-type]
    # An answer a line, so that a difference shows which ones changed.
    lines = (f"{json.dumps(name)}: {json.dumps(one)}" for name, one in found.answers.items())
    (FOLDER / "answers.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
