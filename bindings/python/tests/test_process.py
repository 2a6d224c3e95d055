"""What the library does to the process: fork, exit, signals, memory."""

from __future__ import annotations

import gc
import multiprocessing
import resource
import signal
import threading
from typing import Any

import pytest
from conftest import Child, SilentServer, descriptors, live

import exatlas
from exatlas import errors

AFTER_FORK = """
import os, sys, warnings
import exatlas
warnings.simplefilter("ignore", DeprecationWarning)
client = exatlas.Client()
events = client.events.subscribe("rentals")
pid = os.fork()
if pid == 0:
    for use in (client.info, lambda: client.compute.get(id="p"), lambda: next(events), exatlas.Client):
        try:
            use()
        except exatlas.ForkedError as error:
            assert "spawn" in str(error), error
        else:
            os._exit(7)
    events.close()
    client.close()
    del events, client
    sys.exit(3)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status), client.info()["abi"], client.info()["live"]["subscriptions"])
events.close()
client.close()
"""


def test_after_fork_every_use_says_what_to_do(child: Child) -> None:
    out, err = child(AFTER_FORK).communicate(timeout=60)
    assert (out.strip(), err) == ("3 1 1", "")


def use_in_child(client: exatlas.Client, queue: Any) -> None:
    try:
        client.info()
    except errors.AtlasError as error:
        queue.put(error)


def open_in_child(queue: Any) -> None:
    with exatlas.Client() as client:
        queue.put(client.info()["abi"])


FORKED_WHILE_LOCKED = """
import os, signal, threading, warnings
import exatlas
warnings.simplefilter("ignore", DeprecationWarning)
client = exatlas.Client()
locked, over = threading.Event(), threading.Event()
def hold():
    with client._pump._lock:  # as a thread that waits for an event does again and again
        locked.set()
        over.wait()
holder = threading.Thread(target=hold)
holder.start()
locked.wait()
pid = os.fork()
if pid == 0:
    signal.alarm(20)
    try:
        client.events.subscribe("rentals")
    except exatlas.ForkedError:
        client.close()
        os._exit(3)
    os._exit(7)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status))
over.set()
holder.join()
client.close()
"""


def test_a_child_waits_for_no_lock_of_a_thread_it_does_not_have(child: Child) -> None:
    assert child(FORKED_WHILE_LOCKED).communicate(timeout=60) == ("3\n", "")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_worker_gets_a_clear_error_and_a_spawned_one_works() -> None:
    with exatlas.Client() as client:
        fork = multiprocessing.get_context("fork")
        answers: Any = fork.Queue()
        worker = fork.Process(target=use_in_child, args=(client, answers))
        worker.start()
        error = answers.get(timeout=30)
        worker.join(30)
        assert type(error) is errors.ForkedError
        assert "create the client in the child" in error.hint
        answers.close()
        answers.join_thread()

        spawn = multiprocessing.get_context("spawn")
        answers = spawn.Queue()
        worker = spawn.Process(target=open_in_child, args=(answers,))  # type: ignore[assignment]
        worker.start()
        assert answers.get(timeout=60) == 1
        worker.join(30)
        answers.close()
        answers.join_thread()


def test_a_child_forked_before_the_first_client_can_use_the_library(child: Child) -> None:
    out, err = child(
        "import os, exatlas\n"
        "pid = os.fork()\n"
        "with exatlas.Client() as client: abi = client.info()['abi']\n"
        "if pid: print(abi, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    ).communicate(timeout=60)
    assert (out.strip(), err) == ("1 0", "")


@pytest.mark.parametrize(
    "body",
    [
        "client = open_client()\nthreading.Thread(target=call, args=(client,), daemon=True).start()\narrived()",
        "client = open_client()\nevents = client.events.subscribe('rentals')",
        "async def main():\n"
        "    global client\n"
        "    client = exatlas.AsyncClient(**config)\n"
        "    task = asyncio.ensure_future(client.compute.get(id='p1'))\n"
        "    await asyncio.get_running_loop().run_in_executor(None, arrived)\n"
        "    task.cancel()\n"
        "asyncio.run(main())",
        "client = open_client()\n"
        "threading.Thread(target=call, args=(client,), daemon=True).start()\narrived()\nsys.exit(0)",
    ],
)
def test_the_interpreter_exits_with_work_in_flight(child: Child, silent: SilentServer, body: str) -> None:
    process = child(
        "import asyncio, sys, threading, exatlas\n"
        "config = dict(default_provider='runpod', providers={'runpod': {'api_key': 'k', 'base_url': sys.argv[1]}})\n"
        "open_client = lambda: exatlas.Client(**config)\n"
        "def arrived():\n"
        "    print('called', flush=True)\n"
        "    sys.stdin.readline()\n"
        "def call(client):\n"
        "    try: client.compute.get(id='p1')\n"
        "    except exatlas.AtlasError: pass\n" + body + "\nprint('end', flush=True)\n",
        silent.url,
    )
    assert process.stdout is not None
    if process.stdout.readline() == "called\n":
        silent.arrived()
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "")


def test_faulthandler_still_reports_a_crash(child: Child) -> None:
    for order in ("faulthandler.enable(); client = exatlas.Client()", "client = exatlas.Client(); faulthandler.enable()"):
        process = child(
            "import ctypes, faulthandler, resource, exatlas\n"
            "resource.setrlimit(resource.RLIMIT_CORE, (0, 0))\n"
            f"{order}\n"
            "client.info()\n"
            "ctypes.string_at(16)\n"
        )
        _, err = process.communicate(timeout=30)
        assert process.returncode == -signal.SIGSEGV
        assert "Fatal Python error: Segmentation fault" in err


def test_a_broken_pipe_is_an_exception_and_not_the_end(child: Child) -> None:
    process = child(
        "import os, signal, exatlas\n"
        "with exatlas.Client() as client:\n"
        "    client.info()\n"
        "    read, write = os.pipe()\n"
        "    os.close(read)\n"
        "    try: os.write(write, b'x')\n"
        "    except BrokenPipeError: print('broken pipe')\n"
        "    assert signal.getsignal(signal.SIGPIPE) == signal.SIG_IGN\n"
        "    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler\n"
        "    print(client.info()['abi'])\n"
    )
    out, err = process.communicate(timeout=30)
    assert (out.split("\n"), err, process.returncode) == (["broken pipe", "1", ""], "", 0)


def test_nothing_is_written_to_standard_output_or_error(child: Child, silent: SilentServer) -> None:
    process = child(
        "import sys, exatlas\n"
        "with exatlas.Client(providers={'runpod': {'api_key': 'k', 'base_url': sys.argv[1]}}) as client:\n"
        "    try: client.compute.get(provider='runpod', id='p', timeout=0.3)\n"
        "    except exatlas.AtlasTimeoutError: pass\n",
        silent.url,
    )
    assert process.communicate(timeout=30) == ("", "")


def resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def test_memory_is_stable_over_20000_calls() -> None:
    with exatlas.Client() as client:

        def calls(count: int) -> None:
            for _ in range(count):
                client.auth.url.sign(url="https://pod.example/" + "x" * 300, secret="s3cret")

        calls(2000)
        gc.collect()
        before = resident()
        calls(20_000)
        gc.collect()
        grown = resident() - before
        # Losing one answer a call would cost 12 MB.
        assert grown < 4 << 20, f"grew by {grown} bytes"
        assert live(client)["allocations"] == 0


def test_opening_and_closing_leaves_no_descriptor_behind() -> None:
    exatlas.Client().close()
    before = descriptors()
    for _ in range(50):
        with exatlas.Client() as client:
            client.info()
            client.events.subscribe("rentals")
    gc.collect()
    assert descriptors() == before


def test_collecting_an_abandoned_stream_unsubscribes() -> None:
    with exatlas.Client() as client:
        stream = client.events.subscribe("rentals")
        assert live(client)["subscriptions"] == 1
        del stream
        gc.collect()
        assert live(client)["subscriptions"] == 0


def test_threads_are_switched_while_a_call_blocks(silent: SilentServer) -> None:
    # The interpreter lock is released in the library: this thread goes on while another one blocks.
    config: Any = {"runpod": {"api_key": "k", "base_url": silent.url}}
    with exatlas.Client(default_provider="runpod", providers=config) as client:

        def call() -> None:
            with pytest.raises(exatlas.AtlasError):
                client.compute.get(id="p1")

        thread = threading.Thread(target=call)
        thread.start()
        silent.arrived()
        assert thread.is_alive()
        client.close()
        thread.join(30)
        assert not thread.is_alive()
