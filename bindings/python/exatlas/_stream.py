"""Event subscriptions and job streams of the blocking client, as iterators."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Generic, Iterator, Mapping, Optional, Type, TypeVar, cast

from . import errors
from ._types import EventItem, FlyDeploy, FlyLogLine, Job
from ._typing import Self

if TYPE_CHECKING:
    from .client import Client

T = TypeVar("T")


def is_final(event: Mapping[str, Any]) -> bool:
    """Whether an event is the last one of its subscription."""
    data = event.get("data")
    return isinstance(data, dict) and bool(data.get("final"))


def final_error(event: Mapping[str, Any]) -> Optional[errors.AtlasError]:
    """The error that a final event ends its subscription with."""
    data = event["data"]
    if event.get("event") != "error" or not isinstance(data.get("error"), dict):
        return None
    return errors.from_document(data["error"])


class Stream(Generic[T]):
    """An iterator over what a subscription delivers; several threads may share it.

    It ends by itself after a final event. Leaving it early, by ``close``, a ``with`` statement or
    dropping it, unsubscribes.
    """

    def __init__(self, client: Client, method: str, params: Mapping[str, Any], timeout: Optional[float]) -> None:
        self._client = client  # keeps it open as long as somebody iterates
        self._done = False
        pump = client._pump
        pump.expect()
        try:
            answer = client.call(method, params, timeout=timeout)
            self.id: str = answer["subscription"]
            self.topic: str = answer["topic"]
            self._box = pump.adopt(self.id)
        finally:
            pump.expected()

    def get(self, timeout: Optional[float] = None) -> Optional[Dict[str, Any]]:
        """The next event as it is; None once the stream is over. Raises AtlasTimeoutError."""
        if self._done:
            return None
        event = self._client._pump.wait(self._box, timeout)
        if event is None:
            self._done = True
            return None
        if is_final(event):
            self.close()
            error = final_error(event)
            if error is not None:
                raise error
        return event

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        raise NotImplementedError

    def close(self) -> None:
        """Unsubscribes. Closing twice is allowed; iterating then ends."""
        if not self._done:
            self._done = True
            self._client._pump.unsubscribe(self.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: Optional[Type[BaseException]],
        exc: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_box"):
            self.close()


class Subscription(Stream["EventItem"]):
    """Iterates over events. Raises the error when the last event is one."""

    def __next__(self) -> EventItem:
        event = self.get()
        if event is None:
            raise StopIteration
        return cast("EventItem", event)


class JobStream(Stream[Any]):
    """Iterates over what the worker yields. ``job`` is the finished job afterwards.

    ``gaps`` counts where chunks may be missing because the answer of a read was lost; the whole
    output is ``job["output"]`` then, where the cloud keeps it.
    """

    job: Optional[Job] = None
    gaps: int = 0

    def __next__(self) -> Any:
        while True:
            event = self.get()
            if event is None:
                raise StopIteration
            if event.get("event") == "result":
                self.job = cast("Job", event["data"]["job"])
                raise StopIteration
            if event.get("event") == "chunk":
                return event["data"]["output"]
            self.gaps += event.get("event") == "gap"


class LogState:
    """What a stream of log lines tells beside the lines."""

    cursor: str = ""
    """Where to resume behind the last line: ``from_`` of another stream."""
    lost: int = 0
    """Lines that were dropped because this reader was too slow."""
    stalled: bool = False
    """Whether Fly does not answer at the moment."""

    def _line(self, event: Mapping[str, Any]) -> Optional[FlyLogLine]:
        name, data = event.get("event"), event["data"]
        if name == "line":
            self.cursor = data.get("cursor") or self.cursor
            return cast("FlyLogLine", data)
        if name == "dropped":
            self.lost += data["count"]
        elif name in ("stalled", "resumed"):
            self.stalled = name == "stalled"
        return None


class LogStream(LogState, Stream["FlyLogLine"]):
    """Iterates over an app's log lines while they are written. Raises what ends the log."""

    def __next__(self) -> FlyLogLine:
        while True:
            event = self.get()
            if event is None:
                raise StopIteration
            line = self._line(event)
            if line is not None:
                return line


class DeployStream(Stream["EventItem"]):
    """Iterates over the events of a deploy. ``result`` is how it went, afterwards.

    Raises the error of a deploy that did not go well. Leaving the loop early cancels the deploy.
    """

    result: Optional[FlyDeploy] = None

    def __next__(self) -> EventItem:
        event = self.get()
        if event is None:
            raise StopIteration
        if event.get("event") == "result":
            self.result = cast("FlyDeploy", event["data"]["deploy"])
            raise StopIteration
        return cast("EventItem", event)
