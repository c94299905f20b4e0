"""Homeostatic training of the weights of an excitatory and an inhibitory population, in their rate model.

    tau_E dE/dt = -E + g_E [W_EE E - W_EI I - theta_E]+
    tau_I dI/dt = -I + g_I [W_IE E - W_II I - theta_I]+

After each trial, with the rates of the Up state (its stable fixed point; 0 where it has none) and set points:

    cross      W_EE += a E (I* - I)    W_EI -= a I (I* - I)    W_IE -= a E (E* - E)    W_II += a I (E* - E)
    standard   W_EE += a E (E* - E)    W_EI -= a I (E* - E)    W_IE += a E (I* - I)    W_II -= a I (I* - I)
    two_term   the sum of both

Soldado-Magraner, Seay, Laje and Buonomano 2022, doi:10.1073/pnas.2200621119: an Up state is stabilised by
inhibition (g_E W_EE > 1), so that more input to I lowers I (the paradoxical effect: Tsodyks, Skaggs,
Sejnowski and McNaughton 1997, doi:10.1523/JNEUROSCI.17-11-04382.1997), and each population must correct the
other's error. Presynaptic rates below `LEAST` count as LEAST, weights do not fall below `FLOOR`.
"""

from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from spikesweep.errors import InputError
from spikesweep.units import Hz, ms, number

Array = NDArray[np.float64]
Rule = Literal["cross", "standard", "two_term"]

#: Shares of the cross and the direct terms in each rule.
SHARES = {"cross": (1.0, 0.0), "standard": (0.0, 1.0), "two_term": (1.0, 1.0)}

WEIGHTS = ("EE", "EI", "IE", "II")
LEAST: Hz = 1.0
FLOOR = 0.1


class Rates(NamedTuple):
    """The model without its weights."""

    gain_E: number  #: Hz per unit of input
    gain_I: number
    theta_E: number  #: threshold, in units of input
    theta_I: number
    tau_E: ms
    tau_I: ms


#: That of the paper.
PUBLISHED = Rates(1.0, 4.0, 4.8, 25.0, 10.0, 2.0)


def up_state(weights: ArrayLike, model: Rates = PUBLISHED) -> tuple[Array, Array]:
    """Return the rates E and I (Hz) of the Up state, 0 where there is no stable one; weights: shape (4, ...).

    >>> E, I = up_state([5.0, 1.0, 10.0, 0.5])
    >>> round(float(E), 3), round(float(I), 3)
    (3.057, 7.429)
    """
    a, b, c, d, determinant = _linear(weights, model)
    with np.errstate(divide="ignore", invalid="ignore"):
        E = (-model.gain_E * model.theta_E * d - b * -model.gain_I * model.theta_I) / determinant
        I = (a * -model.gain_I * model.theta_I - c * -model.gain_E * model.theta_E) / determinant  # noqa: E741
    there = (determinant > 0.0) & (a / model.tau_E + d / model.tau_I > 0.0) & (E > 0.0) & (I > 0.0)
    return np.where(there, E, 0.0), np.where(there, I, 0.0)


def _linear(weights: ArrayLike, model: Rates) -> tuple[Array, Array, Array, Array, Array]:
    """Return the matrix ((a, b), (c, d)) of (E, I) in the Up state, and its determinant."""
    EE, EI, IE, II = np.asarray(weights, np.float64)
    a, b = 1.0 - model.gain_E * EE, model.gain_E * EI
    c, d = -model.gain_I * IE, 1.0 + model.gain_I * II
    return a, b, c, d, a * d - b * c


def response_to_input(weights: ArrayLike, model: Rates = PUBLISHED) -> Array:
    """Return dI / d(input to I) in the Up state (Hz per unit): below zero where the effect is paradoxical."""
    a, *_, determinant = _linear(weights, model)
    return np.asarray(a * model.gain_I / determinant)


def trained(
    weights: Array,
    shares: Array,
    set_points: Array,
    learning_rate: number,
    keep: NDArray[np.int64],
    model: Rates,
) -> tuple[Array, Array]:
    """Return rates, shape (trial, 2, network), and the weights before them, (trial, 4, network).

    `keep` are the trials, rising. `shares` of the cross and the direct rule (SHARES), and `set_points` of E
    and I (Hz), have the shape (2,), or (2, networks) where networks differ.
    """
    w = np.array(weights, np.float64)
    found, before = np.empty((len(keep), 2, w.shape[1])), np.empty((len(keep), *w.shape))
    share, (set_E, set_I) = [column[np.newaxis] for column in shares], set_points
    crossed, direct = (np.array(signs)[:, np.newaxis] for signs in ((1.0, -1.0, -1.0, 1.0), (1.0, -1.0) * 2))
    place = 0
    for trial in range(int(keep[-1]) + 1):
        E, I = up_state(w, model)  # noqa: E741
        if trial == keep[place]:
            found[place], before[place] = (E, I), w
            place += 1
        pre = np.maximum(np.stack([E, I, E, I]), LEAST)
        own = np.stack([set_E - E, set_E - E, set_I - I, set_I - I])
        error = share[0] * (crossed * own[[2, 2, 0, 0]]) + share[1] * (direct * own)
        w = np.maximum(w + learning_rate * pre * error, FLOOR)
    return found, before


def train(
    weights: ArrayLike,
    rule: Rule,
    n_trials: int,
    learning_rate: number,
    set_E: Hz = 5.0,
    set_I: Hz = 14.0,
    model: Rates = PUBLISHED,
) -> xr.Dataset:
    """Return `E` and `I` (Hz) of each trial and the `weights` before it, over trial, weight and network.

    `weights` has the shape (4, networks), in the order EE, EI, IE, II. Raises InputError for another shape,
    an unknown rule, or set points that are not above 0.
    """
    w = np.array(weights, np.float64)
    if w.ndim != 2 or len(w) != 4 or not (w >= 0.0).all():
        raise InputError(f"weights have the shape {w.shape}; allowed: (4, networks), none below 0")
    if rule not in SHARES:
        raise InputError(f"rule = {rule!r} is refused; allowed: {', '.join(SHARES)}")
    if set_E <= 0.0 or set_I <= 0.0:
        raise InputError(f"set_E = {set_E:g} and set_I = {set_I:g} Hz are refused; allowed: above 0")
    found, before = trained(
        w, np.array(SHARES[rule]), np.array([set_E, set_I]), learning_rate, np.arange(n_trials), model
    )
    dims = ("trial", "network")
    return xr.Dataset(
        {
            "E": (dims, found[:, 0], {"units": "Hz", "long_name": "excitatory rate in Up states"}),
            "I": (dims, found[:, 1], {"units": "Hz", "long_name": "inhibitory rate in Up states"}),
            "weights": (("trial", "weight", "network"), before, {"units": "1"}),
        },
        {"trial": np.arange(n_trials), "weight": list(WEIGHTS)},
        {"rule": rule, "set_E": set_E, "set_I": set_I},
    )
