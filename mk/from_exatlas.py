"""Holds docs/from-exatlas.md against the library."""

import pathlib
import re
import sys
import tempfile

from programs import ROOT, blocks, expect, python, run, simulators


COUNTERPARTS = """
import json, sys, exatlas
runpod, mock = sys.argv[1:]
with exatlas.Client(default_provider="runpod", providers={"runpod": {"api_key": "try", "base_url": runpod}, "mock": {"base_url": mock}}, store={"url": "memory:"}) as c:
    same = dict(gpu_count=1, image="i", cloud_type="any", region_hints=["US-KS-2"], env={"A": "b"}, volume_gb=10, container_disk_gb=20, name="atlas-u-17", provider_opts={})
    machine = c.compute.spawn(gpu="rtx_4090", ports=[{"internal": 8000}, {"internal": 22, "protocol": "tcp"}], auth="signed_url", include_raw=True, timeout=60, **same)
    assert machine["raw"] and machine["auth"]["scheme"] == "signed_url"
    assert c.compute.list(status="running", name="atlas-u-17", region="US-KS-2", gpu="rtx_4090")["items"][0]["id"] == machine["id"]
    assert c.compute.stop(id=machine["id"])["status"] == "stopped"
    assert c.compute.start(id=machine["id"])["status"] != "stopped"
    assert c.compute.get(id=machine["id"], api_key="try")["id"] == machine["id"]
    for _ in "twice":
        assert c.compute.terminate(id=machine["id"])["status"] == "terminated"
    try:
        c.compute.spawn(gpu="rtx_4090", image="i", spot=True)
        raise SystemExit("spot")
    except exatlas.UnsupportedError:
        pass
    job = c.jobs.run(endpoint="stream-2", input={"prompt": "a"}, mode="async", webhook="https://example.org/done", policy={"ttl_ms": 60000})
    assert len(list(c.jobs.stream(endpoint="stream-2", id=job["id"]))) == 2
    assert c.jobs.get(endpoint="stream-2", id=job["id"])["status"] == "completed"
    assert c.jobs.cancel(endpoint="never", id=c.jobs.run(endpoint="never", input={})["id"])["status"] == "cancelled"
    try:
        c.jobs.run(endpoint="never", input={}, mode="sync", timeout_ms=200)
        raise SystemExit("sync")
    except exatlas.AtlasTimeoutError as error:
        assert "cancelled" in error.hint
    assert {"serverless", "network_volumes", "http_proxy", "raw_tcp", "symmetric_ports", "webhooks", "global_networking"} <= set(c.providers.capabilities(provider="runpod")["capabilities"])
    assert any(row.get("canonical") for row in c.gpus.list()["items"])
    assert {"h200", "h100", "a100_80g", "a100_40g", "l40s", "l4", "a6000", "rtx_4090", "rtx_3090", "mi300x"} <= {row["name"] for row in c.gpus.catalog()["items"]}
    token = c.auth.token.mint()
    assert set(token) == {"token", "hash", "header", "env"} and c.auth.token.verify(token=token["token"], hash=token["hash"])["valid"]
    url = c.auth.url.sign(url="https://pod/stream", secret="s", expires_in_ms=3600000)["url"]
    assert c.auth.url.verify(url=url, secret="s")["valid"] and c.auth.url.sign(url=url, secret="s")["url"]
    assert c.auth.url.verify(url=url, secret="s", now="2090-01-01T00:00:00Z")["reason"] == "expired"
    assert c.compute.spawn(provider="mock", gpu="h100", image="i")["status"] == "running"
    session = c.orchestrator.spawn(gpu="rtx_4090", image="i", user_id="u-17", max_lifetime_ms=60000, ready_timeout_ms=60000, on_exit="terminate")
    assert c.orchestrator.list(user_id="u-17")["items"][0]["compute"]["id"] == session["compute"]["id"]
    assert c.orchestrator.touch(id=session["compute"]["id"])["touched_at"]
    assert c.orchestrator.reap(dry_run=True, name_prefix="atlas-")["items"][0]["dry_run"]
    assert c.dashboard.serve(actions=True)["operator_url"]
"""


def settings_and_methods():
    """Every name with a point in it that a page may mention: methods, and settings by their place."""
    names = set(re.findall(r"^## ([a-z_]+\.[a-z_.]+)$", (ROOT / "docs" / "methods.md").read_text(), re.M))
    sections = re.findall(r"^### (.*?)\n(.*?)(?=^### |\Z)", (ROOT / "docs" / "configuration.md").read_text(), re.M | re.S)
    for title, table in sections:
        place = "" if title == "the document" else title.strip("`") + "."
        names |= {place + field for field in re.findall(r"^\| `(\w+)` \|", table, re.M)}
    return names


def from_exatlas(address):
    """Its program, its names, and the calls that its tables promise."""
    known = settings_and_methods() | {name.replace("<name>", "runpod") for name in settings_and_methods()}
    text = re.sub(r"^```.*?^```$", "", (ROOT / "docs" / "from-exatlas.md").read_text(), flags=re.M | re.S)
    mentioned = set(re.findall(r"`((?:compute|jobs|auth|orchestrator|events|dashboard|providers|gpus|offers|fly|store|plugins)\.[a-z_.<>]+)`", text))
    known |= {"fly.token.acquire", "fly.deploy.exit"}  # events of telemetry
    expect(len(mentioned) > 40 and mentioned <= known, f"docs/from-exatlas.md names {sorted(mentioned - known)}")
    [program] = [text for language, text in blocks("docs/from-exatlas.md") if language == "python"]
    with tempfile.TemporaryDirectory() as folder:
        lines = python(program.replace("http://127.0.0.1:8700", address), pathlib.Path(folder)).splitlines()
    told = "/proxy/" in lines[0] and len(lines[1]) == 43 and lines[2] == "provisioning" and lines[-1] == "terminated"
    expect(told, f"the program of docs/from-exatlas.md printed {lines}")
    with simulators("runpod", "mock") as clouds:
        run([sys.executable, "-c", COUNTERPARTS, clouds["runpod"], clouds["mock"]], ROOT, PYTHONPATH=str(ROOT / "bindings" / "python"))
    print("ok   docs/from-exatlas.md python, and its counterparts")
    return 1
