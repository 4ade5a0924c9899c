"""Charts as SVG, drawn when the page is written, in the colours of its theme."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup, escape

WIDTH, HEIGHT = 360, 130
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 10, 20
STEPS = (1, 2, 5)


def step_path(values: Sequence[int | float], low: float, high: float) -> str:
    """The path of a line that keeps each value for one unit of x; y 0 is `high`, 100 is `low`.

    Short, since a page has one per service: what doesn't change takes no characters.
    """
    if not values:
        return ""
    span = (high - low) or 1
    heights = [round((high - value) * 100 / span) for value in values]
    path, since = f"M0 {heights[0]}", 0
    for place in range(1, len(heights)):
        if heights[place] != heights[place - 1]:
            path += f"h{place - since}v{heights[place] - heights[place - 1]}"
            since = place
    return f"{path}h{len(heights) - since}"


def week_chart(
    title: str, weeks: Sequence[date], values: Sequence[float | None], unit: str
) -> Markup:
    """Weekly values as a line with points; a week without a value is a gap, never 0."""
    known = [value for value in values if value is not None]
    if not known:
        return Markup("")
    top = _ceiling(max(known))
    x_step = (WIDTH - LEFT - RIGHT) / max(len(weeks) - 1, 1)

    def at(place: int, value: float) -> tuple[float, float]:
        y = TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)
        return round(LEFT + place * x_step, 1), round(y, 1)

    points = [(*at(n, v), v, weeks[n]) for n, v in enumerate(values) if v is not None]
    lines, previous = [], None
    for n, value in enumerate(values):
        if value is not None:
            x, y = at(n, value)
            lines.append(f"{'M' if previous is None else 'L'}{x:g} {y:g}")
        previous = value
    grid = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:g}" y2="{y:g}"/>'
        f'<text x="{LEFT - 4}" y="{y + 3:g}" text-anchor="end">{value:g}</text>'
        for value in (0, top / 2, top)
        for _, y in [at(0, value)]
    )
    dots = "".join(
        f'<circle cx="{x:g}" cy="{y:g}" r="2.2">'
        f"<title>{day}: {value:,.0f} {escape(unit)}</title></circle>"
        for x, y, value, day in points
    )
    days = "".join(
        f'<text x="{x:g}" y="{HEIGHT - 5}" text-anchor="{anchor}">{day}</text>'
        for x, day, anchor in (
            (LEFT, weeks[0], "start"), (WIDTH - RIGHT, weeks[-1], "end"),
        )
    )  # fmt: skip
    first, last = known[0], known[-1]
    text = f"{title}, by week: from {first:,.0f} to {last:,.0f} {unit}, at most {max(known):,.0f}"
    return Markup(  # noqa: S704
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(text)}">'
        f'{grid}{days}<path class="line" d="{"".join(lines)}"/>{dots}</svg>'
    )


def _ceiling(value: float) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... that is not below the value; an even one to halve."""
    power = 1.0
    while True:
        for step in STEPS:
            if step * power >= value:
                return step * power
        power *= 10
