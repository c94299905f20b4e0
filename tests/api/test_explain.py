"""What a key means is said from where it is written, and shells complete keys and commands."""

import io
import os
import sys
from contextlib import redirect_stdout

import pytest
from conftest import options

from spikesweep.api import commands, explained
from spikesweep.api.explain import _rows, values_of
from spikesweep.config.meanings import allowed_text, field_comment, notes
from spikesweep.models import AdExp


def said(*words, code=0):
    out = io.StringIO()
    with pytest.raises(SystemExit) as end, redirect_stdout(out):
        commands.main(list(words))
    assert end.value.code == code
    return out.getvalue()


def test_a_parameter_is_explained_by_its_annotation_its_comment_and_its_file():
    text = " ".join(said("explain", "neuron.RS.b").split())
    assert text.startswith("neuron.RS.b = 20.0 pA meaning adaptation added by a spike unit pA")
    for part in (
        "allowed a finite number default 20.0 of neuron=adexp",
        "source Adaptive exponential integrate-and-fire cells of the library of Zerlaut",
        "equations Brette and Gerstner 2005, doi:10.1152/jn.00686.2005",
        "population RS of network=fs_rs",
        "as an axis run neuron.RS.b=VALUE,VALUE",
    ):
        assert part in text
    assert "transfer_function" in text.split("read by")[1]
    assert "mean_field" not in text.split("read by")[1]  # without adaptation it does not read b


def test_a_key_of_another_option_is_found_there():
    text = said("explain", "neuron.LIF.C_m")
    assert text.startswith("of neuron=lif\nneuron.LIF.C_m = 150.0 pF\n")
    assert "population LIF" in said("explain", "neuron=lif", "neuron.LIF.C_m")


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("grid.fe",), "excitatory presynaptic rate"),
        (("fe",), "grid.fe = {start: 0.0, stop: 30.0, num: 31} Hz"),
        (("rate",), "rate: a result of protocol=transfer_function"),
        (("retry",), "allowed     failed or null"),
        (("network.start",), "read by     protocol=spiking_network\n"),
        (("grid.network.N",), "number of neurons"),
        (("network=fs_rs",), "connection probability"),
        (("neuron",), "\n  lif_dimensionless"),
        (("compute=slurm",), "whom the time is charged to"),
        (("compute.workers",), "no result depends on it"),
        (("protocol=connection_test", "protocol.statistic"), "read by     protocol=connection_test\n"),
        (("neuron=lif_dimensionless", "neuron.LIF.noise_D"), "with another: explain network=NAME"),
        (("zip",), "axes that move together"),
        (("sample",), "sample.num = null"),
        (("exclude",), "decides which points there are"),
    ],
)
def test_axes_results_options_and_groups_are_explained(words, part):
    assert part in said("explain", *words)


def test_a_bare_name_is_that_of_each_cell_that_is_simulated():
    told = said("explain", "b")
    assert "neuron.RS.b = " in told
    assert "neuron.FS.b = " in told
    assert "neuron.AdExp.b" not in told


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (("nuron.RS.b",), "did you mean 'neuron.RS.b'?"),
        (("protocol.rngg",), "did you mean 'protocol.rng'?"),
        (("raet",), "did you mean 'rate'?"),
        (("neuron.rs.B",), "did you mean 'neuron.RS.b'?"),
        (("neuron=ad",), "allowed: adexp, "),
        (("neuron=lif", "neuron.RS.b"), "with neuron=adexp"),
        (("nothing=3",), "nothing=3"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest(words, part, capsys):
    said("explain", *words, code=2)
    assert part in capsys.readouterr().err


def test_every_option_says_what_it_is():
    found = {
        (g, o): explained.notes_of(g, o).head for g in ("neuron", "network", "protocol") for o in options(g)
    }
    assert [name for name, head in found.items() if not head] == []


def _lacking(group, name):
    values, choices = values_of([f"{group}={name}"])
    return [key for key, meaning in _rows(group, values, choices) if not meaning]


def test_every_value_of_some_options_has_a_meaning():
    values, choices = values_of([])
    assert [key for key, text in _rows("sample", values, choices) if not text] == []
    for group, name in (("neuron", "adexp"), ("network", "brunel2000"), ("compute", "dask")):
        assert _lacking(group, name) == []


@pytest.mark.slow
@pytest.mark.parametrize("group", ["neuron", "network", "protocol", "compute"])
def test_every_value_of_every_option_has_a_meaning(group):
    names = [name for name in options(group) if name != "function"]
    assert {name: lacks for name in names if (lacks := _lacking(group, name))} == {}


def test_comments_are_read_where_they_stand(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(
        "# What it is,\n# from a paper.\n\n# above\na: 1\nb: two  # beside # it\n"
        "         # and below\nc: {start: 0, stop: 1}  # flow\nd:  # of the node\n  # of e\n  e: 3\nf: '#'\n"
    )
    found = notes(path)
    assert found.head == "What it is, from a paper."
    assert found.of == {
        "a": "above", "b": "beside # it and below", "c": "flow", "d": "of the node", "d.e": "of e",
    }  # fmt: skip
    assert field_comment(AdExp, "V_cut").startswith("end of the upstroke")
    assert allowed_text(AdExp.__annotations__["C_m"]) == "a finite number, more than 0"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("spikesweep sh", "show"),
        ("spikesweep new ", "neuron synapse network protocol"),
        ("spikesweep check x.zarr --re", "--repair"),
        ("spikesweep run neuron=ad", "neuron=adexp neuron=adexp_fiers"),
        ("spikesweep run -m neuron=lif neuron.LIF.C", "neuron.LIF.C_m="),
        ("spikesweep explain protocol.du", "protocol.duration"),
        ("spikesweep nothing x", ""),
    ],
)
def test_a_shell_is_offered_commands_options_and_keys(line, offered, monkeypatch):
    monkeypatch.setitem(os.environ, "COMP_LINE", line)
    monkeypatch.setattr(sys, "argv", ["spikesweep"])
    assert said("-sc", "query=bash").strip() == offered


def test_the_script_for_a_shell_is_of_spikesweep(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/anywhere/bin/spikesweep"])
    assert said("-sc", "install=bash").splitlines()[-1].endswith("hydra_bash_completion spikesweep")
    said("-sc", "install", code=2)
