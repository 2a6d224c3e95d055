"""The namespaces against the method table."""

from __future__ import annotations

import inspect
import typing
from typing import Any, Callable, Dict

import exatlas
from exatlas import _native, _types, aio_namespaces, errors, namespaces


def methods_of(module: Any) -> Dict[str, Callable[..., Any]]:
    found = {}
    for cls in vars(module).values():
        if inspect.isclass(cls) and issubclass(cls, module.Namespace) and cls is not module.Namespace:
            for name, function in vars(cls).items():
                if not name.startswith("_"):
                    found[f"{cls.__name__.replace('Async', '')}.{name}"] = function
    return found


def test_both_clients_have_the_same_methods() -> None:
    assert list(methods_of(namespaces)) == list(methods_of(aio_namespaces))


def test_every_method_of_the_table_is_reached_by_name() -> None:
    with exatlas.Client() as client:
        known = set(typing.get_args(_types.MethodName))
        for method in known:
            # The library knows it: the answer may be any error but "no such method".
            try:
                client.call(method, {"zz": 1})
            except errors.ValidationError as error:
                assert "no such method" not in error.message, method
    source = inspect.getsource(namespaces) + inspect.getsource(exatlas.client)
    stream_source = inspect.getsource(exatlas._codec)
    assert [name for name in known if f'"{name}"' not in source + stream_source] == []
    aio_source = inspect.getsource(aio_namespaces) + inspect.getsource(exatlas.aio) + stream_source
    assert [name for name in known if f'"{name}"' not in aio_source] == []


def test_client_options_are_those_of_the_configuration() -> None:
    options = set(_types.ClientConfig.__annotations__) - {"abi"}
    for cls in (exatlas.Client, exatlas.AsyncClient):
        assert set(inspect.signature(cls).parameters) - {"unknown"} == options
    assert set(exatlas._open.OPTIONS) == options


def test_statuses_have_names() -> None:
    library = _native.load()
    for name in ("OK", "FAILED", "PENDING", "FORKED", "TIMEOUT", "CANCELLED", "INTERNAL"):
        assert library.status_name(getattr(_native, name)) == "ATLAS_" + name
