"""Rents the cheapest GPU of all clouds there is a key for, never above a price, and gives it back.

    RUNPOD_API_KEY=... VAST_API_KEY=... python rent_anywhere.py          costs money
    python rent_anywhere.py '{"runpod": "http://…", "vast": "http://…"}'  on simulators: the line that `exatlas sim` prints
"""

import json
import sys

import exatlas

WANTED = ["rtx_4090", "l40s", "a10"]
simulated = json.loads(sys.argv[1]) if len(sys.argv) > 1 else {}
settings = {name: {"base_url": url, "api_key": "any"} for name, url in simulated.items()}

with exatlas.Client(providers=settings) as client:
    for offer in client.offers.search(gpu=WANTED, max_price_per_hour=1.5, limit=3)["items"]:
        print(f"{offer['provider']} has a {offer['gpu_type']} for ${offer['price_per_hour']:.2f} an hour")
    try:
        machine = client.compute.spawn(
            provider="any",  # or a list of clouds
            gpu=WANTED,
            prefer="price",
            max_price_per_hour=1.5,
            image="ghcr.io/me/inference:latest",
            ports=[{"internal": 8000}],
            timeout=120,
        )
    except exatlas.CapacityError as error:
        sys.exit(f"no cloud has one at that price: {error}")
    try:
        for attempt in machine["attempts"]:
            print(f"{attempt['provider']}: {attempt['outcome']} {attempt.get('message', '')}")
        print(f"{machine['gpu_type']} at {machine['provider']} for ${machine['cost_per_hour']:.2f} an hour")
    finally:
        client.compute.terminate(provider=machine["provider"], id=machine["id"])
        print("given back")
