"""Prints how many sessions a second Python can touch: one a call, and lists of 100.

    python touchbench.py CONFIG
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any, List

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bindings" / "python"))

import exatlas  # noqa: E402


def rate(client: exatlas.Client, groups: List[Any], ids: int) -> float:
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < 3:
        for group in groups:
            client.orchestrator.touch(id=group)
        count += len(groups) * ids
    return count / (time.perf_counter() - began)


def main() -> None:
    with exatlas.Client(**json.loads(sys.argv[1])) as client:
        ids = [s["id"] for s in client.orchestrator.list(state=["live"], limit=1000)["items"]]
        time.sleep(8)  # until this process has adopted them
        lists = [ids[i : i + 100] for i in range(0, len(ids) - 99, 100)]
        print(json.dumps({"one": rate(client, ids, 1), "list": rate(client, lists, 100)}))


main()
