"""A panel on a page without a kernel: one frame for every position of its sliders.

Without JavaScript the frame for the start, its position in words and the table of all positions
stand. `panel.js` wakes the sliders, which then choose the frame that is shown.
Positions whose frames are equal share one.

Book: index
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib import resources

from .cells import marked_cell, marks_of
from .picture import words
from .view import Scalar, Slider, View, plain, positions

# What the page has whole, a live panel carries along as far as the rules of a frame go.
_STYLE = (resources.files(__package__) / "panel.css").read_text(encoding="utf-8")
FRAME_STYLE = _STYLE[: _STYLE.index("/* The page:")]

# Written out, because JupyterLab drops the short form from a notebook that it does not trust.
_HIDDEN = ' hidden="hidden"'


def frame(view: View, id: str) -> str:
    """Return the pictures, numbers and sentence of a view; ids in it begin with `id`."""
    parts = ['<div class="panel-pictures">']
    for index, picture in enumerate(view.pictures):
        if len(view.pictures) > 1:
            parts.append(f'<p class="panel-caption">{words(picture.title)}</p>')
        parts.append(picture.inline("panel-picture", f"{id}-{index}"))
        parts += filter(None, [picture.list_of_links()])
    parts += ["</div>", '<div class="panel-words">']
    if view.numbers:
        pairs = [
            f"<dt>{words(name)}</dt>{marked_cell('dd', text, mark)}"
            for name, text, mark in _told(view)
        ]
        parts += [
            '<dl class="panel-numbers">',
            *(f"<div>{pair}</div>" for pair in pairs),
            "</dl>",
        ]
    parts += [f'<p class="panel-sentence">{words(view.sentence)}</p>', "</div>"]
    return "\n".join(parts)


def _told(view: View) -> list[tuple[str, str, str]]:
    """Return each number's name and text, and whether it is right, wrong or neither."""
    texts = {name: plain(value) for name, value in view.numbers.items()}
    marks = marks_of(texts)
    return [(name, text, marks[name]) for name, text in texts.items()]


def page(
    title: str, sliders: Sequence[Slider], views: Sequence[View], *, seed: int, made: str = ""
) -> str:
    """Return the whole panel as a `<figure>`: its start position visible, the others hidden.

    Its corner says how the frames came about: `made`, or by the dice of `seed`. `views` are in
    the order of `positions`. Raises ValueError where their numbers differ in name.
    """
    check_numbers(sliders, views)
    made = made or f"seed {seed}"
    contents = [frame(view, "eo") for view in views]
    order = list(dict.fromkeys(contents))
    shows = [order.index(content) for content in contents]
    hashed = "\0".join((title, str(seed), repr(sliders), *order))
    id = f"eo-{hashlib.sha256(hashed.encode()).hexdigest()[:10]}"
    at = positions(sliders).index({slider.name: slider.start for slider in sliders})
    frames = [
        f'<div class="panel-frame"{"" if index == shows[at] else _HIDDEN}>\n'
        f"{frame(views[shows.index(index)], f'{id}-{index}')}\n</div>"
        for index in range(len(order))
    ]
    controls = [_control(slider, f"{id}-{slider.name}") for slider in sliders]
    parts = [
        f'<figure class="panel" data-frames="{" ".join(map(str, shows))}">',
        f'<figcaption class="panel-title">{words(title)} '
        f'<span class="panel-seed">{words(made)}</span></figcaption>',
        '<div class="panel-controls">',
        *controls,
        "</div>",
        *frames,
        '<p class="panel-live" role="status"></p>',
        _details(title, sliders, views, made),
        "</figure>",
    ]
    return "\n".join(parts)


def check_numbers(sliders: Sequence[Slider], views: Sequence[View]) -> None:
    """Raise ValueError unless the numbers of all views have the same names, in one order."""
    names = list(views[0].numbers)
    for values, view in zip(positions(sliders), views, strict=True):
        if list(view.numbers) != names:
            raise ValueError(
                f"numbers at {values!r} are {list(view.numbers)!r}; allowed: {names!r}, as at "
                f"{positions(sliders)[0]!r}"
            )


def _control(slider: Slider, id: str) -> str:
    texts = [slider.text(value) for value in slider.values]
    now = slider.values.index(slider.start)
    return (
        f'<div class="panel-control">\n<label for="{words(id)}">{words(slider.label)}</label>\n'
        f'<output for="{words(id)}" aria-live="off">{words(texts[now])}</output>\n'
        f'<input type="range" id="{words(id)}" min="0" max="{len(texts) - 1}" value="{now}" '
        f'aria-valuetext="{words(texts[now])}" autocomplete="off" '
        f'data-texts="{words(json.dumps(texts, ensure_ascii=False))}"{_HIDDEN}>\n</div>'
    )


def _details(title: str, sliders: Sequence[Slider], views: Sequence[View], made: str) -> str:
    head = "".join(f'<th scope="col">{words(slider.label)}</th>' for slider in sliders)
    for name in views[0].numbers:
        head += f'<th scope="col" class="number">{words(name)}</th>'
    rows = "\n".join(
        "<tr>" + _row(sliders, values, view) + "</tr>"
        for values, view in zip(positions(sliders), views, strict=True)
    )
    return (
        f"<details>\n<summary>All {len(views)} positions as a table</summary>\n"
        f'<div class="panel-scroll" role="region" aria-label="{words(title)}: all positions" '
        f'tabindex="0">\n<table>\n<caption>{words(title)}, {words(made)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>\n</details>"
    )


def _row(sliders: Sequence[Slider], values: Mapping[str, Scalar], view: View) -> str:
    keys = [slider.text(values[slider.name]) for slider in sliders]
    return "".join(f'<th scope="row">{words(key)}</th>' for key in keys) + "".join(
        marked_cell("td", text, mark) for _, text, mark in _told(view)
    )
