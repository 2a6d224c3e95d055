"""The blocking client: options, misuse, secrets, closing."""

from __future__ import annotations

import gc
import json
import pickle
import threading
from typing import Any, Callable

import pytest
from conftest import SilentServer, live, runpod_config

import exatlas
from exatlas import errors

CANARY = "rpa_CANARYCANARYCANARY"


def local() -> exatlas.Client:
    return exatlas.Client()


def test_info_tells_the_versions() -> None:
    with local() as client:
        info = client.info()
    assert info["abi"] == 1
    assert {"mock", "runpod"} <= set(info["providers"])


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: exatlas.Client(provider={}), "Client() got an unexpected keyword argument 'provider'; did you mean 'providers'?"),  # type: ignore[call-arg]
        (lambda: exatlas.AsyncClient(limit={}), "did you mean 'limits'?"),  # type: ignore[call-arg]
        (lambda: local().compute.spawn(gpu_cuont=2), "did you mean 'gpu_count'?"),  # type: ignore[call-arg]
        (lambda: local().compute.get(id="x", provdier="runpod"), "did you mean 'provider'?"),  # type: ignore[call-arg]
        (lambda: local().jobs.stream(endpoit="x", id="y"), "did you mean 'endpoint'?"),  # type: ignore[call-arg]
        (lambda: local().compute.get(zzz=1), "it takes "),  # type: ignore[call-arg]
        (lambda: local().compute.spawn(user_id="u"), "argument 'user_id'; client.orchestrator.spawn() takes it"),  # type: ignore[call-arg]
        (lambda: local().compute.stop(id="x", wait_ms=1), "; client.orchestrator.stop() takes it"),  # type: ignore[call-arg]
        (lambda: local().orchestrator.list(provider="x"), "; client.compute.list() and client.gpus.list() take it"),  # type: ignore[call-arg]
    ],
)
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_misspelt_option_gets_a_suggestion(call: Callable[[], Any], text: str) -> None:
    with pytest.raises(TypeError) as caught:
        call()
    assert text in str(caught.value)


@pytest.mark.parametrize("cls", [exatlas.Client, exatlas.AsyncClient])
def test_settings_given_positionally_are_answered_with_what_to_write(cls: Any) -> None:
    name = cls.__name__
    with pytest.raises(TypeError) as caught:
        cls({"providers": {"runpod": {"api_key": CANARY}}})
    assert str(caught.value) == f"{name}() takes its settings as keyword arguments; write {name}(**settings)"
    with pytest.raises(TypeError) as caught:
        cls("runpod")
    assert str(caught.value).endswith(f'write {name}(default_provider="runpod")')


def test_a_misspelt_field_inside_an_option_gets_the_librarys_suggestion() -> None:
    with pytest.raises(errors.ValidationError, match="api_key"):
        exatlas.Client(providers={"runpod": {"apikey": CANARY}})


def test_a_misspelt_method_gets_a_suggestion() -> None:
    with local() as client, pytest.raises(errors.ValidationError, match="compute.spawn"):
        client.call("compute.spwan", {})


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
def test_a_timeout_that_is_no_time_is_refused(timeout: float) -> None:
    with local() as client, pytest.raises(ValueError, match="positive number of seconds"):
        client.call("atlas.info", timeout=timeout)


@pytest.mark.parametrize("timeout", ["5", True])
def test_a_timeout_that_is_no_number_is_refused(timeout: Any) -> None:
    with local() as client, pytest.raises(TypeError, match="number of seconds"):
        client.call("atlas.info", timeout=timeout)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), b"bytes", {1, 2}])
def test_a_value_that_json_lacks_is_refused_before_anything_is_sent(value: Any) -> None:
    with local() as client:
        with pytest.raises((TypeError, ValueError)):
            client.call("compute.get", {"id": value})
        assert live(client)["calls"] == 1


@pytest.mark.parametrize("text", ["", "é€😀", "\x00", '"\\\n', "\ud800"])
def test_any_text_arrives_as_it_is_or_is_refused(text: str) -> None:
    with local() as client:
        token = client.auth.token.mint()
        try:
            assert client.auth.token.verify(token=text, hash=token["hash"])["valid"] is False
        except errors.ValidationError:
            assert text in ("", "\ud800")


def test_a_closed_client_says_so_and_closing_twice_is_allowed() -> None:
    client = local()
    assert not client.closed
    client.close()
    client.close()
    assert client.closed
    assert repr(client) == "<exatlas.Client closed>"
    with pytest.raises(errors.ClosedError, match="closed") as closed:
        client.info()
    assert closed.value.kind == "cancelled"  # as in every language
    with pytest.raises(errors.ClosedError):
        client.jobs.run(endpoint="e", input={})


@pytest.mark.parametrize("timeout", [2.0**53, 1e300, float("inf")])
def test_closing_may_be_given_any_time(timeout: float) -> None:
    client = local()
    client.close(timeout=timeout)
    with local() as other, other.events.subscribe(topic="telemetry") as events:
        closer = threading.Timer(0, events.close)
        closer.start()
        assert events.get(timeout=timeout) is None
        closer.join()


def test_closing_refuses_what_is_no_time_and_closes_nothing() -> None:
    with local() as client:
        with pytest.raises(ValueError, match="not nan"):
            client.close(timeout=float("nan"))
        assert not client.closed and client.info()["abi"] == 1


def test_a_dropped_client_is_closed_with_a_warning() -> None:
    client = local()
    with pytest.warns(ResourceWarning, match="unclosed <exatlas.Client open>"):
        del client
        gc.collect()


def test_a_client_does_not_travel_to_another_process() -> None:
    with local() as client, pytest.raises(TypeError, match="belongs to the process"):
        pickle.dumps(client)


def test_closing_ends_the_calls_of_other_threads(silent: SilentServer) -> None:
    client = exatlas.Client(**runpod_config(silent.url))
    ended = []

    def call() -> None:
        try:
            client.compute.get(id="p1")
        except errors.AtlasError as error:
            ended.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in threads:
        silent.arrived()
    client.close()
    for thread in threads:
        thread.join(10)
    assert len(ended) == 8
    assert {type(error) for error in ended} <= {errors.CallCancelledError, errors.ClosedError}


def test_a_request_over_the_limit_is_refused() -> None:
    with exatlas.Client(limits={"request_bytes": 4096}) as client:
        with pytest.raises(errors.TooLargeError, match=r"limits\.request_bytes"):
            client.jobs.run(endpoint="e", input={"text": "x" * 5000})


def test_printing_shows_no_secret() -> None:
    config = {"runpod": {"api_key": CANARY}}
    with exatlas.Client(providers=config) as client:
        minted = client.auth.token.mint()
        shown = [repr(minted), str(minted), f"{minted}", repr({"auth": minted}), repr(client), repr(client.compute)]
        shown += [repr(vars(client)), repr(vars(client._pump))]
        assert not [text for text in shown if minted["token"] in text or CANARY in text]
        assert minted["hash"] in repr(minted)
        # It is a dictionary all the same: the program can hand the token out.
        assert json.loads(json.dumps(minted))["token"] == minted["token"]
        assert minted["env"]["ATLAS_PRESHARED_KEY"] == minted["token"]
        assert pickle.loads(pickle.dumps(minted)) == minted
        assert minted["token"] not in repr(pickle.loads(pickle.dumps(minted)))


def test_an_error_shows_no_key() -> None:
    with exatlas.Client(providers={"runpod": {"api_key": CANARY, "base_url": "http://127.0.0.1:9"}}) as client:
        with pytest.raises(errors.TransportError) as caught:
            client.compute.get(provider="runpod", id="p1")
    assert CANARY not in repr(caught.value) + str(caught.value) + repr(vars(caught.value))


def test_local_credentials_round_trip() -> None:
    with local() as client:
        token = client.auth.token.mint()
        assert client.auth.token.verify(token=token["token"], hash=token["hash"])["valid"] is True
        signed = client.auth.url.sign(url="https://pod.example/run?b=1&a=2", secret="s3cret", expires_in_ms=60_000)
        assert client.auth.url.verify(url=signed["url"], secret="s3cret")["valid"] is True
        assert client.auth.url.verify(url=signed["url"] + "0", secret="s3cret")["valid"] is False
