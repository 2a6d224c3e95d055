"""Hands the items of one client's queue to the threads that wait for them.

The queue is one, the threads are many. One of the waiting threads leads: it takes items out of the
queue and puts each into the box it belongs to, until its own box has something; then another
waiting thread leads. No thread exists for this alone.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from itertools import compress, repeat
from typing import Any, Deque, Dict, List, Mapping, Optional, Union

from . import _codec, _native, errors
from ._undo import Makers, Request

Item = Dict[str, Any]

# The main thread looks up from the queue this often, which is when Python raises Ctrl-C. Other
# threads only look up to notice that their subscription was closed by somebody else.
MAIN_SLICE_MS = 50
SLICE_MS = 250
_FOLLOW_S = 1.0

_ALWAYS = repeat(True)  # a ticket for an item that comes once

# How long a thread rests before it asks again for an item that the system had no memory for.
REST_S = 0.05


class Box:
    """What has come for one call or subscription and was not taken yet."""

    __slots__ = ("closed", "items", "wake")

    def __init__(self) -> None:
        self.items: Deque[Item] = deque()
        self.closed = False
        self.wake = threading.Lock()  # free while there is a reason to look into the box
        self.wake.acquire()

    def put(self, item: Item, ticket: _native.Ticket) -> None:
        """Adds an item, unless that was done with this ticket already. Ctrl-C may come between any two
        steps, so one step adds the item and uses the ticket up.
        """
        self.items.extend(compress((item,), ticket))
        self.signal()

    def signal(self) -> None:
        """Wakes one thread that waits for this box. The caller holds the pump's lock."""
        if self.wake.locked():
            self.wake.release()


class Pump:
    """The dispatcher of one client."""

    def __init__(self, library: _native.Library, client: int) -> None:
        self._library = library
        self._client = client
        self._pid = os.getpid()
        self._main = threading.main_thread().ident
        # Reentrant, since a signal handler of the program may make a call in the middle of a wait.
        self._lock = threading.RLock()
        self._leader: Optional[int] = None
        self._turn = 0  # goes on while the leader leads
        self._followers: List[Box] = []
        self._ended = 0
        # Calls that may be detached: None until the answer has come or somebody waits for it.
        self.calls: Dict[str, Union[None, Item, Box]] = {}
        self._makers = Makers(lambda request: self._library.submit(self._client, request))
        self._subscriptions: Dict[str, Box] = {}
        self._subscribing = 0
        self._early: Dict[str, Box] = {}

    def wait_call(self, id: str) -> Item:
        """Waits for the completion of a call that was registered in ``calls`` and then detached."""
        with self._lock:
            entry = self.calls.get(id)
            if isinstance(entry, dict):
                return entry
            box = self.calls[id] = Box()
        item = self.wait(box)
        assert item is not None  # a call's box is never closed, and there is no timeout
        return item

    def wait(self, box: Box, timeout: Optional[float] = None) -> Optional[Item]:
        """The next item of a box; None once it is closed and empty. Raises when time is up."""
        if os.getpid() != self._pid:
            _codec.raise_status(_native.FORKED)
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            with self._lock:
                if box.items:
                    item = box.items.popleft()
                    if box.items:
                        box.signal()  # for another thread that waits for the same box
                    return item
                if box.closed:
                    box.signal()
                    return None
                if self._ended:
                    _codec.raise_status(self._ended)
                me = threading.get_ident()
                lead = self._leader is None or self._leader == me
                outermost = self._leader is None
                if outermost:
                    self._leader = me
                elif not lead:
                    self._followers.append(box)
                turn = self._turn
            left = None if until is None else until - time.monotonic()
            try:
                if left is not None and left <= 0:
                    raise errors.AtlasTimeoutError("nothing came in time")
                if lead:
                    self._lead(box, until)
                elif left is not None and left < _FOLLOW_S:
                    box.wake.acquire(timeout=left)
                elif not box.wake.acquire(timeout=_FOLLOW_S) and self._turn == turn:
                    self._leader = None  # Ctrl-C hit its thread where it could not say that it leads no more
            finally:
                with self._lock:
                    if outermost and self._leader == me:
                        self._leader = None
                    elif not lead:
                        self._followers.remove(box)
                    if self._leader is None and self._followers:
                        self._followers[0].signal()

    def _lead(self, box: Box, until: Optional[float]) -> None:
        slice_ms = MAIN_SLICE_MS if threading.get_ident() == self._main else SLICE_MS
        while not (box.items or box.closed or self._ended):
            wait_ms = slice_ms
            if until is not None:
                left_ms = int(min(until - time.monotonic(), _FOLLOW_S) * 1000) + 1  # until may be infinite
                if left_ms <= 0:
                    return
                wait_ms = min(slice_ms, left_ms)
            self._turn += 1
            status = self._next(wait_ms)
            if status not in (_native.OK, _native.TIMEOUT):
                self.end(status)

    def _next(self, wait_ms: int) -> int:
        """Routes the next item. One for which there is no memory stays in the queue and is asked for again."""
        if self._makers.is_refused():
            with self._lock:
                self._makers.send_again()
        status = self._library.next(self._client, wait_ms, self._route)
        if status != _native.NO_MEMORY:
            return status
        time.sleep(min(REST_S, wait_ms / 1000))
        return _native.TIMEOUT

    def end(self, status: int) -> None:
        """Nothing more will come: every wait ends with that status."""
        if os.getpid() != self._pid:
            return  # the lock may be held by a thread that fork left behind
        with self._lock:
            self._ended = self._ended or status
            for box in self._followers:
                box.signal()

    def _route(self, document: bytes, ticket: _native.Ticket = _ALWAYS) -> None:
        """Puts an item where it belongs. It is called again with what it was interrupted at."""
        item = _codec.decode(document)
        with self._lock:
            if item.get("type") == "event":
                self._route_event(item, ticket)
                return
            id = item.get("id", "")
            if id not in self.calls:
                self._discard(item)
                return
            entry = self.calls[id]
            if isinstance(entry, Box):
                entry.put(item, ticket)
            # It stays here until the caller says that it has it: Ctrl-C may come in between.
            self.calls[id] = item

    def _route_event(self, item: Item, ticket: _native.Ticket) -> None:
        id = item.get("subscription", "")
        box = self._subscriptions.get(id)
        if box is None and self._subscribing:
            box = self._early.setdefault(id, Box())
        if box is not None:
            box.put(item, ticket)

    def drop(self, id: str, method: str, params: Optional[Mapping[str, Any]], accepted: bool) -> Optional[Request]:
        """Lets go of a call that was interrupted. Tells how to undo it, where its answer is here already.

        Where Ctrl-C came before the library had said that it accepted the call, an answer comes after this all the same.
        """
        with self._lock:
            item = self.calls.pop(id, None)
            self._makers.add(id, method, params)
            if isinstance(item, dict):
                undo = self._makers.undoing(item)
                self._makers.forget(id)
                return undo
            if not accepted:
                self._makers.ask_after(id)
        return None

    def undo(self, id: str, request: Request) -> None:
        """Undoes the call of that id as soon as the library is not too busy for it."""
        with self._lock:
            self._makers.undo(id, request)

    def _discard(self, item: Item) -> None:
        """Drops the answer of an interrupted call, and undoes what it has begun. Waits for nothing."""
        id = item.get("id", "")
        self._makers.ended(id)
        undo = self._makers.undoing(item)
        if undo is not None and undo[0] == "events.unsubscribe":
            self.unsubscribe(undo[1]["subscription"])
        elif undo is not None:
            self._makers.undo(id, undo)
        self._makers.forget(id)

    def settle(self, timeout: float) -> None:
        """Waits until interrupted calls have ended, and what they made all the same is given back."""
        until = time.monotonic() + timeout
        while (self._makers.ids() or self._makers.is_undoing()) and not self._ended:
            left_ms = int(min(until - time.monotonic(), _FOLLOW_S) * 1000)
            if left_ms <= 0:
                return
            status = self._next(min(left_ms, MAIN_SLICE_MS))
            if status not in (_native.OK, _native.TIMEOUT):
                return

    def expect(self) -> None:
        """Keeps events of unknown subscriptions: one is being opened, whose id nobody knows yet."""
        if os.getpid() != self._pid:
            _codec.raise_status(_native.FORKED)  # as in end
        with self._lock:
            self._subscribing += 1

    def expected(self) -> None:
        """Ends what expect began."""
        with self._lock:
            self._subscribing -= 1
            if not self._subscribing:
                self._early.clear()

    def adopt(self, subscription: str) -> Box:
        """The box of a new subscription, with what has come for it already."""
        with self._lock:
            box = self._subscriptions[subscription] = self._early.pop(subscription) if subscription in self._early else Box()
            return box

    def unsubscribe(self, subscription: str) -> None:
        """Ends a subscription. Takes no lock and never fails, since finalizers call it."""
        box = self._subscriptions.pop(subscription, None)
        if box is not None:
            box.closed = True
            try:
                box.wake.release()
            except RuntimeError:
                pass  # it is free already
        if os.getpid() == self._pid:
            self._library.call(self._client, _codec.encode_unsubscribe(subscription))
