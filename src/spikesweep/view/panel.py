"""One map of a page: an image of cells or dots of points, with its colours and what a pointer shows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    ColorBar,
    ColumnDataSource,
    CustomJSHover,
    CustomJSTickFormatter,
    FixedTicker,
    HoverTool,
    LinearColorMapper,
    PlainText,
    Range1d,
)
from bokeh.plotting import figure
from numpy.typing import NDArray

from spikesweep.view import colours
from spikesweep.view.drawn import Drawn
from spikesweep.view.point import MEANINGS

#: Numbers of a map travel in this precision; what is told of a point is exact.
_FLOAT = np.float32
#: The text of a pixel under the pointer: from the labels of rows and columns that were drawn.
_LABEL = """
const d = labels.data, n = d.text.length, i = Math.floor((value - labels.tags[0]) / labels.tags[1]);
return n == 0 ? '' : d.text[Math.min(Math.max(i, 0), n - 1)];
"""
_CODE = "return names[Math.round(value)] ?? '';"
#: A number in five digits, or the name of a code where there are names.
_VALUE = """
if (!isFinite(value)) return 'none';
return names.length ? names[Math.round(value)] ?? '' : String(Number(value.toPrecision(5)));
"""
_TICK = """
const d = labels.data, n = d.text.length, i = Math.floor((tick - labels.tags[0]) / labels.tags[1]);
return (i < 0 || i >= n) ? '' : d.text[i];
"""


class Panel:
    """One map, and what it shows now."""

    def __init__(self, number: int, alone: bool) -> None:
        self._title, self._names = PlainText(text=""), {k: PlainText(text="") for k in "xy"}
        self._plain = {k: BasicTickFormatter() for k in "xy"}
        self.columns = {k: ColumnDataSource({"text": []}, tags=[0.0, 1.0]) for k in "xy"}
        self._labelled = {
            k: CustomJSTickFormatter(args={"labels": labels}, code=_TICK)
            for k, labels in self.columns.items()
        }
        self.image = ColumnDataSource(_no_image(), name=f"cells {number}")
        self.dots = ColumnDataSource({k: [] for k in ("x", "y", "value", "status", "xt", "yt", "vt")})
        self.crosses = ColumnDataSource({"x": [], "y": []})
        self.chosen = ColumnDataSource({"x": [], "y": []})
        self.mapper = LinearColorMapper(palette="Viridis256", low=0, high=1, nan_color=colours.EMPTY)
        self.figure = figure(
            name=f"map {number}",
            width=620 if alone else 440,
            height=460 if alone else 360,
            x_range=Range1d(0, 1),
            y_range=Range1d(0, 1),
            tools="pan,box_zoom,wheel_zoom,reset,save",
            active_scroll="wheel_zoom",
            toolbar_location="above",
            background_fill_color="#ffffff",
            border_fill_color=None,
        )
        self.figure.toolbar.logo = None
        self.figure.grid.visible = False
        self.figure.title.text_font_style = "normal"
        self.figure.title.text = self._title
        for k, axis in zip("xy", (self.figure.xaxis[0], self.figure.yaxis[0]), strict=True):
            axis.axis_label, axis.ticker = self._names[k], BasicTicker(min_interval=0.0)
            axis.minor_tick_line_color = None
            axis.axis_label_text_font_style = "normal"
            axis.axis_label_text_font_size = "14px"
            axis.major_label_text_font_size = "12px"
        self.figure.title.text_font_size = "14px"
        self._glyphs()
        self._coloured: Any = None
        self.bar = ColorBar(color_mapper=self.mapper, width=14, major_label_text_font_size="12px")
        self.figure.add_layout(self.bar, "right")

    def _glyphs(self) -> None:
        fig = self.figure
        box = dict(zip(("x", "y", "dw", "dh"), ("x", "y", "dw", "dh"), strict=True))
        image = fig.image(image="image", **box, source=self.image, color_mapper=self.mapper)
        dots = fig.scatter(
            "x",
            "y",
            source=self.dots,
            size=9,
            line_color="#555555",
            line_width=0.5,
            fill_color={"field": "value", "transform": self.mapper},
        )
        fig.scatter("x", "y", source=self.crosses, marker="x", size=9, line_color="#d55e00", line_width=2)
        fig.scatter(
            "x",
            "y",
            source=self.chosen,
            marker="square",
            size=14,
            fill_alpha=0,
            line_color="#000000",
            line_width=2,
        )
        self._held, self._codes = ColumnDataSource(tags=[""]), CustomJSHover(args={"names": []}, code=_VALUE)
        formatters: dict[str, Any] = {
            f"${k}": CustomJSHover(args={"labels": labels}, code=_LABEL) for k, labels in self.columns.items()
        }
        formatters["@status"] = CustomJSHover(args={"names": list(MEANINGS)}, code=_CODE)
        formatters["$sx"] = CustomJSHover(args={"held": self._held}, code="return held.tags[0];")
        formatters["@image"] = self._codes
        formatters["@sd"] = CustomJSHover(args={"names": []}, code=_VALUE)
        self.over_image = HoverTool(renderers=[image], tooltips=[], formatters=formatters)
        self.over_dots = HoverTool(renderers=[dots], tooltips=[], formatters={"$sx": formatters["$sx"]})
        fig.add_tools(self.over_image, self.over_dots)

    def show(self, drawn: Drawn) -> None:
        """Draw a map."""
        self._labels(drawn)
        self._colours(drawn)
        cells = drawn.cells
        if drawn.dots is None:
            values = drawn.values.astype(_FLOAT)
            self.image.data = {
                "image": [values],
                "status": [cells.status.astype(np.uint8)],
                "n": [_small(cells.n)],
                "total": [_small(cells.total)],
                "sd": [cells.sd.astype(_FLOAT)] if np.isfinite(cells.sd).any() else [cells.status],
                **{k: [v] for k, v in zip(("x", "y", "dw", "dh"), drawn.box, strict=True)},
            }
            self.dots.data = {k: [] for k in self.dots.data}
        else:
            self.image.data = _no_image()
            self.dots.data = dict(drawn.dots)
        self.crosses.data = {"x": drawn.failed[0], "y": drawn.failed[1]}

    def choose(self, place: tuple[float, float] | None) -> None:
        """Mark the point that is told of."""
        self.chosen.data = {"x": [place[0]] if place else [], "y": [place[1]] if place else []}

    def _labels(self, drawn: Drawn) -> None:
        titles = (drawn.title, drawn.what)
        self._title.text = ": ".join(text for text in titles if text)
        for k, axis, one in zip("xy", (self.figure.xaxis[0], self.figure.yaxis[0]), drawn.axes, strict=True):
            self.columns[k].update(tags=[one.begin, one.width], data={"text": list(one.texts)})
            self._names[k].text = one.title
            axis.formatter = self._plain[k] if one.even else self._labelled[k]
            if axis.ticker.min_interval != (interval := 1.0 if one.whole else 0.0):
                axis.ticker.min_interval = interval
        x, y = drawn.axes
        rows = [(x.name, "$x{custom}"), (y.name, "$y{custom}")]
        rows += [(drawn.what, "@image{custom}")]
        rows += [("SD", "@sd{custom}")] if np.isfinite(drawn.cells.sd).any() else []
        rows += [("points", "@n of @total"), ("status", "@status{custom}")]
        held = ", ".join(f"{name} {text}" for name, text in drawn.held)
        self._held.tags = [held or "all there is"]
        rows += [("at", "$sx{custom}")]
        if self.over_image.tooltips != rows:
            self.over_image.tooltips = rows
            dots = [(x.name, "@xt"), (y.name, "@yt"), (drawn.what, "@vt"), ("status", "@status")]
            self.over_dots.tooltips = [*dots, ("at", "$sx{custom}")]
        if self._codes.args["names"] != (names := list(drawn.names or ())):
            self._codes.args = {"names": names}

    def _colours(self, drawn: Drawn) -> None:
        names, palette = drawn.names, drawn.palette
        low, high = drawn.limits
        self.mapper.update(low=low, high=high)
        if (palette, names) == self._coloured:
            return
        self._coloured = palette, names
        self.mapper.palette = list(palette)
        if names is None:
            self.bar.ticker, self.bar.major_label_overrides = BasicTicker(desired_num_ticks=6), {}
        else:
            self.bar.ticker = FixedTicker(ticks=list(range(len(names))))
            self.bar.major_label_overrides = {i: PlainText(text=name) for i, name in enumerate(names)}


def _small(counts: NDArray[np.int32]) -> NDArray[Any]:
    """Return counts in as few bytes as they need: they travel."""
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))


def _no_image() -> dict[str, Sequence[Any]]:
    names = ("image", "status", "n", "total", "sd", "x", "y", "dw", "dh")
    return {name: [] for name in names}
