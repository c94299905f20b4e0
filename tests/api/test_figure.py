"""A run leaves the figure of what was asked for, and draws it again only where that is another."""

import spikesweep as ss
from spikesweep.api import main as api_main


def drawn(cfg):
    """Run a configuration as run.py does; return its figure's bytes and the time it was written."""
    api_main.main(cfg, cfg.choices)
    figure = max(api_main.Path(cfg.outputs).rglob("*.png"), key=lambda path: path.stat().st_mtime_ns)
    return figure.read_bytes(), figure.stat().st_mtime_ns


def test_a_figure_is_drawn_again_only_if_points_were_computed_or_others_are_asked_for(small, capsys):
    first = drawn(small("grid.seed=[0]"))
    again = drawn(small("grid.seed=[0]"))
    assert again == first
    assert "0 points computed" in capsys.readouterr().out
    part = drawn(small("grid.seed=[0]", "grid.fe=[0,6]"))
    assert part[0] != first[0]
    (whole,) = api_main.Path(small().outputs).rglob("adexp-fs_rs.png")
    assert (whole.read_bytes(), whole.stat().st_mtime_ns) == first  # a part has a figure of its own
    assert "adexp-fs_rs.part.png" in capsys.readouterr().out
    more = drawn(small("grid.seed=[0,1]"))
    assert more[0] != first[0]


def test_a_figure_that_is_gone_or_damaged_is_drawn_again(small):
    first = drawn(small("grid.seed=[0]"))
    (figure,) = api_main.Path(small().outputs).rglob("*.png")
    figure.unlink()
    assert drawn(small("grid.seed=[0]"))[0] == first[0]
    figure.write_bytes(b"not a figure")
    assert drawn(small("grid.seed=[0]"))[0] == first[0]


def test_a_figure_of_other_results_is_not_left(small):
    first = drawn(small("grid.seed=[0]"))
    other = small("grid.seed=[0]", "neuron.RS.b=60.0", "overwrite=true")
    ss.run(other)  # draws nothing
    other.overwrite = False
    assert drawn(other)[0] != first[0]
