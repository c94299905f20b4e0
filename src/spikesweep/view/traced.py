"""The traces of a point over time: of what is seen of them as many numbers as a screen has columns."""

from typing import Any

import numpy as np
from bokeh.events import RangesUpdate, Reset
from bokeh.models import ColumnDataSource, PlainText, Range1d, Select
from bokeh.plotting import figure

from spikesweep.view.labels import named, plain_text
from spikesweep.view.replayed import Traces

#: Pieces of a trace that are drawn: of each the least and the greatest value.
_PIECES = 1500
#: Of what is told of a point.
WIDTH = 460


class Trace:
    """One of the traces of a point, which can be chosen."""

    def __init__(self) -> None:
        self._found: Traces | None = None
        self.signal = Select(title="Trace of neuron 0", width=180, visible=False, name="signal")
        self.figure, self._data = time_figure("", 220)
        self._data.name = "trace"
        self.figure.line("x", "y", source=self._data, color="#0072b2", line_width=1)
        self.figure.y_range.only_visible = True
        self.signal.on_change("value", lambda attr, old, new: self._draw(whole=True))
        self.figure.on_event(RangesUpdate, lambda _: self._draw(whole=False))
        self.figure.on_event(Reset, lambda _: self._draw(whole=True))
        self.show(None)

    def show(self, found: Traces | None) -> None:
        """Show the first of some traces, none where there are none."""
        self._found = found
        self.signal.visible = self.figure.visible = found is not None and bool(found.signals)
        if found is not None and found.signals:
            self.signal.options = [(str(i), named(n, u)) for i, (n, u, _) in enumerate(found.signals)]
            self.signal.value = "0"
            self._draw(whole=True)

    def _draw(self, whole: bool) -> None:
        """Draw what is seen of a trace: of each piece the least and the greatest value."""
        found = self._found
        if found is None or found.time is None or not found.signals:
            return
        name, units, values = found.signals[int(self.signal.value or 0)]
        ends, seen = (float(found.time[0]), float(found.time[-1])), self.figure.x_range
        part = slice(None) if whole else slice(*np.searchsorted(found.time, (seen.start, seen.end)))
        time, values = found.time[part], values[part]
        if len(time) > 2 * _PIECES:
            starts = np.linspace(0, len(time), _PIECES, endpoint=False).astype(np.int64)
            low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
            time, values = np.repeat(time[starts], 2), np.stack([low, high], -1).ravel()
        self._data.data = {"x": time, "y": values}
        self.figure.yaxis[0].axis_label = PlainText(text=named(name, units))
        self.figure.xaxis[0].axis_label = PlainText(text=f"time ({plain_text(found.units, 20)})")
        if whole:
            seen.update(start=ends[0], end=ends[1], reset_start=ends[0], reset_end=ends[1])


def time_figure(y: str, height: int) -> tuple[Any, ColumnDataSource]:
    """Return an empty figure over time, and the numbers that it will draw."""
    tools = "xpan,xbox_zoom,xwheel_zoom,reset,save"
    fig = figure(
        width=WIDTH,
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
