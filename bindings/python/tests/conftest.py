"""What the tests share: the library, the simulated clouds, a server that never answers, leak checks."""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from multiprocessing import resource_tracker
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Optional

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIBRARY = os.environ.setdefault("ATLAS_LIBRARY", str(ROOT / "build" / "libexatlas.so"))
CLI = os.environ.get("ATLAS_CLI", str(ROOT / "build" / "exatlas"))
PACKAGE = str(ROOT / "bindings" / "python")

sys.path.insert(0, PACKAGE)

import exatlas  # noqa: E402

# Provider keys of the person who runs the tests have no business in them.
for _name in ("RUNPOD_API_KEY", "LAMBDA_LABS_API_KEY", "VAST_API_KEY", "FLY_API_TOKEN", "FLY_ACCESS_TOKEN"):
    os.environ.pop(_name, None)


def pytest_sessionstart(session: pytest.Session) -> None:
    for path, target in ((LIBRARY, "lib"), (CLI, "cli")):
        if not os.path.exists(path):
            pytest.exit(f"{path} is missing: run `make {target}` in {ROOT}, or `make test-python`", returncode=3)


def live(client: exatlas.Client) -> Dict[str, int]:
    return dict(client.info()["live"])


def descriptors() -> List[str]:
    """The open descriptors, by number and what they lead to."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(f"{name} {os.readlink('/proc/self/fd/' + name)}")
        except FileNotFoundError:
            pass  # that of the listing itself
    return sorted(found)


# What a probe finds where nothing else is alive: itself, its call, and the goroutine of that.
ALONE = {"calls": 1, "clients": 1, "goroutines": 1}


def remains() -> Dict[str, int]:
    """What of the library is alive beside the client that asks; what was cancelled gets a moment to end."""
    gc.collect()
    until = time.monotonic() + 10
    with exatlas.Client() as probe:
        while True:
            gauges = live(probe)
            left = {name: value for name, value in gauges.items() if value != ALONE.get(name, 0)}
            if not left or time.monotonic() > until:
                return left
            time.sleep(0.01)


@pytest.fixture(autouse=True, scope="session")
def nothing_is_left() -> Iterator[None]:
    """The suite ends with the descriptors and threads it began with, and with all gauges at rest."""
    resource_tracker.ensure_running()  # of multiprocessing, which keeps a pipe to it
    with exatlas.Client(**runpod_config("http://127.0.0.1:9")) as client:  # the Go runtime opens its own descriptors once
        with pytest.raises(exatlas.TransportError):
            client.compute.get(id="p1")
    before, threads = descriptors(), threading.enumerate()
    yield
    assert remains() == {}
    left = [one for one in descriptors() if one not in before]
    assert left == [], f"descriptors were left open: {left}"
    assert threading.enumerate() == threads


@pytest.fixture(autouse=True)
def no_leaks(nothing_is_left: None) -> Iterator[None]:
    """No test leaves a client, a call, a sandbox, an allocation or a wake-up descriptor behind."""
    yield
    assert remains() == {}


@pytest.fixture(scope="session")
def simulators() -> Iterator[Dict[str, str]]:
    """The base URLs of freshly started simulated clouds, by provider."""
    with simulation() as urls:
        yield urls


class simulation:
    """Runs the simulators of the command line for as long as a with statement lasts."""

    def __init__(self, settings: Optional[Dict[str, Any]] = None) -> None:
        self.arguments = ["--options", json.dumps(settings)] if settings else []

    def __enter__(self) -> Dict[str, str]:
        self.process = subprocess.Popen(
            [CLI, "sim", *self.arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(f"{CLI} sim ended without an address (status {self.process.wait(10)})")
        urls: Dict[str, str] = json.loads(line)
        return urls

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=10)


def runpod_config(base_url: str) -> Dict[str, Any]:
    return {
        "default_provider": "runpod",
        "providers": {"runpod": {"api_key": "rpa_TESTKEY", "base_url": base_url}},
    }


@pytest.fixture
def client(simulators: Dict[str, str]) -> Iterator[exatlas.Client]:
    with exatlas.Client(**runpod_config(simulators["runpod"])) as opened:
        yield opened


class SilentServer:
    """Accepts connections and never answers; ``requests`` counts what has arrived."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.requests = threading.Semaphore(0)
        self.connections: List[socket.socket] = []
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        import selectors

        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is self.listener:
                    try:
                        connection, _ = self.listener.accept()
                    except OSError:
                        connection = None
                    if connection is None or self.listener.fileno() < 0:
                        return
                    self.connections.append(connection)
                    selector.register(connection, selectors.EVENT_READ)
                else:
                    received = key.fileobj.recv(65536)  # type: ignore[union-attr]
                    if received == b"QUIT":
                        selector.close()
                        return
                    if received:
                        self.requests.release()
                    else:
                        selector.unregister(key.fileobj)

    def arrived(self) -> None:
        """Waits until one more request is there."""
        assert self.requests.acquire(timeout=30), "no request arrived"

    def close(self) -> None:
        with socket.create_connection(self.listener.getsockname()) as last:
            last.sendall(b"QUIT")
            self.thread.join(10)
        self.listener.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


Child = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def child() -> Iterator[Child]:
    """Starts a Python program that has the package; ends it at the latest when the test does."""
    started: List["subprocess.Popen[str]"] = []

    def start(code: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, "PYTHONPATH": PACKAGE, "PYTHONUNBUFFERED": "1", **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
