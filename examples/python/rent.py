"""Rents a GPU for one user, hands out its credential, runs a job, and gives the GPU back.

    RUNPOD_API_KEY=... python rent.py              on RunPod: costs money
    RUNPOD_API_KEY=any python rent.py BASE_URL     on the simulator: see `exatlas sim`

The job runs on the serverless endpoint RUNPOD_ENDPOINT; without it there is one on the simulator alone.
"""

import os
import sys

import exatlas

base_url = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("RUNPOD_BASE_URL", "")
settings = {"runpod": {"base_url": base_url}} if base_url else {}
endpoint = os.environ.get("RUNPOD_ENDPOINT", "stream" if base_url else "")

with exatlas.Client(default_provider="runpod", providers=settings) as client:
    try:
        machine = client.compute.spawn(
            gpu=["rtx_4090", "l40s", "h100"],  # the first that is to be had
            image="ghcr.io/me/inference:latest",
            ports=[{"internal": 8000}],
            auth="bearer",
            timeout=60,
        )
    except exatlas.CapacityError as error:
        sys.exit(f"no GPU is free: {error}")

    try:
        ready = client.compute.await_ready(id=machine["id"], timeout_ms=600_000)
        print(f"rented {machine['gpu_type']} for ${machine.get('cost_per_hour', 0):.2f} an hour")
        print(f"the browser calls {ready['ports'][0]['url']}")
        print(f"with the header {machine['auth']['header'][:30]}... (hash {machine['auth']['hash'][:12]}...)")
        # Printing the machine shows no secret.
        print(machine["auth"])
        if endpoint:
            job = client.jobs.run(endpoint=endpoint, input={"prompt": "a sunset"})
            for chunk in client.jobs.stream(endpoint=endpoint, id=job["id"]):
                print(f"the job says {chunk}")
    finally:
        client.compute.terminate(id=machine["id"])
        print("given back")
