"""The methods of docs/methods.md by namespace, for the blocking client.

Parameters are keyword arguments, named as in the method table; ``timeout`` is the call's deadline in
seconds, and ``from_`` stands for ``from``. ``exatlas.types`` has their types: ``ComputeSpawnParams`` those of
``compute.spawn``. A newer library may know methods and parameters that this package does not: use
``client.call`` for those. "Errors" lists the kinds of ``exatlas.AtlasError`` beside validation, internal,
cancelled and timeout, which every method may raise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Optional, Type, TypeVar, cast

from . import _codec
from . import _types as t
from ._stream import DeployStream, JobStream, LogStream, Subscription
from ._typing import Unpack

if TYPE_CHECKING:
    from .client import Client

R = TypeVar("R")


class Namespace:
    """Methods that share the first part of their name."""

    __slots__ = ("_client",)

    def __init__(self, client: Client) -> None:
        self._client = client

    def _do(
        self, method: str, known: Type[Any], params: Mapping[str, Any], result: Type[R], timeout: Optional[float]
    ) -> R:
        value: R = self._client.call(method, _codec.wire_params(method, known, params), timeout=timeout)
        return value


class AuthToken(Namespace):
    """Bearer tokens of machines."""

    __slots__ = ()

    def mint(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthTokenMintParams]
    ) -> t.MintedToken:
        """Mints a bearer token; the machine gets its hash or ``env``, the browser the token."""
        return self._do("auth.token.mint", t.AuthTokenMintParams, params, t.MintedToken, timeout)

    def verify(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthTokenVerifyParams]
    ) -> t.TokenValidity:
        """Checks a token against its hash in constant time."""
        return self._do("auth.token.verify", t.AuthTokenVerifyParams, params, t.TokenValidity, timeout)


class AuthURL(Namespace):
    """Signed URLs of machines."""

    __slots__ = ()

    def sign(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthURLSignParams]
    ) -> t.SignedURL:
        """Signs a URL so that it works until it expires."""
        return self._do("auth.url.sign", t.AuthURLSignParams, params, t.SignedURL, timeout)

    def verify(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.AuthURLVerifyParams]
    ) -> t.URLValidity:
        """Checks a signed URL."""
        return self._do("auth.url.verify", t.AuthURLVerifyParams, params, t.URLValidity, timeout)


class Auth(Namespace):
    """Credentials that are minted and checked locally."""

    __slots__ = ()

    @property
    def token(self) -> AuthToken:
        return AuthToken(self._client)

    @property
    def url(self) -> AuthURL:
        return AuthURL(self._client)


class Compute(Namespace):
    """Machines: rent, watch and give back."""

    __slots__ = ()

    def spawn(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeSpawnParams]
    ) -> t.Spawned:
        """Rents a machine. It is rented once, also where the cloud's answer is lost.

        Errors: capacity, funds, budget, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return self._do("compute.spawn", t.ComputeSpawnParams, params, t.Spawned, timeout)

    def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeGetParams]
    ) -> t.Compute:
        """Reads one machine.

        Errors: not_found, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("compute.get", t.ComputeGetParams, params, t.Compute, timeout)

    def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeListParams]
    ) -> t.ComputeList:
        """Lists machines.

        Errors: unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("compute.list", t.ComputeListParams, params, t.ComputeList, timeout)

    def stop(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeStopParams]
    ) -> t.Compute:
        """Stops a machine and keeps its disk.

        Errors: not_found, conflict, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return self._do("compute.stop", t.ComputeStopParams, params, t.Compute, timeout)

    def start(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeStartParams]
    ) -> t.Compute:
        """Starts a stopped machine.

        Errors: not_found, conflict, capacity, funds, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return self._do("compute.start", t.ComputeStartParams, params, t.Compute, timeout)

    def terminate(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeTerminateParams]
    ) -> t.Terminated:
        """Gives a machine back.

        Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("compute.terminate", t.ComputeTerminateParams, params, t.Terminated, timeout)

    def await_ready(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeAwaitReadyParams]
    ) -> t.Compute:
        """Waits until a machine can be used.

        Errors: not_found, conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("compute.await_ready", t.ComputeAwaitReadyParams, params, t.Compute, timeout)

    def logs(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeLogsParams]
    ) -> t.LogsPage:
        """Reads a machine's log, from a cursor on.

        Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("compute.logs", t.ComputeLogsParams, params, t.LogsPage, timeout)

    def bill(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ComputeBillParams]
    ) -> t.Bill:
        """Tells what the cloud has charged for a machine.

        Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("compute.bill", t.ComputeBillParams, params, t.Bill, timeout)


class GPUs(Namespace):
    """The catalogue of GPUs."""

    __slots__ = ()

    def catalog(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.GPUsCatalogParams]
    ) -> t.GPUCatalog:
        """Canonical GPU names and what each cloud calls them."""
        return self._do("gpus.catalog", t.GPUsCatalogParams, params, t.GPUCatalog, timeout)

    def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.GPUsListParams]
    ) -> t.GPUTypeList:
        """What a cloud offers now, with prices.

        Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("gpus.list", t.GPUsListParams, params, t.GPUTypeList, timeout)


class Offers(Namespace):
    """What can be rented now."""

    __slots__ = ()

    def search(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OffersSearchParams]
    ) -> t.OfferResults:
        """Finds what can be rented now, over all clouds with a key, cheapest first.

        Errors: unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("offers.search", t.OffersSearchParams, params, t.OfferResults, timeout)


class Orchestrator(Namespace):
    """Sessions: machines that end by themselves."""

    __slots__ = ()

    def spawn(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorSpawnParams]
    ) -> t.Session:
        """Rents a machine as a session that is given back by itself.

        Errors: capacity, funds, budget, unsupported, conflict, unauthorized, forbidden, rate_limited,
        provider, transport, plugin.
        """
        return self._do("orchestrator.spawn", t.OrchestratorSpawnParams, params, t.Session, timeout)

    def touch(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorTouchParams]
    ) -> t.Touched:
        """Tells that a session is in use: its idle time starts anew.

        Errors: not_found, conflict.
        """
        return self._do("orchestrator.touch", t.OrchestratorTouchParams, params, t.Touched, timeout)

    def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorGetParams]
    ) -> t.Session:
        """Tells of one session, whichever process watches over it.

        Errors: not_found, conflict.
        """
        return self._do("orchestrator.get", t.OrchestratorGetParams, params, t.Session, timeout)

    def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorListParams]
    ) -> t.SessionList:
        """Lists the sessions of the store."""
        return self._do("orchestrator.list", t.OrchestratorListParams, params, t.SessionList, timeout)

    def stop(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorStopParams]
    ) -> t.Session:
        """Ends a session and gives its machine back.

        Errors: not_found, conflict.
        """
        return self._do("orchestrator.stop", t.OrchestratorStopParams, params, t.Session, timeout)

    def reap(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorReapParams]
    ) -> t.ReapReport:
        """Gives machines back that sessions rented and no session holds.

        Errors: unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("orchestrator.reap", t.OrchestratorReapParams, params, t.ReapReport, timeout)

    def shutdown(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.OrchestratorShutdownParams]
    ) -> t.Shutdown:
        """Does what on_exit says, and tells which sessions are left."""
        return self._do("orchestrator.shutdown", t.OrchestratorShutdownParams, params, t.Shutdown, timeout)


class Dashboard(Namespace):
    """A web page of the sessions, live."""

    __slots__ = ()

    def serve(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.DashboardServeParams]
    ) -> t.DashboardServed:
        """Serves it at an address of its own; ``url`` opens it.

        Errors: conflict.
        """
        return self._do("dashboard.serve", t.DashboardServeParams, params, t.DashboardServed, timeout)

    def close(self, *, timeout: Optional[float] = None) -> t.DashboardClosed:
        """Ends it."""
        return self._do("dashboard.close", t.DashboardCloseParams, {}, t.DashboardClosed, timeout)


class Jobs(Namespace):
    """Serverless jobs."""

    __slots__ = ()

    def run(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsRunParams]
    ) -> t.Job:
        """Submits a job; with ``mode="sync"`` waits for its end.

        Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("jobs.run", t.JobsRunParams, params, t.Job, timeout)

    def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsGetParams]
    ) -> t.Job:
        """Reads one job.

        Errors: not_found, unsupported, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("jobs.get", t.JobsGetParams, params, t.Job, timeout)

    def cancel(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsCancelParams]
    ) -> t.Job:
        """Cancels a job.

        Errors: not_found, conflict, unsupported, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        return self._do("jobs.cancel", t.JobsCancelParams, params, t.Job, timeout)

    def stream(self, *, timeout: Optional[float] = None, **params: Unpack[t.JobsStreamParams]) -> JobStream:
        """Iterates over what a job's worker yields, until the job is over: ``for chunk in ...``.

        Raises the job's error at the end where it failed; ``stream.job`` is the finished job, and
        ``stream.gaps`` counts where chunks may be missing.
        timeout bounds the start of the stream, not the stream.

        Errors: not_found, unsupported, conflict, unauthorized, forbidden, rate_limited, provider,
        transport, plugin.
        """
        job = _codec.wire_params("jobs.stream", t.JobsStreamParams, params)
        return JobStream(self._client, "jobs.stream", job, timeout)


class Events(Namespace):
    """Events of machines, jobs and Atlas itself."""

    __slots__ = ()

    def subscribe(self, topic: str, *, from_: Optional[int] = None, timeout: Optional[float] = None) -> Subscription:
        """Iterates over the events of a topic: ``for event in client.events.subscribe("jobs:...")``.

        from_ is the sequence number to begin with; without it only what comes from now on is read.
        """
        params: dict[str, Any] = {"topic": topic}
        if from_ is not None:
            params["from"] = from_
        return Subscription(self._client, "events.subscribe", params, timeout)

    def unsubscribe(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.EventsUnsubscribeParams]
    ) -> t.Unsubscribed:
        """Ends a subscription by its identifier; streams do that by themselves."""
        return self._do("events.unsubscribe", t.EventsUnsubscribeParams, params, t.Unsubscribed, timeout)


class Providers(Namespace):
    """The clouds and the plugins that speak to them."""

    __slots__ = ()

    def list(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersListParams]
    ) -> t.ProviderList:
        """Lists the providers."""
        return self._do("providers.list", t.ProvidersListParams, params, t.ProviderList, timeout)

    def capabilities(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersCapabilitiesParams]
    ) -> t.ProviderCapabilities:
        """What a provider can do.

        Errors: plugin.
        """
        return self._do("providers.capabilities", t.ProvidersCapabilitiesParams, params, t.ProviderCapabilities, timeout)

    def load(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersLoadParams]
    ) -> t.ProviderInfo:
        """Loads a provider plugin from a file.

        Errors: plugin, not_found, conflict.
        """
        return self._do("providers.load", t.ProvidersLoadParams, params, t.ProviderInfo, timeout)

    def reload(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.ProvidersReloadParams]
    ) -> t.ProviderInfo:
        """Loads a provider's plugin anew; calls in flight end on the old one.

        Errors: plugin, not_found.
        """
        return self._do("providers.reload", t.ProvidersReloadParams, params, t.ProviderInfo, timeout)


class FlyApps(Namespace):
    """Fly apps in folders."""

    __slots__ = ()

    def discover(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyAppsDiscoverParams]
    ) -> t.FlyApps:
        """Finds the Fly apps of a folder.

        Errors: not_found, forbidden.
        """
        return self._do("fly.apps.discover", t.FlyAppsDiscoverParams, params, t.FlyApps, timeout)


class FlyTokens(Namespace):
    """Tokens of Fly apps."""

    __slots__ = ()

    def get(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensGetParams]
    ) -> t.FlyToken:
        """A token for an app, and where it came from.

        Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("fly.tokens.get", t.FlyTokensGetParams, params, t.FlyToken, timeout)

    def refresh(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensRefreshParams]
    ) -> t.FlyToken:
        """Finds a token anew, past memory and store.

        Errors: conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("fly.tokens.refresh", t.FlyTokensRefreshParams, params, t.FlyToken, timeout)

    def invalidate(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensInvalidateParams]
    ) -> t.FlyTokenInvalidated:
        """Says that Fly refused a token: every layer lets go of it."""
        return self._do("fly.tokens.invalidate", t.FlyTokensInvalidateParams, params, t.FlyTokenInvalidated, timeout)

    def set_manual(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyTokensSetManualParams]
    ) -> t.FlyTokenManual:
        """Sets a token by hand, or removes it."""
        return self._do("fly.tokens.set_manual", t.FlyTokensSetManualParams, params, t.FlyTokenManual, timeout)


class FlyLogs(Namespace):
    """Logs of Fly apps: ``for line in client.fly.logs("my-api")``."""

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
    ) -> LogStream:
        """Iterates over an app's lines while they are written.

        from_ is the cursor of a line to resume behind; recent begins with the newest lines there are.
        """
        params: dict[str, Any] = {"app": app}
        for name, value in (("from", from_), ("recent", recent), ("region", region), ("instance", instance)):
            if value:
                params[name] = value
        return LogStream(self._client, "fly.logs.subscribe", params, timeout)

    def fetch(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyLogsFetchParams]
    ) -> t.FlyLogs:
        """One page of an app's log.

        Errors: not_found, conflict, unauthorized, forbidden, rate_limited, provider, transport, plugin.
        """
        return self._do("fly.logs.fetch", t.FlyLogsFetchParams, params, t.FlyLogs, timeout)

    def subscribe(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyLogsSubscribeParams]
    ) -> Subscription:
        """Iterates over the events of an app's log; calling ``client.fly.logs`` itself gives the lines."""
        filters = _codec.wire_params("fly.logs.subscribe", t.FlyLogsSubscribeParams, params)
        return Subscription(self._client, "fly.logs.subscribe", filters, timeout)

    def unsubscribe(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyLogsUnsubscribeParams]
    ) -> t.Unsubscribed:
        """Ends a subscription by its identifier; streams do that by themselves."""
        return self._do("fly.logs.unsubscribe", t.FlyLogsUnsubscribeParams, params, t.Unsubscribed, timeout)


class FlyDeploys(Namespace):
    """Deploys to Fly: ``client.fly.deploy(path="api", on_event=print)``."""

    __slots__ = ()

    def __call__(
        self,
        *,
        on_event: Optional[Callable[[t.EventItem], object]] = None,
        timeout: Optional[float] = None,
        **params: Unpack[t.FlyDeployStreamParams],
    ) -> t.FlyDeploy:
        """Deploys and returns how it went; on_event gets every event meanwhile. Raises where it did not go well."""
        with self.stream(timeout=timeout, **params) as events:
            for event in events:
                if on_event is not None:
                    on_event(event)
            return cast("t.FlyDeploy", events.result)

    def run(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyDeployRunParams]
    ) -> t.FlyDeploy:
        """Deploys and returns how it went.

        Errors: not_found, forbidden, unauthorized, provider, conflict.
        """
        return self._do("fly.deploy.run", t.FlyDeployRunParams, params, t.FlyDeploy, timeout)

    def stream(
        self, *, timeout: Optional[float] = None, **params: Unpack[t.FlyDeployStreamParams]
    ) -> DeployStream:
        """Iterates over the events of a deploy; ``stream.result`` is how it went. Leaving it cancels the deploy.

        Errors: not_found, forbidden, conflict.
        """
        options = _codec.wire_params("fly.deploy.stream", t.FlyDeployStreamParams, params)
        return DeployStream(self._client, "fly.deploy.stream", options, timeout)


class Fly(Namespace):
    """Fly's platform operations."""

    __slots__ = ()

    @property
    def apps(self) -> FlyApps:
        return FlyApps(self._client)

    @property
    def tokens(self) -> FlyTokens:
        return FlyTokens(self._client)

    @property
    def logs(self) -> FlyLogs:
        return FlyLogs(self._client)

    @property
    def deploy(self) -> FlyDeploys:
        return FlyDeploys(self._client)
