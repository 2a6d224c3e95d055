"""The tree of errors."""

from __future__ import annotations

import pickle
import re

import pytest
from conftest import ROOT

import exatlas
from exatlas import _codec, _native, _open, errors


def test_every_kind_of_the_core_has_a_class_of_its_own() -> None:
    source = (ROOT / "core" / "spec" / "error.go").read_text()
    kinds = re.findall(r'^\tKind\w+ +Kind = "(\w+)"', source, re.M)
    assert len(kinds) == 17
    classes = {kind: type(errors.from_document({"kind": kind, "message": "m"})) for kind in kinds}
    assert len(set(classes.values())) == len(kinds)
    for kind, cls in classes.items():
        assert cls.kind == kind
        assert issubclass(cls, errors.AtlasError)
        assert getattr(exatlas, cls.__name__) is cls


def test_a_document_keeps_all_it_says() -> None:
    error = errors.from_document(
        {
            "kind": "capacity",
            "message": "no h100 left",
            "hint": "try another region",
            "provider": "runpod",
            "operation": "spawn_compute",
            "status": 500,
            "retryable": True,
            "retry_after_ms": 1500,
            "unknown_outcome": True,
            "raw": {"code": 1},
            "details": {"attempts": []},
        }
    )
    assert isinstance(error, errors.CapacityError)
    assert str(error) == "runpod: spawn_compute: 500 no h100 left (try another region)"
    assert (error.retryable, error.retry_after_ms, error.unknown_outcome) == (True, 1500, True)
    assert (error.raw, error.details) == ({"code": 1}, {"attempts": []})
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert copy.__dict__ == error.__dict__
    assert str(copy) == str(error)


def test_a_kind_of_a_newer_library_is_still_an_atlas_error() -> None:
    error = errors.from_document({"kind": "novel", "message": "m"})
    assert type(error) is errors.AtlasError
    assert error.kind == "novel"


@pytest.mark.parametrize(("cls", "builtin"), [("AtlasTimeoutError", TimeoutError), ("ValidationError", ValueError)])
def test_errors_that_python_has_a_word_for_are_caught_by_it(cls: str, builtin: type) -> None:
    error = getattr(errors, cls)("m", hint="h")
    assert isinstance(error, builtin)
    assert str(error) == "m (h)"
    assert str(pickle.loads(pickle.dumps(error))) == "m (h)"


def test_an_answer_for_which_there_is_no_memory_may_be_that_of_a_machine() -> None:
    error = _codec.error_of(_native.NO_MEMORY)
    assert isinstance(error, errors.InternalError) and error.unknown_outcome
    assert not _codec.error_of(_native.INVALID).unknown_outcome


def test_no_public_name_shadows_a_builtin() -> None:
    import builtins

    assert [name for name in exatlas.__all__ if hasattr(builtins, name)] == []


def test_a_close_that_did_not_end_tells_what_becomes_of_the_rest() -> None:
    error = _open.closing_error(_native.TIMEOUT)
    assert isinstance(error, exatlas.AtlasTimeoutError) and "the next process that opens the store" in error.hint
