"""The blocking client."""

from __future__ import annotations

import itertools
import os
import threading
import time
import warnings
import weakref
from types import TracebackType
from typing import Any, Dict, Mapping, NoReturn, Optional, Type

from . import _codec, _native, _open, errors
from ._pump import MAIN_SLICE_MS, Pump
from ._session import Session
from ._types import (
    AtlasInfo,
    ComputeSettings,
    FlySettings,
    LimitSettings,
    Metrics,
    OrchestratorSettings,
    OrchestratorSpawnParams,
    PluginSettings,
    ProviderSettings,
    StoreSettings,
)
from ._typing import Unpack
from ._undo import MAKERS, UNDO_S, Request
from .namespaces import Auth, Compute, Dashboard, Events, Fly, GPUs, Jobs, Offers, Orchestrator, Providers

__all__ = ["Client"]

_get_ident = threading.get_ident
_decode = _codec.decode

_DETACH = ',"detach_after_ms":%d,' % MAIN_SLICE_MS

# Methods that wait for nothing, so that there is nothing to interrupt. A call that may be detached
# runs in a thread of the library's, and the switch to it would be most of their time.
_LOCAL = frozenset(
    ("atlas.info", "auth.token.mint", "auth.token.verify", "auth.url.sign", "auth.url.verify", "gpus.catalog")
)

# The one read that is asked for one session after the other; the others are mostly repeated.
_TOUCH = "orchestrator.touch"

# Reads, which a cloud may be asked twice. While one of a kind took no longer than _QUICK_S, the next
# runs in the calling thread: that saves two switches between threads. One that lasts, or fails, is
# given up and asked again in the way that can be interrupted and has time.
_READS = frozenset(
    (
        "compute.get",
        "compute.list",
        "gpus.list",
        "orchestrator.get",
        "orchestrator.list",
        _TOUCH,
        "providers.capabilities",
        "providers.list",
    )
)
_QUICK_S = 0.01
_QUICK = '"deadline_ms":%d,' % MAIN_SLICE_MS

# What is answered just so however long a read may take. Any other error may be the short deadline's work:
# within it there is no time to wait for a rate limit, or to ask a cloud again that is broken for a moment.
_DECIDED = (
    errors.BudgetError,
    errors.CallCancelledError,
    errors.ConflictError,
    errors.ForbiddenError,
    errors.FundsError,
    errors.NotFoundError,
    errors.UnauthorizedError,
    errors.UnsupportedError,
    errors.UsageError,
    errors.ValidationError,
)


class Client:
    """A client whose calls block the calling thread and nothing else.

    Threads may share a client. Ctrl-C in the main thread cancels the call in flight. Close it, or use it in a
    ``with`` statement: that cancels its calls and releases all it holds.

    Options are those of docs/configuration.md::

        Client(default_provider="runpod", providers={"runpod": {"api_key": "..."}})
    """

    def __init__(
        self,
        *positional: NoReturn,  # refused as the unknown ones are
        default_provider: Optional[str] = None,
        providers: Optional[Mapping[str, ProviderSettings]] = None,
        plugins: Optional[PluginSettings] = None,
        limits: Optional[LimitSettings] = None,
        compute: Optional[ComputeSettings] = None,
        store: Optional[StoreSettings] = None,
        orchestrator: Optional[OrchestratorSettings] = None,
        fly: Optional[FlySettings] = None,
        **unknown: NoReturn,  # refused by type checkers, and at run time with a suggestion
    ) -> None:
        given = {
            "default_provider": default_provider,
            "providers": providers,
            "plugins": plugins,
            "limits": limits,
            "compute": compute,
            "store": store,
            "orchestrator": orchestrator,
            "fly": fly,
        }
        self._library, self._handle = _open.open_client(_open.configuration("Client", positional, given, unknown))
        self._pid = os.getpid()
        self._request = self._library.call
        self._pump = Pump(self._library, self._handle)
        self._ids = itertools.count(1)
        self._methods: Dict[str, str] = {}
        self._quick: Dict[str, _codec.Asked] = {}  # reads of the main thread that were quick
        self._direct: Dict[str, _codec.Asked] = {}  # reads of other threads
        self._main = threading.main_thread().ident
        # Runs when the client is collected and when the interpreter exits, whichever is first.
        self._finalizer = weakref.finalize(
            self, _open.close_client, self._library, self._handle, self._pid, _open.EXIT_MS
        )

    def call(self, method: str, params: Optional[Mapping[str, Any]] = None, *, timeout: Optional[float] = None) -> Any:
        """Calls any method of docs/methods.md and returns its result.

        timeout is the call's deadline in seconds. Raises a class of ``exatlas.errors``.
        """
        on_main = _get_ident() == self._main
        asked = (self._quick if on_main else self._direct).get(method)
        if asked is not None and timeout is None:
            # The library has just used the processor's caches for itself, so each step costs several times what it
            # seems to: what can be kept is kept, and few functions are called.
            last, request = asked.last
            if params != last:
                request = asked.encode(params)
            status, document = self._request(self._handle, request)
            if not status and document is not None:
                return _decode(document)["result"]
            error = _codec.error_of(status, document)
            if not on_main or isinstance(error, _DECIDED) and not error.retryable:
                raise error
            self._quick.pop(method, None)
        text = self._methods.get(method)
        if text is None:
            text = self._methods[method] = _codec.encode_method(method)
            if method in _READS:
                self._direct[method] = _codec.Asked(text, method != _TOUCH)
        if params:
            text += ',"params":' + _codec.encode_params(params)
        if timeout is not None:
            text += ',"deadline_ms":%d' % _codec.deadline_ms(timeout)
        if not on_main or method in _LOCAL:
            status, document = self._request(self._handle, ("{" + text + "}").encode("ascii"))
            if status or document is None:
                _codec.raise_status(status, document)
            return _codec.decode(document)["result"]
        if method not in _READS:
            return self._call_interruptible(text, method, params)
        began = time.monotonic()
        result = self._call_interruptible(text, method, params)
        if time.monotonic() - began < _QUICK_S:
            self._quick[method] = _codec.Asked(_QUICK + self._methods[method], method != _TOUCH)
        return result

    def _call_interruptible(self, text: str, method: str, params: Optional[Mapping[str, Any]]) -> Any:
        # Python raises Ctrl-C only between C functions. So the library answers "pending" after a
        # moment, and the wait goes on in short steps.
        id = "py-%d" % next(self._ids)
        calls = self._pump.calls
        calls[id] = None
        accepted = False
        try:
            if method in MAKERS:
                # Its answer comes out of the queue, where Ctrl-C cannot lose it.
                status, document = self._library.submit(self._handle, ('{"id":"' + id + '",' + text + "}").encode("ascii"))
                if status != _native.OK:
                    _codec.raise_status(status, document)
                accepted = True
                return _codec.result_of(self._pump.wait_call(id))
            request = '{"id":"' + id + '"' + _DETACH + text + "}"
            status, document = self._request(self._handle, request.encode("ascii"))
            if status == _native.PENDING:
                return _codec.result_of(self._pump.wait_call(id))
            if status or document is None:
                _codec.raise_status(status, document)
            return _codec.decode(document)["result"]
        except BaseException as error:
            # Ctrl-C, or whatever a signal handler of the program raises: nobody waits any more.
            if not isinstance(error, errors.AtlasError):
                self._library.cancel(self._handle, id.encode("ascii"))
                self._undo(id, self._pump.drop(id, method, params, accepted))
            raise
        finally:
            calls.pop(id, None)

    def _undo(self, id: str, undo: Optional[Request]) -> None:
        """Gives back what an interrupted call had made. A second Ctrl-C ends that."""
        if undo is None:
            return
        try:
            self.call(*undo, timeout=UNDO_S)
        except errors.BusyError:
            self._pump.undo(id, undo)
        except errors.AtlasError:
            pass  # the interruption is what the program is told

    # Namespaces are made on access: kept, each would tie a knot that only the garbage collector undoes.

    @property
    def auth(self) -> Auth:
        return Auth(self)

    @property
    def compute(self) -> Compute:
        return Compute(self)

    @property
    def events(self) -> Events:
        return Events(self)

    @property
    def fly(self) -> Fly:
        return Fly(self)

    @property
    def gpus(self) -> GPUs:
        return GPUs(self)

    @property
    def jobs(self) -> Jobs:
        return Jobs(self)

    @property
    def offers(self) -> Offers:
        return Offers(self)

    @property
    def orchestrator(self) -> Orchestrator:
        return Orchestrator(self)

    @property
    def dashboard(self) -> Dashboard:
        return Dashboard(self)

    def session(self, *, timeout: Optional[float] = None, **params: Unpack[OrchestratorSpawnParams]) -> Session:
        """A machine for a while: ``with client.session(gpu="h100", image="...") as session: ...``

        Rented at once; given back where the ``with`` statement ends, or by itself when nobody
        touches it for ``idle_ttl_ms``, whatever happens to this process.
        """
        return Session(self, self.orchestrator.spawn(timeout=timeout, **params))

    @property
    def providers(self) -> Providers:
        return Providers(self)

    def info(self) -> AtlasInfo:
        """Versions, providers, and what is alive in this client (``atlas.info``)."""
        result: AtlasInfo = self.call("atlas.info")
        return result

    def metrics(self) -> Metrics:
        """What this client counts, in the text format of Prometheus (``atlas.metrics``).

        Serve ``["text"]`` with the content type ``["content_type"]``; docs/metrics.md lists the metrics.
        """
        result: Metrics = self.call("atlas.metrics")
        return result

    def close(self, timeout: Optional[float] = None) -> None:
        """Cancels what is in flight and releases everything. Closing twice is allowed.

        Waits at most timeout seconds (5 by default); raises AtlasTimeoutError where something was
        still ending then: calls, which end in the background, or sessions that are left to the
        next process that opens the store. What a cancelled spawn had rented is given back in
        that time, if it is enough.
        """
        _open.closing_ms(timeout)  # refuses what is no time
        if self._finalizer.detach() is None:
            return
        until = time.monotonic() + (_open.CLOSE_S if timeout is None else timeout)
        try:
            if os.getpid() == self._pid:
                self._pump.settle(until - time.monotonic())
        finally:
            left_ms = _open.closing_ms(until - time.monotonic())
            status = _open.close_client(self._library, self._handle, self._pid, left_ms)
            self._pump.end(_native.CLOSED)
        error = _open.closing_error(status)
        if error is not None:
            raise error

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return not self._finalizer.alive

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self, _warn: Any = warnings.warn) -> None:
        finalizer = getattr(self, "_finalizer", None)
        if finalizer is not None and finalizer.alive and os.getpid() == self._pid:
            _warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            finalizer()

    def __repr__(self) -> str:
        return f"<exatlas.{type(self).__name__} {'closed' if self.closed else 'open'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client belongs to the process that opened it; open another one where it is needed")
