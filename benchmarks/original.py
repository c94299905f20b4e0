"""The original algorithm of Zerlaut, Chemla, Chavane and Destexhe 2018, doi:10.1007/s10827-017-0668-2.

Its steps in its order, in SI units (code: yzerlaut/JCNS_2018): all event times of a train at once with
numpy's global generator, the conductance sample by sample, then the cell. Each function is compiled as
it stands; `.py_func` is the plain Python. This is the baseline, not to be made faster.
"""

import numpy as np
from numba import njit


@njit
def generate_conductance_shotnoise(freq, t, N, Q, Tsyn, g0, seed):
    """Return the conductance (S) under Poisson events of rate N freq."""
    if freq == 0:
        freq = 1e-9
    upper_number_of_events = max(int(3 * freq * t[-1] * N), 1)
    np.random.seed(seed)  # noqa: NPY002  as the original
    spike_events = np.cumsum(np.random.exponential(1.0 / (N * freq), upper_number_of_events))  # noqa: NPY002
    g = np.ones(t.size) * g0
    dt, t = t[1] - t[0], t - t[0]
    event = 0
    for i in range(1, t.size):
        g[i] = g[i - 1] * np.exp(-dt / Tsyn)
        while spike_events[event] <= t[i]:
            g[i] += Q
            event += 1
    return g


@njit
def adexp_sim(t, I, Ge, Gi, Ee, Ei, Gl, Cm, El, Vthre, Vreset, vspike, Trefrac, delta_v, a, b, tauw):  # noqa: E741
    """Return the potential (V) and the spike times (s)."""
    last_spike = -np.inf
    V = El * np.ones(len(t))
    spikes = [0.0 for _ in range(0)]  # an empty list whose type numba can tell
    dt = t[1] - t[0]
    w = 0.0
    for i in range(len(t) - 1):
        w = w + dt / tauw * (a * (V[i] - El) - w)
        if delta_v == 0:
            i_exp = 0.0
        else:
            i_exp = Gl * delta_v * np.exp((V[i] - Vthre) / delta_v)
        if (t[i] - last_spike) > Trefrac:
            V[i + 1] = V[i] + dt / Cm * (
                I[i] + i_exp - w + Gl * (El - V[i]) + Ge[i] * (Ee - V[i]) + Gi[i] * (Ei - V[i])
            )
        if V[i + 1] > vspike:
            V[i + 1] = Vreset
            w = w + b
            last_spike = t[i + 1]
            spikes.append(t[i + 1])
    return V, spikes


def single_experiment(cell, synapses, in_degree, fe, fi, duration, dt, seed, *, compiled=True):
    """Return the output rate (Hz) of one cell; parameters in spikesweep's units, converted here."""
    noise, integrate = generate_conductance_shotnoise, adexp_sim
    if not compiled:
        noise, integrate = noise.py_func, integrate.py_func
    t = np.arange(round(duration / dt)) * (dt * 1e-3)
    exc, inh = synapses["exc"], synapses["inh"]
    # the original gives both trains the same seed; here they are independent
    Ge = noise(fe * in_degree["exc"], t, 1, exc.weight * 1e-9, exc.tau_syn * 1e-3, 0.0, 2 * seed)
    Gi = noise(fi * in_degree["inh"], t, 1, inh.weight * 1e-9, inh.tau_syn * 1e-3, 0.0, 2 * seed + 1)
    Delta_T = getattr(cell, "Delta_T", 0.0)
    _, spikes = integrate(
        t,
        np.zeros(t.size),
        Ge,
        Gi,
        exc.E_rev * 1e-3,
        inh.E_rev * 1e-3,
        cell.g_L * 1e-9,
        cell.C_m * 1e-12,
        cell.E_L * 1e-3,
        cell.V_th * 1e-3,
        cell.V_reset * 1e-3,
        (cell.V_th + 5.0 * Delta_T) * 1e-3,
        cell.t_ref * 1e-3,
        Delta_T * 1e-3,
        getattr(cell, "a", 0.0) * 1e-9,
        getattr(cell, "b", 0.0) * 1e-12,
        getattr(cell, "tau_w", 1e9) * 1e-3,
    )
    return len(spikes) / t[-1]
