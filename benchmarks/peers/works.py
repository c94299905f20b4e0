"""The networks that benchmarks/networks.py compares: their numbers, without any simulator.

Delta synapses have weights in mV, the currents of CUBA in mV of the potential that they lead to, the
conductances in nS. Rates in Hz, times in ms.
"""

from types import SimpleNamespace

_LIF = {"tau_m": 20.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": 2.0}
_BRETTE = {"tau_m": 20.0, "V_th": -50.0, "V_reset": -60.0, "t_ref": 5.0, "tau_e": 5.0, "tau_i": 10.0}
_ADEXP = {
    **{"C_m": 200.0, "g_L": 10.0, "E_L": -65.0, "V_th": -50.0, "V_reset": -65.0, "t_ref": 5.0},
    **{"tau_w": 500.0, "tau_e": 5.0, "tau_i": 5.0, "E_e": 0.0, "E_i": -80.0},
}

WORKS = {
    # Brunel 2000: every cell has 1000 and 250 inputs, and Poisson input of eta times the threshold rate
    "brunel": {
        **{"kind": "delta", "N_E": 10_000, "N_I": 2500, "C_E": 1000, "C_I": 250},
        **{"J": 0.1, "g": 5.0, "eta": 2.0, "delay": 1.5, "dt": 0.1, "duration": 1000.0, "cell": _LIF},
    },
    # Brette et al. 2007 with the numbers of Brian2's examples
    "cuba": {
        **{"kind": "cuba", "N_E": 3200, "N_I": 800, "p": 0.02, "w_e": 1.62, "w_i": -9.0},
        **{"dt": 0.1, "duration": 10_000.0, "cell": {**_BRETTE, "E_L": -49.0}},
    },
    "coba": {
        **{"kind": "coba", "N_E": 3200, "N_I": 800, "p": 0.02, "w_e": 6.0, "w_i": 67.0},
        **{"dt": 0.1, "duration": 10_000.0},
        "cell": {**_BRETTE, "E_L": -60.0, "C_m": 200.0, "g_L": 10.0, "E_e": 0.0, "E_i": -80.0},
    },
    # conf/network/fs_rs.yaml with the cells of conf/neuron/adexp.yaml, driven at 4 Hz
    "fs_rs": {
        **{"kind": "adexp", "N_E": 8000, "N_I": 2000, "p": 0.05, "w_e": 1.0, "w_i": 5.0},
        **{"n_ext": 400, "nu_ext": 4.0, "dt": 0.1, "duration": 2000.0},
        "cells": {
            "E": {**_ADEXP, "Delta_T": 2.0, "a": 4.0, "b": 20.0},
            "I": {**_ADEXP, "Delta_T": 0.5, "a": 0.0, "b": 0.0},
        },
    },
    # every connection its own log-normal weight (SD = mean) and its own delay
    "edges": {
        **{"kind": "edges", "N_E": 8000, "N_I": 2000, "p": 0.1, "C_E": 800, "J": 0.1, "g": 6.0, "eta": 1.0},
        **{"delay": (1.0, 3.0), "dt": 0.1, "duration": 2000.0, "cell": _LIF},
    },
}


def work(name, **changed):
    """Return the numbers of a work by name, some of them changed; those of its cell are changed too."""
    found = {**WORKS[name]}
    for key, value in changed.items():
        if key not in found:
            found["cell"] = {**found["cell"], key: value}
        else:
            found[key] = value
    w = SimpleNamespace(**found)
    if hasattr(w, "eta"):  # the rate at which C_E inputs alone bring the mean potential to threshold
        c = w.cell
        w.nu_ext = w.eta * 1e3 * (c["V_th"] - c["E_L"]) / (w.J * w.C_E * c["tau_m"])
    return w


def parsed(name, words):
    """Return a work some of whose numbers are changed by words: name=value."""
    pairs = (word.partition("=") for word in words)
    return work(name, **{key: type(WORKS[name].get(key, 0.0))(value) for key, _, value in pairs})
