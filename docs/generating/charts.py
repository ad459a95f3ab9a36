"""Plots as drawings in the colors of the page: bars, and lines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

_WIDTH = 488
_COLORS = ("var(--figure-accent)", "var(--figure-second)", "currentColor")


def bars(title: str, unit: str, values: Sequence[tuple[str, float, bool]]) -> str:
    """Horizontal bars, one below the other.

    Args:
        title: said below the plot.
        unit: of the values, for example ``x``.
        values: of each bar its label, its length, and whether it is the one to see.
    """
    largest = max(value for _, value, _ in values) or 1
    left, room = 0, _WIDTH - 70
    parts = []
    for number, (label, value, ours) in enumerate(values):
        y = number * 44
        width = max(room * value / largest, 2)
        color = _COLORS[0] if ours else _COLORS[2]
        parts.append(_text(left, y + 14, label, size=13))
        parts.append(f'<rect x="{left}" y="{y + 20}" width="{width:.1f}" height="14" rx="3" fill="{color}"/>')
        parts.append(_text(left + width + 8, y + 32, f"{value:,g}{unit}", size=13, strong=True))
    return _figure(title, len(values) * 44, parts)


def lines(
    title: str,
    axes: tuple[str, str],
    series: Mapping[str, Sequence[tuple[float, float]]],
    *,
    logarithmic: bool = False,
    least: float | None = None,
) -> str:
    """Lines over one axis, each named at its end.

    Args:
        title: said below the plot.
        axes: what is on the horizontal and on the vertical one.
        series: points by name.
        logarithmic: whether the horizontal axis is.
        least: where the vertical axis begins; by default 0.
    """
    left, right, top, height = 48, 110, 30, 200
    scale = math.log if logarithmic else float
    points = [point for each in series.values() for point in each]
    low, high = scale(min(x for x, _ in points)), scale(max(x for x, _ in points))
    bottom = 0.0 if least is None else least
    most = max(y for _, y in points)

    def place(x: float, y: float) -> tuple[float, float]:
        across = left + (_WIDTH - left - right) * (scale(x) - low) / (high - low)
        return across, top + height * (1 - (y - bottom) / (most - bottom))

    parts = [_text(0, 14, axes[1], size=12)]
    for step in range(5):
        value = bottom + (most - bottom) * step / 4
        y = place(points[0][0], value)[1]
        parts.append(f'<path d="M{left} {y:.1f}H{_WIDTH - right}" stroke="currentColor" stroke-opacity="0.25"/>')
        parts.append(_text(left - 8, y + 4, f"{value:.3g}", size=12, anchor="end"))
    parts += [
        _text(place(x, bottom)[0], top + height + 18, f"{x:,.0f}", size=12, anchor="middle")
        for x in sorted({x for x, _ in points})
    ]
    parts.append(_text(left, top + height + 38, axes[0], size=12))
    for (name, line), color in zip(series.items(), _COLORS, strict=False):
        found = [place(*point) for point in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in found)
        parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{color}"/>' for x, y in found]
        parts.append(_text(found[-1][0] + 10, found[-1][1] + 4, name, size=13, color=color))
    return _figure(title, top + height + 44, parts)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    size: int,
    anchor: str = "start",
    strong: bool = False,
    color: str = "currentColor",
) -> str:
    weight = ' font-weight="600"' if strong else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{color}"{weight}>'
        f"{escape(text)}</text>"
    )


def _figure(title: str, height: float, parts: Sequence[str]) -> str:
    drawing = "\n".join(parts)
    return (
        f'<figure>\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="system-ui, sans-serif" role="img" aria-label="{escape(title)}">\n{drawing}\n</svg>\n'
        f"<figcaption>{escape(title)}</figcaption>\n</figure>"
    )
