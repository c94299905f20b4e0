"""How a run is carried out, and which points it has: what a configuration holds beside its groups."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Gt

from spikesweep.config.build import built
from spikesweep.config.rounds import Chosen, Optimise, Refine, Replicate, Round
from spikesweep.errors import InputError, nearest, shown
from spikesweep.grid.points import Sample
from spikesweep.grid.schema import Variable
from spikesweep.grid.trials import BY_RESULTS
from spikesweep.urls import refuse_url

#: Bytes of a folder's name: room for what stands beside a store, as NAME.zarr.HOST.tmp.
_LONGEST = 200


@dataclass(frozen=True)
class Options:
    """The words of a run, the shape of its points, and what of their results is kept."""

    name: str | None  #: folder of the results, the protocol's name where null
    outputs: str  #: where results are kept
    zip: Mapping[str, tuple[str, ...]]  #: axes that move together, by any name
    points: str | None  #: CSV file with a column an axis and a row a point
    sample: Sample  #: how axes given as ranges are filled
    exclude: tuple[str, ...]  #: conditions of points that are left out
    plan: bool  #: say what a run would do, and stop
    confirm: bool  #: run even if it takes longer than `ask_above`
    ask_above: Annotated[float, "h", Gt(0)]  #: longest run that needs no confirmation
    overwrite: bool  #: start a store of the same name again
    retry: Literal["failed"] | None  #: compute points again that failed
    replicate: Replicate | None = None  #: more seeds until means over them are sure enough
    refine: Refine | None = None  #: points where they tell most, chosen from what came out
    optimise: Optimise | None = None  #: points where a number is best, chosen from what came out
    summary: tuple[str, ...] = ()  #: what is kept of a point: the protocol's results, functions of them
    gate: Mapping[str, tuple[float | None, ...]] = field(default_factory=dict)  #: ranges of valid results
    round: Round | None = None  #: what is asked for now, after a first round; no word of a configuration

    def check_rounds(self, variables: Iterable[Variable]) -> None:
        """Refuse rounds that look at what a sweep does not measure; raise InputError."""
        names = [v.name for v in variables if not v.ragged and v.dtype[0] in "fiu"]
        each: dict[str, Replicate | Chosen | None] = {"replicate": self.replicate}
        for key, rounds in (each | {"refine": self.refine, "optimise": self.optimise}).items():
            if rounds is not None and rounds.variable not in names:
                text = f"{key}.variable = {rounds.variable!r} is no number of this sweep"
                raise InputError(f"{text}; {nearest(rounds.variable, names)}")

    @property
    def chosen(self) -> Chosen | None:
        """Return what chooses points from what came out."""
        return self.refine or self.optimise

    @property
    def in_rounds(self) -> bool:
        """Return whether what is asked for follows from what came out."""
        return self.replicate is not None or self.chosen is not None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Options":
        """Return the options of plain values; raise InputError."""
        lists = {"exclude": values["exclude"], "summary": values.get("summary") or []}
        lists = {name: given if isinstance(given, list) else [given] for name, given in lists.items()}
        _refuse_together(values)
        options = built(cls, {**values, **lists, "gate": values.get("gate") or {}}, "")
        refuse_url("outputs", options.outputs)
        refuse_url("name", options.name or "")
        folder = Path(options.name or ".")
        if folder.is_absolute() or ".." in folder.parts:
            raise InputError(f"name = {options.name!r} is refused; allowed: a folder name below outputs")
        for key, text in (("name", options.name or ""), ("outputs", options.outputs)):
            if any(len(part.encode()) > _LONGEST for part in Path(text).parts) or len(text) > 4 * _LONGEST:
                raise InputError(
                    f"{key} = {shown(text)} is refused; allowed: up to {_LONGEST} bytes a folder"
                )
        return options

    def store_path(self, choices: Mapping[str, str], name: str = "") -> Path:
        """Return where the store of these choices is, of its own name if it has one.

        Raises InputError for a choice that is a path.
        """
        for group, option in choices.items():
            if Path(option).is_absolute() or ".." in Path(option).parts:
                raise InputError(f"{group} = {option!r} is refused; allowed: the name of an option, no path")
        folder = self.name or choices.get("protocol", "sweep")
        stem = name or f"{choices.get('neuron')}-{choices.get('network')}"
        return Path(self.outputs) / folder / f"{stem}.zarr"


def _refuse_together(values: Mapping[str, Any]) -> None:
    """Refuse rounds that are no mapping, and what shapes points beside points that are chosen."""
    keys_of = {"replicate": "{variable: ..., sem: ...}", "refine": "{variable: ..., budget: ...}"}
    for key, keys in {**keys_of, "optimise": "{variable: ..., target: ..., budget: ...}"}.items():
        if not isinstance(values.get(key), Mapping | None):
            raise InputError(f"{key} = {shown(values[key])} is refused; allowed: {keys}, or null")
    choosing = next((key for key in BY_RESULTS if values.get(key) is not None), None)
    if choosing is None:
        return
    others = {key: values.get(key) for key in ("replicate", "points", "zip", "exclude")}
    others["optimise"] = values.get("optimise") if choosing == "refine" else None
    others["sample.num"] = (values.get("sample") or {}).get("num")
    for key, value in others.items():
        if value:
            raise InputError(f"{key} = {shown(value)} beside {choosing} is refused; allowed: one of both")


#: The names of all options.
OPTIONS = tuple(one.name for one in fields(Options) if one.name != "round")
