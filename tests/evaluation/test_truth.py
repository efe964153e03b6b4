"""What counts as a right answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from image_search.evaluation.truth import TRUTHS, numbered


@pytest.mark.parametrize(
    ("truth", "question", "answer", "right"),
    [
        ("class", "/q/sketch/cat/1.png", "/g/photo/cat/9.jpg", True),
        ("class", "/q/sketch/cat/1.png", "/g/photo/dog/1.jpg", False),
        # The folder that directly contains the file, not one further up.
        ("class", "/q/cat/black/1.png", "/g/cat/white/1.jpg", False),
        ("instance", "/q/cat/n02_17-3.png", "/g/cat/n02_17.jpg", True),
        ("instance", "/q/cat/n02-17-3.png", "/g/cat/n02-17.jpg", True),
        ("instance", "/q/cat/n02-17-3.png", "/g/cat/n02.jpg", False),
        ("instance", "/q/cat/n02_17-3.png", "/g/dog/n02_17.jpg", False),
        ("instance", "/q/cat/plain.png", "/g/cat/plain.jpg", True),
        ("same-name", "/q/thumb/logo.png", "/g/large/logo.jpg", True),
        ("same-name", "/q/thumb/logo.png", "/g/large/logo2.jpg", False),
        ("same-name", "/q/thumb/Logo.png", "/g/large/logo.png", False),
    ],
)
def test_what_is_right(truth: str, question: str, answer: str, right: bool) -> None:
    asked, held = numbered(TRUTHS[truth], [Path(question)], [Path(answer)])

    assert (asked == held) is right
