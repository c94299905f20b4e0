"""The point that was clicked: its labels and results, spikes, failure, and its traces when asked for."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document, without_document_lock
from bokeh.events import RangesUpdate, Reset
from bokeh.layouts import column, row
from bokeh.models import Button, ColumnDataSource, PlainText, Range1d, Select
from bokeh.plotting import figure

from spikesweep import trust
from spikesweep.errors import InputError
from spikesweep.view import point
from spikesweep.view.labels import named, plain_text
from spikesweep.view.replayed import Traces, replay
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted, State

#: Pieces of a trace that are drawn: of each the least and the greatest value.
_PIECES = 1500
_WIDTH = 460


class Details:
    """What is told of a point."""

    def __init__(
        self, doc: Document, html: Callable[..., Any], change: Callable[[State], None], hub: Any
    ) -> None:
        self._doc, self._change, self._hub = doc, change, hub
        self._now: tuple[Source, Fitted, point.Index] | None = None
        self._cell: list[point.Index] = []
        self._key: Any = None
        self._traces: Traces | None = None
        self._busy = False
        self.which = Select(title="Point of this cell", width=_WIDTH - 20, visible=False, name="which")
        self.about, self.failure = html(width=_WIDTH, name="about"), html(width=_WIDTH, name="failure")
        self.raster, self._spikes = _figure("neuron", 220)
        self.histogram, self._counts = _figure("spikes a bin", 130)
        self.raster.scatter(
            "x", "y", source=self._spikes, marker="dash", angle=np.pi / 2, size=5, color="#222222"
        )
        self.histogram.quad(
            left="left", right="right", top="top", bottom=0, source=self._counts, color="#0072b2"
        )
        self._counts.data = {"left": [], "right": [], "top": []}
        self.histogram.x_range = self.raster.x_range
        self.button = Button(label="Compute it again, with traces", width=240, visible=False, name="replay")
        self.said = html(width=_WIDTH, name="said")
        self.signal = Select(title="Trace of neuron 0", width=180, visible=False, name="signal")
        self.trace, self._trace = _figure("", 220)
        self._spikes.name, self._trace.name = "spikes", "trace"
        self.trace.line("x", "y", source=self._trace, color="#0072b2", line_width=1)
        self.trace.y_range.only_visible = True
        self.root = column(
            self.about,
            self.which,
            self.failure,
            self.raster,
            self.histogram,
            row(self.button),
            self.said,
            self.signal,
            self.trace,
            width=_WIDTH,
        )
        self.which.on_change("value", self._chosen)
        self.button.on_click(lambda: doc.add_next_tick_callback(self._replay))
        self.signal.on_change("value", lambda attr, old, new: self._draw_trace(whole=True))
        self.trace.on_event(RangesUpdate, lambda _: self._draw_trace(whole=False))
        self.trace.on_event(Reset, lambda _: self._draw_trace(whole=True))
        self._hide()

    def _hide(self) -> None:
        self.about.text = "<p>Click a cell of the map, and its point is told of here.</p>"
        for part in (self.which, self.raster, self.histogram, self.button, self.signal, self.trace):
            part.visible = False
        self.failure.text = self.said.text = ""

    def choose(self, source: Source, view: Fitted, cell: dict[str, int]) -> None:
        """Tell of a point of a cell: of the one with the most severe status."""
        found = point.points_of(source, view, cell)
        if found:
            one = found[point.worst(source, found)]
            self._change(replace(view.state, point=point.labels_of(source, one)))

    def show(self, source: Source, view: Fitted, index: point.Index | None) -> None:
        """Tell of a point as it is now, of none where there is none."""
        if index is None:
            self._now = self._key = None
            self._hide()
            return
        status = int(source.status[tuple(index.values())])
        key = (str(source.place), tuple(index.items()), status, tuple(view.fixed.items()), view.averaged)
        if key == self._key:
            return
        if self._key is None or self._key[:2] != key[:2]:
            self._forget_trace()
        self._now, self._key = (source, view, index), key
        self._show_choice(source, view, index)
        self._show_texts(source, view, index)
        self._show_spikes(source, view, index)
        self.button.visible = isinstance(source.place, Path)  # what lies below a URL is not computed

    def _show_choice(self, source: Source, view: Fitted, index: point.Index) -> None:
        free = {d: i for d, i in index.items() if d not in view.averaged}
        self._cell = point.points_of(
            source, view, {d: free[d] for d in (view.state.x, view.state.y, "point") if d in free}
        )
        if index not in self._cell:
            self._cell = [index, *self._cell]
        texts = [f"{point.text_of(source, i)}: {_meaning(source, i)}" for i in self._cell]
        self.which.options = [(str(i), text) for i, text in enumerate(texts)]
        self.which.value = str(self._cell.index(index))
        self.which.visible = len(self._cell) > 1

    def _chosen(self, attr: str, old: str, new: str) -> None:
        if self._now is not None and self._cell[int(new)] != self._now[2]:
            source, view, _ = self._now
            self._change(replace(view.state, point=point.labels_of(source, self._cell[int(new)])))

    def _show_texts(self, source: Source, view: Fitted, index: point.Index) -> None:
        try:
            rows = [*point.parameters(source, index), *point.results(source, index)]
            table = "".join(f"<tr><td>{escape(k)}</td><td>{escape(v)}</td></tr>" for k, v in rows)
        except InputError as error:
            table = f'<tr><td class="error">{escape(plain_text(error, 500))}</td></tr>'
        words = point.command(source, view, index)
        again = f"<p>Computed again by</p><code>{escape(words)}</code>" if words else ""
        self.about.text = f"<table>{table}</table>{again}"
        text = point.traceback_of(source, index)
        self.failure.text = (
            f'<p><b>Why it failed</b></p><pre class="detail">{escape(text)}</pre>' if text else ""
        )

    def _show_spikes(self, source: Source, view: Fitted, index: point.Index) -> None:
        shown, said = None, ""
        try:
            shown = point.spikes(source, view, index)
        except Exception as error:  # whatever a damaged store raises
            said = plain_text(error, 300)
        some = shown is not None and shown.total > 0
        self.raster.visible = self.histogram.visible = some
        if said or (shown is not None and not some):
            self.failure.text += f"<p>{escape(said or 'no spikes here')}</p>"
        if shown is None or not some:
            return
        less = "" if len(shown.times) == shown.total else f", {len(shown.times)} of them drawn"
        self.raster.title.text = PlainText(text=f"{shown.total} spikes{less}")
        self._spikes.data = {"x": shown.times, "y": shown.neurons}
        self._counts.data = {"left": shown.edges[:-1], "right": shown.edges[1:], "top": shown.counts}
        width = f"{shown.edges[1] - shown.edges[0]:.3g} {shown.units}"
        self.histogram.yaxis[0].axis_label = PlainText(text="spikes")
        self.histogram.xaxis[0].axis_label = PlainText(text=f"time ({shown.units}), bins of {width}")
        self.raster.x_range.update(start=0.0, end=float(shown.edges[-1]))

    def _forget_trace(self) -> None:
        self._traces, self.said.text = None, ""
        self.signal.visible = self.trace.visible = False

    @without_document_lock  # type: ignore[untyped-decorator]
    async def _replay(self) -> None:
        """Compute the point again in another process, while the page goes on."""
        if self._busy or self._now is None or not isinstance(self._now[0].place, Path):
            return
        self._busy = True
        source, view, index = self._now
        folders = trust.trusted_folders()
        labels, key = point.replayed_labels(source, view, index), self._key
        self._doc.add_next_tick_callback(lambda: self._wait(True))
        try:
            found = await asyncio.to_thread(
                replay, Path(str(source.place)), labels, folders, self._hub.running
            )
        except Exception as error:  # nobody would hear of it
            found = Traces(plain_text(error, 1000))
        finally:
            self._busy = False
        self._doc.add_next_tick_callback(lambda: self._replayed(found, key))

    def _wait(self, waits: bool) -> None:
        self.button.disabled = waits
        self.said.text = "<p>It is computed in a process of its own; the page goes on.</p>" if waits else ""

    def _replayed(self, found: Traces, key: Any) -> None:
        self._wait(False)
        if self._key is None or key[:2] != self._key[:2]:
            return
        self._traces = found
        tag = "p" if found.signals else 'pre class="detail"'
        self.said.text = f"<{tag}>{escape(found.text)}</{tag.split()[0]}>"
        self.signal.visible = self.trace.visible = bool(found.signals)
        if found.signals:
            self.signal.options = [(str(i), named(n, u)) for i, (n, u, _) in enumerate(found.signals)]
            same = self.signal.value == "0"
            self.signal.value = "0"
            if same:
                self._draw_trace(whole=True)

    def _draw_trace(self, whole: bool) -> None:
        """Draw what is seen of a trace: of each piece the least and the greatest value."""
        found = self._traces
        if found is None or found.time is None or not found.signals:
            return
        name, units, values = found.signals[int(self.signal.value or 0)]
        ends = float(found.time[0]), float(found.time[-1])
        seen = ends if whole else (self.trace.x_range.start, self.trace.x_range.end)
        part = slice(*np.searchsorted(found.time, seen)) if not whole else slice(None)
        time, values = found.time[part], values[part]
        if len(time) > 2 * _PIECES:
            starts = np.linspace(0, len(time), _PIECES, endpoint=False).astype(np.int64)
            low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
            time, values = np.repeat(time[starts], 2), np.stack([low, high], -1).ravel()
        self._trace.data = {"x": time, "y": values}
        self.trace.yaxis[0].axis_label = PlainText(text=named(name, units))
        self.trace.xaxis[0].axis_label = PlainText(text=f"time ({plain_text(found.units, 20)})")
        if whole:
            self.trace.x_range.update(start=ends[0], end=ends[1], reset_start=ends[0], reset_end=ends[1])


def _meaning(source: Source, index: point.Index) -> str:
    return point.MEANINGS[int(source.status[tuple(index.values())])]


def _figure(y: str, height: int) -> tuple[Any, ColumnDataSource]:
    """Return an empty figure over time, and the numbers that it will draw."""
    tools = "xpan,xbox_zoom,xwheel_zoom,reset,save"
    fig = figure(
        width=_WIDTH,
        height=height,
        tools=tools,
        toolbar_location="right",
        x_range=Range1d(0, 1),
        border_fill_color=None,
    )
    fig.toolbar.logo = None
    fig.grid.grid_line_color = "#eeeeee"
    fig.yaxis[0].axis_label = PlainText(text=y)
    for axis in fig.axis:
        axis.minor_tick_line_color = None
        axis.axis_label_text_font_style = "normal"
        axis.axis_label_text_font_size = axis.major_label_text_font_size = "12px"
    fig.title.text_font_size, fig.title.text_font_style = "12px", "normal"
    return fig, ColumnDataSource({"x": [], "y": []})
