"""The dispatcher among threads, on a queue that the test fills."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any, Callable, List, Optional

import pytest

from exatlas import _native, _pump, errors
from exatlas._pump import Box, Pump


class FakeLibrary:
    """A queue in place of the library; ``calls`` are the requests made on it."""

    def __init__(self) -> None:
        self.items: "queue.Queue[Any]" = queue.Queue()
        self.calls: List[Any] = []
        self.interrupt_after: Optional[BaseException] = None

    def put(self, **item: Any) -> None:
        self.items.put(json.dumps(item).encode())

    def next(self, client: int, timeout_ms: int, route: Callable[[bytes], None]) -> int:
        try:
            item = self.items.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return _native.TIMEOUT
        if isinstance(item, int):
            self.items.put(item)
            return item
        try:
            if self.interrupt_after is not None:
                error, self.interrupt_after = self.interrupt_after, None
                raise error
            return _native.OK
        finally:
            route(item)

    def call(self, client: int, request: bytes) -> Any:
        self.calls.append(json.loads(request))
        return _native.OK, b"{}"

    submit = call


@pytest.fixture
def library() -> FakeLibrary:
    return FakeLibrary()


@pytest.fixture
def pump(library: FakeLibrary) -> Pump:
    return Pump(library, 1)  # type: ignore[arg-type]


def started(function: Callable[[], Any]) -> "tuple[threading.Thread, List[Any]]":
    results: List[Any] = []

    def run() -> None:
        try:
            results.append(function())
        except errors.AtlasError as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def test_each_item_goes_to_the_thread_that_waits_for_it(library: FakeLibrary, pump: Pump) -> None:
    boxes = {f"s{number}": pump.adopt(f"s{number}") for number in range(32)}
    waits = {id: started(lambda box=box: [pump.wait(box) for _ in range(20)]) for id, box in boxes.items()}  # type: ignore[misc]
    for seq in range(20):
        for id in boxes:
            library.put(type="event", subscription=id, seq=seq)
    for id, (thread, results) in waits.items():
        thread.join(30)
        assert not thread.is_alive()
        assert [item["seq"] for item in results[0]] == list(range(20))
        assert {item["subscription"] for item in results[0]} == {id}


def test_leadership_passes_on_when_the_leader_has_what_it_wanted(library: FakeLibrary, pump: Pump) -> None:
    first, second = pump.adopt("first"), pump.adopt("second")
    leader, _ = started(lambda: pump.wait(first))
    follower, results = started(lambda: pump.wait(second))
    library.put(type="event", subscription="first", seq=1)
    leader.join(10)
    library.put(type="event", subscription="second", seq=2)
    follower.join(10)
    assert results[0]["seq"] == 2


def test_an_interrupted_leader_loses_no_item_of_another_thread(library: FakeLibrary, pump: Pump) -> None:
    mine, theirs = pump.adopt("mine"), pump.adopt("theirs")
    library.interrupt_after = KeyboardInterrupt()
    library.put(type="event", subscription="theirs", seq=7)
    with pytest.raises(KeyboardInterrupt):
        pump.wait(mine)
    item = pump.wait(theirs, timeout=5)
    assert item is not None
    assert item["seq"] == 7


def test_a_leader_that_could_not_say_that_it_leads_no_more_is_replaced(library: FakeLibrary, pump: Pump) -> None:
    pump._leader = threading.get_ident()  # Ctrl-C came before wait could take it back
    box = pump.adopt("s")
    thread, results = started(lambda: pump.wait(box))
    library.put(type="event", subscription="s", seq=1)
    thread.join(30)
    assert [item["seq"] for item in results] == [1] and pump._leader is None


def test_an_answer_that_comes_before_anyone_waits_is_kept(library: FakeLibrary, pump: Pump) -> None:
    pump.calls["py-1"] = None
    other = pump.adopt("other")
    library.put(type="completion", id="py-1", result=41)
    library.put(type="event", subscription="other", seq=1)
    assert pump.wait(other) is not None
    assert pump.wait_call("py-1")["result"] == 41


def test_an_interrupted_subscribe_is_undone_when_its_answer_comes(library: FakeLibrary, pump: Pump) -> None:
    other = pump.adopt("other")
    library.put(type="completion", id="py-9", result={"subscription": "orphan", "topic": "t"})
    library.put(type="event", subscription="other", seq=1)
    pump.wait(other)
    assert library.calls == [{"method": "events.unsubscribe", "params": {"subscription": "orphan"}}]


def test_what_an_interrupted_call_made_is_given_back_when_its_answer_comes(library: FakeLibrary, pump: Pump) -> None:
    other = pump.adopt("other")
    asked = {"py-1": ("compute.spawn", {"provider": "any", "api_key": "k"}), "py-2": ("orchestrator.spawn", None), "py-3": ("compute.get", {}),
             "py-4": ("jobs.run", {"on_timeout": "keep"}), "py-5": ("jobs.run", {}), "py-6": ("jobs.run", {}), "py-7": ("compute.spawn", {})}
    for id, (method, params) in asked.items():
        assert pump.drop(id, method, params, True) is None
        if id != "py-7":
            library.put(type="completion", id=id, result={"provider": "vast", "id": id, "endpoint": "e", "status": "completed" if id == "py-6" else "running"})
    library.put(type="completion", id="py-7", error={"kind": "cancelled", "message": "m"})
    library.put(type="event", subscription="other", seq=1)
    pump.wait(other)
    assert [(call["id"], call["method"], call["params"]) for call in library.calls] == [
        ("undo-py-1", "compute.terminate", {"provider": "vast", "id": "py-1", "api_key": "k"}),
        ("undo-py-2", "orchestrator.stop", {"id": "py-2"}),
        ("undo-py-5", "jobs.cancel", {"provider": "vast", "id": "py-5", "endpoint": "e"}),
    ]
    assert pump._makers._calls == {}


def test_an_answer_is_undone_whose_caller_was_interrupted_before_it_had_it(library: FakeLibrary, pump: Pump) -> None:
    pump.calls["py-1"] = None
    library.put(type="completion", id="py-1", result={"provider": "vast", "id": "7"})
    assert pump.wait_call("py-1")["result"]["id"] == "7"
    assert pump.drop("py-1", "compute.spawn", {}, True) == ("compute.terminate", {"provider": "vast", "id": "7"})
    assert pump.drop("py-1", "compute.spawn", {}, True) is None


def test_settling_gives_back_what_came_after_all(library: FakeLibrary, pump: Pump) -> None:
    pump.settle(30)  # nothing is to be waited for
    assert pump.drop("py-1", "compute.spawn", {}, True) is None
    library.put(type="completion", id="py-1", result={"provider": "vast", "id": "7"})
    library.put(type="completion", id="undo-py-1", result={})
    library.put(type="event", subscription="s", seq=1)
    pump.settle(30)
    assert [call["method"] for call in library.calls] == ["compute.terminate"]
    assert library.items.qsize() == 1
    assert pump.drop("py-2", "compute.spawn", {}, True) is None
    pump.settle(0)  # ends although the answer does not come


def test_events_that_overtake_their_subscription_are_kept(library: FakeLibrary, pump: Pump) -> None:
    other = pump.adopt("other")
    pump.expect()
    library.put(type="event", subscription="new", seq=1)
    library.put(type="event", subscription="other", seq=1)
    pump.wait(other)
    box = pump.adopt("new")
    pump.expected()
    item = pump.wait(box, timeout=0.01)
    assert item is not None
    assert item["seq"] == 1


def test_closing_a_subscription_ends_the_wait_of_other_threads(library: FakeLibrary, pump: Pump) -> None:
    leader, _ = started(lambda: pump.wait(pump.adopt("leader")))
    box = pump.adopt("closed")
    waits = [started(lambda: pump.wait(box)) for _ in range(3)]
    pump.unsubscribe("closed")
    for thread, results in waits:
        thread.join(10)
        assert results == [None]
    library.items.put(_native.CLOSED)
    leader.join(10)


def test_the_end_of_the_queue_ends_every_wait(library: FakeLibrary, pump: Pump) -> None:
    waits = [started(lambda: pump.wait(pump.adopt("s"))) for _ in range(4)]
    library.items.put(_native.CLOSED)
    for thread, results in waits:
        thread.join(10)
        assert isinstance(results[0], errors.ClosedError)


def test_a_wait_with_a_timeout_ends_in_time(pump: Pump) -> None:
    with pytest.raises(TimeoutError):
        pump.wait(Box(), timeout=0.02)


def test_an_item_that_there_was_no_memory_for_is_asked_for_again(
    library: FakeLibrary, pump: Pump, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: List[float] = []
    taken = library.next

    def scarce(client: int, timeout_ms: int, route: Callable[[bytes], None]) -> int:
        return taken(client, timeout_ms, route) if len(rests) >= 3 else _native.NO_MEMORY

    monkeypatch.setattr(library, "next", scarce)
    monkeypatch.setattr(_pump.time, "sleep", rests.append)
    box = pump.adopt("s")
    library.put(type="event", subscription="s", seq=1)
    item = pump.wait(box)
    assert item is not None and item["seq"] == 1
    assert len(rests) == 3 and min(rests) > 0  # it does not ask without a pause
    rests.clear()
    pump.drop("py-1", "compute.spawn", {}, True)
    library.put(type="completion", id="py-1", result={"provider": "vast", "id": "m"})
    library.put(type="completion", id="undo-py-1", result={})
    pump.settle(60)
    assert [call["method"] for call in library.calls] == ["compute.terminate"] and len(rests) == 3


def test_a_call_that_may_not_have_been_accepted_is_asked_after_by_its_id(library: FakeLibrary, pump: Pump) -> None:
    in_flight = b'{"error":{"kind":"conflict","message":"a call with this id is in flight"}}'
    answers = iter(((_native.OK, None), (_native.BUSY, in_flight), (_native.CLOSED, None)))
    asked: List[Any] = []

    def submit(client: int, request: bytes) -> Any:
        asked.append(json.loads(request))
        return next(answers)

    library.submit = submit  # type: ignore[method-assign]
    for id in ("py-1", "py-2", "py-3"):
        pump.drop(id, "compute.spawn", {}, False)
    pump.drop("py-4", "compute.get", {}, False)
    assert [(request["id"], request["method"]) for request in asked] == [(f"py-{n}", "atlas.info") for n in (1, 2, 3)]
    assert pump._makers.ids() == ["py-1", "py-2"]  # an answer comes for these
    library.put(type="completion", id="py-1", result={"version": "1"})
    library.put(type="completion", id="py-2", error={"kind": "cancelled", "message": "m"})
    pump.settle(60)
    assert pump._makers.ids() == [] and len(asked) == 3


def test_what_gives_back_is_sent_again_when_too_many_calls_are_in_flight(library: FakeLibrary, pump: Pump) -> None:
    too_many = b'{"error":{"kind":"rate_limited","message":"too many calls in flight"}}'
    refusals = [(_native.BUSY, too_many), (_native.NO_MEMORY, None), (_native.BUSY, too_many)]
    accepted: List[Any] = []

    def submit(client: int, request: bytes) -> Any:
        if refusals:
            return refusals.pop()
        accepted.append(json.loads(request))
        library.put(type="completion", id=accepted[-1]["id"], result={})
        return _native.OK, None

    library.submit = submit  # type: ignore[method-assign]
    pump.drop("py-1", "compute.spawn", {}, True)
    library.put(type="completion", id="py-1", result={"provider": "vast", "id": "7"})
    pump.settle(60)
    assert [(request["method"], request["params"]["id"]) for request in accepted] == [("compute.terminate", "7")]
    refusals += [(_native.BUSY, too_many)] * 2
    pump.drop("py-2", "compute.spawn", {}, False)
    pump.settle(60)
    assert [request["method"] for request in accepted[1:]] == ["atlas.info"]
    assert not refusals and not pump._makers.ids() and not pump._makers.is_undoing() and not pump._makers.is_refused()
