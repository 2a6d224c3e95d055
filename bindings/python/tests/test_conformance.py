"""The conformance files that every language runs (test/conformance)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest
from conftest import ROOT, simulation

from exatlas import _native

FILES = sorted((ROOT / "test" / "conformance").glob("*.json"))
VARIABLE = re.compile(r"\$\{(\w+)\}")


def test_there_are_conformance_files() -> None:
    assert FILES, "test/conformance/*.json are missing from this checkout"


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_conformance(path: Path) -> None:
    case = json.loads(path.read_text())
    assert case.keys() <= {"name", "sim", "config", "never", "open", "steps"}
    library = _native.load()
    never = [text.encode() for text in case.get("never", [])]
    with simulation(case.get("sim")) as urls:
        variables: Dict[str, Any] = dict(urls)
        config = json.dumps(filled(case.get("config", {}), variables)).encode()
        status, client, document = library.open(config)
        assert not spoken(never, document)
        if "open" in case:
            check_open(case["open"], status, document, variables)
        else:
            assert status == _native.OK, document
        if status != _native.OK:
            return
        try:
            for number, step in enumerate(case["steps"], 1):
                run(library, client, step, variables, never, f"{path.name} step {number}")
        finally:
            assert library.close(client, -1) == _native.OK


def check_open(expected: Dict[str, Any], status: int, document: Any, variables: Dict[str, Any]) -> None:
    assert expected.keys() <= {"status", "answer"}
    assert status == expected["status"]
    if "answer" in expected:
        problem = mismatch(filled(expected["answer"], variables), json.loads(document), "")
        assert problem is None, f"{problem} in {document}"


def spoken(never: List[bytes], document: Optional[bytes]) -> List[bytes]:
    """The texts that a document must not hold and does."""
    return [text for text in never if text in (document or b"")]


def ask(library: _native.Library, client: int, step: Dict[str, Any], variables: Dict[str, Any]) -> Tuple[int, Optional[bytes]]:
    """Status and document of a call, or of the next item."""
    if "call" in step:
        return library.call(client, json.dumps(filled(step["call"], variables)).encode())
    items: List[bytes] = []
    status = library.next(client, step["next"], lambda item, _: items.append(item))
    return status, items[0] if items else None


def run(
    library: _native.Library,
    client: int,
    step: Dict[str, Any],
    variables: Dict[str, Any],
    never: List[bytes],
    where: str,
) -> None:
    assert step.keys() <= {"call", "next", "status", "answer", "save"} and ("call" in step) != ("next" in step), where
    status, document = ask(library, client, step, variables)
    answer = json.loads(document) if document else None
    assert not spoken(never, document), f"{where}: {answer}"
    assert status == step["status"], f"{where}: {library.status_name(status)}: {answer}"
    if "answer" in step:
        problem = mismatch(filled(step["answer"], variables), answer, "")
        assert problem is None, f"{where}: {problem} in {answer}"
    for name, pointer in step.get("save", {}).items():
        variables[name] = pointed(answer, pointer)


def filled(value: Any, variables: Dict[str, Any]) -> Any:
    """value with ${var} replaced; a whole string takes the variable's own type."""
    if isinstance(value, dict):
        return {key: filled(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, variables) for item in value]
    if isinstance(value, str):
        whole = VARIABLE.fullmatch(value)
        if whole:
            return variables[whole[1]]
        return VARIABLE.sub(lambda match: str(variables[match[1]]), value)
    return value


TYPES: Dict[str, Any] = {"$any": object, "$string": str, "$number": (int, float)}


def mismatch(pattern: Any, value: Any, at: str) -> Any:
    """What keeps value from matching pattern; None where it matches."""
    if isinstance(pattern, str) and pattern in TYPES:
        fits = isinstance(value, TYPES[pattern]) and not (pattern == "$number" and isinstance(value, bool))
        return None if fits else f"{at or '/'}: {value!r} is no {pattern}"
    if isinstance(pattern, dict):
        return object_mismatch(pattern, value, at)
    if isinstance(pattern, list):
        if not isinstance(value, list) or len(value) != len(pattern):
            return f"{at or '/'}: {value!r} is no list of {len(pattern)}"
        problems: List[Any] = [mismatch(p, v, f"{at}/{i}") for i, (p, v) in enumerate(zip(pattern, value))]
        return next((problem for problem in problems if problem), None)
    same = pattern == value and isinstance(pattern, bool) == isinstance(value, bool)
    return None if same else f"{at or '/'}: {value!r} is not {pattern!r}"


def object_mismatch(pattern: Dict[str, Any], value: Any, at: str) -> Any:
    if not isinstance(value, dict):
        return f"{at or '/'}: {value!r} is no object"
    for key, expected in pattern.items():
        if expected == "$absent":
            if key in value:
                return f"{at}/{key}: is there"
        elif key not in value:
            return f"{at}/{key}: is missing"
        else:
            problem = mismatch(expected, value[key], f"{at}/{key}")
            if problem:
                return problem
    return None


def pointed(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": "$absent"}, {"a": None}, False),
        ({"a": "$absent"}, {}, True),
        ({"a": "$any"}, {}, False),
        ({"a": ["$string", 2]}, {"a": ["x", 2]}, True),
        (["$number"], [1, 2], False),
        ("$number", False, False),
    ],
)
def test_patterns_match_a_subset(pattern: Any, value: Any, fits: bool) -> None:
    assert (mismatch(pattern, value, "") is None) == fits
