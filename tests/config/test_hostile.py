"""Hostile and malformed input: one line, exit code 2, within two seconds of processor time, nothing left."""

import os

import pytest
from hostile import CASES, PROTOCOLS, SAID
from warm import ACCEPTED, Warm

import spikesweep as ss
from spikesweep.grid.attributes import cell_names

#: One in so many is run each time, all of them with `-m slow`.
_PART = 6
#: Seconds of processor time on a quiet machine; a busy one is given three times as many.
PROMISED = 2


@pytest.fixture(scope="module")
def warm():
    process = Warm()
    yield process
    process.close()


def refuse(warm, case, folder):
    """Ask, and return what was said; all that must hold of any input is asserted here."""
    kind, payload, files = (*case, {})[:3]
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    before = set(folder.rglob("*"))
    answer = warm.ask(kind, payload, folder)
    said = answer["err"]
    about = f"{str(case)[:300]}: {said[-2000:]}"
    assert answer["code"] in (2, ACCEPTED), about
    assert "Traceback" not in said + answer["out"], about
    assert answer["seconds"] < 3 * PROMISED, about
    assert answer["memory"] < 1e9, about
    assert set(folder.rglob("*")) == before, about
    if answer["code"] == 2:
        assert said.startswith("refused: "), about
        assert len(said.splitlines()) == 1, about
    else:
        assert not said, about
    return said


@pytest.mark.parametrize("number", range(_PART - 1, len(CASES), _PART))
def test_an_input_is_refused_or_honest(warm, number, tmp_path):
    refuse(warm, CASES[number], tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("number", [n for n in range(len(CASES)) if n % _PART != _PART - 1])
def test_every_input_is_refused_or_honest(warm, number, tmp_path):
    refuse(warm, CASES[number], tmp_path)


@pytest.mark.parametrize("words", SAID)
def test_a_refusal_names_key_and_value(warm, words, tmp_path):
    found = [case for case in CASES if case[0] == "run" and " ".join(case[1]) == words]
    assert SAID[words] in refuse(warm, found[0], tmp_path)


def test_there_are_many():
    assert len(CASES) >= 150


def test_a_pipe_without_a_writer_is_refused(warm, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "is no plain file" in refuse(warm, ("run", ["points=pipe"]), tmp_path)
    os.mkfifo(tmp_path / "x.yaml")
    assert "Cannot find primary config 'x'" in refuse(warm, ("run", ["-cd", ".", "-cn", "x"]), tmp_path)


#: What stands in the place of every number.
VALUES = ["nan", "inf", "-1", "0", "text", "true", "null", "[]", "{}", "1e300"]


def numbers(node, where):
    if isinstance(node, dict):
        return [key for name, value in node.items() for key in numbers(value, f"{where}.{name}")]
    if isinstance(node, list):
        return []
    return [where] if isinstance(node, (int, float)) and not isinstance(node, bool) else []


#: One in so many numbers gets each value, so that the slow tests end; all with SPIKESWEEP_EVERY_NUMBER=1.
FEW = 1 if os.environ.get("SPIKESWEEP_EVERY_NUMBER") else 4


@pytest.mark.slow
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_number_is_refused_or_honest(warm, protocol, tmp_path, capsys):
    from omegaconf import OmegaConf

    words = [f"protocol={protocol}", *PROTOCOLS[protocol]]
    cfg = OmegaConf.to_container(ss.load(*words), resolve=False)
    keys = [k for group in ("neuron", "network", "protocol", "compute") for k in numbers(cfg[group], group)]
    cell = next(iter(cell_names(cfg["network"]).values()))
    keys = [k for k in keys if not k.startswith("neuron.") or k.split(".")[1] == cell]
    accepted: list[tuple[str, str]] = []
    tried = 0
    for i, key in enumerate(keys):
        for j, value in enumerate(VALUES):
            if (i + j) % FEW:
                continue
            said = refuse(warm, ("load", [*words, f"{key}={value}"]), tmp_path)
            tried += 1
            accepted += [] if said else [(key, value)]
    with capsys.disabled():
        print(f"\n{protocol}: {len(keys)} numbers, {len(accepted)} of {tried} accepted")
    assert accepted  # what refuses everything is no guard
    assert [a for a in accepted if a[1] in {"nan", "inf", "text", "[]", "{}"}] == []
