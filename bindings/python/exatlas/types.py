"""The shapes of parameters, results, events and settings, for annotations.

    from exatlas.types import Spawned

    def show(machine: Spawned) -> None: ...

They are ``TypedDict`` classes; what a client returns are plain dictionaries. ``ComputeSpawnParams`` has the
parameters of ``client.compute.spawn``, and so on.
"""

from ._types import *  # noqa: F403
from ._types import __all__ as __all__
