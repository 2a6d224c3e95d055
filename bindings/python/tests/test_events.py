"""Event subscriptions and job streams against the simulated RunPod."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, Dict, Iterator

import pytest
from conftest import live, runpod_config, simulation

import exatlas
from exatlas import errors

SPAWN: Dict[str, Any] = {"gpu": ["rtx_4090", "l40s", "h100"], "image": "ghcr.io/me/server:1", "ports": [{"internal": 8000}]}


@pytest.fixture
def machine(client: exatlas.Client) -> Iterator[str]:
    rented = client.compute.spawn(**SPAWN)
    yield rented["id"]
    client.compute.terminate(id=rented["id"])


def test_a_subscription_from_the_start_tells_what_has_happened(client: exatlas.Client, machine: str) -> None:
    with client.events.subscribe(f"compute:{machine}", from_=1) as events:
        assert events.topic == f"compute:{machine}"
        first = next(events)
    assert first["seq"] == 1
    assert first["topic"] == events.topic
    assert list(events) == []  # closed: the iteration is over
    assert live(client)["subscriptions"] == 0


def test_events_come_in_order_and_in_time(client: exatlas.Client, machine: str) -> None:
    events = client.events.subscribe(f"compute:{machine}", from_=1)
    client.compute.terminate(id=machine)
    seen = [next(events)]
    while seen[-1]["data"].get("status") != "terminated":
        item = events.get(timeout=20)
        assert item is not None
        seen.append(item)  # type: ignore[arg-type]
    assert [event["seq"] for event in seen] == sorted(event["seq"] for event in seen)
    events.close()


def test_leaving_a_loop_early_unsubscribes(client: exatlas.Client, machine: str) -> None:
    for event in client.events.subscribe(f"compute:{machine}", from_=1):
        assert event["seq"] == 1
        break
    gc.collect()
    assert live(client)["subscriptions"] == 0


def test_a_bounded_wait_ends_with_a_timeout(client: exatlas.Client) -> None:
    with client.events.subscribe("compute:none") as events, pytest.raises(TimeoutError):
        events.get(timeout=0.02)


def test_a_job_stream_ends_with_the_finished_job(client: exatlas.Client) -> None:
    job = client.jobs.run(endpoint="echo", input={"chunks": 3})
    with client.jobs.stream(endpoint="echo", id=job["id"]) as stream:
        chunks = list(stream)
    assert len(chunks) == 3
    assert stream.job is not None
    assert (stream.job["id"], stream.job["status"]) == (job["id"], "completed")
    assert live(client)["subscriptions"] == 0


LOST_READ = {"runpod": {"faults": [{"method": "GET", "path": "*/stream/*", "nth": 1, "effect": "lost_answer"}]}}


def test_a_job_stream_counts_its_gaps() -> None:
    with simulation(LOST_READ) as urls, exatlas.Client(**runpod_config(urls["runpod"])) as client:
        job = client.jobs.run(endpoint="echo", input={"chunks": 3})
        stream = client.jobs.stream(endpoint="echo", id=job["id"])
        chunks = list(stream)
        assert (stream.gaps, len(chunks) <= 3) == (1, True)
        assert stream.job is not None
        assert len(stream.job["output"]) == 3


def test_asyncio_counts_the_gaps_of_a_job_stream() -> None:
    async def main(url: str) -> None:
        async with exatlas.AsyncClient(**runpod_config(url)) as client:
            job = await client.jobs.run(endpoint="echo", input={"chunks": 3})
            stream = client.jobs.stream(endpoint="echo", id=job["id"])
            chunks = [chunk async for chunk in stream]
            assert (stream.gaps, len(chunks) <= 3) == (1, True)

    with simulation(LOST_READ) as urls:
        asyncio.run(main(urls["runpod"]))


def test_a_job_stream_left_early_leaks_nothing(client: exatlas.Client) -> None:
    job = client.jobs.run(endpoint="echo", input={"chunks": 3})
    for _ in client.jobs.stream(endpoint="echo", id=job["id"]):
        break
    gc.collect()
    assert live(client)["subscriptions"] == 0


def test_a_failed_job_raises_at_the_end_of_its_stream(client: exatlas.Client) -> None:
    job = client.jobs.run(endpoint="echo", input={"chunks": 1, "fail": "out of memory"})
    chunks = []
    with pytest.raises(errors.AtlasError, match="out of memory"):
        for chunk in client.jobs.stream(endpoint="echo", id=job["id"]):
            chunks.append(chunk)
    assert live(client)["subscriptions"] == 0


def test_a_stream_of_a_job_that_is_not_there_is_an_error(client: exatlas.Client) -> None:
    with pytest.raises(errors.AtlasError) as caught:
        list(client.jobs.stream(endpoint="echo", id="no-such-job"))
    assert caught.value.kind == "not_found"
    assert live(client)["subscriptions"] == 0


def test_asyncio_streams_100_jobs_at_once(simulators: Dict[str, str]) -> None:
    async def one(client: exatlas.AsyncClient) -> int:
        job = await client.jobs.run(endpoint="echo", input={"chunks": 3})
        stream = client.jobs.stream(endpoint="echo", id=job["id"])
        chunks = [chunk async for chunk in stream]
        assert stream.job is not None
        assert stream.job["id"] == job["id"]
        return len(chunks)

    async def main() -> None:
        async with exatlas.AsyncClient(**runpod_config(simulators["runpod"])) as client:
            assert await asyncio.gather(*(one(client) for _ in range(100))) == [3] * 100
            assert (await client.info())["live"]["subscriptions"] == 0

    asyncio.run(main())


def test_asyncio_raises_the_error_of_a_failed_job(simulators: Dict[str, str]) -> None:
    async def main() -> None:
        async with exatlas.AsyncClient(**runpod_config(simulators["runpod"])) as client:
            job = await client.jobs.run(endpoint="echo", input={"chunks": 1, "fail": "out of memory"})
            with pytest.raises(errors.AtlasError, match="out of memory"):
                async for _ in client.jobs.stream(endpoint="echo", id=job["id"]):
                    pass

    asyncio.run(main())
