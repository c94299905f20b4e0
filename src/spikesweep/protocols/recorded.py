"""What protocols record by name: signals, whose units and meanings the network's State classes tell."""

from collections.abc import Iterable, Mapping

from spikesweep.errors import InputError, nearest
from spikesweep.grid.schema import Variable
from spikesweep.models.simulation.core import Name, Signal


def named(record: tuple[str, ...], known: Mapping[str, Signal]) -> tuple[str, ...]:
    """Return names that know their units and meanings, where these are known."""
    return tuple(Name.of(name, known[name]) if name in known else name for name in record)


def check_recorded(record: tuple[str, ...], known: Iterable[str], lacking: str) -> None:
    """Refuse names that are unknown or there twice; raise InputError.

    `lacking` says who does not have them.
    """
    if len(set(record)) < len(record):
        raise InputError(f"protocol.record = {list(record)} is refused; allowed: each once")
    known = list(known)
    for name in record:
        if name not in known:
            raise InputError(f"protocol.record holds {name!r}, which {lacking}; {nearest(name, known)}")


def recorded_variable(name: str, dims: tuple[str, ...], *, optional: bool = False) -> Variable:
    """Return the variable of a recorded signal; its unit is "1" before `named` has told it."""
    units, long_name = getattr(name, "units", "1"), getattr(name, "long_name", str(name))
    return Variable(str(name), dims, units, long_name, optional=optional)
