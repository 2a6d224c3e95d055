"""What the sync and the asyncio client share: options, opening, and closing in time."""

from __future__ import annotations

import math
import os
from typing import Any, Dict, Mapping, Optional, Sequence, Tuple

from . import _codec, _native, errors

OPTIONS = ["compute", "default_provider", "fly", "limits", "orchestrator", "plugins", "providers", "store"]

# How long atlas_close waits when it is told nothing, seconds.
CLOSE_S = 5.0

# More would not fit into the number that atlas_close takes, and is no less patient.
_LONGEST_MS = 2.0**53

# How long the interpreter waits at exit for calls in flight to notice that they are cancelled.
EXIT_MS = 2000


def configuration(
    cls: str, positional: Sequence[Any], given: Mapping[str, Any], unknown: Mapping[str, Any]
) -> Dict[str, Any]:
    """The configuration of atlas_open from a client's options; those left out are None."""
    if positional:
        example = "**settings" if isinstance(positional[0], Mapping) else 'default_provider="runpod"'
        raise TypeError(f"{cls}() takes its settings as keyword arguments; write {cls}({example})")
    _codec.known_options(cls, OPTIONS, unknown)
    config: Dict[str, Any] = {"abi": _native.ABI_VERSION}
    config.update((name, value) for name, value in given.items() if value is not None)
    return config


def open_client(config: Mapping[str, Any]) -> Tuple[_native.Library, int]:
    """Loads the library and opens a client. Raises the error of either."""
    library = _native.load()
    status, client, document = library.open(_codec.encode_config(config))
    if status != _native.OK:
        _codec.raise_status(status, document)
    return library, client


def close_client(library: _native.Library, client: int, pid: int, timeout_ms: int) -> int:
    """Closes a client of this process; one inherited through fork belongs to the parent."""
    return library.close(client, timeout_ms) if os.getpid() == pid else _native.OK


def closing_ms(timeout: Optional[float]) -> int:
    """A closing timeout in seconds for atlas_close, whose default is negative."""
    if timeout is None:
        return -1
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)):
        raise TypeError(f"timeout must be a number of seconds, not {type(timeout).__name__}")
    if math.isnan(timeout):
        raise ValueError("timeout must be a number of seconds, not nan")
    return int(min(max(0.0, timeout) * 1000, _LONGEST_MS))


def closing_error(status: int) -> Optional[errors.AtlasError]:
    """What a close that did not finish in time says."""
    if status == _native.TIMEOUT:
        return errors.AtlasTimeoutError(
            "something was still ending when the client was closed",
            hint="calls end in the background, and the next process that opens the store ends what is left of sessions",
        )
    return None if status in (_native.OK, _native.CLOSED) else _codec.error_of(status)
