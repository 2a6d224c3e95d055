"""What is done about an answer that nobody waits for any more.

A call that is cancelled in time gives back what it made by itself. One whose answer is there already cannot: the
machine is rented, and only the answer names it. So the answer is read all the same, and undone.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

Request = Tuple[str, Dict[str, Any]]

# How long giving something back may take, seconds. The core repeats what a cloud refuses.
UNDO_S = 30.0

_ENDED = frozenset(("completed", "failed", "cancelled", "timed_out"))

# The methods whose results must not be lost.
MAKERS = frozenset(("compute.spawn", "jobs.run", "orchestrator.spawn"))


class Makers:
    """The calls in flight that make something, and those that were let go of before their answer came."""

    def __init__(self) -> None:
        self._calls: Dict[str, Request] = {}

    def ids(self) -> List[str]:
        return list(self._calls)

    def clear(self) -> None:
        self._calls.clear()

    def add(self, id: str, method: str, params: Optional[Mapping[str, Any]]) -> None:
        if method in MAKERS:
            self._calls[id] = method, dict(params or {})

    def forget(self, id: str) -> None:
        """The caller has the answer, or there is none."""
        self._calls.pop(id, None)

    def undoing(self, item: Mapping[str, Any]) -> Optional[Request]:
        """The method and parameters that undo the answer in item; None where there is nothing to undo."""
        method, params = self._calls.get(item.get("id", ""), ("", {}))
        return undoing(method, params, item.get("result"))


def undoing(method: str, params: Mapping[str, Any], result: Any) -> Optional[Request]:
    """The method and parameters that undo what a call with that result has made; None where it made nothing."""
    if not isinstance(result, dict):
        return None
    if "subscription" in result:
        return "events.unsubscribe", {"subscription": str(result["subscription"])}
    if method not in MAKERS or "id" not in result:
        return None
    if method == "orchestrator.spawn":
        return "orchestrator.stop", {"id": result["id"]}
    made = {"provider": result["provider"], "id": result["id"]}
    made.update((name, params[name]) for name in ("api_key", "http") if params.get(name) is not None)
    if method == "compute.spawn":
        return "compute.terminate", made
    if params.get("on_timeout") == "keep" or result.get("status") in _ENDED:
        return None
    return "jobs.cancel", {**made, "endpoint": result["endpoint"]}
