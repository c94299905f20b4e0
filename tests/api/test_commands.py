"""`python -m spikesweep` and `ss.replay`."""

import re
import subprocess
import sys

import numpy as np
import pytest
from conftest import first_file

import spikesweep as ss
from spikesweep.api import commands
from spikesweep.errors import InputError
from spikesweep.protocols import TransferFunction
from spikesweep.store import Store


def call(capsys, *arguments, code=0):
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        commands.main([str(a) for a in arguments])
    captured = capsys.readouterr()
    assert end.value.code == code, captured
    return captured.out + captured.err


@pytest.fixture
def store(small, tmp_path):
    ss.run(small("protocol.duration=400.0"))
    return tmp_path / "transfer_function" / "adexp-fs_rs.zarr"


def test_ls_prints_one_line_a_sweep(capsys, store, tmp_path, small):
    ss.run(small("name=other"))
    (tmp_path / "foreign.zarr").mkdir()
    lines = call(capsys, "ls", tmp_path).splitlines()
    assert len(lines) == 3
    line = next(x for x in lines if "transfer_function/adexp-fs_rs.zarr" in x)
    assert "fe 3 x fi 2 x seed 3 x pop_size 2" in line
    assert "neuron=adexp" in line
    assert " 36 " in line
    assert not any("foreign" in x for x in lines)
    (tmp_path / "empty").mkdir()
    assert "no sweeps" in call(capsys, "ls", tmp_path / "empty")
    assert "nowhere does not exist" in call(capsys, "ls", tmp_path / "nowhere", code=2)


def test_ls_fits_into_a_terminal(capsys, store, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", call(capsys, "ls", ".")).splitlines()
    assert max(map(len, lines)) <= 80
    assert "/adexp-fs_rs" in lines[1]
    assert " 36 " in lines[1]
    assert "configuration" not in lines[0]


def test_a_folder_of_stores_is_no_store(capsys, store):
    for command in ("show", "check", "verify"):
        said = call(capsys, command, store.parent, code=2)
        assert said == f"refused: {store.parent} is not a store, but a folder; allowed: {store}\n"


def test_a_store_that_is_whole_was_not_mended(capsys, store):
    assert call(capsys, "repair", store) == "whole\n"
    first_file(store / "rate").write_bytes(b"")
    assert call(capsys, "repair", store).endswith("whole now\n")


def test_show_prints_everything(capsys, store):
    said = call(capsys, "show", store, "--json")
    for part in ("xarray.Dataset", '"ok": 36', '"b": 20.0', '"numba"'):
        assert part in said


def test_show_imports_nothing_for_arrays_of_results(store):
    """Of whatever imports xarray and Dask a person waits a second."""
    code = f"""
import sys
from spikesweep.api.commands import main
try:
    main(["show", {str(store)!r}])
except SystemExit as end:
    print(end.code, *(m for m in ("xarray", "dask", "pandas", "numba") if m in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=900)
    assert done.stdout.splitlines()[-1] == "0", done.stdout + done.stderr


def test_show_is_a_page(capsys, store, small):
    said = call(capsys, "show", store)
    for part in (
        "of         protocol=transfer_function neuron=adexp network=fs_rs",
        "fe: 3 values, 0, 6, 12 Hz",
        "points     36: 36 ok",
        "results    rate (Hz), mean output rate, over population x fe x",
        "given      protocol.duration = 400 ms",
        "RS         C_m 200 pF, g_L 10 nS",
        "code       commit ",
        " files\n",
    ):
        assert part in said
    assert len(said.splitlines()) < 30
    swept = small("protocol.duration=400.0", "neuron.RS.b=0,40", "name=b", "grid.fe=[6]")
    ss.run(swept)
    path = store.parents[1] / "b" / store.name
    assert "axes       b (neuron.RS.b): 2 values, 0, 40 pA" in call(capsys, "show", path)


def test_check_finds_and_repairs(capsys, store, small):
    whole = ss.open(store).load()
    assert call(capsys, "check", store) == "whole\n"
    chunk = first_file(store / "rate")
    chunk.write_bytes(chunk.read_bytes()[:-3])
    assert "a chunk cannot be read" in call(capsys, "check", store, code=1)
    said = call(capsys, "check", store, "--repair")
    assert "points marked missing" in said
    assert "points are not computed yet" in call(capsys, "check", store)
    ss.run(small("protocol.duration=400.0"))
    assert ss.open(store).load().equals(whole)


def test_check_knows_points_that_are_no_grid(capsys, small, tmp_path, faulty_point):
    """A failed point of a list is explained by its record; damage is repaired and the failure stays."""
    faulty_point()
    ds = ss.run(small("x=zip(grid.fe=[6,12],grid.fi=[2,8])", "compute.block_points=1"))
    path = tmp_path / "transfer_function" / "adexp-fs_rs.zarr"
    assert ds.status.sel(point=0, seed=1).values.tolist() == [3, 3]
    assert call(capsys, "check", path) == "whole\n"
    status = first_file(path / "status")
    status.write_bytes(status.read_bytes()[:-1])
    assert "point=0 fe=6 fi=2" in call(capsys, "check", path, code=1)
    assert "points marked missing" in call(capsys, "check", path, "--repair")
    assert "cannot be read" not in call(capsys, "ls", tmp_path)


def test_a_damaged_store_hides_no_other(capsys, store, small, tmp_path):
    ss.run(small("name=other"))
    status = first_file(store / "status")
    status.write_bytes(b"nothing")
    lines = call(capsys, "ls", tmp_path).splitlines()
    assert any("adexp-fs_rs.zarr  damaged: Zstd decompression error" in line for line in lines)
    assert any("other/adexp-fs_rs.zarr" in line and " 36 " in line for line in lines)
    (store / "zarr.json").write_text("[]")
    assert "its zarr.json is damaged" in call(capsys, "check", store, code=2)
    assert any("damaged: its zarr.json" in line for line in call(capsys, "ls", tmp_path).splitlines())


def test_diff_names_configuration_and_places(capsys, store, small, tmp_path):
    ss.run(small("protocol.duration=400.0", "name=same"))
    assert "same configuration" in call(capsys, "diff", store, tmp_path / "same" / store.name)
    ss.run(small("protocol.duration=400.0", "name=b", "network.exc.weight=3.0"))
    said = call(capsys, "diff", store, tmp_path / "b" / store.name, code=1)
    assert "network.exc.weight: 1.0 there, 3.0 here" in said
    assert "rate: " in said
    assert "means over seeds differ, most at population=" in said
    assert "by population (down) and fe (across)" in said


def test_verify_recomputes_and_records(capsys, store, monkeypatch):
    assert "9 points computed again, 0 came out otherwise" in call(capsys, "verify", store, "-k", 9)
    records = list((store / ".spikesweep" / "verifications").glob("*.json"))
    assert len(records) == 1
    original = TransferFunction.__call__
    monkeypatch.setattr(
        TransferFunction, "__call__", lambda *a: {k: v + (v == v.max()) for k, v in original(*a).items()}
    )
    assert "4 came out otherwise" in call(capsys, "verify", store, "-k", 4, code=1)


def test_replay_gives_the_traces_of_the_stored_point(store):
    ds = ss.open(store).load()
    for population in ("RS", "FS"):
        for seed in range(3):
            traces = [
                ss.replay(store, fe=12, fi=2, seed=seed, population=population, neuron=i) for i in range(3)
            ]
            rates = [t.sizes["spike"] / 0.4 for t in traces]
            stored = ds.rate.sel(fe=12, fi=2, seed=seed, population=population)
            assert stored.sel(pop_size=1) == rates[0]
            assert stored.sel(pop_size=3) == pytest.approx(np.mean(rates), rel=1e-14)
    assert set(traces[0].data_vars) == {"v", "w", "g_exc", "g_inh", "i_exc", "i_inh", "i_syn", "spike_times"}
    assert traces[0].g_exc.attrs == {"units": "nS", "long_name": "excitatory conductance"}
    assert float(traces[0].g_exc.max()) > 0
    v = traces[0].v.values
    spike = round(float(traces[0].spike_times[0]) / 0.05)
    assert v[spike] == -65.0


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"fe": 5.0, "fi": 2, "seed": 0, "population": "RS"}, "fe = 5.0; allowed: one of 0, 6, 12"),
        ({"fe": 6.0, "fi": 2, "seed": 0}, "population = None; allowed: RS, FS"),
        ({"fe": 6.0, "fi": 2, "population": "RS"}, "seed = None; allowed: one of 0, 1, 2"),
        ({"fee": 6.0}, "fee is no axis .* did you mean 'fe'"),
    ],
)
def test_replay_refuses_points_that_are_not_there(store, labels, message):
    with pytest.raises(InputError, match=message):
        ss.replay(store, **labels)


SWEPT = {
    "a parameter of a cell": ("neuron.RS.b=0,20,40",),
    "a value that is no array": ("protocol.dt=0.05,0.1", "protocol.refractory=published,steps"),
    "interpolations": (
        "+neuron.Copy=${neuron.RS}",
        "network.populations=[RS,FS,Copy]",
        "neuron.FS.b=${neuron.RS.b}",
        "network.inh.weight=${network.exc.weight}",
        "neuron.RS.b=20,40",
        "network.exc.weight=1.0,3.0",
    ),
    "a cell that is not used": ("neuron.RS.b=${neuron.RS2.b}", "neuron.RS2.b=0,40"),
    "points that are no grid": ("cells=zip(neuron.RS.a=[0,4],neuron.RS.b=[0,20])",),
}


@pytest.mark.parametrize("words", SWEPT.values(), ids=SWEPT)
def test_swept_points_come_out_again(capsys, small, tmp_path, words):
    ds = ss.run(small(*words, "grid.seed=[0,1]", "grid.fe=[6,12]", "grid.fi=[2]")).load()
    path = tmp_path / "transfer_function" / "adexp-fs_rs.zarr"
    assert (ds.status == 1).all()
    assert "8 points computed again, 0 came out otherwise" in call(capsys, "verify", path, "-k", 8)
    swept = [str(name) for name in ds.coords if "key" in ds[name].attrs]
    last = {name: ds[name].values.tolist()[-1] for name in swept}
    stored = ds.isel({dim: -1 for name in swept for dim in ds[name].dims}).sel(fe=12, fi=2, seed=1)
    trace = ss.replay(path, fe=12, seed=1, population="RS", **last)
    assert trace.sizes["spike"] / 0.2 == float(stored.rate.sel(population="RS", pop_size=1))
    assert trace.attrs.items() >= last.items()
    with pytest.raises(InputError, match=r"allowed: |have these values"):
        ss.replay(path, fe=12, seed=1, population="RS", **{**last, swept[0]: "x"})


def test_replay_says_when_the_stored_value_does_not_come_out(store, monkeypatch):
    from spikesweep.protocols import TransferFunction

    original = TransferFunction.__call__
    monkeypatch.setattr(
        TransferFunction, "__call__", lambda *a: {k: v + 1.0 for k, v in original(*a).items()}
    )
    with pytest.raises(ArithmeticError, match="does not hold what"):
        ss.replay(store, fe=12, fi=2, seed=0, population="RS")


def test_verify_compares_what_has_been_computed(capsys, small, tmp_path):
    """A size that is asked for at one point leaves the other point without it: not missing, not otherwise."""
    one = ("grid.fi=[2]", "grid.seed=[0]", "protocol.record_spikes=true")
    ss.run(small(*one, "grid.fe=[0,6]", "grid.pop_size=[1]"))
    ss.run(small(*one, "grid.fe=[6]", "grid.pop_size=[1,3]"))
    ss.run(small(*one, "grid.fe=[9]", "grid.seed=[1]", "grid.pop_size=[1]"))
    path = tmp_path / "transfer_function" / "adexp-fs_rs.zarr"
    assert (ss.open(path).status == 5).any()
    assert "5 points computed again, 0 came out otherwise" in call(capsys, "verify", path)
    assert ss.replay(path, fe=0, fi=2, seed=0, pop_size=1, population="RS").attrs["fe"] == 0.0
    missing = ("replay", path, "fe=9", "seed=0", "population=RS")
    assert "is not computed yet" in call(capsys, *missing, code=2)
    assert "is not computed yet" in call(
        capsys, "replay", path, "fe=0", "seed=0", "pop_size=3", "population=RS", code=2
    )


def test_a_failed_point_is_replayed_as_it_failed(capsys, small, store, faulty_point, monkeypatch):
    with monkeypatch.context():
        faulty_point()
        ss.run(small("protocol.duration=400.0", "retry=failed", "grid.fe=[6]", "name=failed"))
        path = store.parents[1] / "failed" / store.name
        with pytest.raises(ValueError, match="no such point"):
            ss.replay(path, fe=6, fi=2, seed=1, population="RS")
        assert "Traceback" in call(capsys, "show", path)
    monkeypatch.undo()
    said = call(capsys, "replay", path, "fe=6", "fi=2", "seed=1", "population=RS", code=2)
    assert "failed before and does not now; allowed: the same run with retry=failed" in said


def test_verify_leaves_out_what_is_computed_with_a_failed_value(capsys, small, tmp_path, monkeypatch):
    """The size of 1 is done and that of 3 failed: neither can be computed again alone."""
    one = ("grid.fe=[6,12]", "grid.fi=[2]", "grid.seed=[0]")
    ss.run(small(*one, "grid.pop_size=[1]"))
    original = TransferFunction.__call__

    def too_large(self, network, points, whole):
        if whole["pop_size"].max() > 1 and (points["fe"] == 6.0).any():
            raise MemoryError("too large")
        return original(self, network, points, whole)

    monkeypatch.setattr(TransferFunction, "__call__", too_large)
    ds = ss.run(small(*one)).load()
    path = tmp_path / "transfer_function" / "adexp-fs_rs.zarr"
    assert ds.status.sel(fe=6).values.ravel().tolist() == [1, 3]
    assert "2 points computed again, 0 came out otherwise" in call(capsys, "verify", path)
    point = ("replay", path, "fe=6", "fi=2", "seed=0", "population=RS")
    assert "that fail (too large); allowed: others" in call(capsys, *point, "pop_size=1", code=2)
    with pytest.raises(MemoryError, match="too large"):
        ss.replay(path, fe=6, fi=2, seed=0, pop_size=3, population="RS")


@pytest.mark.parametrize("kind", ["rate", "ragged/spike"])
def test_damage_is_told_by_every_command(capsys, small, tmp_path, kind):
    words = ("grid.fe=[12]", "grid.fi=[2]", "grid.seed=[0]", "protocol.record_spikes=true")
    ss.run(small(*words))
    ss.run(small(*words, "name=other"))
    path, other = (tmp_path / name / "adexp-fs_rs.zarr" for name in ("transfer_function", "other"))
    chunk = max(p for p in (path / kind).rglob("c.*") if "template" not in p.parts)
    chunk.write_bytes(chunk.read_bytes()[:-3])
    for command in (("verify", path), ("diff", path, other), ("replay", path, "population=RS")):
        assert "check" in call(capsys, *command, code=2)


def test_reasons_are_told_in_their_order(store):
    written = Store.at(store)
    for k in range(9):
        written.record_failures([{"point": {"fe": 6.0}, "reason": f"attempt {k}", "detail": ""}])
    assert [record["reason"] for record in written.failures()] == [f"attempt {k}" for k in range(9)]


def test_a_value_that_does_not_come_out_is_no_traceback(capsys, store, monkeypatch):
    from spikesweep.protocols import TransferFunction

    original = TransferFunction.__call__
    monkeypatch.setattr(
        TransferFunction, "__call__", lambda *a: {k: v + 1.0 for k, v in original(*a).items()}
    )
    words = ("fe=12", "fi=2", "seed=0", "population=RS")
    assert "stopped: " in call(capsys, "replay", store, *words, code=1)


def test_protocols_without_traces_are_replayed_too(capsys, tmp_path):
    words = ("neuron=jercog", "network=jercog", "protocol=fi_curve", "grid.i_ext=[100,200]")
    ds = ss.run(ss.load(*words, "compute=serial", f"outputs={tmp_path}"))
    path = tmp_path / "fi_curve" / "jercog-jercog.zarr"
    assert ss.replay(path, i_ext=200.0).rate.values.tolist() == ds.rate.sel(i_ext=200, seed=0).values.tolist()
    assert "rate" in call(capsys, "replay", path, "i_ext=200")


@pytest.mark.parametrize("neuron", [-1, 3])
def test_traces_are_those_of_neurons_that_were_simulated(store, neuron):
    with pytest.raises(InputError, match=f"neuron = {neuron} is refused; allowed: 0 to 2"):
        ss.replay(store, fe=12, fi=2, seed=0, population="RS", neuron=neuron)


def test_an_outcome_that_cannot_be_recorded_is_told(capsys, store, monkeypatch):
    def full(self, outcome):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("spikesweep.store.Store.record_verification", full)
    said = call(capsys, "verify", store, "-k", 2)
    assert "2 points computed again, 0 came out otherwise" in said
    assert "this is not recorded: [Errno 30]" in said


def test_a_run_tells_why_points_failed_and_how_to_see_one(capsys, small, faulty_point):
    from spikesweep.api import main as api_main
    from spikesweep.config import compose as config

    faulty_point()
    cfg = small()
    with pytest.raises(SystemExit) as end:
        api_main.main(cfg, config.plain(cfg)["choices"])
    said = capsys.readouterr().err
    assert end.value.code == 3
    assert "  failed: fe=6.0 fi=2.0 seed=1 pop_size=1  ValueError: no such point" in said
    command = said.splitlines()[-1].partition("python -m spikesweep ")[2].split()
    assert command[0] == "replay"
    with pytest.raises(ValueError, match="no such point"):
        commands.main(command)


def test_ls_prints_names_as_they_are(capsys, store, tmp_path):
    store.parent.rename(tmp_path / "[x]")
    assert "[x]/adexp-fs_rs.zarr" in call(capsys, "ls", tmp_path)


def test_check_says_what_no_repair_can_mend(capsys, store):
    labels = store / "population" / "c.0"
    labels.write_bytes(labels.read_bytes()[:-1])
    said = call(capsys, "check", store, "--repair", code=1)
    assert "population/c.0 is damaged or gone" in said
    assert "points marked missing" not in said
    assert "no point can mend this; allowed: a copy of the file, or overwrite=true" in said


@pytest.mark.parametrize(
    "path", ["adexp-fsrs.zarr", "sweeps/AdEx-fs_rs.zarr", "adexp-fs_rs.zarr", "x/adexp-fs_rs"]
)
def test_a_store_that_may_have_been_meant_is_named(capsys, tmp_path, path):
    (tmp_path / "sweeps" / "adexp-fs_rs.zarr").mkdir(parents=True)
    (tmp_path / "sweeps" / "lif-brunel2000.zarr").mkdir()
    said = call(capsys, "show", tmp_path / path, code=2)
    assert f"{path} does not exist; did you mean '{tmp_path}/sweeps/adexp-fs_rs.zarr'? allowed: " in said
    assert "did you mean" not in call(capsys, "show", tmp_path / "other.zarr", code=2)


def test_refusals_end_with_code_2(capsys, tmp_path):
    assert "does not exist" in call(capsys, "show", tmp_path / "x.zarr", code=2)
    (tmp_path / "y.zarr").mkdir()
    assert "is not a store" in call(capsys, "check", tmp_path / "y.zarr", code=2)
