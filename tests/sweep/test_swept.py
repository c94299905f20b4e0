"""Swept parameters: the right value at each point, the same numbers however the sweep is cut."""

import numpy as np
import pytest
import xarray as xr
from conftest import CONF
from hydra import compose, initialize_config_dir

import spikesweep as ss
from spikesweep.config.compose import plain, with_choices
from spikesweep.errors import InputError
from spikesweep.sweep.experiment import assemble
from spikesweep.sweep.job import make_job

COMMON = "protocol.common_random_numbers=true"


def differ(a, b):
    return not np.array_equal(a, b)


@pytest.mark.parametrize("values", ["true,false", "false,true"])
def test_an_axis_of_truth_values_is_no_mask(small, values):
    words = (f"grid.protocol.common_random_numbers=[{values}]",)
    whole = ss.run(small(*words)).load()
    part = ss.run(small(*words, "grid.seed=[0]")).load()
    assert part.common_random_numbers.values.tolist() == [v == "true" for v in values.split(",")]
    xr.testing.assert_equal(part, whole.sel(seed=[0]))


def test_an_axis_has_the_values_and_the_unit_of_its_parameter(small):
    ds = ss.run(small("neuron.RS.b=0,20,40"))
    assert ds.rate.dims == ("population", "b", "fe", "fi", "seed", "pop_size")
    assert ds.b.values.tolist() == [0.0, 20.0, 40.0]
    assert ds.b.attrs["units"] == "pA"
    assert ds.b.attrs["key"] == "neuron.RS.b"
    assert ds.b.attrs["long_name"] == "adaptation added by a spike"
    rs = ds.rate.sel(population="RS", fe=12, fi=2, pop_size=3).mean("seed")
    assert float(rs.sel(b=0)) > float(rs.sel(b=40)) > 5


def test_a_new_axis_leaves_the_points_at_the_configured_value_as_they_were(small):
    """b = 20 and tau_w = 500 are configured: there the numbers are those of a sweep without the axes."""
    before = ss.run(small("name=before")).load()
    ds = ss.run(small("neuron.RS.b=0,20", "neuron.RS.tau_w=100,500")).load()
    assert float(before.rate.max()) > 5
    np.testing.assert_array_equal(ds.rate.sel(b=20, tau_w=500), before.rate)
    assert differ(ds.rate.sel(b=20, tau_w=500, population="FS"), ds.rate.sel(b=0, tau_w=500, population="FS"))
    alone = ss.run(small("neuron.RS.b=0,20", "name=alone")).load()
    np.testing.assert_array_equal(ds.rate.sel(tau_w=500), alone.rate)


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("neuron.RS.b", (0.0, 60.0)),
        ("neuron.RS.tau_w", (50.0, 200.0)),
        ("neuron.FS.Delta_T", (0.0, 2.0)),
        ("neuron.RS.t_ref", (0.0, 2.0)),
        ("network.exc.weight", (0.5, 2.0)),
        ("network.inh.tau_syn", (4.0, 8.0)),
        ("network.exc.E_rev", (-10.0, 10.0)),
        ("network.p_connect", (0.02, 0.06)),
        ("network.N", (5000, 12000)),
        ("protocol.dt", (0.05, 0.5)),
        ("protocol.refractory", ("published", "steps")),
        ("protocol.duration", (100.0, 300.0)),
    ],
)
def test_a_point_is_the_sweep_without_the_axis(small, key, values):
    """Bit for bit, with event trains that are common to all points."""
    words = (COMMON, "grid.pop_size=[1,2]", "grid.seed=[0,1]")
    text = ",".join(map(str, values))
    ds = ss.run(small(*words, f"{key}={text}", "name=swept")).load()
    name = key.rsplit(".", 1)[1]
    assert float(ds.rate.max()) > 5
    for value in values:
        alone = ss.run(small(*words, f"{key}={value}", f"name=v{value}")).load()
        np.testing.assert_array_equal(ds.rate.sel({name: value}), alone.rate)
    if key != "neuron.RS.t_ref":  # 2 ms of silence change few of so few spikes
        assert differ(*(ds.rate.sel({name: value}) for value in values))


def points_of(job):
    block = next(job.grid.blocks(job.grid.shape))
    return job.grid.points(block)


def check_parameters_are_hydras(n, seed):
    rng = np.random.default_rng(seed)
    swept = {
        "neuron.RS.b": np.round(np.sort(rng.uniform(0, 60, 7)), 3),
        "neuron.FS.C_m": np.round(np.sort(rng.uniform(100, 300, 6)), 3),
        "network.exc.weight": np.round(np.sort(rng.uniform(0.5, 2, 5)), 3),
        "network.p_connect": np.array([0.02, 0.05]),
        "protocol.dt": np.array([0.05, 0.1]),
        "protocol.refractory": np.array(["published", "steps"]),
    }
    words = [f"{key}={','.join(map(str, values))}" for key, values in swept.items()]
    job = make_job(ss.load(*words, "grid.fe=[5]", "grid.fi=[2]", "grid.seed=[0]"))[0]
    points = points_of(job)
    total = len(points["b"])
    assert total == 7 * 6 * 5 * 2 * 2 * 2
    found = {}
    for call in job.parameters.calls(points):
        cells, network = call.network.cells, call.network
        for place, i in enumerate(call.index):
            found[i] = {
                "neuron.RS.b": cells["RS"].b[place],
                "neuron.FS.C_m": cells["FS"].C_m[place],
                "network.exc.weight": network.exc.weight[place],
                "network.p_connect": network.p_connect,
                "protocol.dt": call.protocol.dt,
                "protocol.refractory": call.protocol.refractory,
            }
    chosen = rng.choice(total, n, replace=False)
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for i in chosen:
            overrides = [f"{key}={points[key.rsplit('.', 1)[1]][i]}" for key in swept]
            cfg = compose("config", overrides)
            names = {group: "x" for group in ("neuron", "network", "protocol")}
            protocol, network = assemble(plain(with_choices(cfg, names)))
            cells = network.cells
            assert found[i] == {
                "neuron.RS.b": cells["RS"].b,
                "neuron.FS.C_m": cells["FS"].C_m,
                "network.exc.weight": network.exc.weight,
                "network.p_connect": network.p_connect,
                "protocol.dt": protocol.dt,
                "protocol.refractory": protocol.refractory,
            }
            (call,) = job.parameters.calls({name: values[i : i + 1] for name, values in points.items()})
            assert call.protocol == protocol
            assert call.network.inh == network.inh


def test_parameters_are_those_that_hydra_composes():
    check_parameters_are_hydras(20, 1)


@pytest.mark.slow
def test_parameters_of_200_points_are_those_that_hydra_composes():
    check_parameters_are_hydras(200, 2)


def test_interpolations_have_the_right_value_at_each_point(small):
    """FS follows RS directly, RS2 through FS, a whole cell is another's, and dt follows a synapse."""
    words = (
        COMMON,
        "network.populations=[RS,FS,RS2,Copy]",
        "neuron.FS.b=${neuron.RS.b}",
        "neuron.RS2.b=${neuron.FS.b}",
        "+neuron.Copy=${neuron.RS}",
        "network.inh.weight=${network.exc.weight}",
    )
    job = make_job(small(*words, "neuron.RS.b=0,40", "network.exc.weight=1.0,3.0"))[0]
    points = points_of(job)
    (call,) = job.parameters.calls(points)
    for cell in call.network.cells.values():
        assert cell.b.tolist() == points["b"].tolist()
    assert call.network.inh.weight.tolist() == points["weight"].tolist()
    ds = ss.run(small(*words, "neuron.RS.b=0,40", "name=swept")).load()
    np.testing.assert_array_equal(ds.rate.sel(b=0).sel(population="Copy").shape, ds.rate.shape[2:])
    for b in (0, 40):
        alone = ss.run(small(*words, f"neuron.RS.b={b}", f"name=b{b}")).load()
        np.testing.assert_array_equal(ds.rate.sel(b=b), alone.rate)
    assert ds.sweep.configuration["interpolated"]["neuron.FS.b"] == "${neuron.RS.b}"


def test_interpolation_of_a_value_that_is_no_array(small):
    words = ("protocol.discard=${neuron.RS.t_ref}", "neuron.RS.t_ref=5.0,10.0")
    job = make_job(small(*words))[0]
    calls = list(job.parameters.calls(points_of(job)))
    assert [(c.protocol.discard, c.network.cells["RS"].t_ref[0]) for c in calls] == [(5, 5), (10, 10)]


def test_a_cell_that_only_enters_an_interpolation_can_be_swept(small):
    ds = ss.run(small("neuron.RS.b=${neuron.RS2.b}", "neuron.RS2.b=0,40")).load()
    high = ds.rate.sel(population="RS", fe=12, fi=2, pop_size=3).mean("seed")
    assert float(high.sel(b=0)) > float(high.sel(b=40))


@pytest.mark.parametrize(
    "words",
    [
        ("compute=threads", "compute.workers=2", "compute.block_points=7"),
        ("compute.block_points=1",),
        pytest.param(
            ("compute=processes", "compute.workers=1", "compute.block_points=50"), marks=pytest.mark.slow
        ),
    ],
    ids=" ".join,
)
def test_workers_and_blocks_change_no_bit(small, words):
    swept = ("neuron.RS.b=0,20,40", "protocol.dt=0.05,0.1", "grid.seed=[0]", "grid.pop_size=[1,2]")
    whole = ss.run(small(*swept, "name=whole")).load()
    assert float(whole.rate.max()) > 5
    again = ss.run(small(*swept, *words)).load()
    xr.testing.assert_identical(again.drop_attrs(deep=False), whole.drop_attrs(deep=False))


def test_names_are_the_shortest_ends_that_differ(small):
    job = make_job(small("neuron.RS.b=0,1", "neuron.FS.b=0,1", "network.exc.weight=1,2"))[0]
    assert job.grid.names == ("RS_b", "FS_b", "weight", "fe", "fi", "seed", "pop_size")


def test_an_axis_keeps_its_name_when_another_comes(small):
    """Of neuron.RS.b the short name is b until neuron.FS.b is swept too."""
    first = ss.run(small("neuron.RS.b=0,20")).load()
    both = ss.run(small("neuron.RS.b=0,20", "neuron.FS.b=0,10")).load()
    assert both.status.dims[:2] == ("b", "FS_b") or both.status.dims[:2] == ("FS_b", "b")
    assert (both.status == 1).all()
    xr.testing.assert_equal(both.rate.sel(FS_b=0, drop=True).transpose(*first.rate.dims), first.rate)


def test_the_command_before_an_axis_was_added_shows_its_part(small):
    before = ss.run(small()).load()
    ss.run(small("neuron.RS.b=0,20,40"))
    again = ss.run(small()).load()
    assert again.b.values.tolist() == [20.0]
    xr.testing.assert_equal(again.rate.squeeze("b", drop=True), before.rate)
    more = ss.run(small("grid.fe=[0,3,6,12]")).load()
    assert more.sizes["b"] == 1
    assert (more.status == 1).all()


def test_an_axis_that_others_are_interpolated_from_can_be_added(small, tmp_path):
    from spikesweep.store import Store
    from spikesweep.sweep.replay import verify

    text = "network.inh.weight=${network.exc.weight}"
    before = ss.run(small(text)).load()
    both = ss.run(small(text, "network.exc.weight=1.0,2.0")).load()
    xr.testing.assert_equal(both.rate.sel(weight=1.0, drop=True), before.rate)
    fresh = ss.run(small(text, "network.exc.weight=1.0,2.0", "name=fresh")).load()
    xr.testing.assert_equal(both, fresh)
    store = Store(tmp_path / "transfer_function" / "adexp-fs_rs.zarr")
    assert verify(store, 100, np.random.default_rng(0))["different"] == []


def test_an_interpolation_from_an_axis_that_is_there_is_another_sweep(small):
    ss.run(small("neuron.RS.a=20.0", "grid.neuron.RS.b=[0,20,40]"))
    for more in (("grid.neuron.RS.b=[0,20,40]",), ()):
        job = make_job(small("neuron.RS.a=${neuron.RS.b}", *more))[0]
        assert "interpolated.neuron.RS.a: nothing there, " in job.beside


def test_a_stored_axis_that_does_not_apply_hides_no_reason(small):
    ss.run(small("neuron.FS.b=0,20"))
    job = make_job(small("network.populations=[RS]"))[0]
    assert "holds another sweep: network.populations: " in job.beside


def test_an_axis_beside_another_configured_value_names_the_way(small):
    ss.run(small("neuron.RS.b=40"))
    beside = make_job(small("neuron.RS.b=0,40"))[0].beside
    assert "; one dataset of both: neuron.RS.b=40 'grid.neuron.RS.b=[...]'" in beside
    ds = ss.run(small("neuron.RS.b=40", "grid.neuron.RS.b=[0,40]"))
    assert ds.b.values.tolist() == [0.0, 40.0]


def test_words_and_truth_values_are_axes_too(small):
    ds = ss.run(small("protocol.refractory=published,steps", "protocol.common_random_numbers=true,false"))
    assert ds.refractory.values.tolist() == ["published", "steps"]
    assert ds.common_random_numbers.values.tolist() == [True, False]
    assert ds.sel(refractory="steps", common_random_numbers=False).sizes["fe"] == 3


def test_a_failed_point_is_named_with_its_parameters(small, monkeypatch):
    from spikesweep.store import Store

    cfg = small("neuron.RS.b=0,20", "grid.fe=[6]", "grid.fi=[2]", "grid.seed=[0]")
    job = make_job(cfg)[0]
    original = type(job.protocol).__call__

    def poisoned(self, network, points, whole):
        if (np.asarray(network.cells["RS"].b) == 20.0).any():
            raise FloatingPointError("the poison")
        return original(self, network, points, whole)

    monkeypatch.setattr(type(job.protocol), "__call__", poisoned)
    ds = ss.run(cfg)
    assert (ds.status.sel(b=0) == 1).all()
    assert (ds.status.sel(b=20) == 3).all()
    (record,) = Store.at(job.path).failures()
    assert record["point"] == {"b": 20.0, "fe": 6.0, "fi": 2.0, "seed": 0}


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["neuron.RS.bb=0,20"], ["neuron.RS.bb cannot be swept", "did you mean 'neuron.RS.b'?"]),
        (["neuron.RX.b=0,20"], ["neuron.RX.b cannot be swept", "did you mean 'neuron.RS.b'?"]),
        (["neurn.RS.b=0,20"], ["neurn.RS.b", "did you mean 'neuron.RS.b'?"]),
        (["RS.b=0,20"], ["RS.b", "did you mean 'neuron.RS.b'?"]),
        (["neuron.RS2.b=0,20"], ["nothing reads neuron.RS2.b", "did you mean 'neuron.RS.b'?"]),
        (["neuron.RS.b=20,20"], ["grid.neuron.RS.b", "more than once"]),
        (["neuron.RS.tau_w=-5,20"], ["neuron.RS.tau_w = -5.0 ms", "more than 0"]),
        (["neuron.RS.b=a,c"], ["grid.neuron.RS.b holds 'a'", "numbers"]),
        (["network.N=10.5,20"], ["grid.network.N holds 10.5", "whole numbers"]),
        (["protocol.refractory=steps,stepz"], ["protocol.refractory = 'stepz'", "did you mean 'steps'"]),
        (["protocol.dt=0.05,6"], ["protocol.dt = 6.0 ms", "network.exc.tau_syn = 5"]),
        (["network.exc.tau_syn=0.01,5"], ["protocol.dt = 0.05 ms", "network.exc.tau_syn = 0.01"]),
        (["neuron.RS.t_ref=5,5.01"], ["does not divide neuron.RS.t_ref = 5.01"]),
        (["network.populations=[RS],[FS]"], ["network.populations cannot be swept"]),
        (["neuron.RS._target_=a,b"], ["neuron.RS._target_ cannot be swept"]),
        (["compute.workers=1,2"], ["compute.workers cannot be swept"]),
        (["neuron=adexp,lif"], ["neuron is swept", "run.py -m"]),
        (["grid.neuron.RS.b.nun=3"], ["neuron.RS.b.nun", "did you mean 'neuron.RS.b'?"]),
        (["neuron.RS2.b=${neuron.Z.b}", "neuron.RS.b=0,1"], ["neuron.Z"]),
        (["grid.fe=[0,${neuron.RS.b}]", "neuron.RS.b=0,1"], ["grid.fe", "changes with neuron.RS.b"]),
    ],
)  # fmt: skip
def test_a_sweep_is_refused(small, tmp_path, words, parts):
    with pytest.raises(InputError) as refusal:
        make_job(small(*words))
    for part in parts:
        assert part in str(refusal.value)
    assert not list(tmp_path.iterdir())


def test_the_order_of_values_is_none_of_a_sweep(small):
    a = ss.run(small("grid.neuron.RS.b=[20,0]", "grid.fe=[12,6]", "grid.pop_size=[1]")).load()
    assert a.b.values.tolist() == [0.0, 20.0]
    assert a.fe.values.tolist() == [6.0, 12.0]
    ds = ss.run(small("grid.neuron.RS.b=[0,20]", "grid.fe=[6,12]", "grid.pop_size=[1]", "name=sorted"))
    xr.testing.assert_equal(a, ds.load())
    # the same store
    again = ss.run(small("grid.neuron.RS.b=[0,20,10]", "grid.fe=[6,12]", "grid.pop_size=[1]"))
    xr.testing.assert_equal(again.sel(b=[0.0, 20.0]).load(), a)
