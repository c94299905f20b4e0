"""The unit system: a quantity's unit and bounds are the annotation of its field.

pF, nS, mV, ms, pA, fC are consistent with each other (pF mV / ms = pA, nS mV = pA, pA ms = fC), so
equations carry no factors. Rates are in Hz at the interface, and times of spikes in ms. Rate networks
have their own consistent set: uS mV = nA and MOhm nA = mV, with synaptic gains per Hz of presynaptic rate.
Dimensionless cells count potentials and currents in distances from rest to threshold.
"""

from typing import Annotated, Any, TypeVar, get_type_hints

from annotated_types import Ge, Gt, Interval

T = TypeVar("T")

mV = Annotated[float, "mV"]
ms = Annotated[float, "ms"]
pA = Annotated[float, "pA"]
nS = Annotated[float, "nS"]
pF = Annotated[float, "pF"]
fC = Annotated[float, "fC"]  # pA ms
pC = Annotated[float, "pC"]
Hz = Annotated[float, "Hz"]
nA = Annotated[float, "nA"]
MOhm = Annotated[float, "MOhm"]
V = Annotated[float, "V"]
A = Annotated[float, "A"]
per_ms = Annotated[float, "1/ms"]
nS_per_mV = Annotated[float, "nS/mV"]
pA_sqrt_s = Annotated[float, "pA s^0.5"]
uS_per_Hz = Annotated[float, "uS/Hz"]
threshold = Annotated[float, "threshold"]
per_m = Annotated[float, "1/m"]
m_per_s = Annotated[float, "m/s"]
number = Annotated[float, "1"]

Positive = Annotated[T, Gt(0)]
NonNegative = Annotated[T, Ge(0)]
#: What random numbers are drawn from.
Seed = Annotated[int, Interval(ge=0, le=2**64 - 1)]
Fraction = Annotated[float, "1", Interval(ge=0.0, le=1.0)]

#: The only conversion between the interface's Hz and the equations' events per ms.
PER_MS = 1e-3


def unit_of(annotation: Any) -> str:
    """Return the unit in an annotation, "1" where it has none."""
    return next((m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, str)), "1")


_UNITS: dict[type, dict[str, str]] = {}


def units_of(cls: type) -> dict[str, str]:
    """Return the unit of every annotated field of a class."""
    if cls not in _UNITS:
        hints = get_type_hints(cls, include_extras=True)
        _UNITS[cls] = {name: unit_of(annotation) for name, annotation in hints.items()}
    return _UNITS[cls]
