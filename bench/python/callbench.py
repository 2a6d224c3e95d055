"""Prints one JSON line: ns per call from Python, and for the C function alone.

    python callbench.py [--method compute.get] [--params '{"id":"..."}'] [--config '{...}'] [--calls 2000]

Each figure is a median over single calls. Calls of both kinds take turns in random order, so that
both see the same machine and the same caches. "call" is client.call in the main thread, "thread" in
another one, "raw" the C function through ctypes with an encoded request and an answer that is freed
and not looked at.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import statistics
import sys
import threading
import time
from pathlib import Path
from typing import Any, Callable, List

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bindings" / "python"))

import exatlas  # noqa: E402
from exatlas import _native  # noqa: E402


def medians(functions: List[Callable[[], Any]], calls: int) -> List[float]:
    """The median time of each function in ns; they take turns."""
    times: List[List[int]] = [[] for _ in functions]
    turns = list(zip(functions, times))
    clock = time.perf_counter_ns
    for _ in range(calls):
        random.shuffle(turns)
        for function, spent in turns:
            began = clock()
            function()
            spent.append(clock() - began)
    return [statistics.median(spent) for spent in times]


def elsewhere(functions: List[Callable[[], Any]], calls: int) -> List[float]:
    """medians, in another thread."""
    result: List[float] = []
    thread = threading.Thread(target=lambda: result.extend(medians(functions, calls)))
    thread.start()
    thread.join()
    return result


def raw_call(client: exatlas.Client, request: bytes) -> Callable[[], None]:
    library = ctypes.CDLL(_native.load().path)
    call, free = library.atlas_call, library.atlas_free
    call.argtypes = [ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
    free.argtypes = [ctypes.c_void_p]
    free.restype = None
    answer, length = ctypes.c_void_p(), ctypes.c_size_t()
    answer_at, length_at = ctypes.addressof(answer), ctypes.addressof(length)
    handle, size = client._handle, len(request)

    def once() -> None:
        status = call(handle, request, size, answer_at, length_at)
        if status:
            raise SystemExit(f"the call failed: {ctypes.string_at(answer.value or 0, length.value).decode()}")
        free(answer)

    return once


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--method", default="atlas.info")
    parser.add_argument("--params", default="{}", type=json.loads)
    parser.add_argument("--config", default="{}", type=json.loads)
    parser.add_argument("--calls", default=2000, type=int)
    options = parser.parse_args()
    with exatlas.Client(**options.config) as client:
        envelope = json.dumps({"method": options.method, "params": options.params}).encode()
        raw = raw_call(client, envelope)

        def call() -> None:
            client.call(options.method, options.params)

        for _ in range(3):
            call()
            raw()
        calls = max(1, options.calls // 2)
        raw_ns, call_ns = (round(value) for value in medians([raw, call], calls))
        thread_raw_ns, thread_ns = (round(value) for value in elsewhere([raw, call], calls))
    print(
        json.dumps(
            {
                "method": options.method,
                "calls": calls * 2,
                "call_ns": call_ns,
                "thread_ns": thread_ns,
                "raw_ns": raw_ns,
                "overhead_ns": call_ns - raw_ns,
                "thread_overhead_ns": thread_ns - thread_raw_ns,
            }
        )
    )


main()
