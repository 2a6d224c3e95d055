"""JSON in and out: request envelopes, answers, and keeping secrets out of what gets printed."""

from __future__ import annotations

import json
import math
from json.encoder import encode_basestring_ascii
from json.scanner import make_scanner
from typing import Any, Dict, Iterable, Mapping, NoReturn, Optional, Tuple, Type

from . import _native, errors

_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_scan = make_scanner(json.JSONDecoder())  # type: ignore[arg-type]  # typeshed mistakes the context's type

_quote = encode_basestring_ascii

REDACTED = "[redacted]"
_SECRET_KEYS = frozenset({"token", "header", "secret", "api_key", "env"})
_STRINGS = frozenset((str,))
_TOKEN_MARK = b'"token"'


class SecretDict(Dict[str, Any]):
    """A dictionary that holds a credential: the same as any other, but printing it shows none."""

    __slots__ = ()

    def __repr__(self) -> str:
        shown = {key: REDACTED if key in _SECRET_KEYS and value else value for key, value in self.items()}
        return repr(shown)

    __str__ = __repr__


def encode_config(config: Mapping[str, Any]) -> bytes:
    return _encode(dict(config)).encode("ascii")


def encode_method(method: str) -> str:
    """The part of an envelope that is the same for every call of a method."""
    return '"method":' + _encode(method)


def encode_params(params: Any) -> str:
    # Most parameters are a few strings, for which the encoder's preparations cost more than its work.
    text = ""
    if type(params) is dict:
        for name, value in params.items():
            if type(value) is not str or type(name) is not str:
                return _encode(params)
            text += f"{_quote(name)}:{_quote(value)},"
        return "{" + text[:-1] + "}"
    return _encode(params)


class Asked:
    """The request of a method that is asked again and again; repeats: mostly with the same parameters."""

    __slots__ = ("_head", "_repeats", "last")

    def __init__(self, head: str, repeats: bool) -> None:
        self._repeats = repeats
        self._head = "{" + head + ',"params":'
        self.last: Tuple[Any, bytes] = (None, (self._head + "{}}").encode("ascii"))  # parameters, request with them

    def encode(self, params: Any) -> bytes:
        """The request with other parameters than the last ones."""
        request = (self._head + encode_params(params or {}) + "}").encode("ascii")
        # What is equal to a string is written as that string, which is not so with numbers. A credential is not kept.
        if self._repeats and type(params) is dict and "api_key" not in params and _STRINGS.issuperset(map(type, params.values())):
            self.last = params.copy(), request
        return request


def encode_request(id: str, method: str, params: Mapping[str, Any], timeout: float) -> bytes:
    request = {"id": id, "method": method, "params": params, "deadline_ms": deadline_ms(timeout)}
    return _encode(request).encode("ascii")


def encode_unsubscribe(subscription: str) -> bytes:
    request = {"method": "events.unsubscribe", "params": {"subscription": subscription}}
    return _encode(request).encode("ascii")


def deadline_ms(timeout: float) -> int:
    """A timeout in seconds as the envelope's deadline, which is at least 1 ms."""
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout must be a number of seconds, not {type(timeout).__name__}")
    if not timeout > 0 or math.isinf(timeout):
        raise ValueError(f"timeout must be a positive number of seconds, not {timeout!r}; leave it out for none")
    return max(1, math.ceil(timeout * 1000))


def decode(document: bytes) -> Dict[str, Any]:
    """A document of the library, with what holds a token made safe to print."""
    value: Dict[str, Any] = _scan(document.decode(), 0)[0]
    if _TOKEN_MARK in document:
        value = _guard(value)
    return value


def _guard(value: Any) -> Any:
    if isinstance(value, dict):
        guarded = {key: _guard(item) for key, item in value.items()}
        return SecretDict(guarded) if isinstance(guarded.get("token"), str) else guarded
    if isinstance(value, list):
        return [_guard(item) for item in value]
    return value


_BY_STATUS: Mapping[int, Tuple[Type[errors.AtlasError], str, str]] = {
    _native.BAD_CLIENT: (errors.ClosedError, "there is no such client", "open a new client"),
    _native.CLOSED: (errors.ClosedError, "the client is closed", "open a new client"),
    _native.BUSY: (
        errors.BusyError,
        "too many calls are in flight on this client",
        "wait for some of them, or raise limits.calls",
    ),
    _native.TOO_LARGE: (errors.TooLargeError, "the request is too large", "raise limits.request_bytes"),
    _native.FORKED: (
        errors.ForkedError,
        "the library was loaded before this process was forked, and cannot be used after fork",
        "create the client in the child and not before it, or use the 'spawn' start method of multiprocessing",
    ),
    _native.VERSION: (
        errors.VersionError,
        "the library speaks another version of the C interface",
        "install the library and the Python package of the same release",
    ),
    _native.INVALID: (errors.UsageError, "the library refused the arguments", ""),
    _native.NO_MEMORY: (
        errors.InternalError,
        "the system has no memory for the answer",
        "the request may have been carried out: look before it is made again",
    ),
    _native.TIMEOUT: (errors.AtlasTimeoutError, "no answer in time", ""),
    _native.CANCELLED: (errors.CallCancelledError, "the call was cancelled", ""),
}


def error_of(status: int, document: Optional[bytes] = None) -> errors.AtlasError:
    """The exception for a status other than OK and its document, where there is one."""
    cls, message, hint = _BY_STATUS.get(status, (None, f"the library answered status {status}", ""))
    if document:
        error = decode(document).get("error")
        if isinstance(error, dict):
            # What says how the library was used is told by the status, the rest by the kind.
            usage = cls if cls is not None and issubclass(cls, errors.UsageError) else None
            return errors.from_document(error, usage)
    return (cls or errors.InternalError)(
        message, hint=hint, retryable=status == _native.BUSY, unknown_outcome=status == _native.NO_MEMORY
    )


def raise_status(status: int, document: Optional[bytes] = None) -> NoReturn:
    raise error_of(status, document)


def result_of(item: Mapping[str, Any]) -> Any:
    """The result of a completion; raises its error."""
    error = item.get("error")
    if error is not None:
        raise errors.from_document(error)
    return item.get("result")


def known_options(call: str, known: Iterable[str], given: Iterable[str]) -> None:
    """Raises TypeError, naming the nearest known option, where one is given that is not known."""
    for name in given:
        if name not in known:
            from ._diagnosis import suggest

            raise TypeError(f"{call}() got an unexpected keyword argument {name!r}{suggest(name, sorted(known))}")


def wire_params(method: str, declared: Type[Any], params: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters as the method names them: ``from_`` is ``from``, which Python keeps for itself.

    Raises TypeError for one that the method does not declare.
    """
    known = declared.__annotations__
    for name in params:
        if name not in known:
            from ._diagnosis import elsewhere

            if takers := elsewhere(method, name):
                raise TypeError(f"client.{method}() got an unexpected keyword argument {name!r}; {takers}")
            known_options("client." + method, known, params)
    if "from_" not in params:
        return params
    return {"from" if name == "from_" else name: value for name, value in params.items()}
