"""Synapses of rate networks: what a presynaptic rate a_j does to cell i through the weight w_ij.

FilteredCurrent, one current I_ij a synapse:
    tau dI_ij/dt = -I_ij + w_ij g a_j (E_rev - v_i)

SaturatingConductance, one filtered rate s_j a synapse, pulled up to a_j but never pushed down by it:
    ds_j/dt = -s_j / tau_decay + max(0, a_j - s_j) / tau_rise
    I_ij = w_ij g s_j (E_rev - v_i)
as in Galloni et al. 2022, doi:10.3389/fncom.2022.826278 (code: Milstein-Lab/dentate_circuit_model).

In FilteredCurrent the *current* is filtered, not the conductance: v_i then overshoots where
R sum_j w_ij g a_j is above (tau_m - tau)^2 / (4 tau_m tau), which no conductance synapse does.
"""

from typing import NamedTuple

from spikesweep.units import NonNegative, Positive, ms, mV, uS_per_Hz


class FilteredCurrent(NamedTuple):
    """Parameters of a current that follows its conductance and driving force with one time constant."""

    g: NonNegative[uS_per_Hz]  #: conductance of weight 1 per presynaptic rate
    tau: Positive[ms]  #: time constant
    E_rev: mV  #: reversal potential

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that a step must resolve."""
        return {"tau": self.tau}


class SaturatingConductance(NamedTuple):
    """Parameters of a conductance with rise and decay."""

    g: NonNegative[uS_per_Hz]  #: conductance of weight 1 per filtered presynaptic rate
    tau_rise: Positive[ms]  #: time constant of the rise
    tau_decay: Positive[ms]  #: time constant of the decay
    E_rev: mV  #: reversal potential

    def time_constants(self) -> dict[str, ms]:
        """Return the time constants that a step must resolve."""
        return {"tau_rise and tau_decay": 1.0 / (1.0 / self.tau_rise + 1.0 / self.tau_decay)}
