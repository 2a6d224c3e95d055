"""Event subscriptions and job streams of the asyncio client, as asynchronous iterators."""

from __future__ import annotations

import asyncio
from collections import deque
from itertools import compress
from types import TracebackType
from typing import TYPE_CHECKING, Any, AsyncIterator, Deque, Dict, Generator, Generic, Mapping, Optional, Type, TypeVar, cast

from . import _codec, _native, errors
from ._stream import LogState, final_error, is_final
from ._types import EventItem, FlyDeploy, FlyLogLine, Job
from ._typing import Self

if TYPE_CHECKING:
    from .aio import AsyncClient

T = TypeVar("T")


class Mailbox:
    """What has come for one subscription and was not taken yet. Used in the loop's thread alone."""

    __slots__ = ("failure", "items", "waiters")

    def __init__(self) -> None:
        self.items: Deque[Dict[str, Any]] = deque()
        self.waiters: Deque[asyncio.Future[None]] = deque()
        self.failure = 0

    def put(self, item: Dict[str, Any], ticket: _native.Ticket) -> None:
        self.items.extend(compress((item,), ticket))  # as Box.put
        self.wake()

    def fail(self, status: int) -> None:
        """Ends every wait with that status, now and later."""
        self.failure = status
        while self.waiters:
            self.wake()

    def wake(self) -> None:
        """Wakes one task that waits."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return


class AsyncStream(Generic[T]):
    """An asynchronous iterator over what a subscription delivers.

    It subscribes on first use, or at once with ``await stream`` or ``async with stream``. It ends by
    itself after a final event. Leaving it early, by ``aclose``, ``async with`` or dropping it,
    unsubscribes.
    """

    def __init__(
        self, client: AsyncClient, method: str, params: Mapping[str, Any], timeout: Optional[float]
    ) -> None:
        self._client = client
        self._start = (method, params, timeout)
        self._opening = asyncio.Lock()
        self._box: Optional[Mailbox] = None
        self._done = False
        self.id = ""
        self.topic = ""

    async def _open(self) -> Self:
        async with self._opening:
            if self._box is None and not self._done:
                method, params, timeout = self._start
                answer, self._box = await self._client._subscribe(method, params, timeout)
                self.id, self.topic = answer["subscription"], answer["topic"]
        return self

    async def get(self, timeout: Optional[float] = None) -> Optional[Dict[str, Any]]:
        """The next event as it is; None once the stream is over. Raises AtlasTimeoutError."""
        await self._open()
        event = await self._take(timeout)
        if event is None:
            return None
        if is_final(event):
            await self.aclose()
            error = final_error(event)
            if error is not None:
                raise error
        return event

    async def _take(self, timeout: Optional[float]) -> Optional[Dict[str, Any]]:
        box = self._box
        if box is None:
            return None
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        while not box.items:
            if self._done:
                return None
            if box.failure:
                _codec.raise_status(box.failure)
            waiter: asyncio.Future[None] = loop.create_future()
            box.waiters.append(waiter)
            try:
                await asyncio.wait_for(waiter, None if until is None else max(0.0, until - loop.time()))
            except asyncio.TimeoutError:
                raise errors.AtlasTimeoutError("nothing came in time") from None
            finally:
                if box.items and (waiter.cancelled() or not waiter.done()):
                    box.wake()
        if self._done:
            return None
        item = box.items.popleft()
        if box.items:
            box.wake()  # for another task that waits for the same subscription
        return item

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        raise NotImplementedError

    async def aclose(self) -> None:
        """Unsubscribes. Closing twice is allowed; iterating then ends."""
        if self._end() and not self._client.closed:
            try:
                await self._client.call("events.unsubscribe", {"subscription": self.id})
            except errors.AtlasError:
                pass  # it has ended by itself, or the client is being closed

    def _end(self) -> bool:
        """Marks the stream as over; says whether there is a subscription to end."""
        if self._done:
            return False
        self._done = True
        if self._box is None:
            return False
        self._client._core.boxes.pop(self.id, None)
        for _ in range(len(self._box.waiters)):
            self._box.wake()
        return True

    def __await__(self) -> Generator[Any, None, Self]:
        return self._open().__await__()

    async def __aenter__(self) -> Self:
        return await self._open()

    async def __aexit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        await self.aclose()

    def __del__(self) -> None:
        # May run in any thread, so it touches neither the loop nor a future.
        if not getattr(self, "_done", True) and self._box is not None:
            self._done = True
            self._client._core.unsubscribe(self.id)


class AsyncSubscription(AsyncStream["EventItem"]):
    """Iterates over events. Raises the error when the last event is one."""

    async def __anext__(self) -> EventItem:
        event = await self.get()
        if event is None:
            raise StopAsyncIteration
        return cast("EventItem", event)


class AsyncJobStream(AsyncStream[Any]):
    """Iterates over what the worker yields. ``job`` is the finished job afterwards.

    ``gaps`` counts where chunks may be missing because the answer of a read was lost; the whole
    output is ``job["output"]`` then, where the cloud keeps it.
    """

    job: Optional[Job] = None
    gaps: int = 0

    async def __anext__(self) -> Any:
        while True:
            event = await self.get()
            if event is None:
                raise StopAsyncIteration
            if event.get("event") == "result":
                self.job = cast("Job", event["data"]["job"])
                raise StopAsyncIteration
            if event.get("event") == "chunk":
                return event["data"]["output"]
            self.gaps += event.get("event") == "gap"


class AsyncLogStream(LogState, AsyncStream["FlyLogLine"]):
    """Iterates over an app's log lines while they are written. Raises what ends the log."""

    async def __anext__(self) -> FlyLogLine:
        while True:
            event = await self.get()
            if event is None:
                raise StopAsyncIteration
            line = self._line(event)
            if line is not None:
                return line


class AsyncDeployStream(AsyncStream["EventItem"]):
    """Iterates over the events of a deploy. ``result`` is how it went, afterwards.

    Raises the error of a deploy that did not go well. Leaving the loop early cancels the deploy
    where the stream is closed, which ``async with`` does.
    """

    result: Optional[FlyDeploy] = None

    async def __anext__(self) -> EventItem:
        event = await self.get()
        if event is None:
            raise StopAsyncIteration
        if event.get("event") == "result":
            self.result = cast("FlyDeploy", event["data"]["deploy"])
            raise StopAsyncIteration
        return cast("EventItem", event)
