"""The semi-analytical transfer function: rate from the fluctuations of the membrane potential.

Under Poisson events at the rates f_s = K_s nu_s of the synapse types s = e, i:

    mu_G = g_L + sum Q_s T_s f_s          mu_V = (g_L E_L + sum Q_s T_s f_s E_s - w) / mu_G
    T_m  = C_m / mu_G                     U_s  = Q_s / mu_G (E_s - mu_V)
    sigma_V^2 = sum f_s (U_s T_s)^2 / (2 (T_s + T_m))
    T_V  = sum f_s (U_s T_s)^2 / sum [f_s (U_s T_s)^2 / (T_s + T_m)]
    F    = erfc((V_eff - mu_V) / (sqrt(2) sigma_V)) / (2 T_V)

V_eff is a polynomial of mu_V, sigma_V, T_V g_L / C_m and log(mu_G / g_L). Zerlaut, Chemla, Chavane and
Destexhe 2018, doi:10.1007/s10827-017-0668-2. Their code has Q_i (in S) for T_i (in s) in the inhibitory
terms of sigma_V and T_V, so that inhibition fluctuates next to nothing: `form="zerlaut2018"`, needed for
their coefficients only.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from spikesweep.errors import InputError
from spikesweep.units import PER_MS, ms, mV, nS, number, pF

Form = Literal["corrected", "zerlaut2018"]
#: What a fit takes for the moments: the formulas', or those of simulated potentials.
MomentsOf = Literal["corrected", "zerlaut2018", "measured"]
Array = NDArray[np.float64]

#: The polynomial's terms in the order of the published coefficients; mu, sigma, tau are scaled as below.
TERMS = (
    "constant",
    "mu",
    "sigma",
    "tau",
    "log_mu_G",
    "mu*mu",
    "sigma*sigma",
    "tau*tau",
    "mu*sigma",
    "mu*tau",
    "sigma*tau",
)
LINEAR_TERMS = TERMS[:5]
#: What TVB and di Volo et al. 2019 (doi:10.1162/neco_a_01173) use, in their order.
TVB_TERMS = tuple(term for term in TERMS if term != "log_mu_G")

_MU_0, _D_MU = -60.0, 10.0  # mV
_SIGMA_0, _D_SIGMA = 4.0, 6.0  # mV
_TAU_0, _D_TAU = 0.5, 1.0
_NO_EVENTS = 1e-9 * PER_MS  # added to both event rates, so that T_V exists without any
_NO_FLUCTUATION = 1e-9  # mV, added to sigma_V
_MS_PER_NS = 1e-6  # the slip of the published code: Q in S where T in s belongs


#: What the moments depend on of a cell, and of a synapse.
OF_CELL = ("C_m", "g_L", "E_L")
_OF_SYNAPSE = ("weight", "tau_syn", "E_rev")


class Cell(NamedTuple):
    """What the moments of a cell's potential depend on."""

    C_m: pF
    g_L: nS
    E_L: mV
    weight: tuple[nS, nS]  #: of an excitatory and an inhibitory event
    tau_syn: tuple[ms, ms]
    E_rev: tuple[mV, mV]
    in_degree: tuple[number, number]

    @classmethod
    def of(cls, neuron: Any, network: Any, population: str | None = None) -> "Cell":
        """Return the cell of a neuron in a network; raise InputError if one has no such parameters.

        The synapses are those onto a population, or those that all share where it is None.
        """
        synapses: dict[str, Any] = {kind: getattr(network, kind, None) for kind in ("exc", "inh")}
        if population is not None and None not in synapses.values():
            synapses = network.synapses_onto(population)
        parts = [("neuron", neuron, OF_CELL)]
        parts += [(f"network.{kind}", synapse, _OF_SYNAPSE) for kind, synapse in synapses.items()]
        lacking = [f"{key}.{name}" for key, part, names in parts for name in names if not hasattr(part, name)]
        if lacking:
            name = str(getattr(neuron, "_target_", type(neuron).__name__)).rpartition(".")[2]
            raise InputError(
                f"{name} in {type(network).__name__} has no {', '.join(lacking)}, on which"
                " its moments depend; allowed: a cell with a leak and synapses that are conductances"
            )
        weight, tau_syn, E_rev = (
            (getattr(synapses["exc"], name), getattr(synapses["inh"], name)) for name in _OF_SYNAPSE
        )
        in_degree = network.in_degree["exc"], network.in_degree["inh"]
        return cls(neuron.C_m, neuron.g_L, neuron.E_L, weight, tau_syn, E_rev, in_degree)


class Moments(NamedTuple):
    """Mean, standard deviation and autocorrelation time of the potential; relative conductance."""

    mu_V: Array  #: mV
    sigma_V: Array  #: mV
    T_V: Array  #: ms
    mu_G: Array  #: in units of g_L


def moments(
    cell: Cell, fe: ArrayLike, fi: ArrayLike, w: ArrayLike = 0.0, form: Form = "corrected"
) -> Moments:
    """Return the moments at the presynaptic rates fe and fi (Hz) and an adaptation current w (pA)."""
    events = [np.asarray(f) * (k * PER_MS) for f, k in zip((fe, fi), cell.in_degree, strict=True)]
    mean = [q * t * f for q, t, f in zip(cell.weight, cell.tau_syn, events, strict=True)]
    mu_G = cell.g_L + mean[0] + mean[1]
    mu_V = (cell.g_L * cell.E_L + mean[0] * cell.E_rev[0] + mean[1] * cell.E_rev[1] - np.asarray(w)) / mu_G
    T_m = cell.C_m / mu_G
    width = list(cell.tau_syn)
    if form == "zerlaut2018":
        width[1] = cell.weight[1] * _MS_PER_NS
    power, slow = [], []
    for s in range(2):
        power.append((cell.weight[s] / mu_G * (cell.E_rev[s] - mu_V) * width[s]) ** 2)
        slow.append(cell.tau_syn[s] + T_m)
    variance = events[0] * power[0] / slow[0] + events[1] * power[1] / slow[1]
    e, i = (events[s] + _NO_EVENTS for s in range(2))
    T_V = (e * power[0] + i * power[1]) / (e * power[0] / slow[0] + i * power[1] / slow[1])
    return Moments(mu_V, np.sqrt(variance / 2.0) + _NO_FLUCTUATION, T_V, mu_G / cell.g_L)


def polynomial(cell: Cell, m: Moments, terms: tuple[str, ...] = TERMS) -> Array:
    """Return the value of each term of V_eff, shape (*points, terms)."""
    factors = {
        "constant": np.ones_like(m.mu_V),
        "mu": (m.mu_V - _MU_0) / _D_MU,
        "sigma": (m.sigma_V - _SIGMA_0) / _D_SIGMA,
        "tau": (m.T_V * cell.g_L / cell.C_m - _TAU_0) / _D_TAU,
        "log_mu_G": np.log(m.mu_G),
    }
    columns = [np.prod([factors[name] for name in term.split("*")], axis=0) for term in terms]
    return np.stack(columns, axis=-1)


def rate(m: Moments, V_eff: ArrayLike) -> Array:
    """Return the output rate (Hz) at an effective threshold (mV)."""
    z = (np.asarray(V_eff) - m.mu_V) / (np.sqrt(2.0) * m.sigma_V)
    return np.asarray(scipy.special.erfc(z) / (2.0 * m.T_V * PER_MS))


def rate_slope(m: Moments, V_eff: ArrayLike) -> Array:
    """Return the derivative of `rate` by the effective threshold (Hz / mV)."""
    z = (np.asarray(V_eff) - m.mu_V) / (np.sqrt(2.0) * m.sigma_V)
    return np.asarray(-np.exp(-z * z) / (np.sqrt(2.0 * np.pi) * m.sigma_V * m.T_V * PER_MS))


def effective_threshold(m: Moments, rates: ArrayLike) -> Array:
    """Return the effective threshold (mV) that gives the rates (Hz); infinite or NaN where none does."""
    share = 2.0 * m.T_V * PER_MS * np.asarray(rates)
    return np.asarray(m.mu_V + np.sqrt(2.0) * m.sigma_V * scipy.special.erfcinv(share))


def terms_of(n: int) -> tuple[str, ...]:
    """Return the terms that a number of coefficients stands for; raise InputError for another number."""
    known = {len(terms): terms for terms in (TERMS, TVB_TERMS, LINEAR_TERMS)}
    if n not in known:
        raise InputError(f"{n} coefficients are refused; allowed: {', '.join(map(str, sorted(known)))}")
    return known[n]


class TransferFunction(NamedTuple):
    """F of one population: a cell and its coefficients."""

    cell: Cell
    coefficients: Array  #: mV, one for each of `terms`
    terms: tuple[str, ...] = TERMS
    form: Form = "corrected"

    def __call__(self, fe: ArrayLike, fi: ArrayLike, w: ArrayLike = 0.0) -> Array:
        """Return the rate (Hz) at presynaptic rates (Hz) and an adaptation current (pA)."""
        m = moments(self.cell, fe, fi, w, self.form)
        terms = polynomial(self.cell, m, self.terms)
        # term by term: how BLAS adds depends on how many points there are
        V_eff = sum(terms[..., i] * c for i, c in enumerate(self.coefficients))
        return rate(m, np.asarray(V_eff))

    def mu_V(self, fe: ArrayLike, fi: ArrayLike, w: ArrayLike = 0.0) -> Any:
        """Return the mean potential (mV)."""
        return moments(self.cell, fe, fi, w, self.form).mu_V
