"""Rents several GPUs at once with asyncio, waits for all of them, and gives them back.

    RUNPOD_API_KEY=... python rent_many.py [BASE_URL]
"""

import asyncio
import os
import sys

import exatlas

COUNT = 5


async def rent(client: exatlas.AsyncClient, number: int) -> None:
    machine = await client.compute.spawn(gpu=["rtx_4090", "l40s", "h100"], image="ghcr.io/me/inference:latest", ports=[{"internal": 8000}])
    try:
        ready = await client.compute.await_ready(id=machine["id"], timeout_ms=600_000)
        print(f"{number}: {ready['gpu_type']} at {ready['ports'][0]['url']}")
        async with client.events.subscribe(f"compute:{machine['id']}", from_=1) as events:
            event = await events.get(timeout=30)
            print(f"{number}: its first event was {event['event'] if event else 'none'}")
    finally:
        await client.compute.terminate(id=machine["id"])
        print(f"{number}: given back")


async def main() -> None:
    base_url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RUNPOD_BASE_URL", "")
    settings = {"runpod": {"base_url": base_url}} if base_url else {}
    async with exatlas.AsyncClient(default_provider="runpod", providers=settings) as client:
        results = await asyncio.gather(*(rent(client, number) for number in range(COUNT)), return_exceptions=True)
    for failure in (result for result in results if isinstance(result, BaseException)):
        raise failure


asyncio.run(main())
