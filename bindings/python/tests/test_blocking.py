"""Blocking calls: Ctrl-C, deadlines, threads."""

from __future__ import annotations

import signal
import subprocess
import threading
import time

import pytest
from conftest import Child, SilentServer, live, runpod_config

import exatlas
from exatlas import errors

INTERRUPTED = """
import json, sys, time
import exatlas
client = exatlas.Client(default_provider="runpod", providers={"runpod": {"api_key": "k", "base_url": sys.argv[1]}})
try:
    %s
except KeyboardInterrupt:
    # The call is gone as soon as the cancellation has gone through it.
    deadline = time.monotonic() + 10
    while client.info()["live"]["calls"] > 1 and time.monotonic() < deadline:
        time.sleep(0.01)
    print("interrupted", client.info()["live"]["calls"] - 1)
    client.close()
"""


@pytest.mark.parametrize(
    "call",
    [
        'client.compute.get(id="p1")',
        'client.compute.get(id="p1", timeout=3600)',
        'client.call("jobs.run", {"endpoint": "e", "input": {}, "mode": "sync", "timeout_ms": 600000})',
    ],
)
def test_ctrl_c_ends_a_blocking_call_and_cancels_it(child: Child, silent: SilentServer, call: str) -> None:
    process = child(INTERRUPTED % call, silent.url)
    silent.arrived()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out.strip(), err, process.returncode) == ("interrupted 0", "", 0)
    assert time.monotonic() - began < 5


def test_ctrl_c_that_nobody_catches_ends_the_program(child: Child, silent: SilentServer) -> None:
    process = child(INTERRUPTED.replace("except KeyboardInterrupt", "except ZeroDivisionError") % 'client.compute.get(id="p1")', silent.url)
    silent.arrived()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in err
    assert process.returncode == -signal.SIGINT


def test_ctrl_c_ends_an_iteration_that_waits(child: Child) -> None:
    process = child(
        "import exatlas\n"
        "client = exatlas.Client()\n"
        "with client, client.events.subscribe('rentals') as events:\n"
        "    try:\n"
        "        print('waiting')\n"
        "        for event in events: pass\n"
        "    except KeyboardInterrupt:\n"
        "        print('interrupted')\n"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (out, err, process.returncode) == ("interrupted\n", "", 0)


def test_a_signal_handler_runs_during_a_blocking_call(child: Child, silent: SilentServer) -> None:
    process = child(
        "import signal, sys, exatlas\n"
        "signal.signal(signal.SIGUSR1, lambda *_: print('handled', client.info()['abi'], flush=True))\n"
        "client = exatlas.Client(default_provider='runpod', providers={'runpod': {'api_key': 'k', 'base_url': sys.argv[1]}})\n"
        "client.compute.get(id='p1')\n",
        silent.url,
    )
    silent.arrived()
    process.send_signal(signal.SIGUSR1)
    assert process.stdout is not None
    assert process.stdout.readline() == "handled 1\n"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)


def test_what_a_signal_handler_raises_ends_the_call_and_cancels_it(child: Child, silent: SilentServer) -> None:
    handler = (
        "import signal\n"
        "class TooLong(Exception): pass\n"
        "def alarm(*_): raise TooLong\n"
        "signal.signal(signal.SIGALRM, alarm)\n"
    )
    body = INTERRUPTED.replace("KeyboardInterrupt", "TooLong") % 'client.compute.get(id="p1")'
    process = child(handler + body, silent.url)
    silent.arrived()
    process.send_signal(signal.SIGALRM)
    out, err = process.communicate(timeout=30)
    assert (out.strip(), err, process.returncode) == ("interrupted 0", "", 0)


def test_a_deadline_ends_a_call(silent: SilentServer) -> None:
    with exatlas.Client(**runpod_config(silent.url)) as client:
        for timeout in (0.01, 0.2):  # before and after the call is detached
            with pytest.raises(errors.AtlasTimeoutError) as caught:
                client.compute.get(id="p1", timeout=timeout)
            assert isinstance(caught.value, TimeoutError)
            assert caught.value.kind == "timeout"
        assert live(client)["calls"] == 1


def test_a_deadline_ends_a_call_of_another_thread(silent: SilentServer) -> None:
    with exatlas.Client(**runpod_config(silent.url)) as client:
        caught = []

        def call() -> None:
            with pytest.raises(TimeoutError) as error:
                client.compute.get(id="p1", timeout=0.05)
            caught.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        thread.join(30)
        assert len(caught) == 1


def test_32_threads_share_a_client(client: exatlas.Client) -> None:
    failures = []

    def work(number: int) -> None:
        try:
            for round in range(10):
                token = client.auth.mint_token()
                assert client.auth.verify_token(token=token["token"], hash=token["hash"])["valid"]
                with pytest.raises(errors.NotFoundError) as caught:
                    client.compute.get(id=f"missing-{number}-{round}")
                assert caught.value.provider == "runpod"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failures == []
    assert live(client)["calls"] == 1


def test_detached_calls_and_subscriptions_of_many_threads_share_one_queue(silent: SilentServer) -> None:
    with exatlas.Client(**runpod_config(silent.url)) as client:
        subscriptions = [client.events.subscribe("rentals") for _ in range(8)]
        ended = []

        def iterate(subscription: exatlas.Subscription) -> None:
            ended.append(list(subscription))

        threads = [threading.Thread(target=iterate, args=(subscription,)) for subscription in subscriptions]
        for thread in threads:
            thread.start()
        for _ in range(3):
            with pytest.raises(TimeoutError):
                client.compute.get(id="p1", timeout=0.15)
        for subscription in subscriptions:
            subscription.close()
        for thread in threads:
            thread.join(10)
        assert ended == [[]] * 8
        assert live(client).get("subscriptions", 0) == 0


def test_a_subprocess_started_by_a_client_program_is_unaffected() -> None:
    with exatlas.Client() as client:
        client.info()
        assert subprocess.run(["true"], check=True).returncode == 0
