"""Sessions as objects, and their events."""

import asyncio

import exatlas
import pytest

PARAMS = {"gpu": "h100", "image": "ghcr.io/me/server:1", "auth": "bearer", "idle_ttl_ms": 600_000}


def options(simulators):
    return {"default_provider": "mock", "providers": {"mock": {"base_url": simulators["mock"]}}, "store": {"url": "memory:"}}


def test_session_is_given_back_where_its_block_ends(simulators):
    with exatlas.Client(**options(simulators)) as client:
        with client.session(**PARAMS) as session:
            machine = session.compute["id"]
            token = session.auth["token"]
            session.touch()
            assert session.refresh().state == "live"
            assert session.auth["token"] == token
            assert machine in {c["id"] for c in client.compute.list(status="running")["items"]}
        assert session.state == "ended"
        assert client.compute.list(status="running")["items"] == []
        names = [event["event"] for event in session.events()]
        assert names[0] == "provisioning" and names[-2:] == ["terminating", "terminated"]


def test_credential_that_is_asked_for_again_does_not_print(simulators):
    with exatlas.Client(**options(simulators)) as client:
        with client.session(**PARAMS) as session:
            for _ in range(3):  # the later ones are reads that were quick before
                again = client.orchestrator.get(id=session.id, credential=True)
                assert again["auth"]["token"] == session.auth["token"]
                assert again["auth"]["token"] not in repr(again)


def test_session_without_a_credential_says_so(simulators):
    with exatlas.Client(**options(simulators)) as client:
        with client.session(**{**PARAMS, "auth": "none"}) as session, pytest.raises(KeyError, match="spawn it with auth"):
            print(session.auth)


def test_session_of_an_exception_is_given_back_too(simulators):
    with exatlas.Client(**options(simulators)) as client:
        with pytest.raises(KeyError), client.session(**PARAMS):
            raise KeyError("the user's own")
        assert client.orchestrator.list()["items"] == []


def test_session_that_can_be_given_back_is_not_forgotten(simulators):
    with exatlas.Client(**options(simulators)) as client:
        with client.session(**PARAMS) as session:
            with pytest.raises(exatlas.ConflictError, match="stop it first"):
                session.stop(forget=True)
            assert session.refresh().state == "live"
        assert session.stop(forget=True).facts["reason"] == "stopped"  # it ended long ago


def test_async_session_streams_its_events(simulators):
    async def story():
        async with exatlas.AsyncClient(**options(simulators)) as client:
            async with client.session(**PARAMS) as session:
                await session.touch()
                reader = asyncio.ensure_future(collect(session))
            assert session.state == "ended"
            names = await asyncio.wait_for(reader, 20)
            assert names[0] == "provisioning" and names[-1] == "terminated"
            kept = await client.session(**PARAMS)
            assert (await kept.refresh()).state == "live"
            await kept.stop()

    async def collect(session):
        return [event["event"] async for event in session.events()]

    asyncio.run(story())
