"""Axes whose names xarray takes, parameters that are null where they are not swept, populations with dots."""

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.sweep.job import make_job


@pytest.fixture
def rates(tmp_path):
    """Return a function that loads a sweep of a rate network."""

    def load(*words):
        base = ("protocol=rate_dynamics", "network=feedforward_rate", "neuron=rate_unit", "compute=serial")
        return ss.load(*base, f"outputs={tmp_path}", *words)

    return load


def test_an_axis_is_not_called_like_an_argument_of_sel(rates):
    job = make_job(rates("grid.protocol.method=[RK45,RK23]"))[0]
    assert "protocol_method" in job.grid.coordinates
    assert "method" not in job.grid.coordinates
    ds = ss.run(rates("grid.protocol.method=[RK45,RK23]"))
    one = ds.sel(protocol_method="RK23")
    assert "protocol_method" not in one.dims
    assert ds.protocol_method.attrs["key"] == "protocol.method"


@pytest.mark.parametrize("name", ["tolerance", "drop", "method", "indexers"])
def test_taken_names_get_a_prefix(name):
    from spikesweep.sweep.swept_keys import _names

    assert _names([f"protocol.{name}"], ()) == [f"protocol_{name}"]
    assert _names([f"protocol.{name}", f"network.{name}"], ()) == [f"protocol_{name}", f"network_{name}"]
    assert _names(["neuron.RS.b"], ()) == ["b"]


def test_a_store_of_before_keeps_the_name_of_its_axis():
    from spikesweep.sweep.swept_keys import parameters, swept_axes

    cfg = ss.load("protocol=rate_dynamics", "network=feedforward_rate", "neuron=rate_unit")
    from spikesweep.config.compose import plain

    known = parameters(plain(cfg))
    key = "protocol.method"
    assert swept_axes([key], known, (), [key], {key: "method"})[key].name == "method"


def test_a_number_that_is_null_can_be_swept(small):
    cfg = small("neuron.RS.V_cut=-40,-30", "grid.fe=[12]", "grid.fi=[2]")
    ds = ss.run(cfg).load()
    assert ds.V_cut.values.tolist() == [-40.0, -30.0]
    assert ds.V_cut.attrs["units"] == "mV"
    assert "configured" not in ds.V_cut.attrs
    one = ss.run(small("neuron.RS.V_cut=-40", "grid.fe=[12]", "grid.fi=[2]", "name=one")).load()
    assert ds.rate.shape[ds.rate.dims.index("V_cut")] == 2
    assert np.isfinite(one.rate).all()
    grown = ss.run(small("neuron.RS.V_cut=-40,-35,-30", "grid.fe=[12]", "grid.fi=[2]")).load()
    np.testing.assert_array_equal(grown.rate.sel(V_cut=[-40, -30]), ds.rate)
    assert "which the request lacks" in make_job(small("grid.fe=[12]", "grid.fi=[2]"))[0].beside
    plain = ("grid.fe=[12]", "grid.fi=[2]", "name=plain")
    ss.run(small(*plain))
    assert "has no axis 'V_cut'" in make_job(small("neuron.RS.V_cut=-40,-30", *plain))[0].beside


def test_a_whole_number_that_is_null_can_be_swept(tmp_path):
    words = ("neuron=izhikevich", "network=n_to_1", "protocol=connection_test", f"outputs={tmp_path}")
    grid = make_job(ss.load(*words, "protocol.tested=2,3"))[0].grid
    assert grid.coordinates["tested"].tolist() == [2, 3]
    assert grid.coordinates["tested"].dtype == np.int64


def test_one_of_two_where_the_other_is_null(tmp_path):
    """Neither may be null with the other: the first swept value stands there while all is checked."""
    words = ("neuron=lif_dimensionless", "network=afferents", "protocol=population_information")
    noise = ("neuron.LIF.noise_D=null", "neuron.LIF.noise_sigma=0.005,0.0079", "neuron.LIF.noise=gaussian")
    job = make_job(ss.load(*words, *noise, f"outputs={tmp_path}"))[0]
    assert job.grid.coordinates["noise_sigma"].tolist() == [0.005, 0.0079]
    assert job.identity["neuron"]["LIF"]["noise_sigma"] is None


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("~network.populations", "+network.populations={RS.1:{cell:RS},FS:{cell:FS}}"), "RS.1"),
        (("~network.populations", "+network.populations={E:{cell:RS},I.b:{cell:FS}}"), "I.b"),
        (("network.populations=['RS.1',FS]",), "RS.1"),
    ],
)
def test_populations_with_dots_are_refused(words, name):
    with pytest.raises(InputError) as error:
        make_job(ss.load(*words))
    assert f"network.populations: {name!r} is refused" in str(error.value)
