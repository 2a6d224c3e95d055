"""Atlas: rent, watch and give back cloud GPUs.

    import exatlas

    with exatlas.Client() as client:
        machine = client.compute.spawn(gpu="h100", image="pytorch/pytorch", ports=[{"internal": 8000}])

``Client`` blocks, ``AsyncClient`` is for asyncio. Errors are classes of ``exatlas.errors``,
results have the types of ``exatlas.types``. The shared library is loaded when the first client is
opened, never on import.
"""

from . import errors, types
from ._session import AsyncSession, Session
from ._stream import DeployStream, JobStream, LogStream, Subscription
from ._aio_stream import AsyncDeployStream, AsyncJobStream, AsyncLogStream, AsyncSubscription
from .aio import AsyncClient
from .client import Client
from .errors import *  # noqa: F403
from .errors import __all__ as _errors

__version__ = "0.1.0"

__all__ = [
    "AsyncClient",
    "AsyncDeployStream",
    "AsyncJobStream",
    "AsyncLogStream",
    "AsyncSession",
    "AsyncSubscription",
    "Client",
    "DeployStream",
    "JobStream",
    "LogStream",
    "Session",
    "Subscription",
    "errors",
    "types",
    *_errors,
]
