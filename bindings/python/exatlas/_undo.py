"""What is done about an answer that nobody waits for any more.

A call that is cancelled in time gives back what it made by itself. One whose answer is there already cannot: the
machine is rented, and only the answer names it. So the answer is read all the same, and undone.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from . import _codec, _native

Request = Tuple[str, Dict[str, Any]]

# How long giving something back may take, seconds. The core repeats what a cloud refuses.
UNDO_S = 30.0

_ENDED = frozenset(("completed", "failed", "cancelled", "timed_out"))

# The methods whose results must not be lost.
MAKERS = frozenset(("compute.spawn", "jobs.run", "orchestrator.spawn"))


class Makers:
    """The calls in flight that make something, those that were let go of before their answer came, and what undoes them.

    Any step may be interrupted and done again, so each leaves what it did in place.
    """

    def __init__(self, submit: Callable[[bytes], _native.Answer]) -> None:
        self._submit = submit
        self._calls: Dict[str, Request] = {}
        self._undoing: Dict[str, Request] = {}  # by the id of the call that undoes
        self._refused: Dict[str, bytes] = {}  # requests to be sent again, by their ids

    def ids(self) -> List[str]:
        return list(self._calls)

    def clear(self) -> None:
        self._calls.clear()
        self._undoing.clear()
        self._refused.clear()

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

    def undo(self, id: str, request: Request) -> None:
        """Sends what undoes the call of that id. Its answer ends it, see ended."""
        undo = f"undo-{id}"
        self._undoing[undo] = request
        self._send(undo, _codec.encode_request(undo, *request, UNDO_S))

    def ask_after(self, id: str) -> None:
        """Makes an answer by that id come, where it is not known whether the library had accepted the call: that of
        the call, or that of another request by the same id, which is refused while the call is in flight.
        """
        if id in self._calls:
            self._send(id, _codec.encode_request(id, "atlas.info", {}, UNDO_S))

    def ended(self, id: str) -> None:
        """An answer by that id has come."""
        self._undoing.pop(id, None)
        self._refused.pop(id, None)

    def is_undoing(self) -> bool:
        return bool(self._undoing)

    def is_refused(self) -> bool:
        """Whether the library was too busy for a request, so that send_again has something to do."""
        return bool(self._refused)

    def send_again(self) -> None:
        for id, request in list(self._refused.items()):
            self._send(id, request)

    def _send(self, id: str, request: bytes) -> None:
        self._refused[id] = request
        status, document = self._submit(request)
        if status in (_native.BUSY, _native.NO_MEMORY) and not _in_flight(status, document):
            return  # at limits.calls, or without memory to say what is wrong
        self._refused.pop(id, None)
        if status not in (_native.OK, _native.BUSY):  # no answer will come
            self._undoing.pop(id, None)
            self._calls.pop(id, None)


def _in_flight(status: int, document: Optional[bytes]) -> bool:
    """Whether a request was refused because its id is in flight; else there are too many calls."""
    return _codec.error_of(status, document).kind == "conflict"


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
