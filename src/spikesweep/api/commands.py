"""Every command of `spikesweep`, which is also `python -m spikesweep`: one parser, one meaning of exit codes.

docs/exit_codes.md has the table of these. A command imports what it needs when it is called.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NoReturn

from spikesweep.api.exits import exit_codes
from spikesweep.errors import InputError

#: Commands whose words are Hydra's, options too: they are not looked at here.
_WORDS = ("run", "plan", "fit")
#: The shell asks what may follow.
_COMPLETION = ("-sc", "--shell-completion")


def main(arguments: Sequence[str] | None = None) -> None:
    """Carry out a command and exit with its code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given:
        _parser().print_help()
    if given[:1] and given[0] in _COMPLETION:
        from spikesweep.api.completion import complete

        with exit_codes():
            complete(given[1:], _parser())
        sys.exit(0)
    hydras = given[:1] != [] and given[0] in _WORDS
    rest: list[str] = []
    if hydras:
        given, rest = given[:1], given[1:]
    elif given[:1] == ["job"] and "--" in given:  # by hand: argparse would look for its own options behind it
        at = given.index("--")
        given, rest = given[:at], given[at + 1 :]
    with exit_codes():
        parsed = _parsed(given)
        if rest or hydras:
            parsed.words = rest
        module, _, name = parsed.command.partition(":")
        sys.exit(getattr(import_module(f"{__package__}.{module}"), name)(parsed))


_EPILOG = 'Completion of all of it, keys too: eval "$(spikesweep -sc install=bash)", or =fish'


class _Parser(argparse.ArgumentParser):
    """Refuses as everything else does."""

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; allowed: {self.prog} --help")


def _parsed(given: Sequence[str]) -> argparse.Namespace:
    """Return what words say; paths of `view`, and key=value, may stand on either side of options."""
    parser = _parser()
    parsed, more = parser.parse_known_args(given)
    several = next((name for name in ("paths", "words") if getattr(parsed, name, None) is not None), None)
    fits = several == "paths" or all("=" in word for word in more)
    if several is None or not fits or any(word.startswith("-") for word in more):
        return parser.parse_args(given)
    setattr(parsed, several, [*getattr(parsed, several), *more])
    return parsed


class _Version(argparse.Action):
    """Prints the version, which takes a while to find."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> None:
        from importlib.metadata import version

        print(f"spikesweep {version('spikesweep')}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("spikesweep", description="Labelled, resumable parameter sweeps.", epilog=_EPILOG)
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(required=True, metavar="command")

    def add(name: str, command: str, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text, add_help=name not in _WORDS)
        sub.set_defaults(command=command)
        return sub

    add("run", "runs:run", "run a sweep, as run.py does: run -m neuron=adexp network=fs_rs; run --help")
    add("plan", "runs:plan", "what a run of the same words would do, and how long it would take here")
    add("fit", "fit:command", "from a neuron to its transfer function: fit neuron=adexp network=fs_rs")
    explain = add("explain", "explain:command", "what a key means: explain neuron.RS.b network=fs_rs")
    explain.add_argument(
        "keys", nargs="+", metavar="KEY", help="or group=option, or a group; choices beside keys: neuron=lif"
    )
    new = add("new", "new:command", "write a model of your own that runs, with its values and its test")
    new.add_argument("kind", choices=("neuron", "synapse", "network", "protocol"))
    new.add_argument("name", help="of the class, as QIF")
    new.add_argument("folder", nargs="?", default="mymodels", help="of your models (default: %(default)s)")
    _add_job(add("job", "job:command", "a batch script for a sweep's driver: job slurm -- run.py -m ..."))
    _add_stores(add)
    _add_exports(add)
    return parser


def _add_stores(add: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    """Add the commands that look after stores."""
    ls = add("ls", "store_commands:ls", "one line for each sweep")
    ls.add_argument("folder", nargs="?", default="outputs", help="or a URL (default: %(default)s)")
    show = add("show", "store_commands:show", "one sweep: axes, points, values, code, failures")
    show.add_argument("path", help="or the URL of a store")
    show.add_argument("--json", action="store_true", help="all that the store says, in place of a page")
    show.add_argument("--sources", action="store_true", help="also those of models from outside")
    check = add("check", "store_commands:check", "find what is missing, truncated, changed or contradictory")
    check.add_argument("path", help="or the URL of a store")
    check.add_argument("--repair", action="store_true", help="mark just those points missing")
    repair = add("repair", "store_commands:check", "the same as check --repair")
    repair.add_argument("path")
    repair.set_defaults(repair=True)
    _add_view(add("view", "view:command", "see sweeps while they fill: view PATH..., on a page of a browser"))
    diff = add("diff", "store_commands:diff", "compare configuration, code and results of two stores")
    diff.add_argument("a")
    diff.add_argument("b")
    verify = add("verify", "store_commands:verify", "compute random points again and record the outcome")
    verify.add_argument("path")
    verify.add_argument("-k", type=int, default=20, help="how many points")
    verify.add_argument("words", nargs="*", metavar="models=FOLDER", help="models that are not ours")
    push = add("push", "push:command", "copy a store below a URL, as s3://bucket/NAME.zarr, and read it back")
    push.add_argument("path")
    push.add_argument(
        "url", help="where it goes; again, and it sends what has changed (docs/remote_stores.md)"
    )
    text = "compute one point again with traces: replay PATH fe=4 fi=10 population=RS"
    replay = add("replay", "store_commands:replay", text)
    replay.add_argument("path")
    replay.add_argument("words", nargs="*", metavar="axis=value", help="of the point; models=FOLDER too")


def _add_exports(add: Callable[[str, str, str], argparse.ArgumentParser]) -> None:
    """Add the commands that make something else of stores."""
    _add_plot(add("plot", "plot:command", "a figure of any store: plot PATH --x fe --hue fi --out fig.pdf"))
    export = add("export", "export:command", "a sweep for other programs: export PATH --to rates.csv fe=4")
    export.add_argument("path", help="or the URL of a store, or a folder of sweeps over the same axes")
    export.add_argument("words", nargs="*", metavar="axis=value", help="only these points")
    export.add_argument(
        "--to",
        required=True,
        metavar="FILE",
        help=".csv, .parquet (tables), .nc, .nwb (spikes), .crate (RO-Crate)",
    )
    export.add_argument(
        "--failed", action="store_true", help="only the points that failed, as points=FILE.csv takes them"
    )
    export.add_argument("--engine", help="that writes netCDF: netcdf4, h5netcdf, scipy; one that is there")
    cite = add("cite", "cite:command", "how to cite the software and the models of a sweep: cite PATH")
    cite.add_argument("path", nargs="?", help="or the URL of a store")
    cite.add_argument("words", nargs="*", metavar="models=FOLDER", help="of models outside this package")


def _add_view(view: argparse.ArgumentParser) -> None:
    """Add the options of `view` (docs/view.md)."""
    view.add_argument(
        "paths", nargs="+", metavar="PATH", help="or URL of a store, or folder of some; key=value: x=fe"
    )
    view.add_argument("--text", action="store_true", help="in this terminal, in place of a page")
    view.add_argument("--save", metavar="FILE", help="write the figure (.png, .svg), in place of a page")
    view.add_argument("--port", type=int, default=0, help="of the page; any that is free where 0")


def _add_plot(plot: argparse.ArgumentParser) -> None:
    """Add the options of `plot`; without any it draws the protocol's own figure."""
    plot.add_argument("path", help="or the URL of a store, or a folder of sweeps over the same axes")
    plot.add_argument(
        "words", nargs="*", metavar="axis=value", help="a value of an axis; axis=mean averages it"
    )
    for name, text in (
        ("var", "variable; the first where it is not named"),
        ("x", "axis of curves and maps"),
        ("y", "second axis: a map of the variable"),
        ("hue", "axis with a curve for each value"),
        ("panel", "axis with a panel for each value"),
    ):
        plot.add_argument(f"--{name}", metavar="NAME", help=text)
    plot.add_argument("--band", choices=("sd", "sem", "none"), help="what shades show of repetitions (sd)")
    plot.add_argument("--out", metavar="FILE", help=".pdf, .svg or .png (default: PATH with .plot.pdf)")


def _add_job(job: argparse.ArgumentParser) -> None:
    """Add the options of `job`; `--` and the driver's command follow them."""
    job.usage = "spikesweep job {slurm,pbs} [options] -- run.py -m neuron=adexp ..."
    job.add_argument("scheduler", choices=("slurm", "pbs"))
    job.add_argument("--submit", action="store_true", help="submit it, in place of printing it")
    job.add_argument("--time", default="24:00:00", help="walltime (default: %(default)s)")
    job.add_argument("--mem", default="4G", help="memory (default: %(default)s)")
    job.add_argument("--cpus", type=int, default=2, help="processors (default: %(default)s)")
    job.add_argument("--account", help="whom the time is charged to")
    job.add_argument("--queue", help="partition or queue")
    job.add_argument("--name", default="spikesweep", help="of the job and its output (default: %(default)s)")
    job.add_argument("--directive", action="append", default=[], metavar="TEXT", help="one more: --qos=long")
    job.add_argument("--env-line", action="append", default=[], metavar="LINE", help="of shell, before it")
    job.set_defaults(words=None)
