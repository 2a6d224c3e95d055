"""Sessions as objects: machines that are given back by themselves."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Dict, Generator, Optional, Type

from . import _types as t
from . import errors
from ._aio_stream import AsyncSubscription
from ._stream import Subscription
from ._typing import Self

if TYPE_CHECKING:
    from .aio import AsyncClient
    from .client import Client


class _Facts:
    """What is known of a session; ``refresh`` reads it anew."""

    facts: t.Session

    @property
    def id(self) -> str:
        return self.facts["id"]

    @property
    def state(self) -> str:
        """intended, live, ending or ended."""
        return self.facts["state"]

    @property
    def compute(self) -> t.Compute:
        """The machine as it was last seen."""
        return self.facts["compute"]

    @property
    def auth(self) -> t.ComputeAuth:
        """The credential to hand to the browser; only where spawn was asked for one."""
        try:
            return self.facts["auth"]
        except KeyError:
            raise KeyError('the session has no credential: spawn it with auth="bearer" or auth="signed_url"') from None

    def _keep(self, facts: t.Session) -> None:
        if "auth" in getattr(self, "facts", {}) and "auth" not in facts:
            facts["auth"] = self.facts["auth"]
        self.facts = facts

    def __repr__(self) -> str:
        return f"<session {self.id} {self.state}>"


class Session(_Facts):
    """A session of the blocking client."""

    def __init__(self, client: Client, facts: t.Session) -> None:
        self._client = client
        self.facts = facts

    def touch(self) -> None:
        """Tells that it is in use."""
        self._client.orchestrator.touch(id=[self.id])

    def refresh(self) -> Self:
        """Reads it anew."""
        self._keep(self._client.orchestrator.get(id=self.id))
        return self

    def events(self, from_: int = 1) -> Subscription:
        """Its events from a number on; the last one is ``terminated``."""
        return self._client.events.subscribe(self.facts["topic"], from_=from_)

    def stop(self, *, wait_ms: int = 60_000, forget: bool = False) -> Self:
        """Ends it and waits until the cloud says that the machine is gone; with forget, without that word."""
        self._keep(self._client.orchestrator.stop(id=self.id, wait_ms=wait_ms, forget=forget))
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            self.stop()
        except errors.NotFoundError:
            pass  # it ended long ago


class AsyncSession(_Facts):
    """A session of the asyncio client: await it, or enter it with ``async with``."""

    def __init__(self, client: AsyncClient, params: Any, timeout: Optional[float]) -> None:
        self._client = client
        self._params: Dict[str, Any] = dict(params)
        self._timeout = timeout

    async def _spawn(self) -> Self:
        if not hasattr(self, "facts"):
            self.facts = await self._client.orchestrator.spawn(timeout=self._timeout, **self._params)
        return self

    def __await__(self) -> Generator[Any, None, Self]:
        return self._spawn().__await__()

    async def touch(self) -> None:
        """Tells that it is in use."""
        await self._client.orchestrator.touch(id=[self.id])

    async def refresh(self) -> Self:
        """Reads it anew."""
        self._keep(await self._client.orchestrator.get(id=self.id))
        return self

    def events(self, from_: int = 1) -> AsyncSubscription:
        """Its events from a number on; the last one is ``terminated``."""
        return self._client.events.subscribe(self.facts["topic"], from_=from_)

    async def stop(self, *, wait_ms: int = 60_000, forget: bool = False) -> Self:
        """Ends it and waits until the cloud says that the machine is gone; with forget, without that word."""
        self._keep(await self._client.orchestrator.stop(id=self.id, wait_ms=wait_ms, forget=forget))
        return self

    async def __aenter__(self) -> Self:
        return await self._spawn()

    async def __aexit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        try:
            await self.stop()
        except errors.NotFoundError:
            pass  # it ended long ago
