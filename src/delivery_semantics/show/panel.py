"""Panels: sliders that run an experiment with a kernel, and show what it did without one.

A `Panel` is a widget. Displayed, it also runs the experiment at every position of its sliders
and stores what it saw as plain HTML, which is what the published page shows and what a
re-execution of the notebook is compared with.

Book: index
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets
import pandas as pd

from ..core.check import one_of
from . import panel_html
from .picture import words
from .view import Experiment, Progress, Scalar, Slider, View, begun, check, finish, positions

__all__ = ["Panel", "Slider", "View"]

MADE = ("every run", "placed", "formula", "real threads", "real processes")
"""How frames come about without dice: searched, placed by hand, computed, or truly run."""

PROGRESS_AFTER_S = 1.0
_SLICE_S = 0.05  # while a run goes on, the kernel listens to the reader this often
_SEED_MAX = 2**31 - 1


class Panel(widgets.VBox):  # type: ignore[misc]
    """Sliders over an experiment: `Panel(experiment, Slider(…), title="…")`.

    `experiment(**{slider.name: value}, seed=seed)` returns a `View`. It may be a generator that
    yields the share done and returns the view; then a run of more than a second shows a
    progress bar and gives way to the next move of a slider. A view seen with the panel's own
    `seed` is kept, since the same arguments give the same view.

    Raises ValueError for sliders that do not fit the experiment and for more than 80 positions.
    An error of the experiment is raised where the panel is made or displayed, and shown in the
    panel where a reader's move led to it.
    """

    def __init__(
        self,
        experiment: Experiment,
        *sliders: Slider,
        title: str,
        seed: int = 1,
        made: str = "",
    ) -> None:
        check(experiment, sliders)
        if not title.strip():
            raise ValueError(f"title is {title!r}; allowed: words that name the panel")
        if not 0 <= seed <= _SEED_MAX:
            raise ValueError(f"seed is {seed!r}; allowed: 0 to {_SEED_MAX}")
        if made:
            one_of("made", made, MADE)
        self._made = made
        self._experiment, self._sliders = experiment, sliders
        self._title, self._own_seed = title, seed
        self._views: dict[tuple[Scalar, ...], View] = {}
        self._run: Progress | None = None
        self._began_s = 0.0
        self.controls = [_control(slider) for slider in sliders]
        self.seed = _seed_field(seed, shown=not made)
        self.progress = widgets.FloatProgress(
            0.0, min=0.0, max=1.0, description="running", layout={"display": "none"}
        )
        self.output = widgets.HTML()
        heading = widgets.HTML(f"<strong>{words(title)}</strong>")
        children = [heading, *self.controls, self.seed, self.progress, self.output]
        super().__init__(children, layout={"max_width": "46rem"})
        self._show(self.frame())
        for control in (*self.controls, self.seed):
            control.observe(self._move, names="value")

    def frame(self, **values: Scalar) -> View:
        """Return the view at a position, with the panel's seed; sliders not named are at start.

        Raises ValueError for a value that no slider has.
        """
        place = {slider.name: slider.start for slider in self._sliders} | values
        if place not in positions(self._sliders):
            allowed = {slider.name: list(slider.values) for slider in self._sliders}
            raise ValueError(f"position is {values!r}; allowed: {allowed!r}")
        key = tuple(place.values())
        if key not in self._views:
            self._views[key] = finish(begun(self._experiment, place, seed=self._own_seed))
        return self._views[key]

    def table(self) -> pd.DataFrame:
        """Return the numbers at every position: a row for each, the sliders' labels first."""
        rows = []
        for place in positions(self._sliders):
            keys = {slider.label: place[slider.name] for slider in self._sliders}
            rows.append(keys | dict(self.frame(**place).numbers))
        return pd.DataFrame(rows)

    def _move(self, _change: object) -> None:
        """Run the experiment where the sliders stand now; a run for elsewhere is abandoned."""
        pairs = zip(self._sliders, self.controls, strict=True)
        place = {slider.name: control.value for slider, control in pairs}
        seed = self.seed.value
        known = self._views.get(tuple(place.values())) if seed == self._own_seed else None
        self._began_s = time.monotonic()
        if known is not None:
            self._run = None
            self._show(known)
        else:
            self._run = begun(self._experiment, place, seed=seed)
            self._advance(self._run, place, seed)

    def _advance(self, run: Progress, place: Mapping[str, Scalar], seed: int) -> None:
        """Carry a run on to its end, or as long as the reader need not be heard."""
        if run is not self._run:
            return
        loop = _running_loop()
        until_s = time.monotonic() + _SLICE_S
        try:
            while True:
                self._wait(next(run))
                if loop is not None and time.monotonic() > until_s:
                    loop.call_soon(self._advance, run, place, seed)
                    return
        except StopIteration as end:
            if seed == self._own_seed:
                self._views[tuple(place.values())] = end.value
            self._show(end.value)
        except Exception as error:  # whatever it is, the reader whose move led here is told
            self._show_error(error, place, seed)

    def _wait(self, share: float) -> None:
        self.output.layout.visibility = "hidden"  # what it shows belongs to another position
        self.progress.value = share
        if time.monotonic() - self._began_s >= PROGRESS_AFTER_S:
            self.progress.layout.display = "flex"

    def _show(self, view: View) -> None:
        self._set(panel_html.frame(view, f"eo-live-{self.model_id}"))

    def _show_error(self, error: Exception, place: Mapping[str, Scalar], seed: int) -> None:
        at = ", ".join(f"{s.label} {s.text(place[s.name])}" for s in self._sliders)
        self._set(
            f'<p class="panel-error" role="alert">The experiment failed at {words(at)}, '
            f"seed {seed}.<br>{type(error).__name__}: {words(str(error))}</p>"
        )

    def _set(self, html: str) -> None:
        style = f"<style>\n{panel_html.FRAME_STYLE}</style>"
        self.output.value = f'{style}\n<div class="panel-frame">\n{html}\n</div>'
        self.output.layout.visibility = "visible"
        self.progress.layout.display = "none"

    def __repr__(self) -> str:
        """One line without the random id of the widget: it is stored and compared."""
        return f"Panel: {self._title}, {len(positions(self._sliders))} positions"

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
        views = [self.frame(**place) for place in positions(self._sliders)]
        html = panel_html.page(
            self._title, self._sliders, views, seed=self._own_seed, made=self._made
        )
        live: dict[str, Any] = super()._repr_mimebundle_(**kwargs)
        return live | {"text/html": html}


def _control(slider: Slider) -> widgets.SelectionSlider:
    return widgets.SelectionSlider(
        options=[(slider.text(value), value) for value in slider.values],
        value=slider.start,
        description=slider.label,
        continuous_update=True,
        style={"description_width": "initial"},
        layout={"width": "100%"},
    )


def _seed_field(seed: int, *, shown: bool) -> widgets.BoundedIntText:
    return widgets.BoundedIntText(
        seed,
        min=0,
        max=_SEED_MAX,
        description="seed",
        style={"description_width": "initial"},
        layout={"width": "11rem", "display": "flex" if shown else "none"},
    )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
