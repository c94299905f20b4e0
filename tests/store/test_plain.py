"""A store is what somebody else gave: nothing of elsewhere is touched, nothing hangs, nothing is run."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr
from zarr.codecs import ZstdCodec

import spikesweep as ss
from spikesweep.api.main import figure_key
from spikesweep.errors import DamagedError, InputError
from spikesweep.store import Store, durable, plain
from spikesweep.store.check import check
from spikesweep.store.records import guarded, write_manifest

#: What may stand where a file of a store was.
KINDS = {
    "link": lambda path, elsewhere: path.symlink_to(elsewhere),
    "link to zeros": lambda path, elsewhere: path.symlink_to("/dev/zero"),
    "link to nothing": lambda path, elsewhere: path.symlink_to(elsewhere.with_name("absent")),
    "pipe": lambda path, elsewhere: os.mkfifo(path),
}
#: Files of a store, by what they are.
PLACES = {
    "chunk": "rate/c.*",
    "status": "status/c.*",
    "record": ".spikesweep/blocks/*",
    "manifest": ".spikesweep/manifest.json",
    "labels": "fe/c*",
    "metadata": "rate/zarr.json",
    "failure": ".spikesweep/failures/x.json",
    "verification": ".spikesweep/verifications/x.json",
    "sent": ".spikesweep/sent/x",
    "partial": "rate/x.partial",
}
COMMANDS = {
    "ls": lambda path: ("ls", path.parent),
    "check": lambda path: ("check", path),
    "repair": lambda path: ("check", path, "--repair"),
    "show": lambda path: ("show", path),
    "verify": lambda path: ("verify", path, "-k", "1"),
}


@pytest.fixture
def path(small, tmp_path):
    """Return a store that holds half of a sweep."""
    ss.run(small("grid.fe=[0,6]"))
    (found,) = tmp_path.rglob("*.zarr")
    return found


@pytest.fixture
def elsewhere(tmp_path):
    """Return a file of somebody, in a folder of theirs."""
    file = tmp_path / "precious" / "file"
    file.parent.mkdir()
    file.write_text("precious")
    yield file
    assert [file] == list(file.parent.iterdir())
    assert file.read_text() == "precious"


def planted(path, place, kind, elsewhere):
    found = next(iter(path.glob(PLACES[place])), path / PLACES[place])
    found.parent.mkdir(parents=True, exist_ok=True)
    found.unlink(missing_ok=True)
    KINDS[kind](found, elsewhere)
    return found


#: Each kind and each place; in the slow tests each kind at each place.
PLANTED = [
    pytest.param(place, kind, marks=[pytest.mark.slow] * ((i + j) % 4 != 0))
    for i, place in enumerate(PLACES)
    for j, kind in enumerate(KINDS)
]


@pytest.mark.parametrize(("place", "kind"), PLANTED)
def test_what_is_no_plain_file_is_refused_and_named(place, kind, path, elsewhere, small):
    file = planted(path, place, kind, elsewhere)
    name = str(file.relative_to(path))
    for use in (Store.at, ss.open, lambda _: ss.run(small()), lambda p: ss.replay(p, fe=0, fi=2, seed=0)):
        with pytest.raises(DamagedError, match="plain files and folders") as refusal:
            use(path)
        assert name in str(refusal.value)


@pytest.mark.parametrize("folder", ["rate", "status", ".spikesweep", ".spikesweep/blocks"])
def test_a_folder_elsewhere_is_none_of_the_store(folder, path, elsewhere, small):
    there = elsewhere.parent.with_name("theirs")
    (path / folder).rename(there)
    before = {p: p.read_bytes() for p in there.rglob("*") if p.is_file()}
    (path / folder).symlink_to(there)
    for use in (ss.open, lambda _: ss.run(small("overwrite=true")), lambda _: ss.run(small())):
        with pytest.raises(DamagedError, match=f"{folder} is a link"):
            use(path)
    assert before == {p: p.read_bytes() for p in there.rglob("*") if p.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_tell_and_end(command, path, elsewhere):
    planted(path, "status", "pipe", elsewhere)
    planted(path, "record", "link", elsewhere)
    words = map(str, COMMANDS[command](path))
    done = subprocess.run(
        [sys.executable, "-m", "spikesweep", *words], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == (0 if command == "ls" else 2)
    assert "is a " in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [".NAME.lock", ".NAME.writing", "run.log"])
def test_what_lies_beside_a_store_is_no_link_either(kind, name, path, elsewhere, small):
    file = path.with_name(name.replace("NAME", path.name))
    file.unlink(missing_ok=True)
    KINDS[kind](file, elsewhere)
    if name == "run.log":  # without which a run goes on
        assert (ss.run(small()).status == 1).all()
    else:
        with pytest.raises(InputError, match="is a link, a pipe or a device"):
            ss.run(small())
    assert not file.is_file() or file.is_symlink()


def test_what_is_drawn_lies_in_the_place_of_a_link(path, elsewhere):
    from spikesweep.analysis import plots

    figure = path.with_suffix(".png")
    figure.symlink_to(elsewhere)
    assert figure_key(figure) is None
    plots.save(ss.open(path), figure, "a" * 64)
    assert not figure.is_symlink()
    assert figure_key(figure) == "a" * 64
    figure.unlink()
    os.mkfifo(figure)
    assert figure_key(figure) is None


def test_a_lock_says_who_holds_it(tmp_path):
    store = tmp_path / "x.zarr"
    with durable.locked(store):
        assert f"process {os.getpid()} on " in store.with_name(".x.zarr.lock").read_text()
        with pytest.raises(InputError, match=f"in use by process {os.getpid()} on "), durable.locked(store):
            pass


@pytest.mark.parametrize("place", ["chunk", "labels", "record", "metadata", "manifest"])
def test_a_file_that_is_too_large_is_refused_unread(place, path):
    file = next(iter(path.glob(PLACES[place])))
    with file.open("r+b") as opened:
        opened.truncate(2**40)  # takes no space
    if place in ("chunk", "labels"):
        with pytest.raises(DamagedError, match="bytes, and can have"):
            ss.open(path).load()
    else:
        assert check(Store.at(path))[0].what.endswith(("record is damaged", "is damaged or gone"))


def test_a_chunk_that_says_that_it_holds_more_is_refused(path):
    chunk = next(iter(path.glob(PLACES["chunk"])))
    bomb = np.zeros(2**24, "uint8")
    array = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=bomb.shape,
        chunks=bomb.shape,
        dtype="uint8",
        compressors=ZstdCodec(),
    )
    array[:] = bomb
    array[-1] = 1
    (data,) = [v.to_bytes() for k, v in array.store._store_dict.items() if k.startswith("c")]
    chunk.write_bytes(data)
    with pytest.raises(DamagedError, match="says that it holds 16777216 bytes, and can hold "):
        ss.open(path).rate.load()


def rewritten(path, change):
    """Change the metadata of a store in all places, and write its manifest again."""
    for file in (path / "zarr.json", path / "rate" / "zarr.json"):
        node = json.loads(file.read_text())
        inside = node.get("consolidated_metadata")
        change(inside["metadata"]["rate"] if inside else node)
        file.write_text(json.dumps(node))
    for file in (path / "rate").glob("c.*"):
        file.unlink()
    (path / ".spikesweep" / "manifest.json").unlink()
    write_manifest(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda n: n["codecs"].append({"name": "numcodecs.pickle", "configuration": {}}), "numcodecs.pickle"),
        (lambda n: n["codecs"].append({"name": "crc32c"}), "codec 'crc32c', which no store has"),
        (
            lambda n: n["codecs"].insert(0, {"name": "numcodecs.json2", "configuration": {}}),
            "numcodecs.json2",
        ),
        (lambda n: n.update(data_type="object"), "values of 'object'"),
        (lambda n: n.update(data_type={"name": "numpy.void", "configuration": {}}), "numpy.void"),
        (
            lambda n: n["chunk_grid"]["configuration"].update(chunk_shape=[2**20, 2**20, 1, 1, 1]),
            "a chunk of ",
        ),
        (lambda n: n.update(storage_transformers=[{"name": "x"}]), "not as stores have it"),
        (lambda n: n.update(zarr_format=2), "not as stores have it"),
        (lambda n: n.update(codecs=[3]), "metadata cannot be read"),
    ],
)
def test_metadata_of_others_is_refused_before_anything_is_made_of_it(change, message, path, small):
    rewritten(path, change)
    for use in (ss.open, Store.at, lambda _: ss.run(small())):
        with pytest.raises(DamagedError, match=message):
            use(path)


def test_sizes_that_no_sweep_has_are_refused(path):
    file = path / "zarr.json"
    node = json.loads(file.read_text())
    for name, shape in (("fe", [2**40]), ("status", [2**10] * 5)):
        changed = json.loads(json.dumps(node))
        changed["consolidated_metadata"]["metadata"][name]["shape"] = shape
        file.write_text(json.dumps(changed))
        with pytest.raises(DamagedError, match=f"{name} has .* entries, and can have"):
            ss.open(path)


class Touches:
    def __reduce__(self):
        return os.mknod, (str(Path(os.environ["HERE"]) / "executed"),)


def test_a_pickle_of_an_older_format_is_never_looked_at(path, tmp_path, monkeypatch):
    monkeypatch.setenv("HERE", str(tmp_path))
    folder = path / "rate"
    filters = [{"id": "pickle", "protocol": 5}]
    about = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "compressor": None}
    (folder / ".zarray").write_text(json.dumps({**about, "fill_value": 0, "order": "C", "filters": filters}))
    (folder / "0").write_bytes(pickle.dumps(np.array([Touches()], object)))
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / "zarr.json").unlink()
    (path / "zarr.json").unlink()
    with pytest.raises(InputError):
        ss.open(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["/dev/zero", "../../precious/file", "/etc/passwd"])
def test_a_manifest_names_no_files_of_elsewhere(name, path, elsewhere):
    digest = durable.content_hash(elsewhere.read_bytes())
    (path / ".spikesweep" / "manifest.json").write_bytes(guarded({name: digest}))
    assert Store(path).damaged_metadata() == [name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c["neuron"]["RS"].update(b="${oc.env:HOME}"), r"neuron.RS.b = .* of the store is refused"),
        (lambda c: c["protocol"].update({"${oc.env:HOME}": 1}), "of the store is refused"),
        (lambda c: c.update(choices={"neuron": ["${oc.env:HOME}"]}), "choices.neuron.0 = "),
        (lambda c: c.update(interpolated={"neuron.RS.b": "${oc.env:HOME}"}), "allowed: names of values"),
        (lambda c: c.update(interpolated={"neuron.RS.b": "${${name}:HOME}"}), "allowed: names of values"),
        (lambda c: c.update(interpolated={"neuron.RS.b": "${oc.create:'${x}'}"}), "allowed: names of values"),
    ],
)
def test_nothing_in_a_stored_configuration_is_resolved(change, message, path):
    store = Store.at(path)
    attrs = store.attrs
    change(attrs["configuration"])
    from spikesweep.grid.attributes import encoded

    file = path / "zarr.json"
    node = json.loads(file.read_text())
    node["attributes"] = encoded(attrs)
    file.write_text(json.dumps(node))
    with pytest.raises(InputError, match=message):
        ss.replay(path, fe=0, fi=2, seed=0, pop_size=1, population="RS")


def test_plain_files_are_read_as_ever(tmp_path):
    file = tmp_path / "x"
    file.write_bytes(b"abc")
    assert plain.read(file) == b"abc"
    with pytest.raises(IsADirectoryError):
        plain.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        plain.read(tmp_path / "absent")
    with pytest.raises(NotADirectoryError):
        plain.read(file / "x")
    shutil.rmtree(tmp_path)
