"""What a connection test measures, what it stores besides where asked for, and what its traces hold."""

from spikesweep.grid.schema import Variable

_INPUT = ("input",)
MEASURES = (
    Variable("is_connected", _INPUT, "1", "whether the input is connected", "bool", coordinate=True),
    Variable("is_inhibitory", _INPUT, "1", "whether the input is inhibitory", "bool", coordinate=True),
    Variable("n_spikes", _INPUT, "1", "spikes of the input", "int64"),
    Variable("sta_height", _INPUT, "mV", "height of the spike-triggered average", optional=True),
    Variable("relative_height", _INPUT, "1", "height over the mean height of shuffles", optional=True),
    Variable("n_larger", _INPUT, "1", "shuffles with a larger statistic (K)", optional=True),
    Variable("p_value", _INPUT, "1", "(K + 1) / (n + 1)", optional=True),
    Variable("p_upstream", _INPUT, "1", "max(K, 1) / n, the original's p", optional=True),
    Variable("sta_area", _INPUT, "mV ms", "area of the average over its first sample", optional=True),
    Variable("sign", _INPUT, "1", "sign of the area: excitatory 1, inhibitory -1", "int8"),
    Variable("template_correlation", _INPUT, "1", "correlation with the template", optional=True),
    *(
        Variable(name.format(kind), (), "1", f"{text}{of}", optional=True)
        for name, text in (
            ("tpr{}", "share found of connected inputs"),
            ("auc{}", "area below the ROC curve"),
            ("auc{}_left", "area below the ROC curve by left rectangles"),
        )
        for kind, of in (("", ""), ("_exc", ", excitatory"), ("_inh", ", inhibitory"))
    ),
    Variable("fpr", (), "1", "share found of inputs that are not connected", optional=True),
    Variable("output_rate", (), "Hz", "rate of the neuron"),
    Variable("spike_times", (), "ms", "spike times of the neuron", ragged="spike"),
    Variable("spike_neuron", (), "1", "the neuron, which is the only one", "int32", ragged="spike"),
    Variable("median_v", (), "mV", "median potential"),
)
RECORDS = {
    "sta": Variable("sta", ("input", "lag"), "mV", "spike-triggered average", optional=True),
    "shuffled_height": Variable(
        "shuffled_height", ("input", "shuffle"), "mV", "heights of shuffles", optional=True
    ),
    "vi": Variable("vi", ("time",), "mV", "imaged potential"),
}
#: Of a trace, besides the signals.
TRACED = (
    RECORDS["vi"],
    Variable("spike_times", (), "ms", "spike times", ragged="spike"),
    Variable("input_times", (), "ms", "spike times of the inputs", ragged="input_spike"),
    Variable("input_of", (), "1", "input of each", ragged="input_spike"),
)
