"""The report's plots, drawn as SVG that takes its colours from the page.

Every plot is 360 units wide, the width of a phone, and has a description for those who cannot see
it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from image_search.evaluation.figures import MAP, RankingFigures
from image_search.evaluation.pairs import PairFigures

WIDTH = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 8, 30
_ROW = 26
# Colours that the page has for rankings; further ones begin again.
COLOURS = 8
# Units that a letter of a ranking's name takes, on average.
_LETTER = 5.6


def intervals(rankings: Sequence[RankingFigures], measure: str = MAP) -> str:
    """Mean and 95 % interval of a measure, one row for each ranking."""
    left = max(84, round(_LETTER * max(len(ranking.name) for ranking in rankings)) + 14)
    inner = WIDTH - left - 46
    top = max(ranking.measures[measure].high for ranking in rankings)
    limit = min(1.0, math.ceil(top * 10 + 1e-9) / 10)
    height = _ROW * len(rankings) + 24

    def x(value: float) -> float:
        return left + inner * value / limit

    parts = [
        _line(x(t), 0, x(t), height - 24, "grid")
        + _text(x(t), height - 8, _short(t), "tick middle")
        for t in _ticks(limit)
    ]
    for row, ranking in enumerate(rankings):
        figure, y = ranking.measures[measure], _ROW * row + _ROW / 2
        parts.append(_text(left - 8, y + 4, ranking.name, "end"))
        parts.append(_line(x(figure.low), y, x(figure.high), y, f"whisker s{row % COLOURS}"))
        parts.append(
            f'<circle cx="{x(figure.mean):.1f}" cy="{y:.1f}" r="4.5" class="dot s{row % COLOURS}"/>'
        )
        parts.append(_text(x(figure.high) + 6, y + 4, _short(figure.mean, 3), "value"))
    description = ", ".join(
        f"{ranking.name} {ranking.measures[measure].mean:.3f}" for ranking in rankings
    )
    return _svg(height, f"{measure}: {description}", parts)


def distributions(pairs: PairFigures) -> str:
    """Scores of same-class pairs against those of other pairs: two stepped areas."""
    height = 170
    low, high = pairs.edges[0], pairs.edges[-1]
    tallest = max(*pairs.same, *pairs.other)
    inner = WIDTH - 2 * _RIGHT

    def x(value: float) -> float:
        return _RIGHT + inner * (value - low) / (high - low)

    def area(shares: Sequence[float], kind: str) -> str:
        base = height - _BOTTOM
        points = [f"{x(low):.1f},{base}"]
        for share, left, right in zip(shares, pairs.edges, pairs.edges[1:], strict=False):
            y = base - (base - _TOP) * share / tallest
            points += [f"{x(left):.1f},{y:.1f}", f"{x(right):.1f},{y:.1f}"]
        points.append(f"{x(high):.1f},{base}")
        return f'<polygon points="{" ".join(points)}" class="area {kind}"/>'

    axis = [_line(_RIGHT, height - _BOTTOM, WIDTH - _RIGHT, height - _BOTTOM, "axis")]
    for tick in _round_values(low, high):
        axis.append(_line(x(tick), height - _BOTTOM, x(tick), height - _BOTTOM + 4, "axis"))
        axis.append(_text(x(tick), height - 12, f"{tick:g}", "tick middle"))
    description = (
        f"Scores of pairs of the same class, mean {pairs.same_mean:.2f}, against other pairs, mean "
        f"{pairs.other_mean:.2f}; the distributions share {pairs.overlap:.0%} of their area."
    )
    return _svg(height, description, [area(pairs.other, "other"), area(pairs.same, "same"), *axis])


def recall_curves(rankings: Sequence[RankingFigures]) -> str:
    """Recall@k over k, on a logarithmic scale, one line for each ranking."""
    height = 220
    last = max(ranking.recall[-1][0] for ranking in rankings)
    inner, base = WIDTH - _LEFT - _RIGHT, height - _BOTTOM

    def x(k: int) -> float:
        return _LEFT + inner * (math.log(k) / math.log(last) if last > 1 else 0.5)

    def y(recall: float) -> float:
        return base - (base - _TOP) * recall

    parts = []
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line(_LEFT, y(tick), WIDTH - _RIGHT, y(tick), "grid"))
        parts.append(_text(_LEFT - 5, y(tick) + 4, _short(tick), "tick end"))
    for power in range(len(str(last))):
        if (k := 10**power) <= last:
            parts.append(_line(x(k), base, x(k), base + 4, "axis"))
            parts.append(_text(x(k), base + 17, f"{k:,}", "tick middle"))
    for row, ranking in enumerate(rankings):
        points = " ".join(f"{x(k):.1f},{y(recall):.1f}" for k, recall in ranking.recall)
        parts.append(f'<polyline points="{points}" class="curve s{row % COLOURS}"/>')
    return _svg(
        height, "Recall at k: " + "; ".join(_described(ranking) for ranking in rankings), parts
    )


def swatch(row: int) -> str:
    """The key to one line of ``recall_curves``."""
    line = f'<line x1="0" y1="6" x2="26" y2="6" class="curve s{row % COLOURS}"/>'
    return f'<svg class="swatch" viewBox="0 0 26 12" aria-hidden="true">{line}</svg>'


def _described(ranking: RankingFigures) -> str:
    points = [f"{recall:.2f} at {k}" for k, recall in ranking.recall if str(k).strip("0") == "1"]
    return f"{ranking.name} {', '.join(points)}"


def _svg(height: float, description: str, parts: Sequence[str]) -> str:
    return (
        f'<svg class="plot" viewBox="0 0 {WIDTH} {height:g}" role="img" '
        f'aria-label="{escape(description)}">{"".join(parts)}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{escape(text)}</text>'


def _short(value: float, digits: int = 2) -> str:
    """A share without digits that carry nothing: .5, not 0.50."""
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") or "0" if digits == 2 else text.removeprefix("0")


def _ticks(limit: float) -> list[float]:
    step = 0.1 if limit <= 0.5 else 0.2
    return [step * i for i in range(int(limit / step + 1e-9) + 1)]


def _round_values(low: float, high: float) -> list[float]:
    """Four to nine round numbers between two bounds."""
    span = high - low
    power = 10 ** math.floor(math.log10(span))
    step = next(power * part for part in (0.2, 0.5, 1.0, 2.0) if span / (power * part) <= 8)
    first = math.ceil(low / step - 1e-9)
    values = [round(step * i, 10) for i in range(first, math.floor(high / step + 1e-9) + 1)]
    return [value + 0.0 for value in values]
