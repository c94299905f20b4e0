"""What is chosen on a page: variable, layer, axes, and a slider for each other axis."""

from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

from bokeh.layouts import column, row
from bokeh.models import Button, Div, RadioButtonGroup, Select, Slider

from spikesweep.view.labels import exact, label, named, plain_text
from spikesweep.view.space import Dim, Space
from spikesweep.view.state import COMPARED, LAYERS, MEAN, Fitted, State, choices

_LAYERS = ("value", "SD", "status", "errors", "time")
#: Labels that a list of them shows at most: more are on a slider, words too.
_MOST = 100


class Controls:
    """The controls of a page, which ask for another state."""

    def __init__(self, change: Callable[[State], None]) -> None:
        self._change, self._state = change, State()
        self._built: Any = None
        self.variable = Select(title="Variable", name="variable", width=240)
        self.layer = RadioButtonGroup(labels=list(_LAYERS), active=0, name="layer", width=250)
        self.x, self.y = (Select(title=text, name=text[0], width=112) for text in ("x axis", "y axis"))
        self.swap = Button(label="Swap axes", width=240)
        self.compare = RadioButtonGroup(
            labels=["side by side", "and difference"], active=0, width=240, visible=False
        )
        self.others = column(width=250)
        self.root = column(
            self.variable, self.layer, row(self.x, self.y), self.swap, self.compare, self.others, width=250
        )
        self.variable.on_change("value", lambda attr, old, new: self._ask(variable=self.variable.value))
        self.layer.on_change("active", lambda attr, old, new: self._ask(layer=LAYERS[self.layer.active or 0]))
        self.compare.on_change(
            "active", lambda attr, old, new: self._ask(compare=COMPARED[self.compare.active or 0])
        )
        self.x.on_change("value", lambda attr, old, new: self._axes(x=self.x.value))
        self.y.on_change("value", lambda attr, old, new: self._axes(y=self.y.value))
        self.swap.on_click(lambda: self._ask(x=self._state.y, y=self._state.x) if self._state.y else None)

    def _ask(self, **changes: Any) -> None:
        """Ask for another state; what was only shown is the one that there is."""
        if (state := replace(self._state, **changes)) != self._state:
            self._change(state)

    def _axes(self, **changes: str) -> None:
        """Ask for another axis; one that is the other already changes places with it."""
        new = {"x": self._state.x, "y": self._state.y, **changes}
        if new["x"] == new["y"]:
            new = {"x": self._state.y, "y": self._state.x}
        self._ask(**new)

    def show(self, space: Space, view: Fitted, several: bool) -> None:
        """Show what is chosen."""
        self._state = state = view.state
        self.variable.options = [(n, named(n, space.attrs[n][0])) for n in space.variables]
        self.variable.value = state.variable
        self.layer.active = LAYERS.index(state.layer)
        self.compare.active, self.compare.visible = COMPARED.index(state.compare), several
        allowed = [(n, plain_text(n)) for n in choices(space, state.variable)]
        self.x.options, self.x.value = allowed, state.x
        self.y.options, self.y.value = allowed, state.y
        self.y.visible = self.swap.visible = bool(state.y)
        self._show_others(space, view)

    def _show_others(self, space: Space, view: Fitted) -> None:
        """Show a control for each dimension that is no axis of the map and has several labels."""
        shown = [d for d in (*view.fixed, *view.averaged) if len(space.dims[d].values) > 1]
        shown.sort(key=list(space.dims).index)
        key = [(d, len(space.dims[d].values), id(space)) for d in shown]
        if key != self._built:
            self._built = key
            self._widgets = [self._control(d, space.dims[d]) for d in shown]
            self.others.children = [part for pair in self._widgets for part in pair if part is not None]
        for dim, (title, widget) in zip(shown, self._widgets, strict=True):
            self._set(title, widget, space.dims[dim], view.fixed.get(dim, -1))

    def _control(self, name: str, dim: Dim) -> tuple[Div | None, Any]:
        """Return a list of words, or a slider with its title above it."""
        values, title = dim.values, None
        if dim.is_words and len(values) <= _MOST:
            options = [(str(i), label(v)) for i, v in enumerate(values.tolist())]
            widget: Any = Select(
                title=named(name, dim.units), options=[("-1", "mean of all"), *options], width=240
            )
            widget.on_change("value", lambda attr, old, new: self._at(name, dim, int(new)))
        else:
            title = Div(disable_math=True, width=240, styles={"font-size": "12px"})
            widget = Slider(
                title=None, start=-1, end=len(values) - 1, value=0, step=1, show_value=False, width=230
            )
            widget.on_change("value", lambda attr, old, new: self._at(name, dim, int(new)))
        widget.name = f"at.{plain_text(name)}"
        return title, widget

    def _set(self, title: Div | None, widget: Any, dim: Dim, place: int) -> None:
        if title is None:
            widget.value = str(place)
            return
        widget.value = place
        text = f"mean of {len(dim.values)}" if place < 0 else label(dim.values[place])
        title.text = escape(f"{named(dim.name, dim.units)}: {text}")

    def _at(self, name: str, dim: Dim, place: int) -> None:
        value = dim.values[place]
        text = MEAN if place < 0 else exact(value.item() if hasattr(value, "item") else value)
        self._ask(at=tuple((d, text if d == name else t) for d, t in self._state.at))
