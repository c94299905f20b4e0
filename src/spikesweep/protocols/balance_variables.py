"""What the protocol of charges measures."""

from spikesweep.grid.schema import Variable

_CELL = ("population",)
_ALWAYS = (
    Variable("charge_exc", _CELL, "pC", "excitatory charge received"),
    Variable("charge_inh", _CELL, "pC", "inhibitory charge received"),
    Variable("current_exc", _CELL, "pA", "mean excitatory current"),
    Variable("current_inh", _CELL, "pA", "mean inhibitory current"),
    Variable("expected_exc", _CELL, "pA", "excitatory weight x rate", optional=True),
    Variable("expected_inh", _CELL, "pA", "inhibitory weight x rate", optional=True),
    Variable("spike_count", _CELL, "1", "number of spikes"),
    Variable("sources_exc", (), "1", "excitatory sources"),
    Variable("sources_inh", (), "1", "inhibitory sources"),
)
_NET = (
    Variable("current_net", _CELL, "pA", "mean excitatory - inhibitory current"),
    Variable("current_net_sd", _CELL, "pA", "SD of that current over time"),
)
_SPIKES = (Variable("spike_times", _CELL, "ms", "spike times, ends of steps", ragged="spike"),)
_TRACES = (
    Variable("v", (*_CELL, "time"), "mV", "membrane potential"),
    Variable("i_exc", (*_CELL, "time"), "pA", "excitatory current"),
    Variable("i_inh", (*_CELL, "time"), "pA", "inhibitory current"),
)


def variables_of(*, net: bool, spikes: bool, traces: bool) -> tuple[Variable, ...]:
    """Return what is measured, with what is asked for besides."""
    asked = ((_NET, net), (_SPIKES, spikes), (_TRACES, traces))
    return (*_ALWAYS, *(variable for variables, wanted in asked if wanted for variable in variables))
