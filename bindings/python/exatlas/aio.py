"""The asyncio client."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import warnings
import weakref
from types import TracebackType
from typing import Any, Dict, Mapping, NoReturn, Optional, Tuple, Type

from . import _codec, _native, _open, errors
from ._aio_stream import Mailbox
from ._pump import REST_S
from ._session import AsyncSession
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
from ._undo import Makers
from .aio_namespaces import (
    AsyncAuth,
    AsyncCompute,
    AsyncDashboard,
    AsyncEvents,
    AsyncFly,
    AsyncGPUs,
    AsyncJobs,
    AsyncOffers,
    AsyncOrchestrator,
    AsyncProviders,
)

__all__ = ["AsyncClient"]

# Items taken per turn of the loop, so that a flood leaves time to others. The descriptor stays
# readable while more are there.
_TURN = 256


def _running_loop() -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise errors.UsageError(
            "an AsyncClient needs a running asyncio event loop, and there is none",
            hint="with another library, such as trio, call a Client in threads: trio.to_thread.run_sync",
        ) from None


class _Core:
    """What the event loop holds on to: everything but the client, so that a dropped client is collected."""

    def __init__(self, library: _native.Library, handle: int) -> None:
        self.library = library
        self.handle = handle
        self.pid = os.getpid()
        self.loop: Optional[asyncio.AbstractEventLoop] = None
        self.thread = 0
        self.fd = -1
        self.resting: Optional[asyncio.TimerHandle] = None
        self.calls: Dict[str, asyncio.Future[Dict[str, Any]]] = {}
        self.sending_again = False
        self.makers = Makers(lambda request: self.library.submit(self.handle, request))
        self.settled: Optional[asyncio.Future[None]] = None  # done when something of that has ended
        self.boxes: Dict[str, Mailbox] = {}
        self.subscribing = 0
        self.early: Dict[str, Mailbox] = {}

    def bind(self) -> asyncio.AbstractEventLoop:
        """Binds the client to the running loop, whose reader empties the queue."""
        loop = _running_loop()
        if self.loop is loop:
            return loop
        if self.loop is not None and not self.loop.is_closed():
            raise errors.UsageError(
                "this AsyncClient belongs to another event loop", hint="open one client for each event loop"
            )
        fd = self.library.wake_fd(self.handle)
        if fd < 0:
            _codec.raise_status(_native.FORKED if os.getpid() != self.pid else _native.CLOSED)
        self.calls.clear()
        self.makers.clear()
        self.boxes.clear()
        self.resting = None
        self.sending_again = False
        loop.add_reader(fd, self.drain, _TURN)
        self.loop, self.fd, self.thread = loop, fd, threading.get_ident()
        return loop

    def drain(self, most: int) -> int:
        """Takes what is in the queue, at most so many items; a negative number takes all.

        Answers the status it ended with. An item for which there is no memory stays in the queue,
        and the descriptor readable: the loop looks away for a while.
        """
        status = _native.OK
        while most and status == _native.OK:
            most -= 1
            status = self.library.next(self.handle, 0, self.route)
        if status == _native.NO_MEMORY:
            self.rest()
        elif status not in (_native.OK, _native.TIMEOUT):
            self.fail(status)
        return status

    def rest(self) -> None:
        if self.loop is not None and self.resting is None:
            self.loop.remove_reader(self.fd)
            self.resting = self.loop.call_later(REST_S, self.resume)

    def resume(self) -> None:
        self.resting = None
        if self.loop is not None:
            self.loop.add_reader(self.fd, self.drain, _TURN)

    def route(self, document: bytes, ticket: _native.Ticket) -> None:
        """Puts an item where it belongs. It is called again with what it was interrupted at."""
        item = _codec.decode(document)
        if item.get("type") == "event":
            self.put_event(item, ticket)
        else:
            self.put_completion(item)

    def put_event(self, item: Dict[str, Any], ticket: _native.Ticket) -> None:
        id = item.get("subscription", "")
        box = self.boxes.get(id)
        if box is not None:
            box.put(item, ticket)
        elif self.subscribing:
            self.early.setdefault(id, Mailbox()).put(item, ticket)

    def put_completion(self, item: Dict[str, Any]) -> None:
        id = item.get("id", "")
        future = self.calls.get(id)
        if future is not None and not future.cancelled():
            if not future.done():
                future.set_result(item)
        else:
            self.makers.ended(id)
            self.discard(item)
            self.settle()

    def drop(self, id: str, accepted: bool) -> None:
        """Cancels a call whose task was cancelled, and undoes it where its answer is here already.

        Where Ctrl-C came before the library had said that it accepted it, an answer comes after this all the same.
        """
        self.library.cancel(self.handle, id.encode("ascii"))
        future = self.calls[id]
        if future.done() and not future.cancelled() and future.exception() is None:
            self.discard(future.result())
        elif not accepted:
            self.makers.ask_after(id)
            self.send_again_later()

    def discard(self, item: Mapping[str, Any]) -> None:
        """Drops the answer of a cancelled call, and undoes what it has begun."""
        undo = self.makers.undoing(item)
        if undo is not None and undo[0] == "events.unsubscribe":
            self.unsubscribe(undo[1]["subscription"])
        elif undo is not None and self.loop is not None:
            self.makers.undo(item["id"], undo)
            self.send_again_later()
        self.makers.forget(item.get("id", ""))

    def send_again_later(self) -> None:
        """Looks after what the library was too busy for, until it has accepted it."""
        if self.makers.is_refused() and not self.sending_again and self.loop is not None:
            self.sending_again = True
            self.loop.call_later(REST_S, self.send_again)

    def send_again(self) -> None:
        self.sending_again = False
        self.makers.send_again()
        self.settle()
        self.send_again_later()

    def settle(self) -> None:
        if self.settled is not None and not self.settled.done():
            self.settled.set_result(None)

    def unsettled(self) -> bool:
        """Whether a cancelled call may still bring something, or something is being given back."""
        left = (self.calls.get(id) for id in self.makers.ids())
        return self.makers.is_undoing() or any(future is None or future.cancelled() for future in left)

    async def undone(self, timeout: float) -> None:
        """Waits until what nobody waits for any more has ended, and has been given back."""
        loop = asyncio.get_running_loop()
        if self.loop is not loop:
            return
        self.drain(-1)
        until = loop.time() + timeout
        while self.unsettled() and loop.time() < until:
            self.settled = loop.create_future()
            await asyncio.wait([self.settled], timeout=until - loop.time())

    def unsubscribe(self, subscription: str) -> None:
        """Ends a subscription from any thread; never fails, since finalizers call it."""
        self.boxes.pop(subscription, None)
        if os.getpid() == self.pid:
            self.library.call(self.handle, _codec.encode_unsubscribe(subscription))

    def adopt(self, subscription: str) -> Mailbox:
        """The mailbox of a new subscription, with what has come for it already."""
        box = self.boxes[subscription] = self.early.pop(subscription) if subscription in self.early else Mailbox()
        return box

    def detach(self) -> None:
        """Takes the descriptor out of the loop; it is about to be closed."""
        if self.loop is not None and not self.loop.is_closed():
            self.loop.remove_reader(self.fd)
            if self.resting is not None:
                self.resting.cancel()
                self.resting = None

    def close_in_thread(self, loop: asyncio.AbstractEventLoop, left_ms: int) -> asyncio.Future[int]:
        """Closes in a thread for as long as that waits; in this one where no thread is to be had."""
        try:
            return loop.run_in_executor(None, self.library.close, self.handle, left_ms)
        except RuntimeError:  # the loop's executor is shut down, or the system has no more threads
            closed: asyncio.Future[int] = loop.create_future()
            closed.set_result(self.library.close(self.handle, left_ms))
            return closed

    def fail(self, status: int) -> None:
        """Nothing more will come: every wait ends with that status."""
        self.detach()
        for future in self.calls.values():
            if not future.done():
                future.set_exception(_codec.error_of(status))
        self.makers.clear()
        self.settle()
        for box in self.boxes.values():
            box.fail(status)

    def abandon(self) -> None:
        """Closes a client that was dropped or is left at exit, in whichever thread that happens."""
        if os.getpid() != self.pid:
            return
        loop = self.loop
        if loop is None or loop.is_closed():
            self.library.close(self.handle, _open.EXIT_MS)
        elif threading.get_ident() == self.thread:
            self.detach()
            self.library.close(self.handle, _open.EXIT_MS)
        else:
            # The descriptor's number may be given to another file as soon as it is closed, so the
            # loop must forget it first.
            try:
                loop.call_soon_threadsafe(self.detach)
                loop.call_soon_threadsafe(self.library.close, self.handle, 0)
            except RuntimeError:  # the loop was closed meanwhile
                self.library.close(self.handle, _open.EXIT_MS)


class AsyncClient:
    """A client for one event loop. No thread is held, however many calls are in flight.

    Cancelling a task cancels its call. Close the client with ``aclose``, or use it in ``async with``.
    Options are those of ``Client``. Needs a loop with ``add_reader``.
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
        self._core = _Core(*_open.open_client(_open.configuration("AsyncClient", positional, given, unknown)))
        self._ids = itertools.count(1)
        # Runs when the client is collected and when the interpreter exits, whichever is first.
        self._finalizer = weakref.finalize(self, self._core.abandon)

    async def call(
        self, method: str, params: Optional[Mapping[str, Any]] = None, *, timeout: Optional[float] = None
    ) -> Any:
        """Calls any method of docs/methods.md and returns its result.

        timeout is the call's deadline in seconds. Raises a class of ``exatlas.errors``.
        """
        core = self._core
        if not self._finalizer.alive:
            _codec.raise_status(_native.CLOSED)
        id = "py-%d" % next(self._ids)
        text = '{"id":"' + id + '",' + _codec.encode_method(method)
        if params:
            text += ',"params":' + _codec.encode_params(params)
        if timeout is not None:
            text += ',"deadline_ms":%d' % _codec.deadline_ms(timeout)
        future: asyncio.Future[Dict[str, Any]] = core.bind().create_future()
        core.calls[id] = future
        core.makers.add(id, method, params)
        accepted = False
        try:
            status, document = core.library.submit(core.handle, (text + "}").encode("ascii"))
            if status != _native.OK:
                _codec.raise_status(status, document)
            accepted = True
            item = await future
        except errors.AtlasError:
            core.makers.forget(id)
            raise
        except BaseException:  # the task was cancelled, or what a signal handler of the program raises
            core.drop(id, accepted)
            raise
        finally:
            del core.calls[id]
        core.makers.forget(id)
        return _codec.result_of(item)

    async def _subscribe(
        self, method: str, params: Mapping[str, Any], timeout: Optional[float]
    ) -> Tuple[Dict[str, Any], Mailbox]:
        core = self._core
        core.subscribing += 1
        try:
            answer = await self.call(method, params, timeout=timeout)
            return answer, core.adopt(answer["subscription"])
        finally:
            core.subscribing -= 1
            if not core.subscribing:
                core.early.clear()

    @property
    def auth(self) -> AsyncAuth:
        return AsyncAuth(self)

    @property
    def compute(self) -> AsyncCompute:
        return AsyncCompute(self)

    @property
    def events(self) -> AsyncEvents:
        return AsyncEvents(self)

    @property
    def fly(self) -> AsyncFly:
        return AsyncFly(self)

    @property
    def gpus(self) -> AsyncGPUs:
        return AsyncGPUs(self)

    @property
    def jobs(self) -> AsyncJobs:
        return AsyncJobs(self)

    @property
    def offers(self) -> AsyncOffers:
        return AsyncOffers(self)

    @property
    def orchestrator(self) -> AsyncOrchestrator:
        return AsyncOrchestrator(self)

    @property
    def dashboard(self) -> AsyncDashboard:
        return AsyncDashboard(self)

    def session(self, *, timeout: Optional[float] = None, **params: Unpack[OrchestratorSpawnParams]) -> AsyncSession:
        """A machine for a while: ``async with client.session(gpu="h100", image="...") as session: ...``

        Rented where it is entered or awaited; given back where the statement ends, or by itself
        when nobody touches it for ``idle_ttl_ms``, whatever happens to this process.
        """
        return AsyncSession(self, params, timeout)

    @property
    def providers(self) -> AsyncProviders:
        return AsyncProviders(self)

    async def info(self) -> AtlasInfo:
        """Versions, providers, and what is alive in this client (``atlas.info``)."""
        result: AtlasInfo = await self.call("atlas.info")
        return result

    async def metrics(self) -> Metrics:
        """What this client counts, in the text format of Prometheus (``atlas.metrics``).

        Serve ``["text"]`` with the content type ``["content_type"]``; docs/metrics.md lists the metrics.
        """
        result: Metrics = await self.call("atlas.metrics")
        return result

    async def aclose(self, timeout: Optional[float] = None) -> None:
        """Cancels what is in flight and releases everything. Closing twice is allowed.

        Waits at most timeout seconds (5 by default); raises AtlasTimeoutError where something was
        still ending then: calls, which end in the background, or sessions that are left to the
        next process that opens the store. What a cancelled spawn had rented is given back in
        that time, if it is enough.
        """
        _open.closing_ms(timeout)  # refuses what is no time
        if self.closed:
            return
        loop = _running_loop()
        self._finalizer.detach()
        core = self._core
        if os.getpid() != core.pid:
            return
        until = loop.time() + (_open.CLOSE_S if timeout is None else timeout)
        try:
            try:
                await core.undone(until - loop.time())
            finally:
                core.detach()
                # The calls it ends leave their completions in the queue.
                closing = core.close_in_thread(loop, _open.closing_ms(until - loop.time()))
            status = await asyncio.shield(closing)
        finally:
            core.loop = None
            while core.drain(-1) == _native.NO_MEMORY and loop.time() < until:
                await asyncio.sleep(REST_S)
            core.fail(_native.CLOSED)
        error = _open.closing_error(status)
        if error is not None:
            raise error

    @property
    def closed(self) -> bool:
        """Whether the client was closed."""
        return not self._finalizer.alive

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    def __del__(self, _warn: Any = warnings.warn) -> None:
        finalizer = getattr(self, "_finalizer", None)
        if finalizer is not None and finalizer.alive and os.getpid() == self._core.pid:
            _warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
            finalizer()

    def __repr__(self) -> str:
        return f"<exatlas.{type(self).__name__} {'closed' if self.closed else 'open'}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a client belongs to the process that opened it; open another one where it is needed")
