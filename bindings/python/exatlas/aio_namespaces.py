"""The methods of docs/methods.md by namespace, for the asyncio client.

The same as ``exatlas.namespaces``, awaitable. Parameters are keyword arguments; ``timeout`` is the
call's deadline in seconds, and ``from_`` stands for ``from``. "Errors" lists the kinds of
``exatlas.AtlasError`` beside validation, internal, cancelled and timeout, which every method may raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Type, TypeVar, cast

from . import _codec
from . import _types as t
from ._aio_stream import AsyncDeployStream, AsyncJobStream, AsyncLogStream, AsyncSubscription
from ._typing import Unpack

if TYPE_CHECKING:
    from .aio import AsyncClient

R = TypeVar("R")


class Namespace:
    """Methods that share the first part of their name."""

    __slots__ = ("_client",)

    def __init__(self, client: AsyncClient) -> None:
        self._client = client

    async def _do(
        self, method: str, known: Type[Any], params: Mapping[str, Any], result: Type[R], timeout: Optional[float]
    ) -> R:
        value: R = await self._client.call(method, _codec.wire_params(method, known, params), timeout=timeout)
        return value


class AsyncAuthToken(Namespace):
    """Bearer tokens of machines."""

    __slots__ = ()

    async def mint(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthTokenMintParams]
    ) -> t.MintedToken:
        """Mints a bearer token; the machine gets its hash or ``env``, the browser the token."""
        return await self._do("auth.token.mint", t.AuthTokenMintParams, params, t.MintedToken, timeout)

    async def verify(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthTokenVerifyParams]
    ) -> t.TokenValidity:
        """Checks a token against its hash in constant time."""
        return await self._do("auth.token.verify", t.AuthTokenVerifyParams, params, t.TokenValidity, timeout)


class AsyncAuthURL(Namespace):
    """Signed URLs of machines."""

    __slots__ = ()

    async def sign(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthURLSignParams]
    ) -> t.SignedURL:
        """Signs a URL so that it works until it expires."""
        return await self._do("auth.url.sign", t.AuthURLSignParams, params, t.SignedURL, timeout)

    async def verify(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthURLVerifyParams]
    ) -> t.URLValidity:
        """Checks a signed URL."""
        return await self._do("auth.url.verify", t.AuthURLVerifyParams, params, t.URLValidity, timeout)


class AsyncAuth(Namespace):
    """Credentials that are minted and checked locally."""

    __slots__ = ()

    @property
    def token(self) -> AsyncAuthToken:
        return AsyncAuthToken(self._client)

    @property
    def url(self) -> AsyncAuthURL:
        return AsyncAuthURL(self._client)


class AsyncCompute(Namespace):
    """Machines: rent, watch and give back."""

    __slots__ = ()

    async def spawn(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeSpawnParams]
    ) -> t.Spawned:
        """Rents a machine. It is rented once, also where the cloud's answer is lost.

        Errors: capacity, funds, budget, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return await self._do("compute.spawn", t.ComputeSpawnParams, params, t.Spawned, timeout)

    async def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeGetParams]
    ) -> t.Compute:
        """Reads one machine.

        Errors: not_found, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("compute.get", t.ComputeGetParams, params, t.Compute, timeout)

    async def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeListParams]
    ) -> t.ComputeList:
        """Lists machines.

        Errors: unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("compute.list", t.ComputeListParams, params, t.ComputeList, timeout)

    async def stop(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeStopParams]
    ) -> t.Compute:
        """Stops a machine and keeps its disk.

        Errors: not_found, conflict, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return await self._do("compute.stop", t.ComputeStopParams, params, t.Compute, timeout)

    async def start(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeStartParams]
    ) -> t.Compute:
        """Starts a stopped machine.

        Errors: not_found, conflict, capacity, funds, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return await self._do("compute.start", t.ComputeStartParams, params, t.Compute, timeout)

    async def terminate(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeTerminateParams]
    ) -> t.Terminated:
        """Gives a machine back.

        Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("compute.terminate", t.ComputeTerminateParams, params, t.Terminated, timeout)

    async def await_ready(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeAwaitReadyParams]
    ) -> t.Compute:
        """Waits until a machine can be used.

        Errors: not_found, conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("compute.await_ready", t.ComputeAwaitReadyParams, params, t.Compute, timeout)

    async def logs(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeLogsParams]
    ) -> t.LogsPage:
        """Reads a machine's log, from a cursor on.

        Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("compute.logs", t.ComputeLogsParams, params, t.LogsPage, timeout)

    async def bill(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeBillParams]
    ) -> t.Bill:
        """Tells what the cloud has charged for a machine.

        Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("compute.bill", t.ComputeBillParams, params, t.Bill, timeout)


class AsyncGPUs(Namespace):
    """The catalogue of GPUs."""

    __slots__ = ()

    async def catalog(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.GPUsCatalogParams]
    ) -> t.GPUCatalog:
        """Canonical GPU names and what each cloud calls them."""
        return await self._do("gpus.catalog", t.GPUsCatalogParams, params, t.GPUCatalog, timeout)

    async def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.GPUsListParams]
    ) -> t.GPUTypeList:
        """What a cloud offers now, with prices.

        Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("gpus.list", t.GPUsListParams, params, t.GPUTypeList, timeout)


class AsyncOffers(Namespace):
    """What can be rented now."""

    __slots__ = ()

    async def search(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OffersSearchParams]
    ) -> t.OfferResults:
        """Finds what can be rented now, over all clouds with a key, cheapest first.

        Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("offers.search", t.OffersSearchParams, params, t.OfferResults, timeout)


class AsyncOrchestrator(Namespace):
    """Sessions: machines that end by themselves."""

    __slots__ = ()

    async def spawn(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorSpawnParams]
    ) -> t.Session:
        """Rents a machine as a session that is given back by itself.

        Errors: capacity, funds, budget, unsupported, conflict, unauthorized, forbidden, rate_limited,
        provider, transport, plugin.
        """
        return await self._do("orchestrator.spawn", t.OrchestratorSpawnParams, params, t.Session, timeout)

    async def touch(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorTouchParams]
    ) -> t.Touched:
        """Tells that a session is in use: its idle time starts anew.

        Errors: not_found, conflict.
        """
        return await self._do("orchestrator.touch", t.OrchestratorTouchParams, params, t.Touched, timeout)

    async def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorGetParams]
    ) -> t.Session:
        """Tells of one session, whichever process watches over it.

        Errors: not_found, conflict.
        """
        return await self._do("orchestrator.get", t.OrchestratorGetParams, params, t.Session, timeout)

    async def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorListParams]
    ) -> t.SessionList:
        """Lists the sessions of the store."""
        return await self._do("orchestrator.list", t.OrchestratorListParams, params, t.SessionList, timeout)

    async def stop(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorStopParams]
    ) -> t.Session:
        """Ends a session and gives its machine back.

        Errors: not_found, conflict.
        """
        return await self._do("orchestrator.stop", t.OrchestratorStopParams, params, t.Session, timeout)

    async def reap(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorReapParams]
    ) -> t.ReapReport:
        """Gives machines back that sessions rented and no session holds.

        Errors: unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("orchestrator.reap", t.OrchestratorReapParams, params, t.ReapReport, timeout)

    async def shutdown(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorShutdownParams]
    ) -> t.Shutdown:
        """Does what on_exit says, and tells which sessions are left."""
        return await self._do("orchestrator.shutdown", t.OrchestratorShutdownParams, params, t.Shutdown, timeout)


class AsyncDashboard(Namespace):
    """A web page of the sessions, live."""

    __slots__ = ()

    async def serve(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.DashboardServeParams]
    ) -> t.DashboardServed:
        """Serves it at an address of its own; ``url`` opens it.

        Errors: conflict.
        """
        return await self._do("dashboard.serve", t.DashboardServeParams, params, t.DashboardServed, timeout)

    async def close(self, *, timeout: Optional[float] = None) -> t.DashboardClosed:
        """Ends it."""
        return await self._do("dashboard.close", t.DashboardCloseParams, {}, t.DashboardClosed, timeout)


class AsyncJobs(Namespace):
    """Serverless jobs."""

    __slots__ = ()

    async def run(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsRunParams]
    ) -> t.Job:
        """Submits a job; with ``mode="sync"`` waits for its end.

        Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("jobs.run", t.JobsRunParams, params, t.Job, timeout)

    async def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsGetParams]
    ) -> t.Job:
        """Reads one job.

        Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("jobs.get", t.JobsGetParams, params, t.Job, timeout)

    async def cancel(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsCancelParams]
    ) -> t.Job:
        """Cancels a job.

        Errors: not_found, conflict, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return await self._do("jobs.cancel", t.JobsCancelParams, params, t.Job, timeout)

    def stream(self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsStreamParams]) -> AsyncJobStream:
        """Iterates over what a job's worker yields, until the job is over: ``async for chunk in ...``.

        Raises the job's error at the end where it failed; ``stream.job`` is the finished job, and
        ``stream.gaps`` counts where chunks may be missing.
        timeout bounds the start of the stream, not the stream.

        Errors: not_found, unsupported, conflict, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        job = _codec.wire_params("jobs.stream", t.JobsStreamParams, params)
        return AsyncJobStream(self._client, "jobs.stream", job, timeout)


class AsyncEvents(Namespace):
    """Events of machines, jobs and Atlas itself."""

    __slots__ = ()

    def subscribe(self, topic: str, *, from_: Optional[int] = None, timeout: Optional[float] = None) -> AsyncSubscription:
        """Iterates over the events of a topic: ``async for event in client.events.subscribe("jobs:...")``.

        from_ is the sequence number to begin with; without it only what comes from now on is read.
        """
        params: dict[str, Any] = {"topic": topic}
        if from_ is not None:
            params["from"] = from_
        return AsyncSubscription(self._client, "events.subscribe", params, timeout)

    async def unsubscribe(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.EventsUnsubscribeParams]
    ) -> t.Unsubscribed:
        """Ends a subscription by its identifier; streams do that by themselves."""
        return await self._do("events.unsubscribe", t.EventsUnsubscribeParams, params, t.Unsubscribed, timeout)


class AsyncProviders(Namespace):
    """The clouds and the plugins that speak to them."""

    __slots__ = ()

    async def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersListParams]
    ) -> t.ProviderList:
        """Lists the providers."""
        return await self._do("providers.list", t.ProvidersListParams, params, t.ProviderList, timeout)

    async def capabilities(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersCapabilitiesParams]
    ) -> t.ProviderCapabilities:
        """What a provider can do.

        Errors: plugin.
        """
        return await self._do("providers.capabilities", t.ProvidersCapabilitiesParams, params, t.ProviderCapabilities, timeout)

    async def load(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersLoadParams]
    ) -> t.ProviderInfo:
        """Loads a provider plugin from a file.

        Errors: plugin, not_found, conflict.
        """
        return await self._do("providers.load", t.ProvidersLoadParams, params, t.ProviderInfo, timeout)

    async def reload(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersReloadParams]
    ) -> t.ProviderInfo:
        """Loads a provider's plugin anew; calls in flight end on the old one.

        Errors: plugin, not_found.
        """
        return await self._do("providers.reload", t.ProvidersReloadParams, params, t.ProviderInfo, timeout)


class AsyncFlyApps(Namespace):
    """Fly apps in folders."""

    __slots__ = ()

    async def discover(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyAppsDiscoverParams]
    ) -> t.FlyApps:
        """Finds the Fly apps of a folder.

        Errors: not_found, forbidden.
        """
        return await self._do("fly.apps.discover", t.FlyAppsDiscoverParams, params, t.FlyApps, timeout)


class AsyncFlyTokens(Namespace):
    """Tokens of Fly apps."""

    __slots__ = ()

    async def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensGetParams]
    ) -> t.FlyToken:
        """A token for an app, and where it came from.

        Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("fly.tokens.get", t.FlyTokensGetParams, params, t.FlyToken, timeout)

    async def refresh(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensRefreshParams]
    ) -> t.FlyToken:
        """Finds a token anew, past memory and store.

        Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("fly.tokens.refresh", t.FlyTokensRefreshParams, params, t.FlyToken, timeout)

    async def invalidate(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensInvalidateParams]
    ) -> t.FlyTokenInvalidated:
        """Says that Fly refused a token: every layer lets go of it."""
        return await self._do("fly.tokens.invalidate", t.FlyTokensInvalidateParams, params, t.FlyTokenInvalidated, timeout)

    async def set_manual(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensSetManualParams]
    ) -> t.FlyTokenManual:
        """Sets a token by hand, or removes it."""
        return await self._do("fly.tokens.set_manual", t.FlyTokensSetManualParams, params, t.FlyTokenManual, timeout)


class AsyncFlyLogs(Namespace):
    """Logs of Fly apps: ``async for line in client.fly.logs("my-api")``."""

    __slots__ = ()

    def __call__(
        self,
        app: str,
        *,
        from_: str = "",
        recent: bool = False,
        region: str = "",
        instance: str = "",
        timeout: Optional[float] = None,
    ) -> AsyncLogStream:
        """Iterates over an app's lines while they are written.

        from_ is the cursor of a line to resume behind; recent begins with the newest lines there are.
        """
        params: dict[str, Any] = {"app": app}
        for name, value in (("from", from_), ("recent", recent), ("region", region), ("instance", instance)):
            if value:
                params[name] = value
        return AsyncLogStream(self._client, "fly.logs.subscribe", params, timeout)

    async def fetch(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyLogsFetchParams]
    ) -> t.FlyLogs:
        """One page of an app's log.

        Errors: not_found, conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return await self._do("fly.logs.fetch", t.FlyLogsFetchParams, params, t.FlyLogs, timeout)

    def subscribe(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyLogsSubscribeParams]
    ) -> AsyncSubscription:
        """Iterates over the events of an app's log; calling ``client.fly.logs`` itself gives the lines."""
        filters = _codec.wire_params("fly.logs.subscribe", t.FlyLogsSubscribeParams, params)
        return AsyncSubscription(self._client, "fly.logs.subscribe", filters, timeout)

    async def unsubscribe(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyLogsUnsubscribeParams]
    ) -> t.Unsubscribed:
        """Ends a subscription by its identifier; streams do that by themselves."""
        return await self._do("fly.logs.unsubscribe", t.FlyLogsUnsubscribeParams, params, t.Unsubscribed, timeout)


class AsyncFlyDeploys(Namespace):
    """Deploys to Fly: ``client.fly.deploy(path="api", on_event=print)``."""

    __slots__ = ()

    async def __call__(
        self,
        *,
        on_event: Optional[Callable[[t.EventItem], object]] = None,
        timeout: Optional[float] = None,
        **params: Unpack[t.FlyDeployStreamParams],
    ) -> t.FlyDeploy:
        """Deploys and returns how it went; on_event gets every event meanwhile. Raises where it did not go well."""
        async with self.stream(timeout=timeout, **params) as events:
            async for event in events:
                if on_event is not None:
                    on_event(event)
            return cast("t.FlyDeploy", events.result)

    async def run(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyDeployRunParams]
    ) -> t.FlyDeploy:
        """Deploys and returns how it went.

        Errors: not_found, forbidden, unauthorized, provider, conflict.
        """
        return await self._do("fly.deploy.run", t.FlyDeployRunParams, params, t.FlyDeploy, timeout)

    def stream(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyDeployStreamParams]
    ) -> AsyncDeployStream:
        """Iterates over the events of a deploy; ``stream.result`` is how it went. Leaving it cancels the deploy.

        Errors: not_found, forbidden, conflict.
        """
        options = _codec.wire_params("fly.deploy.stream", t.FlyDeployStreamParams, params)
        return AsyncDeployStream(self._client, "fly.deploy.stream", options, timeout)


class AsyncFly(Namespace):
    """Fly's platform operations."""

    __slots__ = ()

    @property
    def apps(self) -> AsyncFlyApps:
        return AsyncFlyApps(self._client)

    @property
    def tokens(self) -> AsyncFlyTokens:
        return AsyncFlyTokens(self._client)

    @property
    def logs(self) -> AsyncFlyLogs:
        return AsyncFlyLogs(self._client)

    @property
    def deploy(self) -> AsyncFlyDeploys:
        return AsyncFlyDeploys(self._client)
