"""Phase planes of cells with two variables: nullclines, fixed points, bifurcations, rheobase.

All such cells here are of one form, a potential and a linear recovery,

    C_m dv/dt = F(v) - w + I,   dw/dt = (b (v - v_w) - w) / tau_w,

which `plane` reads from their parameters. A fixed point is where F(v) + I = b (v - v_w); its Jacobian is
[[F' / C_m, -1 / C_m], [b / tau_w, -1 / tau_w]]. With more current the lower, stable one is lost where F' = b
(a saddle-node: determinant 0), or before, where F' = C_m / tau_w and b > C_m / tau_w (an Andronov-Hopf
bifurcation: trace 0): Touboul and Brette 2008, doi:10.1007/s00422-008-0267-4, whose closed form for AdExp is
tested against. A step of current makes a cell fire below both of them where it overshoots.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from spikesweep.errors import InputError
from spikesweep.kernels.cells.driver import Clock
from spikesweep.kernels.cells.lanes import run_lanes, undriven
from spikesweep.models.inputs.given import ConstantCurrent
from spikesweep.units import ms, mV, nS, pA, pF

Array = NDArray[np.float64]

#: Halvings after which a root has all digits.
_HALVINGS = 100


class Plane(NamedTuple):
    """The equations of a cell with two variables: see the top of the file."""

    force: Callable[[Any], Any]  #: F(v), pA
    slope: Callable[[Any], Any]  #: F'(v), nS; it increases with v
    C_m: pF
    b: nS
    v_w: mV
    tau_w: ms
    top: mV  #: where spikes are cut
    names: tuple[str, str]  #: of both variables


class Bifurcations(NamedTuple):
    """The currents (pA) at which rest is lost, and its potentials (mV) there; NaN where it is not."""

    saddle_node: pA
    v_saddle_node: mV
    hopf: pA
    v_hopf: mV

    @property
    def rheobase(self) -> pA:
        """Return the current above which the cell has no stable rest."""
        return float(np.nanmin([self.saddle_node, self.hopf]))


def plane(cell: Any) -> Plane:
    """Return the equations of a cell; raise InputError where it has no two variables of this form.

    Those of AdExp, AdExpEuler, AdExpHeun, Izhikevich and Izhikevich2003 (where u decays).
    """
    if hasattr(cell, "Delta_T") and hasattr(cell, "tau_w") and np.all(cell.Delta_T > 0.0):
        upstroke = lambda v: np.exp((v - cell.V_th) / cell.Delta_T)  # noqa: E731
        return Plane(
            lambda v: cell.g_L * (cell.E_L - v) + cell.g_L * cell.Delta_T * upstroke(v),
            lambda v: cell.g_L * (upstroke(v) - 1.0),
            cell.C_m,
            cell.a,
            cell.E_L,
            cell.tau_w,
            cell.V_spike,
            ("v", "w"),
        )
    if hasattr(cell, "v_t"):
        force = lambda v: cell.k * (v - cell.v_r) * (v - cell.v_t)  # noqa: E731
        slope = lambda v: cell.k * (2.0 * v - cell.v_r - cell.v_t)  # noqa: E731
        return Plane(force, slope, cell.C_m, cell.b, cell.v_r, 1.0 / cell.a, cell.v_peak, ("v", "u"))
    if hasattr(cell, "k2") and cell.recovery == "decays":
        force = lambda v: cell.k2 * v * v + cell.k1 * v + cell.k0 + cell.I_0  # noqa: E731
        slope = lambda v: 2.0 * cell.k2 * v + cell.k1  # noqa: E731
        return Plane(force, slope, cell.C_m, cell.b, cell.v_u, 1.0 / cell.a, cell.v_peak, ("v", "u"))
    raise InputError(
        f"a {type(cell).__name__} has no phase plane; allowed: cells with a potential and one recovery "
        "variable that decays, AdExp (with Delta_T above 0), Izhikevich, Izhikevich2003"
    )


def bifurcations(cell: Any) -> Bifurcations:
    """Return where a cell loses its rest as the current grows slowly.

    >>> import spikesweep as ss
    >>> from spikesweep.config.build import build
    >>> from spikesweep.config.compose import plain
    >>> RS = build(plain(ss.load("neuron=adexp"))["neuron"]["RS"], "neuron.RS")
    >>> found = bifurcations(RS)
    >>> round(found.hopf, 2), round(found.saddle_node, 2)
    (190.3, 191.42)
    """
    p = plane(cell)
    v_fold = _where(p, p.b)
    fold = p.b * (v_fold - p.v_w) - p.force(v_fold)
    at_hopf = p.C_m / p.tau_w
    if p.b <= at_hopf or p.tau_w <= 0.0:
        return Bifurcations(float(fold), float(v_fold), np.nan, np.nan)
    v = _where(p, at_hopf)
    return Bifurcations(float(fold), float(v_fold), float(p.b * (v - p.v_w) - p.force(v)), float(v))


def _where(p: Plane, slope: nS) -> mV:
    """Return the potential at which F has a slope, by bisection."""
    low, high = p.top - 1.0, p.top
    while p.slope(low) > slope:
        low -= 2.0 * (p.top - low)
        if low < -1e6:
            raise InputError(
                f"the force of this cell has nowhere the slope {slope:g} nS; allowed: b above -g_L"
            )
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if p.slope(middle) < slope else (low, middle)
    return 0.5 * (low + high)


def fixed_points(cell: Any, current: pA) -> xr.Dataset:
    """Return the fixed points of a cell under a constant current, two at most, ascending along `fixed_point`.

    `v` (mV), `w` (pA), the eigenvalues of the Jacobian along `eigenvalue` (1/ms, as `real` and `imaginary`),
    and `kind`: stable or unstable, node or focus, or saddle.
    """
    p = plane(cell)
    excess = lambda v: p.force(v) + current - p.b * (v - p.v_w)  # noqa: E731
    lowest = _where(p, p.b)
    found: list[mV] = []
    if excess(lowest) < 0.0:
        for direction in (-1.0, 1.0):
            inside, step = lowest, 1.0
            while excess(inside + direction * step) < 0.0:
                inside, step = inside + direction * step, 2.0 * step
            found.append(_root(excess, inside, inside + direction * step))
    matrices = [
        np.array([[p.slope(v) / p.C_m, -1.0 / p.C_m], [p.b / p.tau_w, -1.0 / p.tau_w]]) for v in found
    ]
    values = np.array([np.sort_complex(np.linalg.eigvals(m)) for m in matrices]).reshape(-1, 2)
    v = np.array(found)
    return xr.Dataset(
        {
            "v": ("fixed_point", v, {"units": "mV"}),
            "w": ("fixed_point", p.b * (v - p.v_w), {"units": "pA"}),
            "real": (("fixed_point", "eigenvalue"), values.real.astype(np.float64), {"units": "1/ms"}),
            "imaginary": (("fixed_point", "eigenvalue"), values.imag.astype(np.float64), {"units": "1/ms"}),
            "kind": ("fixed_point", np.array([_kind(pair) for pair in values], dtype="<U16")),
        }
    )


def _root(f: Callable[[mV], pA], negative: mV, positive: mV) -> mV:
    for _ in range(_HALVINGS):
        middle = 0.5 * (negative + positive)
        negative, positive = (middle, positive) if f(middle) < 0.0 else (negative, middle)
    return 0.5 * (negative + positive)


def _kind(values: Any) -> str:
    """Return what eigenvalues make of a fixed point."""
    low, high = sorted(values.real)
    if low < 0.0 < high:
        return "saddle"
    return f"{'stable' if high < 0.0 else 'unstable'} {'focus' if values.imag.any() else 'node'}"


def phase_plane(cell: Any, current: pA, v: Array, w: Array) -> xr.Dataset:
    """Return the plane of a cell under a constant current: nullclines and the flow on a grid of v and w.

    `v_nullcline` and `w_nullcline` (pA, over `v`) are where v and where w stand still; `dv` (mV/ms) and `dw`
    (pA/ms) the flow over (`v`, `w`). Its fixed points: `fixed_points`.
    """
    p = plane(cell)
    x, y = np.asarray(v, np.float64)[:, np.newaxis], np.asarray(w, np.float64)[np.newaxis]
    return xr.Dataset(
        {
            "v_nullcline": ("v", p.force(x[:, 0]) + current, {"units": "pA"}),
            "w_nullcline": ("v", p.b * (x[:, 0] - p.v_w), {"units": "pA"}),
            "dv": (("v", "w"), (p.force(x) - y + current) / p.C_m, {"units": "mV/ms"}),
            "dw": (("v", "w"), (p.b * (x - p.v_w) - y) / p.tau_w, {"units": "pA/ms"}),
        },
        coords={"v": ("v", x[:, 0], {"units": "mV"}), "w": ("w", y[0], {"units": "pA"})},
        attrs={"current": float(current), "second": p.names[1]},
    )


def step_rheobase(cell: Any, low: pA, high: pA, dt: ms = 0.05, duration: ms = 2000.0, width: pA = 0.01) -> pA:
    """Return the least step of current, from rest and lasting `duration`, under which a cell fires at all.

    Between `low`, at which it must be silent, and `high`, to within `width`; raises InputError otherwise. A
    cell with subthreshold adaptation fires below its bifurcations: v rises before w has followed.
    """
    while high - low > width:
        tried = np.linspace(low, high, 34)
        inputs = (ConstantCurrent(tried),)  # type: ignore[arg-type]  # one a lane
        n_steps = round(duration / dt)
        counts = run_lanes(cell, inputs, Clock.of(dt, "steps"), len(tried), n_steps, undriven(len(tried)))
        if counts[0] > 0.0 or not counts[-1] > 0.0:
            raise InputError(
                f"low = {low:g} pA gives {counts[0]:g} spikes and high = {high:g} pA {counts[-1]:g}; "
                "allowed: none, and one at least"
            )
        first = int(np.argmax(counts > 0.0))
        low, high = float(tried[first - 1]), float(tried[first])
    return 0.5 * (low + high)
