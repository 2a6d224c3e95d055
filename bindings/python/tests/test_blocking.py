"""Blocking calls: Ctrl-C, deadlines, threads."""

from __future__ import annotations

import http.server
import json
import select
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from typing import Any, Callable, Dict, Iterator, List, Optional, Set, Tuple

import pytest
from conftest import Child, SilentServer, live, runpod_config

import exatlas
from exatlas import _codec, _native, _pump, errors
from exatlas import client as calls

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


class Moody:
    """Forwards to a simulated cloud until it is told to stay silent."""

    def __init__(self, upstream: str) -> None:
        outer = self
        self.silent = threading.Event()
        self.asked = 0
        self.go_on = threading.Event()
        self.patience = 0  # the silent request that makes it speak again

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = 1 << 16  # one segment for head and body

            def do_GET(self) -> None:
                outer.asked += 1
                if outer.silent.is_set():
                    if outer.asked == outer.patience:
                        outer.go_on.set()
                    outer.go_on.wait(30)
                request = urllib.request.Request(upstream + self.path, headers={"Authorization": self.headers["Authorization"]})
                try:
                    answer = urllib.request.urlopen(request)
                except urllib.error.HTTPError as error:
                    answer = error
                with answer:
                    status, body = answer.status, answer.read()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = False  # so that closing waits for them
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # callers that have given up
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        self.go_on.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def moody(simulators: Dict[str, str]) -> Iterator[Moody]:
    server = Moody(simulators["runpod"])
    yield server
    server.close()


def test_a_read_that_was_quick_and_is_slow_is_asked_again_and_answers(
    moody: Moody, client: exatlas.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    rented = client.compute.spawn(gpu="rtx_4090", image="img")["id"]
    short = calls._QUICK
    monkeypatch.setattr(calls, "_QUICK_S", 3600)  # nothing a busy machine does is slow
    monkeypatch.setattr(calls, "_QUICK", '"deadline_ms":60000,')
    with exatlas.Client(**runpod_config(moody.url)) as reader:
        reader.compute.get(id=rented)
        assert list(reader._quick) == ["compute.get"]
        with pytest.raises(errors.NotFoundError):
            reader.compute.get(id="nothing")
        asked = moody.asked
        assert reader.compute.get(id=rented)["id"] == rented
        assert moody.asked == asked + 1
        reader._quick.clear()
        monkeypatch.setattr(calls, "_QUICK", short)
        reader.compute.get(id=rented)
        asked, moody.patience = moody.asked, moody.asked + 2
        monkeypatch.setattr(calls, "_QUICK_S", 0)
        moody.silent.set()
        assert reader.compute.get(id=rented)["id"] == rented
        assert moody.asked == asked + 2  # given up once, and asked in the way that can be interrupted
        assert reader._quick == {}
    client.compute.terminate(id=rented)


def test_a_read_that_was_quick_keeps_no_credential(client: exatlas.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_QUICK_S", 3600)  # nothing a busy machine does is slow
    rented = client.compute.spawn(gpu="rtx_4090", image="img", api_key="canary-7")["id"]
    for _ in range(3):
        assert client.compute.get(id=rented, api_key="canary-7")["id"] == rented
    assert "canary-7" not in repr([(kept.last, kept._head) for kept in (*client._quick.values(), *client._direct.values())])
    client.compute.terminate(id=rented, api_key="canary-7")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_read_that_was_quick_waits_for_a_cloud_that_fails_for_a_moment(
    simulators: Dict[str, str], client: exatlas.Client, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(calls, "_QUICK_S", 3600)  # nothing a busy machine does is slow
    rented = client.compute.spawn(gpu="rtx_4090", image="img")["id"]
    client.compute.get(id=rented)
    assert list(client._quick) == ["compute.get"]
    fault = {"method": "GET", "path": "/v2/pods/" + rented, "effect": "status", "status": status, "count": 1}
    told = json.dumps(fault).encode()
    with urllib.request.urlopen(simulators["runpod"] + "/_sim/faults", data=told, timeout=30) as answer:
        id = json.load(answer)["id"]
    try:
        assert client.compute.get(id=rented)["id"] == rented
    finally:
        gone = urllib.request.Request(f"{simulators['runpod']}/_sim/faults/{id}", method="DELETE")
        urllib.request.urlopen(gone, timeout=30).close()
    client.compute.terminate(id=rented)


def test_ctrl_c_ends_a_read_that_was_quick(child: Child, moody: Moody, client: exatlas.Client) -> None:
    rented = client.compute.spawn(gpu="rtx_4090", image="img")["id"]
    body = INTERRUPTED % (
        "while not client._quick: client.compute.get(id=sys.argv[2])"
        "\n    print('quick', flush=True)"
        "\n    sys.stdin.readline()"
        "\n    client.compute.get(id=sys.argv[2])"
    )
    process = child(body.replace('"k"', '"rpa_TESTKEY"'), moody.url, rented)
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "quick\n"
    moody.silent.set()
    asked = moody.asked
    process.stdin.write("go\n")
    process.stdin.flush()
    while moody.asked == asked:
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (out.strip(), err, process.returncode) == ("interrupted 0", "", 0)
    client.compute.terminate(id=rented)


def test_a_machine_whose_call_was_interrupted_too_late_is_given_back(
    client: exatlas.Client, simulators: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exatlas.client._DETACH", ',"detach_after_ms":1,')
    before = rented(client)
    with exatlas.Client(**runpod_config(simulators["runpod"])) as own:  # its plugin is compiled first: that takes longer
        real = own._library.next

        def interrupted(handle: int, timeout_ms: int, route: Callable[[bytes], None]) -> int:
            status = real(handle, timeout_ms, route)
            if status == 0:
                own._pump._library = own._library  # giving back may wait, too
                assert rented(client) > before
                raise KeyboardInterrupt  # as Python does once the C function is back
            return status

        own._pump._library = own._library._replace(next=interrupted)
        with pytest.raises(KeyboardInterrupt):
            own.compute.spawn(gpu="rtx_4090", image="i")
        assert rented(client) == before
        assert own._pump.calls == {} and own._pump._makers._calls == {}


def test_a_machine_is_given_back_later_where_too_many_calls_are_in_flight(client: exatlas.Client, simulators: Dict[str, str]) -> None:
    before = rented(client)
    with exatlas.Client(**runpod_config(simulators["runpod"])) as own:
        machine = own.compute.spawn(gpu="rtx_4090", image="i")
        own._request = lambda *_: (_native.BUSY, None)
        own._undo("py-x", ("compute.terminate", {"provider": "runpod", "id": machine["id"]}))
        own._pump.settle(60)
        assert rented(client) == before


def test_a_machine_is_not_lost_to_an_interrupt_in_the_call_that_rented_it(
    client: exatlas.Client, simulators: Dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exatlas.client._DETACH", ',"detach_after_ms":60000,')
    before = rented(client)
    with exatlas.Client(**runpod_config(simulators["runpod"])) as own:
        real = own._request

        def interrupted(handle: int, request: bytes) -> Tuple[int, Optional[bytes]]:
            answer = real(handle, request)
            if b"compute.spawn" in request:
                raise KeyboardInterrupt  # as Python does once the C function is back
            return answer

        own._request = interrupted
        try:
            machine = own.compute.spawn(gpu="rtx_4090", image="i")
        except KeyboardInterrupt:
            pass
        else:
            own.compute.terminate(id=machine["id"])
    assert rented(client) == before


def test_closing_gives_back_what_was_interrupted_too_late(client: exatlas.Client, simulators: Dict[str, str]) -> None:
    before = rented(client)
    with exatlas.Client(**runpod_config(simulators["runpod"])) as own:
        fd = own._library.wake_fd(own._handle)

        def interrupted(handle: int, timeout_ms: int, route: Callable[[bytes], None]) -> int:
            own._pump._library = own._library
            assert select.select([fd], [], [], 30)[0], "no answer came"
            raise KeyboardInterrupt  # before the answer was taken

        own._pump._library = own._library._replace(next=interrupted)
        with pytest.raises(KeyboardInterrupt):
            own.compute.spawn(gpu="rtx_4090", image="i")
        assert rented(client) > before
    assert rented(client) == before


def interrupt_once(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, when: Callable[..., bool], after: bool) -> None:
    """Raises KeyboardInterrupt before, or after, the first call of a function that is meant."""
    real, pending = getattr(owner, name), [True]

    def interrupted(*arguments: Any) -> Any:
        if not (pending and when(*arguments)):
            return real(*arguments)
        pending.clear()
        if after:
            real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize(("owner", "name", "after"), [
    (_codec, "decode", False), (_codec, "decode", True), (_pump.Box, "signal", False), (_pump.Box, "signal", True), (_pump.Makers, "undoing", True),
])
def test_a_machine_whose_answer_was_being_put_away_is_given_back(
    client: exatlas.Client, simulators: Dict[str, str], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, after: bool
) -> None:
    before = rented(client)
    with exatlas.Client(**runpod_config(simulators["runpod"])) as own:
        if owner is _pump.Makers:
            first = own._pump._library.next
            own._pump._library = own._library._replace(next=lambda *arguments: interrupting(own, first, *arguments))
        interrupt_once(monkeypatch, owner, name, lambda *a: owner is not _codec or b'"completion"' in a[0], after)
        with pytest.raises(KeyboardInterrupt):
            own.compute.spawn(gpu="rtx_4090", image="i")
        if owner is _pump.Makers:
            with pytest.raises(KeyboardInterrupt):
                own._pump.settle(60)
        own._pump.settle(60)
        assert not own._pump._makers.ids()
        assert rented(client) == before
    assert own._pump.calls == {}


def interrupting(own: exatlas.Client, real: Callable[..., int], *arguments: Any) -> int:
    """Ctrl-C before the answer is taken, once it is there: it is taken by settle."""
    own._pump._library = own._library
    assert select.select([own._library.wake_fd(own._handle)], [], [], 30)[0], "no answer came"
    raise KeyboardInterrupt


def test_an_event_that_was_being_put_away_comes_once(simulators: Dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    with exatlas.Client(**runpod_config(simulators["runpod"])) as own, own.events.subscribe(topic="telemetry") as events:
        interrupt_once(monkeypatch, _pump.Box, "signal", lambda *_: True, False)
        with pytest.raises(KeyboardInterrupt):
            own.compute.list()  # which telemetry tells of
            events.get(timeout=30)
        numbers: List[int] = []
        with pytest.raises(errors.AtlasTimeoutError):
            while True:
                event = events.get(timeout=0.2)
                assert event is not None
                numbers.append(event["seq"])
        assert numbers and numbers == sorted(set(numbers))


@pytest.mark.parametrize("accepted", [False, True])
def test_closing_waits_for_no_call_that_was_interrupted_before_it_was_accepted(
    client: exatlas.Client, simulators: Dict[str, str], accepted: bool
) -> None:
    before = rented(client)
    own = exatlas.Client(**runpod_config(simulators["runpod"]))
    real = own._library

    def interrupted(handle: int, request: bytes) -> Tuple[int, Optional[bytes]]:
        own._library = real
        if accepted:
            real.submit(handle, request)
        raise KeyboardInterrupt  # as Python does before the C function, or once it is back

    own._library = real._replace(submit=interrupted)
    with pytest.raises(KeyboardInterrupt):
        own.compute.spawn(gpu="rtx_4090", image="i")
    own.close(timeout=60)
    assert own._pump._makers.ids() == []  # so close had nothing to wait for
    assert rented(client) == before


def rented(client: exatlas.Client) -> Set[str]:
    return {machine["id"] for machine in client.compute.list()["items"] if machine["status"] != "terminated"}


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
                token = client.auth.token.mint()
                assert client.auth.token.verify(token=token["token"], hash=token["hash"])["valid"]
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
