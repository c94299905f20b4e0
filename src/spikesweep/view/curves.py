"""The lines below the map of a page."""

from bokeh.models import (
    BasicTicker,
    BasicTickFormatter,
    ColumnDataSource,
    CustomJSTickFormatter,
    HoverTool,
    Legend,
    LegendItem,
    PlainText,
)
from bokeh.plotting import figure

from spikesweep.view import colours
from spikesweep.view.labels import named, plain_text
from spikesweep.view.lines import MOST_LINES, Line, about, lines, words_of, x_title
from spikesweep.view.picture import Cells
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted

_EMPTY: dict[str, list[float]] = {"x": [], "mean": [], "low": [], "high": [], "sd": []}
_WORD = "return words[tick] ?? '';"


class Curves:
    """Means with their SD along one axis."""

    def __init__(self) -> None:
        tools = "pan,box_zoom,wheel_zoom,reset,save"
        self.figure = figure(
            width=620, height=300, tools=tools, toolbar_location="above", border_fill_color=None
        )
        self.figure.toolbar.logo = None
        self.figure.grid.grid_line_color = "#eeeeee"
        self._title, self._names = PlainText(text=""), (PlainText(text=""), PlainText(text=""))
        self._words: list[str] = []
        self.figure.title.text = self._title
        self.figure.xaxis[0].ticker = BasicTicker(min_interval=0.0)
        self.figure.xaxis[0].axis_label, self.figure.yaxis[0].axis_label = self._names
        for axis in self.figure.axis:
            axis.minor_tick_line_color = None
            axis.axis_label_text_font_style = "normal"
            axis.axis_label_text_font_size = "14px"
            axis.major_label_text_font_size = "12px"
        self.figure.title.text_font_size = "13px"
        self.figure.title.text_font_style = "normal"
        self._lines, items = [], []
        for i in range(MOST_LINES + 1):
            source = ColumnDataSource(dict(_EMPTY))
            colour = colours.LINES[i] if i < MOST_LINES else "#000000"
            band = self.figure.varea("x", "low", "high", source=source, fill_color=colour, fill_alpha=0.18)
            line = self.figure.line("x", "mean", source=source, line_color=colour, line_width=2)
            dots = self.figure.scatter("x", "mean", source=source, color=colour, size=5)
            items.append(LegendItem(label={"value": ""}, renderers=[line, dots], visible=False))
            self._lines.append((source, band, line, dots, items[-1]))
        legend = Legend(
            items=items, label_text_font_size="12px", border_line_color=None, padding=4, spacing=1
        )
        self.figure.add_layout(legend, "right")
        hover = HoverTool(renderers=[dots for *_, dots, _ in self._lines], tooltips=[])
        self.figure.add_tools(hover)
        self._hover = hover

    def show(self, source: Source, view: Fitted, found: Cells, chosen: int | None) -> None:
        """Draw the lines of a view; that of the chosen label in black."""
        drawn = lines(source, view, found, chosen)
        others = [line for line in drawn if not line.chosen]
        placed: list[Line | None] = [None] * (MOST_LINES + 1)
        placed[: len(others)], placed[-1] = others, next((line for line in drawn if line.chosen), None)
        alone = bool(source.space.columns)
        for (data, _, curve, dots, item), line in zip(self._lines, placed, strict=True):
            if line is None:
                data.data, item.visible = dict(_EMPTY), False
                continue
            low, high = line.mean - line.sd, line.mean + line.sd
            data.data = {"x": line.x, "mean": line.mean, "low": low, "high": high, "sd": line.sd}
            curve.visible = not alone
            dots.visible = alone or len(line.x) <= 100
            item.visible, item.label = bool(line.label), {"value": line.label}
        fig, attrs = self.figure, source.space.attrs[view.state.variable]
        self._title.text = about(source, view, found)
        self._names[0].text = x_title(source, view)
        self._names[1].text = named(plain_text(attrs[1]), attrs[0])
        rows = [(x_title(source, view), "@x"), ("mean", "@mean{0.0000}"), ("SD", "@sd{0.0000}")]
        if self._hover.tooltips != rows:
            self._hover.tooltips = rows
        words = list(words_of(source, view))
        if words != self._words:
            self._words, code = words, CustomJSTickFormatter(args={"words": words}, code=_WORD)
            fig.xaxis[0].formatter = code if words else BasicTickFormatter()
            fig.xaxis[0].ticker.min_interval = 1.0 if words else 0.0
