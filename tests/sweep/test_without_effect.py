"""A value that a user gave and that nothing reads is refused by name; what stands in a YAML stays."""

import pytest

import spikesweep as ss
from spikesweep.config import application
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job

FUNCTION = "def simulate(current: float) -> float:\n    return current\n"


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            ("neuron.RS2.b=40.0",),
            ("neuron.RS2.b = 40.0 is refused: no population has the cell RS2", "neuron.FS.b, neuron.RS.b"),
        ),
        (("network.populations=[FS]", "neuron.RS.b=40.0"), ("no population has the cell RS", "neuron.FS.b")),
        (
            ("neuron.RS2.b=4", "neuron.AdExp.b=${neuron.RS2.b}"),
            ("neuron.AdExp.b = '${neuron.RS2.b}' is refused",),
        ),
        (("network.delay=1.0",), ("network.delay = 1.0 is refused: nothing reads it", "transfer_function")),
        (("network.drives.external.rate=9.0",), ("network.drives.external.rate = 9.0 is refused",)),
        (("protocol=fi_curve", "network.exc.tau_syn=4.0"), ("network.exc.tau_syn = 4.0 is refused",)),
        (  # what would be computed from an axis is not read either
            ("protocol=mean_field", "neuron.RS.V_th=-50.0,-45.0", "neuron.FS.V_th=${neuron.RS.V_th}"),
            ("neuron.FS.V_th = '${neuron.RS.V_th}' is refused: nothing reads it",),
        ),
        (("protocol=mean_field", "neuron.RS.V_th=-45.0"), ("neuron.RS.V_th = -45.0 is refused",)),
    ],
)
def test_a_value_that_nothing_reads_is_refused(words, parts, tmp_path):
    with pytest.raises(InputError) as error:
        make_job(ss.load(*words, f"outputs={tmp_path}"))
    assert all(part in str(error.value) for part in parts)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("neuron.RS2.b=0.0",),  # as it stands there
        ("neuron.RS2.b=40.0", "neuron.RS.b=${neuron.RS2.b}"),
        ("neuron.RS2.b=40.0", "network.populations=[RS2]"),
        ("neuron.RS2.b=40.0", "neuron.AdExp.b=${neuron.RS2.b}", "network.populations=[AdExp]"),
        ("protocol=fi_curve", "network.populations=[RS]"),
        ("++neuron.MINE=${neuron.RS}",),  # a cell more
        ("protocol=spiking_network", "network.delay=1.0", "network.N=100"),
    ],
)
def test_a_value_that_something_reads_is_taken(words, tmp_path):
    make_job(ss.load(*words, f"outputs={tmp_path}"))


def test_a_value_that_was_put_in_later_is_refused(small):
    cfg = small()
    cfg.neuron.RS2.b = 40.0
    with pytest.raises(InputError, match=r"neuron\.RS2\.b = 40\.0"):
        make_job(cfg)


def test_a_neuron_of_a_function_is_refused(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "my.py").write_text(FUNCTION)
    words = (f"function={tmp_path}/mine/my.py:simulate", "grid.current=[1.0]", f"outputs={tmp_path}")
    with pytest.raises(InputError, match=r"neuron\.RS\.b = 40.*has no neuron"):
        make_job(ss.load(*words, "neuron.RS.b=40"))


def test_files_of_experiments_and_options_of_the_users_own(tmp_path, monkeypatch):
    """An option that begins with another has its cells; what the experiment gives beside is looked at."""
    (tmp_path / "neuron").mkdir()
    (tmp_path / "neuron" / "mine.yaml").write_text("defaults: [adexp, _self_]\nRS2: {b: 7.0}\n")
    text = "defaults: [config, override neuron: mine, _self_]\n"
    found = []

    def task(cfg, choices):
        from spikesweep.api.main import check

        check(cfg, choices)
        found.append(cfg.neuron.RS2.b)

    words = ["-cd", str(tmp_path), f"outputs={tmp_path}"]
    monkeypatch.setattr("sys.argv", ["run.py"])
    (tmp_path / "plain.yaml").write_text(text)
    application.run(task, ["-cn", "plain", *words])
    assert found == [7.0]
    (tmp_path / "given.yaml").write_text(f"{text}neuron: {{RS2: {{b: 8.0}}}}\n")
    with pytest.raises(InputError, match=r"neuron\.RS2\.b = 8\.0 is refused"):
        application.run(task, ["-cn", "given", *words])
