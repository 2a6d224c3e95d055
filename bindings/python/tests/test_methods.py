"""The namespaces against the method table."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import typing
from typing import Any, Callable, Dict, List, Optional

import pytest
from conftest import ROOT

import exatlas
from exatlas import _native, _types, aio_namespaces, errors, namespaces


def methods_of(module: Any) -> Dict[str, Callable[..., Any]]:
    found = {}
    for cls in vars(module).values():
        if inspect.isclass(cls) and issubclass(cls, module.Namespace) and cls is not module.Namespace:
            for name, function in vars(cls).items():
                if not name.startswith("_") and not isinstance(function, property):
                    found[f"{cls.__name__.replace('Async', '')}.{name}"] = function
    return found


def test_both_clients_have_the_same_methods() -> None:
    assert list(methods_of(namespaces)) == list(methods_of(aio_namespaces))


@pytest.mark.parametrize("open_client", [exatlas.Client, exatlas.AsyncClient])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_every_method_of_the_table_is_reached_by_its_name(open_client: Callable[[], Any]) -> None:
    client = open_client()
    methods = set(typing.get_args(_types.MethodName))
    assert {name for name in methods if not callable(reached(client, name))} == set()


def test_every_shape_has_a_public_name() -> None:
    shapes = {name: shape for name, shape in vars(_types).items() if getattr(shape, "__module__", "") == _types.__name__}
    public = {name: shape for name, shape in shapes.items() if not name.startswith("_")}
    assert len(public) > 100
    assert {name: getattr(exatlas.types, name, None) for name in public} == public


@pytest.mark.parametrize("open_client", [exatlas.Client, exatlas.AsyncClient])
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_every_method_tells_its_errors(open_client: Callable[[], Any]) -> None:
    client = open_client()
    table = json.loads((ROOT / "docs" / "schema" / "methods.json").read_text())["methods"]
    told = {name: kinds_told(reached(client, name)) for name in table if name != "atlas.info"}
    assert told == {name: row["errors"] for name, row in table.items() if name != "atlas.info"}


def kinds_told(function: Any) -> List[str]:
    """The kinds in the docstring of a method, or of what is called as one."""
    text = inspect.getdoc(function if inspect.isroutine(function) else type(function)) or ""
    listed = " ".join(text.split()).partition("Errors: ")[2]
    return listed.rstrip(".").split(", ") if listed else []


def reached(client: Any, method: str) -> Any:
    """What ``client.auth.token.mint`` is for "auth.token.mint"; ``atlas.info`` is the client's own."""
    for part in method.replace("atlas.", "").split("."):
        client = getattr(client, part, None)
    return client


def test_every_method_of_the_types_is_one_of_the_librarys() -> None:
    with exatlas.Client() as client:
        for method in typing.get_args(_types.MethodName):
            # The library knows it: the answer may be any error but "no such method".
            try:
                client.call(method, {"zz": 1})
            except errors.ValidationError as error:
                assert "no such method" not in error.message, method


def test_a_parameter_whose_name_python_keeps_for_itself_has_an_underscore(simulators: Dict[str, str]) -> None:
    with exatlas.Client(providers={"mock": {"base_url": simulators["mock"]}}) as client:
        with pytest.raises(errors.UnsupportedError):  # the mock cloud has no bills, so that the library knew from
            client.compute.bill(provider="mock", id="x", from_="2026-06-01T00:00:00Z")
        with pytest.raises(errors.ValidationError, match="params.from: not an RFC 3339 time"):
            client.compute.bill(provider="mock", id="x", from_="yesterday")
        with pytest.raises(TypeError, match="did you mean 'from_'"):
            client.compute.bill(provider="mock", id="x", **{"from": "2026-06-01T00:00:00Z"})  # type: ignore[arg-type]


def test_annotations_can_be_read_at_run_time() -> None:
    modules = [exatlas, namespaces, aio_namespaces]
    classes = {cls for module in modules for cls in vars(module).values() if inspect.isclass(cls) and cls.__module__.startswith("exatlas")}
    assert exatlas.Client in classes and namespaces.Compute in classes
    for cls in classes:
        typing.get_type_hints(cls)
        for name, member in vars(cls).items():
            function = member.fget if isinstance(member, property) else member
            if inspect.isfunction(function) and not name.startswith("_"):
                typing.get_type_hints(function)
    assert typing.get_type_hints(exatlas.Client.__init__)["orchestrator"] == Optional[exatlas.types.OrchestratorSettings]


def test_the_types_are_all_that_their_module_hands_on() -> None:
    assert {name for name in vars(exatlas.types) if not name.startswith("_")} == set(exatlas.types.__all__)
    assert {"Session", "ComputeSpawnParams", "ErrorKind"} <= set(exatlas.types.__all__)


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic takes the TypedDict of the typing module")
def test_pydantic_takes_the_types() -> None:
    # It refuses a class whose metaclass is of the typing module.
    shapes = [shape for shape in vars(exatlas.types).values() if inspect.isclass(shape)]
    assert len(shapes) > 100
    assert {type(shape).__module__ for shape in shapes} == {"typing_extensions"}


def test_the_types_need_the_standard_library_alone() -> None:
    program = "import sys; sys.modules['typing_extensions'] = None; from exatlas.types import Session; print(Session.__name__)"
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "Session\n"


def test_client_options_are_those_of_the_configuration() -> None:
    options = set(_types.ClientConfig.__annotations__) - {"abi"}
    for cls in (exatlas.Client, exatlas.AsyncClient):
        assert set(inspect.signature(cls).parameters) - {"positional", "unknown"} == options
    assert set(exatlas._open.OPTIONS) == options


def test_statuses_have_names() -> None:
    library = _native.load()
    for name in ("OK", "FAILED", "PENDING", "FORKED", "TIMEOUT", "CANCELLED", "INTERNAL"):
        assert library.status_name(getattr(_native, name)) == "ATLAS_" + name
