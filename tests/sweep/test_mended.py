"""What goes wrong everywhere is recorded at the points; a mended model starts again where nothing is lost."""

import pytest

import spikesweep as ss
from spikesweep.errors import InputError
from spikesweep.protocols import TransferFunction
from spikesweep.store import Store
from spikesweep.sweep import identity
from spikesweep.sweep.job import make_job

WORDS = ("grid.fe=[6]", "grid.fi=[2]", "grid.seed=[0]", "grid.pop_size=[1]")


def edited(monkeypatch):
    fingerprint = identity.fingerprint
    changed = {"spikesweep.protocols.transfer_function": "another"}
    monkeypatch.setattr(identity, "fingerprint", lambda classes: {**fingerprint(classes), **changed})


def failing(*arguments):
    raise ZeroDivisionError("of the model")


def test_what_cannot_be_prepared_fails_at_its_points(small, monkeypatch):
    monkeypatch.setattr(TransferFunction, "_run", failing)
    ds = ss.run(small(*WORDS))
    assert (ds.status == 3).all()


def test_a_variable_that_is_declared_and_not_returned_is_told(small, monkeypatch):
    monkeypatch.setattr(TransferFunction, "__call__", lambda *arguments: {"other": 1})
    cfg = small(*WORDS)
    assert (ss.run(cfg).status == 3).all()
    (failure,) = Store(make_job(cfg)[0].path).failures()
    assert "declares rate, but returned ['other']" in failure["reason"]


def test_a_mended_model_starts_again_where_no_point_has_a_result(small, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(TransferFunction, "__call__", failing)
        assert (ss.run(small(*WORDS)).status == 3).all()
    edited(monkeypatch)
    assert (ss.run(small(*WORDS)).status == 1).all()


def test_an_edited_model_does_not_where_one_has(small, monkeypatch):
    ss.run(small(*WORDS))
    edited(monkeypatch)
    with pytest.raises(InputError, match=r"code of spikesweep\.protocols\.transfer_function"):
        ss.run(small(*WORDS))


def test_a_store_whose_status_is_lost_is_not_taken_for_one_without_results(small, monkeypatch):
    ss.run(small(*WORDS))
    (chunk,) = (make_job(small(*WORDS))[0].path / "status").glob("c.*")
    chunk.unlink()
    edited(monkeypatch)
    with pytest.raises(InputError):
        ss.run(small(*WORDS))
