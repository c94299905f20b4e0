"""The words of a command line in the form that Hydra can carry out, parsed by Hydra's own parser.

A sweep over a number becomes an axis of one grid (`grid.KEY`), a sweep over the options of a group jobs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, OverrideType, RangeSweep, Sweep
from omegaconf import OmegaConf

import spikesweep
from spikesweep.config import resolvers as resolvers  # registers them
from spikesweep.config.alone import composed
from spikesweep.config.hydra_node import MODELS_ALLOWED, refuse_word
from spikesweep.config.parse import parsed, refuse_long_range, refuse_unreadable
from spikesweep.config.ranges import interval_text, meant, swept_texts
from spikesweep.config.zips import (
    GROUPS,
    ROOT_KEYS,
    ZIP,
    axis_words,
    check_group,
    grid_key,
    zip_words,
)
from spikesweep.errors import InputError, nearest_key, shown
from spikesweep.grid.labels import tidy

#: The configurations of this package.
CONFIG_DIR = Path(spikesweep.__file__).parent / "conf"
#: Stores of one command.
_MOST_JOBS = 10_000
#: Parts of an axis that are overridden alone: `grid.fe.num=61`.
RANGE_PARTS = ("start", "stop", "num", "spacing", "low", "high", "integer", "dist")
#: Options of Hydra that the next word belongs to.
WITH_VALUE = frozenset(
    "-c --cfg -p --package -i --info --experimental-rerun "
    "-cp --config-path -cn --config-name -cd --config-dir".split()
)
_COMPLETION = {"-sc", "--shell-completion", "--shell_completion"}


def command_words(words: Sequence[str]) -> list[str]:
    """Return the words of a command line for Hydra; what it sweeps but the grid's axes is left to `-m`.

    Hydra merges, and cannot merge a list into the {start, stop, num} that it replaces, or the reverse: an
    axis that is given whole (`grid.fe=[2,6]`, `grid.fe=4`, `grid.fe=0,5,10`) is emptied first, while
    `grid.fe.num=61` is merged. A key that no group file has passes Hydra and is refused by `build`,
    which knows the nearest one.
    """
    if is_completion(words):
        return list(words)
    words_out: list[str] = []
    before = ""
    for given in words:
        word = given.strip()  # a tab behind a quoted word
        is_option, before = word.startswith("-") or before in WITH_VALUE, word
        if is_option:
            words_out.append(word)
            continue
        refuse_unreadable(word)
        if zipped := ZIP.fullmatch(word):
            words_out += zip_words(zipped)
            continue
        override = parsed(word)
        word, key = str(override.input_line), override.key_or_group
        _check_word(override, word)
        if override.type != OverrideType.CHANGE or "." not in key or override.is_hydra_override():
            words_out.append(word)
        elif key.startswith("grid.") and _is_whole_axis(override):
            words_out += axis_words(key, _axis_text(override))
        elif override.is_sweep_override():
            words_out.append(word)
        else:
            words_out.append(f"++{word}")
    return words_out


def is_completion(words: Sequence[str]) -> bool:
    """Return whether the shell asks, for `eval "$(python run.py -sc install=bash)"`."""
    return not _COMPLETION.isdisjoint(words)


def _check_word(override: Override, word: str) -> None:
    """Refuse what Hydra would refuse without a hint, or with an error of Python; raise InputError."""
    key = override.key_or_group
    refuse_word(override, word)
    if key == "models":  # the command line's own was taken out: this is a recorded sweep's, or +models
        raise InputError(f"{word} is refused; {MODELS_ALLOWED}")
    known = key in ROOT_KEYS or "." in key or override.is_hydra_override()
    if override.type == OverrideType.CHANGE and not known:
        raise InputError(f"{word}: {key} is not known; {nearest_key(key, ['models', *_likely_keys()])}")
    if key in GROUPS and not override.is_sweep_override() and not isinstance(override.value(), str):
        raise InputError(f"{word} is refused; allowed: the name of an option of {key}")
    if any(isinstance(value, Sweep) for value in getattr(override.value(), "list", ())):
        raise InputError(f"{word}: a sweep inside a list is refused; allowed: a list, or one range()")


def _likely_keys() -> list[str]:
    """Return the keys of the default experiment, without those of cells that it does not use."""
    cfg = composed(str(CONFIG_DIR.resolve()), "config", [])
    node = OmegaConf.to_container(cfg)
    assert isinstance(node, dict)
    node.pop("hydra")
    keys = [key for key in _leaves(node, "") if "." in key]
    cells = cfg.network.populations
    return [*ROOT_KEYS, *(k for k in keys if not k.startswith("neuron.") or k.split(".")[1] in cells)]


def _leaves(node: Any, where: str) -> list[str]:
    if not isinstance(node, dict) or set(node) & set(RANGE_PARTS):
        return [where]
    return [
        leaf for name, value in node.items() for leaf in _leaves(value, f"{where}.{name}" if where else name)
    ]


def multirun_jobs(
    words: Iterable[str], zips: Mapping[str, Sequence[Sequence[str]]], loader: Any, name: str | None
) -> list[list[str]]:
    """Return the words of each job: one for every combination of swept group options.

    `zips` holds rows of words that move together, `loader` is Hydra's, `name` the configured folder, of
    which each protocol gets a part where several are swept. Raises InputError.
    """
    groups = [group for group in loader.list_groups("") if group != "hydra"]
    choices: list[list[list[str]]] = [[list(row) for row in rows] for rows in zips.values()]
    for override in OverridesParser.create(config_loader=loader).parse_overrides(list(words)):
        key, text = override.key_or_group, str(override.input_line)
        if override.is_hydra_override():
            continue
        if not override.is_sweep_override():
            choices.append([[text]])
        elif key in groups:
            check_group(key, text)
            choices.append([[f"{key}={option}"] for option in _distinct(override, text)])
        elif "." in key:
            choices.append([axis_words(grid_key(key), _axis_text(override))])
        else:
            known = f"allowed: one {key}" if key in ROOT_KEYS else nearest_key(key, _likely_keys())
            raise InputError(f"{text}: {key} cannot be swept; {known}")
    if (n := math.prod(map(len, choices))) > _MOST_JOBS:
        raise InputError(f"the sweeps of names make {n:,} stores; allowed: at most {_MOST_JOBS:,}")
    jobs = [[word for part in combination for word in part] for combination in product(*choices)]
    protocols = [_last(job, "protocol") for job in jobs]
    if len(set(protocols)) > 1:
        for job, protocol in zip(jobs, protocols, strict=True):
            folder = _last(job, "name") or name
            job += [f"name={folder}/{protocol}"] if folder else []
    return jobs


def number_words(words: Sequence[str]) -> list[str]:
    """Return words whose sweeps over numbers are axes; raise InputError for a sweep over a group."""
    for word in words:
        if not isinstance(word, str) or word.startswith("-"):
            raise InputError(f"{shown(word)} is refused; allowed here: KEY=VALUE, one word each, no options")
    return axes_of_numbers(command_words(words), names=False)


def axes_of_numbers(words: Sequence[str], *, names: bool = True) -> list[str]:
    """Return words for one job: sweeps over numbers are axes of it.

    Those over names are left as they are, or refused with InputError without `names`.
    """
    out: list[str] = []
    for word in words:
        override = None if word.startswith("-") or "=" not in word else parsed(word)
        if override is None or not override.is_sweep_override():
            out.append(word)
        elif "." in (key := override.key_or_group) and not key.startswith("hydra."):
            out += axis_words(grid_key(key), _axis_text(override))
        elif names:
            out.append(word)
        else:
            raise InputError(f"{word}: {key} is swept; allowed here: one {key}, or run.py -m")
    return out


def _is_whole_axis(override: Override) -> bool:
    value = override.value()
    part = override.key_or_group.rsplit(".", 1)[1] in RANGE_PARTS
    return not part and (not isinstance(value, dict) or not {"start", "low", "dist"}.isdisjoint(value))


def _axis_text(override: Override) -> str:
    """Return the values of an override as an axis: a list, or a mapping where that says the same."""
    value = meant(override)
    text = str(override.input_line).split("=", 1)[1]
    if isinstance(value, IntervalSweep):
        return interval_text(value)
    if isinstance(value, RangeSweep):
        refuse_long_range(value, text)
        return _range_text(float(value.start or 0), float(value.stop or 0), float(value.step))
    if override.is_sweep_override():
        texts = swept_texts(override)
        if text.lstrip().startswith(("sort(", "shuffle(")):
            texts.sort(key=_order)
        return f"[{','.join(texts)}]"
    return text


def _range_text(start: float, stop: float, step: float) -> str:
    """Return Hydra's range as an axis; an order is none of its properties, so a falling one rises."""
    n = math.ceil((stop - start) / step - 1e-9) if step else 0  # 1e-9: of 0.1 steps 0.4 is the fourth
    (last,) = tidy([start + (n - 1) * step], even=False)
    return f"{{start:{min(start, last)},stop:{max(start, last)},num:{n}}}" if n > 0 else "[]"


def _order(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return 0.0, text


def _distinct(override: Override, text: str) -> list[str]:
    options = swept_texts(override) if override.is_discrete_sweep() else []
    if not options or len(set(options)) < len(options):
        raise InputError(f"{text}: the options are {options}; allowed: at least one, each once")
    return options


def _last(job: Sequence[str], key: str) -> str | None:
    """Return the value that a job's words give a key."""
    found = [word.split("=", 1)[1] for word in job if word.startswith(f"{key}=")]
    return found[-1] if found else None
