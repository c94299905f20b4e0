"""The point that was clicked: its labels and results, spikes, failure, and its traces when asked for."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.document import Document, without_document_lock
from bokeh.layouts import column, row
from bokeh.models import Button, PlainText, Select

from spikesweep import trust
from spikesweep.errors import InputError
from spikesweep.view import point
from spikesweep.view.labels import plain_text
from spikesweep.view.replayed import Traces, replay
from spikesweep.view.source import Source
from spikesweep.view.state import Fitted, State
from spikesweep.view.traced import WIDTH, Trace, time_figure


class Details:
    """What is told of a point."""

    def __init__(
        self, doc: Document, html: Callable[..., Any], change: Callable[[State], None], hub: Any
    ) -> None:
        self._doc, self._change, self._hub = doc, change, hub
        self._now: tuple[Source, Fitted, point.Index] | None = None
        self._cell: list[point.Index] = []
        self._key: Any = None
        self._busy = False
        self.which = Select(title="Point of this cell", width=WIDTH - 20, visible=False, name="which")
        self.about, self.failure = html(width=WIDTH, name="about"), html(width=WIDTH, name="failure")
        self.raster, self._spikes = time_figure("neuron", 220)
        self.histogram, self._counts = time_figure("spikes a bin", 130)
        self.raster.scatter(
            "x", "y", source=self._spikes, marker="dash", angle=np.pi / 2, size=5, color="#222222"
        )
        self.histogram.quad(
            left="left", right="right", top="top", bottom=0, source=self._counts, color="#0072b2"
        )
        self._counts.data = {"left": [], "right": [], "top": []}
        self.histogram.x_range = self.raster.x_range
        self.button = Button(label="Compute it again, with traces", width=240, visible=False, name="replay")
        self.said = html(width=WIDTH, name="said")
        self.trace, self._spikes.name = Trace(), "spikes"
        self.root = column(
            self.about,
            self.which,
            self.failure,
            self.raster,
            self.histogram,
            row(self.button),
            self.said,
            self.trace.signal,
            self.trace.figure,
            width=WIDTH,
        )
        self.which.on_change("value", self._chosen)
        self.button.on_click(lambda: doc.add_next_tick_callback(self._replay))
        self._hide()

    def _hide(self) -> None:
        self.about.text = "<p>Click a cell of the map, and its point is told of here.</p>"
        for part in (self.which, self.raster, self.histogram, self.button):
            part.visible = False
        self.trace.show(None)
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
        self.said.text = ""
        self.trace.show(None)

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
        tag = "p" if found.signals else 'pre class="detail"'
        self.said.text = f"<{tag}>{escape(found.text)}</{tag.split()[0]}>"
        self.trace.show(found)


def _meaning(source: Source, index: point.Index) -> str:
    return point.MEANINGS[int(source.status[tuple(index.values())])]
