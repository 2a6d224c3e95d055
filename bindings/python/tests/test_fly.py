"""Fly's platform operations against the simulated Fly and a stand-in for flyctl."""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from conftest import ROOT, live, simulation

import exatlas
from exatlas import errors

KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
LINES = [{"message": "first", "age_ms": 3000}, {"message": "second", "age_ms": 2000, "region": "ams"}]


@pytest.fixture(scope="module")
def fly() -> Iterator[str]:
    with simulation({"fly": {"logs": [{"app": "my-api", "lines": LINES}, {"app": "busy", "every_ms": 20}]}}) as urls:
        yield urls["fly"]


@pytest.fixture(scope="module")
def flyctl(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("flyctl") / "fly"
    subprocess.run(["go", "build", "-o", str(path), "./test/standin/fly"], cwd=ROOT, check=True)
    return str(path)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "fly.toml").write_text("app = 'my-api'\nprimary_region = 'ord'\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def config(fly: str, cli: str = "/nonexistent/fly") -> Dict[str, Any]:
    return {"store": {"url": "memory:", "key": KEY}, "fly": {"api_url": fly, "machines_url": fly, "cli": cli}}


def test_apps_are_found_beside_broken_files(fly: str, site: Path) -> None:
    (site / "broken").mkdir()
    (site / "broken" / "fly.toml").write_text("app = ")
    with exatlas.Client(**config(fly)) as client:
        found = client.fly.apps.discover(path=str(site))
    assert [app["name"] for app in found["items"]] == ["my-api"]
    assert found["items"][0]["primary_region"] == "ord"
    assert found["broken"][0]["file"].endswith("broken/fly.toml")


def test_tokens_say_where_they_come_from_and_are_not_printed(fly: str) -> None:
    with exatlas.Client(**config(fly)) as client:
        client.fly.tokens.set_manual(app="my-api", token="FlyV1 fm2_canary")
        token = client.fly.tokens.get(app="my-api")
        assert (token["token"], token["source"]) == ("fm2_canary", "manual")
        assert "canary" not in repr(token)
        assert client.fly.tokens.invalidate(app="my-api")["dropped"] == ["manual"]
        client.fly.tokens.set_manual(app="my-api", remove=True)


def test_log_lines_are_iterated_and_resumed(fly: str) -> None:
    with exatlas.Client(**config(fly)) as client:
        for app in ("my-api", "busy"):
            client.fly.tokens.set_manual(app=app, token="fm2_token")
        assert [line["message"] for line in client.fly.logs.fetch(app="my-api")["items"]] == ["first", "second"]
        with client.fly.logs("my-api", recent=True, region="ams") as lines:
            assert next(lines)["message"] == "second"
        seen: List[str] = []
        with client.fly.logs("busy") as stream:
            for line in stream:
                seen.append(line["message"])
                if len(seen) == 20:
                    break
            cursor = stream.cursor
        for line in client.fly.logs("busy", from_=cursor):
            seen.append(line["message"])
            if len(seen) == 40:
                break
        numbers = [int(text.split()[1]) for text in seen]
        assert numbers == list(range(numbers[0], numbers[0] + 40))
        with pytest.raises(errors.NotFoundError):
            client.fly.tokens.set_manual(app="nowhere", token="fm2_token")
            next(client.fly.logs("nowhere"))
        del line, lines, stream
        assert live(client)["subscriptions"] == 0 and live(client)["fly_streams"] == 0


def test_events_of_a_log_are_those_of_the_method(fly: str) -> None:
    with exatlas.Client(**config(fly)) as client:
        client.fly.tokens.set_manual(app="my-api", token="fm2_token")
        with client.fly.logs.subscribe(app="my-api", recent=True, region="ams") as events:
            event = next(events)
            assert (event["event"], event["data"]["message"]) == ("line", "second")
        assert client.events.unsubscribe(subscription=events.id) == {"ended": False}
        cursor = event["data"]["cursor"]
        with client.fly.logs.subscribe(app="my-api", from_=cursor) as events:
            with pytest.raises(errors.AtlasTimeoutError):
                events.get(timeout=0.05)


def test_log_lines_with_asyncio(fly: str) -> None:
    async def read() -> List[str]:
        seen: List[str] = []
        async with exatlas.AsyncClient(**config(fly)) as client:
            await client.fly.tokens.set_manual(app="busy", token="fm2_token")
            async with client.fly.logs("busy") as lines:
                async for line in lines:
                    seen.append(line["message"])
                    if len(seen) == 10:
                        break
        return seen

    assert len(asyncio.run(read())) == 10


def test_a_deploy_shows_its_progress_and_its_result(
    fly: str, flyctl: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLY_STANDIN", "ok")
    phases: List[str] = []
    with exatlas.Client(**config(fly, flyctl)) as client:
        result = client.fly.deploy(
            path=str(site), on_event=lambda event: phases.append(event["data"].get("phase", ""))
        )
        assert result["outcome"] == "succeeded" and result["url"] == "https://my-api.fly.dev/"
        assert "build" in phases and "done" in phases
        monkeypatch.setenv("FLY_STANDIN", "fail")
    with exatlas.Client(**config(fly, flyctl)) as client:
        with pytest.raises(errors.ProviderError) as failed:
            client.fly.deploy.run(path=str(site))
        assert failed.value.details["exit_code"] == 1


def test_flyctl_gets_the_signal_mask_of_the_program(fly: str, site: Path) -> None:
    script = site / "fly"
    script.write_text("#!/bin/sh\nexec grep SigBlk /proc/self/status\n")
    script.chmod(0o755)
    with exatlas.Client(**config(fly, str(script))) as client:
        client.fly.tokens.set_manual(app="my-api", token="fm2_token")
        result = client.fly.deploy.run(path=str(site))
    own = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("SigBlk"))
    assert [line["text"] for line in result["tail"]] == [own]


def test_others_follow_a_deploy_before_while_and_after(
    fly: str, flyctl: str, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLY_STANDIN", "pace:50")  # it runs while this looks at it
    topic = "fly.deploy:release-42"
    with exatlas.Client(**config(fly, flyctl)) as client:
        early = client.events.subscribe(topic=topic, from_=1)
        with client.fly.deploy.stream(path=str(site), ticket="release-42") as stream:
            assert stream.topic == topic
            with pytest.raises(errors.ConflictError):
                client.fly.deploy.run(path=str(site), ticket="release-42")
            own = [(event["seq"], event["event"]) for event in stream]
        late = [(event["seq"], event["event"]) for event in client.events.subscribe(topic=topic, from_=1)]
        assert [(event["seq"], event["event"]) for event in early] == late
        assert late[:-1] == own and late[0] == (1, "started") and late[-1][1] == "result"
        assert live(client)["subscriptions"] == 0

    async def follow() -> List[str]:
        async with exatlas.AsyncClient(**config(fly, flyctl)) as client:
            early = client.events.subscribe(topic=topic, from_=1)
            await client.fly.deploy(path=str(site), ticket="release-42")
            return [event["event"] async for event in early]

    assert asyncio.run(follow())[-1] == "result"


def test_leaving_a_deploy_ends_it(fly: str, flyctl: str, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = site / "runs"
    monkeypatch.setenv("FLY_STANDIN", "hang")
    monkeypatch.setenv("FLY_STANDIN_LOG", str(log))

    async def leave() -> None:
        async with exatlas.AsyncClient(**config(fly, flyctl)) as client:
            async with client.fly.deploy.stream(path=str(site)) as events:
                async for event in events:
                    if event["event"] == "line":
                        break

    asyncio.run(leave())
    pid = int(log.read_text().split('"pid":')[1].split("}")[0])
    for _ in range(1000):
        if not os.path.exists(f"/proc/{pid}"):
            return
        os.sched_yield()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
