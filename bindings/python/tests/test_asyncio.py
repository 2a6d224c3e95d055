"""The asyncio client."""

from __future__ import annotations

import asyncio
import gc
import select
import threading
from typing import Any, Awaitable, Callable, Dict, Optional, Set, Tuple

import pytest
from conftest import SilentServer, descriptors, runpod_config

import exatlas
from exatlas import _native, errors
from exatlas._aio_stream import Mailbox


def test_1000_calls_run_at_once_and_no_thread_is_held(silent: SilentServer) -> None:
    async def main() -> None:
        threads = threading.active_count()
        async with exatlas.AsyncClient(**runpod_config(silent.url)) as client:
            calls = [asyncio.ensure_future(client.compute.get(id=f"p{number}", timeout=2)) for number in range(1000)]
            await asyncio.sleep(0)
            assert (await client.info())["live"]["calls"] > 900
            assert threading.active_count() == threads
            ended = await asyncio.gather(*calls, return_exceptions=True)
            assert {type(error) for error in ended} == {errors.AtlasTimeoutError}
            assert (await client.info())["live"]["calls"] == 1
            assert client._core.calls == {}

    asyncio.run(main())


def test_1000_answers_reach_their_tasks() -> None:
    async def round_trip(client: exatlas.AsyncClient) -> bool:
        token = await client.auth.token.mint()
        return (await client.auth.token.verify(token=token["token"], hash=token["hash"]))["valid"]

    async def main() -> None:
        async with exatlas.AsyncClient() as client:
            assert await asyncio.gather(*(round_trip(client) for _ in range(1000))) == [True] * 1000

    asyncio.run(main())


def test_cancelling_a_task_cancels_its_call(silent: SilentServer) -> None:
    async def main() -> None:
        async with exatlas.AsyncClient(**runpod_config(silent.url)) as client:
            task = asyncio.ensure_future(client.compute.get(id="p1"))
            await asyncio.get_running_loop().run_in_executor(None, silent.arrived)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await until(client, "calls", 1)

    asyncio.run(main())


async def until(client: exatlas.AsyncClient, gauge: str, value: int) -> None:
    """Waits until a gauge has a value: what was cancelled ends by itself, soon."""

    async def poll() -> None:
        while (await client.info())["live"].get(gauge, 0) != value:
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), 20)


def test_wait_for_cancels_the_call_too(silent: SilentServer) -> None:
    async def main() -> None:
        async with exatlas.AsyncClient(**runpod_config(silent.url)) as client:
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.compute.get(id="p1"), 0.05)
            await until(client, "calls", 1)

    asyncio.run(main())


def test_a_subscription_whose_task_was_cancelled_is_ended() -> None:
    async def main() -> None:
        async with exatlas.AsyncClient() as client:
            for _ in range(50):
                task = asyncio.ensure_future(client.events.subscribe("rentals")._open())
                await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await until(client, "subscriptions", 0)

    asyncio.run(main())


def rented(client: exatlas.Client) -> Set[str]:
    return {machine["id"] for machine in client.compute.list()["items"] if machine["status"] != "terminated"}


@pytest.mark.parametrize("taken", [True, False], ids=["its answer was handed on", "its answer was in the queue"])
def test_a_machine_whose_task_was_cancelled_too_late_is_given_back(client: exatlas.Client, simulators: Dict[str, str], taken: bool) -> None:
    before = rented(client)

    async def main() -> None:
        async with exatlas.AsyncClient(**runpod_config(simulators["runpod"])) as own:
            task = asyncio.ensure_future(own.compute.spawn(gpu="rtx_4090", image="i"))
            await asyncio.sleep(0)
            assert select.select([own._core.fd], [], [], 30)[0], "no answer came"
            if taken:
                own._core.drain(-1)
            assert rented(client) > before
            task.cancel()
            if taken:
                with pytest.raises(asyncio.CancelledError):
                    await task
        # Closing alone finds the answer that was still in the queue.
        assert task.cancelled()
        assert own._core.makers.ids() == [] and not own._core.makers.is_undoing()

    asyncio.run(main())
    assert rented(client) == before


def test_closing_waits_for_the_answer_of_a_call_that_was_cancelled_too_late(client: exatlas.Client, simulators: Dict[str, str]) -> None:
    before = rented(client)

    async def main() -> None:
        async with exatlas.AsyncClient(**runpod_config(simulators["runpod"])) as own:
            core, library = own._core, own._core.library
            task = asyncio.ensure_future(own.compute.spawn(gpu="rtx_4090", image="i"))
            await asyncio.sleep(0)
            assert select.select([core.fd], [], [], 30)[0], "no answer came"

            def next_item(handle: int, timeout_ms: int, route: Callable[[bytes], None]) -> int:
                core.library = library
                return 30  # at the first look the answer is not there yet

            core.library = library._replace(next=next_item)
            assert rented(client) > before
            task.cancel()
        assert task.cancelled() and core.makers.ids() == [] and not core.makers.is_undoing()

    asyncio.run(main())
    assert rented(client) == before


def test_closing_ends_the_calls_in_flight(silent: SilentServer) -> None:
    async def main() -> None:
        client = exatlas.AsyncClient(**runpod_config(silent.url))
        calls = [asyncio.ensure_future(client.compute.get(id="p1")) for _ in range(20)]
        await asyncio.get_running_loop().run_in_executor(None, silent.arrived)
        await client.aclose()
        await client.aclose()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(error) for error in ended} <= {errors.CallCancelledError, errors.ClosedError}
        with pytest.raises(errors.ClosedError):
            await client.info()

    asyncio.run(main())


def test_closing_ends_an_iteration_that_waits() -> None:
    async def main() -> None:
        client = exatlas.AsyncClient()
        stream = await client.events.subscribe("rentals")
        waiting = asyncio.ensure_future(stream.get())
        await asyncio.sleep(0)
        await client.aclose()
        with pytest.raises(errors.ClosedError):
            await waiting

    asyncio.run(main())


def test_a_subscription_closed_by_another_task_ends_the_iteration() -> None:
    async def main() -> None:
        async with exatlas.AsyncClient() as client:
            stream = await client.events.subscribe("rentals")
            waiting = [asyncio.ensure_future(stream.get()) for _ in range(3)]
            await asyncio.sleep(0)
            await stream.aclose()
            assert await asyncio.gather(*waiting) == [None, None, None]
            assert (await client.info())["live"].get("subscriptions", 0) == 0

    asyncio.run(main())


def test_a_wait_for_an_event_can_be_bounded() -> None:
    async def main() -> None:
        async with exatlas.AsyncClient() as client, client.events.subscribe("rentals") as stream:
            with pytest.raises(TimeoutError):
                await stream.get(timeout=0.01)

    asyncio.run(main())


def test_a_dropped_stream_unsubscribes() -> None:
    async def main() -> None:
        async with exatlas.AsyncClient() as client:
            stream = await client.events.subscribe("rentals")
            assert (await client.info())["live"]["subscriptions"] == 1
            del stream
            gc.collect()
            assert (await client.info())["live"]["subscriptions"] == 0

    asyncio.run(main())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_dropped_client_is_closed_with_a_warning() -> None:
    async def main() -> None:
        client = exatlas.AsyncClient()
        await client.info()
        with pytest.warns(ResourceWarning, match="unclosed <exatlas.AsyncClient open>"):
            del client
            gc.collect()

    before = descriptors()
    asyncio.run(main())
    assert descriptors() == before


def test_a_client_belongs_to_one_loop_at_a_time() -> None:
    client = exatlas.AsyncClient()

    async def use() -> Any:
        return await client.info()

    async def other_loop() -> None:
        await use()
        failure: Dict[str, Any] = {}

        def run() -> None:
            try:
                asyncio.run(use())
            except errors.UsageError as error:
                failure["error"] = error

        await asyncio.get_running_loop().run_in_executor(None, run)
        assert "another event loop" in str(failure["error"])

    asyncio.run(other_loop())
    assert asyncio.run(use())["abi"] == 1  # the first loop is closed: the client moves on
    asyncio.run(client.aclose())


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.call("compute.spwan"),
        lambda client: client.compute.get(id="p1", provider="nowhere"),
    ],
)
def test_errors_are_the_same_as_those_of_the_blocking_client(
    call: Callable[[exatlas.AsyncClient], Awaitable[Any]],
) -> None:
    async def main() -> None:
        async with exatlas.AsyncClient() as client:
            with pytest.raises(errors.AtlasError) as caught:
                await call(client)
            assert caught.value.kind in ("validation", "not_found")

    asyncio.run(main())


def test_an_answer_that_there_was_no_memory_for_is_asked_for_again() -> None:
    async def main() -> None:
        client = exatlas.AsyncClient()
        core, turns = client._core, asyncio.Event()
        real, scarce = core.library, 3

        def short(handle: int, timeout_ms: int, route: Callable[[bytes], None]) -> int:
            nonlocal scarce
            if scarce:
                scarce -= 1
                asyncio.get_running_loop().call_soon(turns.set)
                return _native.NO_MEMORY
            return real.next(handle, timeout_ms, route)

        core.library = real._replace(next=short)
        asked = asyncio.ensure_future(client.info())
        await turns.wait()
        assert core.resting is not None  # the loop is not busy with it meanwhile
        assert (await asked)["abi"] == 1
        late = asyncio.ensure_future(client.info())
        await asyncio.sleep(0)
        scarce = 2
        await client.aclose()
        assert scarce == 0 and (await late)["abi"] == 1

    asyncio.run(main())


def test_without_an_asyncio_loop_it_says_what_it_needs() -> None:
    client = exatlas.AsyncClient()
    for coroutine in (client.info(), client.aclose()):  # as trio would run them
        with pytest.raises(errors.UsageError, match="needs a running asyncio event loop.*trio"):
            coroutine.send(None)
    assert not client.closed
    asyncio.run(client.aclose())


def test_it_closes_where_no_thread_is_to_be_had(silent: SilentServer) -> None:
    async def main() -> None:
        client = exatlas.AsyncClient(**runpod_config(silent.url))
        call = asyncio.ensure_future(client.compute.get(id="p1"))
        await asyncio.sleep(0)
        await asyncio.get_running_loop().shutdown_default_executor()
        await client.aclose()
        with pytest.raises(errors.CallCancelledError):
            await call

    asyncio.run(main())


def test_what_gives_back_is_sent_again_when_too_many_calls_are_in_flight(simulators: Dict[str, str]) -> None:
    async def main() -> None:
        async with exatlas.AsyncClient(**runpod_config(simulators["runpod"])) as client:
            core = client._core
            real = core.library
            machine = await client.compute.spawn(gpu="rtx_4090", image="i")
            refusals = [(_native.BUSY, b'{"error":{"kind":"rate_limited","message":"too many"}}'), (_native.NO_MEMORY, None)]
            core.library = real._replace(submit=lambda *request: refusals.pop() if refusals else real.submit(*request))
            core.makers.add("py-x", "compute.spawn", {})
            core.put_completion({"type": "completion", "id": "py-x", "result": machine})
            await core.undone(60)
            assert not refusals and not core.makers.is_undoing() and not core.makers.is_refused()

    asyncio.run(main())
    with exatlas.Client(**runpod_config(simulators["runpod"])) as client:
        assert all(machine["status"] == "terminated" for machine in client.compute.list()["items"])


@pytest.mark.parametrize("accepted", [False, True])
def test_closing_waits_for_no_call_that_was_interrupted_before_it_was_accepted(
    simulators: Dict[str, str], accepted: bool
) -> None:
    async def main() -> None:
        client = exatlas.AsyncClient(**runpod_config(simulators["runpod"]))
        core = client._core
        real = core.library

        def interrupted(handle: int, request: bytes) -> Tuple[int, Optional[bytes]]:
            core.library = real
            if accepted:
                real.submit(handle, request)
            raise ZeroDivisionError  # from a signal handler, before the C function or once it is back

        core.library = real._replace(submit=interrupted)
        with pytest.raises(ZeroDivisionError):
            await client.compute.spawn(gpu="rtx_4090", image="i")
        await client.aclose(timeout=60)
        assert core.settled is None or core.settled.done()
        assert not core.makers.ids()

    asyncio.run(main())
    with exatlas.Client(**runpod_config(simulators["runpod"])) as client:
        assert all(machine["status"] == "terminated" for machine in client.compute.list()["items"])


def test_what_is_put_away_twice_is_delivered_once() -> None:
    # As when what a signal handler raises came just before the end of the first time.
    async def main() -> None:
        async with exatlas.AsyncClient() as client:
            core = client._core
            core.makers.add("py-x", "compute.spawn", {})
            answer = core.calls["py-x"] = core.bind().create_future()
            box = core.boxes["sub-x"] = Mailbox()
            completion = b'{"type":"completion","id":"py-x","result":{"provider":"runpod","id":"p1"}}'
            for document in (completion, b'{"type":"event","subscription":"sub-x","seq":1}'):
                ticket = iter((True,))
                core.route(document, ticket)
                core.route(document, ticket)
            assert answer.result()["result"]["id"] == "p1" and not core.makers.is_undoing()
            assert len(box.items) == 1
            core.calls.clear()
            core.makers.clear()

    asyncio.run(main())
