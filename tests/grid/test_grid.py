import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikesweep.errors import InputError
from spikesweep.grid.grid import Axis, Grid, axis_values

FE = Axis("fe", "Hz", "rate", 0.0)
SIZE = Axis("pop_size", "1", "size", 1, integer=True, whole=True)
SEED = Axis("seed", "1", "seed", 0, integer=True)


@pytest.mark.parametrize(
    ("spec", "values"),
    [
        (4, [4.0]),
        ([1, 2.5], [1.0, 2.5]),
        ({"start": 0, "stop": 1, "num": 11}, [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]),
        ({"start": 1, "stop": 100, "num": 3, "spacing": "log"}, [1.0, 10.0, 100.0]),
        ({"start": 2, "stop": 2, "num": 1}, [2.0]),
        ([3, 1, 2.5], [1.0, 2.5, 3.0]),
        ({"start": 3, "stop": 1, "num": 3}, [1.0, 2.0, 3.0]),
    ],
)
def test_axis_forms(spec, values):
    assert axis_values(FE, spec).tolist() == values


@pytest.mark.parametrize(
    ("axis", "spec", "message"),
    [
        (FE, [], "grid.fe = \\[\\]"),
        (FE, [1, 1.0], "more than once"),
        (FE, [-1], "holds -1; allowed: finite, at least 0"),
        (FE, [float("nan")], "holds nan"),
        (FE, ["a"], "holds 'a'; allowed: numbers"),
        (FE, [True], "holds True"),
        (FE, "abc", "holds 'abc'"),
        (SIZE, [0], "at least 1"),
        (SIZE, [1.5], "whole numbers"),
        (FE, {"start": 0, "stop": 1}, "grid.fe.num = None"),
        (FE, {"start": 0, "stop": 1, "num": 0}, "grid.fe.num = 0"),
        (FE, {"start": 0, "stop": 1, "num": 2.5}, "grid.fe.num = 2.5"),
        (FE, {"start": 0, "stop": 1, "num": 2, "spacing": "log"}, "both above 0"),
        (FE, {"start": 0, "stop": 1, "num": 2, "spacing": "lin"}, "did you mean 'linear'"),
        (FE, {"start": 0, "stop": 1, "nun": 2}, "did you mean 'num'"),
        (SEED, {"start": 0, "stop": 1, "num": 3}, "holds 0.5; allowed: whole numbers"),
        (FE, {"start": 1, "stop": 1, "num": 2}, "more than once"),
    ],
)
def test_wrong_axes_are_refused(axis, spec, message):
    with pytest.raises(InputError, match=message):
        axis_values(axis, spec)


@given(
    st.lists(st.integers(1, 7), min_size=3, max_size=3),
    st.integers(1, 400),
)
def test_blocks_cover_every_point_once_and_keep_whole_axes(sizes, n_points):
    axes = (FE, SEED, SIZE)
    grid = Grid(axes, tuple(axis_values(a, list(range(1, n + 1))) for a, n in zip(axes, sizes, strict=True)))
    shape = grid.block_shape(n_points)
    assert shape[-1] == grid.shape[-1]
    assert np.prod(shape) <= max(n_points, grid.shape[-1])
    seen = np.zeros(grid.shape, int)
    for block in grid.blocks(shape):
        seen[block.slices] += 1
        points = grid.points(block)
        assert {len(v) for v in points.values()} == {block.n_points // grid.shape[-1]}
        corner = [values[a] for values, a in zip(grid.values, block.start, strict=True)]
        assert [points["fe"][0], points["seed"][0]] == corner[:2]
    assert (seen == 1).all()
