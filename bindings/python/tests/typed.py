"""Type tests: checked by mypy --strict, never run. An ignore that is not needed is an error too."""

from __future__ import annotations

from typing import Any, List, Optional

from typing_extensions import assert_type

import exatlas
from exatlas import AsyncClient, AtlasError, CapacityError, Client
from exatlas.types import Compute, EventItem, Job, MintedToken, Spawned


def named(machine: exatlas.types.Spawned, params: exatlas.types.ComputeSpawnParams, client: Client) -> Spawned:
    machine["idd"]  # type: ignore[typeddict-item]
    return client.compute.spawn(**params)


def blocking() -> None:
    with Client(default_provider="runpod", providers={"runpod": {"api_key": "k"}}) as client:
        assert_type(client, Client)
        machine = client.compute.spawn(gpu=["h100", "a100_80g"], image="i", ports=[{"internal": 8000}], timeout=30)
        assert_type(machine, Spawned)
        assert_type(client.compute.get(id=machine["id"]), Compute)
        assert_type(client.auth.token.mint(), MintedToken)
        assert_type(machine["id"], str)
        assert_type([port.get("url") for port in machine["ports"]], List[Optional[str]])
        for event in client.events.subscribe("compute:x", from_=1):
            assert_type(event, EventItem)
        with client.jobs.stream(endpoint="e", id="j") as stream:
            for chunk in stream:
                assert_type(chunk, Any)
            assert_type(stream.job, Optional[Job])
        assert_type(client.call("atlas.info"), Any)
        client.compute.spawn(gpu_cuont=1)  # type: ignore[call-arg]
        client.compute.spawn(gpu_count="1")  # type: ignore[arg-type]
        client.compute.get()  # type: ignore[call-arg]
        client.compute.get("id")  # type: ignore[call-arg, arg-type, misc]
        machine["idd"]  # type: ignore[typeddict-item]
        Client({})  # type: ignore[arg-type]
        Client(provider={})  # type: ignore[arg-type]
        Client(limits={"call": 1})  # type: ignore[arg-type]


async def asynchronous() -> None:
    async with AsyncClient() as client:
        assert_type(client, AsyncClient)
        assert_type(await client.compute.spawn(gpu="h100"), Spawned)
        async for event in client.events.subscribe("compute:x"):
            assert_type(event, EventItem)
        async with client.jobs.stream(endpoint="e", id="j") as stream:
            async for chunk in stream:
                assert_type(chunk, Any)
            assert_type(stream.job, Optional[Job])
        await client.compute.get()  # type: ignore[call-arg]


def errors(error: AtlasError) -> None:
    assert_type(error.kind, str)
    assert_type(error.retryable, bool)
    assert_type(error.retry_after_ms, int)
    if isinstance(error, CapacityError):
        assert_type(error, CapacityError)
