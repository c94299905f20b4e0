"""Stores side by side, opened as one: values that differ are axes, what differs in more is refused."""

import json

import numpy as np
import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.grid.schema import NOT_ASKED, OK
from spikesweep.sweep.job import make_job

WORDS = ("grid.seed=[0]", "grid.fi=[8]")


@pytest.fixture
def beside(small):
    """Return the paths of three stores, one with a value of fe that the others lack."""
    found = []
    for words in (("neuron.RS.b=40.0",), (), ("neuron.RS.b=0.0", "grid.fe=6,20")):
        cfg = small(*WORDS, *words)
        ss.run(cfg)
        found.append(make_job(cfg)[0].path)
    return found


def test_values_that_differ_are_axes(beside):
    ds = ss.open(beside)
    assert ds.status.dims[0] == "b"
    assert ds.b.values.tolist() == [0.0, 20.0, 40.0]
    assert ds.b.attrs["units"] == "pA"
    assert ds.b.attrs["key"] == "neuron.RS.b"
    assert (ds.status.sel(b=0, fe=20) == OK).all()
    assert (ds.status.sel(b=20, fe=20) == NOT_ASKED).all()
    for path, b in zip(beside, (40.0, 20.0, 0.0), strict=True):
        one = ss.open(path)
        np.testing.assert_array_equal(ds.rate.sel(b=b, fe=one.fe), one.rate)
    matched = ss.open(f"{beside[0].parent}/*.zarr")
    np.testing.assert_array_equal(matched.rate, ds.rate)
    assert matched.sweep.to_pandas()["b"].nunique() == 3


def test_an_axis_of_one_goes_on_in_another(small, beside):
    cfg = small(*WORDS, "neuron.RS.b=60.0,80.0", "neuron.RS.a=1.0", "name=other")
    ss.run(cfg)
    ds = ss.open([*beside[:2], make_job(cfg)[0].path])
    assert ds.b.values.tolist() == [20.0, 40.0, 60.0, 80.0]
    assert ds.a.values.tolist() == [1.0, 4.0]
    assert (ds.status.sel(a=1, b=60, fe=6) == OK).all()
    assert (ds.status.sel(a=4, b=60) == NOT_ASKED).all()


def test_what_cannot_be_joined_is_refused_by_name(small, beside, tmp_path):
    with pytest.raises(InputError, match="two have the same configuration"):
        ss.open([beside[0], beside[0]])
    with pytest.raises(InputError, match="matches no store"):
        ss.open(f"{tmp_path}/nothing*.zarr")
    with pytest.raises(InputError, match=r"gone\.zarr does not exist"):
        ss.open([beside[0], tmp_path / "gone.zarr"])
    listed = small(*WORDS, "name=listed", "pair=zip(grid.fe=[6,12],neuron.RS.a=[1,2])")
    ss.run(listed)
    with pytest.raises(InputError, match="axes differ, or their points are no grid"):
        ss.open([beside[0], make_job(listed)[0].path])
    text = (beside[1] / "zarr.json").read_text()
    attrs = json.loads(text)
    node = attrs["attributes"]
    code = json.loads(node["code"]) if isinstance(node["code"], str) else node["code"]
    module = next(iter(code))
    (beside[1] / "zarr.json").write_text(text.replace(code[module], "0" * 16))
    with pytest.raises(
        InputError, match=f"cannot be joined to .*code of {module}: .* there, {'0' * 16} here"
    ):
        ss.open(beside[:2])
