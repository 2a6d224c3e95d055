"""Runs the programs of docs/*.md. Each function returns how many passed."""

import http.client
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time

from programs import CLI, ROOT, blocks, c, call, expect, go, js, node_modules, python, run, simulators


def every(address):
    """All of them; address is that of a simulated RunPod."""
    return abi() + sessions(address) + fly() + dashboard() + in_the_machine() + events() + testing() + security() + from_exatlas(address)


def abi():
    [program] = [text for language, text in blocks("docs/abi.md") if language == "c"]
    with tempfile.TemporaryDirectory() as folder:
        output = c(program, pathlib.Path(folder))
    expect(output == '{"type":"completion","id":"1","result":\n', f"the program of docs/abi.md printed {output!r}")
    print("ok   docs/abi.md c")
    return 1


def sessions(address):
    [program] = [text for language, text in blocks("docs/sessions.md") if language == "python"]
    with tempfile.TemporaryDirectory() as folder:
        output = python(program.replace("http://127.0.0.1:8700", address), pathlib.Path(folder))
    lines = output.splitlines()
    told = lines[1] == "1 provisioning" and lines[-2].endswith(" ready") and lines[-1] == "ended"
    expect(told, f"the program of docs/sessions.md printed {output!r}")
    print("ok   docs/sessions.md python")
    return 1


def fly():
    """Against a simulated Fly, with a stand-in for flyctl."""
    lines = [{"message": "started", "age_ms": 2000}, {"message": "failed", "age_ms": 1000, "level": "error"}]
    options = {"fly": {"logs": [{"app": "my-api", "lines": lines}]}}
    with simulators("fly", options=options) as clouds, tempfile.TemporaryDirectory() as name:
        [program] = [text for language, text in blocks("docs/fly.md") if language == "python"]
        folder = pathlib.Path(name)
        run(["go", "build", "-o", str(folder / "fly"), "./test/standin/fly"], ROOT)
        (folder / "fly.toml").write_text('app = "my-api"\n')
        os.environ.update(FLY_STANDIN="ok", FLY_API_TOKEN="fm2_readme")
        output = python(program.replace("http://127.0.0.1:8701", clouds["fly"]), folder)
        shell = [text for language, text in blocks("docs/fly.md") if language == "sh"][0]
        found = run(["bash", "-euc", shell.replace("build/exatlas", str(CLI))], folder)
    for expected in ("my-api ", "succeeded https://my-api.fly.dev/", " ord failed"):
        expect(expected in output, f"the program of docs/fly.md printed {output!r}")
    expect('"name":"my-api"' in found, f"the shell lines of docs/fly.md printed {found!r}")
    print("ok   docs/fly.md python, sh")
    return 2


def dashboard():
    """Its Python is run; its Go would not end and is only checked."""
    for language, text in blocks("docs/dashboard.md"):
        with tempfile.TemporaryDirectory() as folder:
            if language == "python":
                output = python(text, pathlib.Path(folder))
                served = [line[:17] for line in output.splitlines()] == ["http://127.0.0.1:"] * 2
                expect(served, f"the program of docs/dashboard.md printed {output!r}")
            elif language == "go":
                go(text, pathlib.Path(folder), "vet")
    print("ok   docs/dashboard.md python, go")
    return 1


class Served:
    """A server of docs/in-the-machine.md as a process, at a free port in place of its 8000."""

    def __init__(self, language, text, folder, **environment):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        file = folder / ("server.py" if language == "python" else "server.mjs")
        file.write_text(text.replace("8000", str(self.port)))
        self.command = [sys.executable if language == "python" else "node", str(file)]
        self.environment = environment

    def __enter__(self):
        self.process = subprocess.Popen(self.command, env={**os.environ, **self.environment}, stderr=subprocess.PIPE, text=True)
        while self.process.poll() is None:  # until it listens
            try:
                self.status("OPTIONS", "/")
                return self
            except ConnectionRefusedError:
                time.sleep(0.02)
        raise SystemExit(f"{self.command} ended: {self.process.stderr.read()}")

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def status(self, method, target, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.putrequest(method, target, skip_host=False)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status


SECRET = "s3cr3t"


def in_the_machine():
    """Each server is asked with good and bad credentials; the vectors are signed anew."""
    page = (ROOT / "docs" / "in-the-machine.md").read_text()
    vectors = re.findall(r"^\| `([^`]*[?&]exp=1700003600)` \| `([^`]*)` \| `([\w-]{43})` \|$", page, re.M)
    expect(len(vectors) == 5, f"docs/in-the-machine.md has {len(vectors)} vectors")
    for target, text, signature in vectors:
        signed = call("auth.url.sign", {"url": target, "secret": SECRET, "now": "2023-11-14T22:13:20Z"})["url"]
        path, _, query = signed.partition("?")
        pairs = query.split("&")
        canonical = f"{path or '/'}?{'&'.join(pair for pair in pairs if not pair.startswith('sig='))}"
        expect(f"sig={signature}" in pairs and canonical == text, f"the vector {target} is signed as {signed}")
    programs = blocks("docs/in-the-machine.md")
    expect([language for language, _ in programs] == ["python", "js"] * 2, "docs/in-the-machine.md has other programs")
    for language, text in programs:
        variable = "ATLAS_SIGNING_SECRET" if "ATLAS_SIGNING_SECRET" in text else "ATLAS_PRESHARED_KEY"
        check = signed_urls if variable == "ATLAS_SIGNING_SECRET" else bearer
        with tempfile.TemporaryDirectory() as folder:
            with Served(language, text, pathlib.Path(folder), **{variable: SECRET}) as server:
                for name, got, wanted in check(server, [target for target, _, _ in vectors]):
                    expect(got == wanted, f"docs/in-the-machine.md, {language}, {variable}: {name} answers {got}, not {wanted}")
            without = {name: value for name, value in os.environ.items() if not name.startswith("ATLAS_")}
            ended = subprocess.run(server.command, env=without, capture_output=True, text=True, timeout=60)
            expect(ended.returncode == 1 and variable in ended.stderr, f"{language} serves without {variable}")
    print("ok   docs/in-the-machine.md python, js")
    return 4


def bearer(server, _):
    yield "the token", server.status("GET", "/", Authorization=f"Bearer {SECRET}"), 200
    yield "no token", server.status("GET", "/"), 401
    yield "another token", server.status("GET", "/", Authorization="Bearer s3cr3u"), 401
    yield "a shorter one", server.status("GET", "/", Authorization="Bearer s3cr3"), 401
    yield "bytes that are no ASCII", server.status("GET", "/", Authorization="Bearer s3cr3\xfc"), 401
    yield "the scheme alone", server.status("GET", "/", Authorization="Bearer"), 401
    yield "a preflight", server.status("OPTIONS", "/"), 204


def signed_urls(server, targets):
    for target in targets:
        url = call("auth.url.sign", {"url": target, "secret": SECRET})["url"]
        yield url, server.status("GET", url if url.startswith("/") else "/" + url), 200
    good = call("auth.url.sign", {"url": "/stream?a=1&b=x+y", "secret": SECRET})["url"]
    old = call("auth.url.sign", {"url": "/stream?a=1", "secret": SECRET, "now": "2023-11-14T22:13:20Z"})["url"]
    other = call("auth.url.sign", {"url": "/stream?a=1", "secret": "another"})["url"]
    yield "an expired one", server.status("GET", old), 401
    yield "one of another secret", server.status("GET", other), 401
    yield "a forged parameter", server.status("GET", good.replace("a=1", "a=2")), 401
    yield "a later end", server.status("GET", re.sub(r"exp=\d+", "exp=9999999999", good)), 401
    yield "another path", server.status("GET", good.replace("/stream", "/other")), 401
    yield "the same in another spelling", server.status("GET", good.replace("b=x+y", "b=%78%20y")), 200
    yield "no signature", server.status("GET", re.sub(r"&sig=[\w-]*", "", good)), 401
    yield "a cut signature", server.status("GET", good[:-1]), 401
    yield "a broken escape", server.status("GET", good + "&c=%zz"), 401
    yield "nothing", server.status("GET", "/stream"), 401


def described():
    """What docs/events.md says: the fields of each event, by topic and name."""
    page = (ROOT / "docs" / "events.md").read_text()
    fields = {}
    for topic, section in re.findall(r"^## `([\w.]+)[^`]*`\n(.*?)(?=^## |\Z)", page, re.M | re.S):
        for name, data in re.findall(r"^\| `(\w+)` \| .* \| (`.*`) \|$", section, re.M):
            fields[topic, name] = set(data.replace("`", "").split())
    examples = [json.loads(line) for language, text in blocks("docs/events.md") for line in text.splitlines()]
    return fields, examples


HAPPENINGS = """
import json, pathlib, sys, urllib.request
import exatlas

address, folder = sys.argv[1:]
def simulate(path, document):
    urllib.request.urlopen(urllib.request.Request(address + "/_sim/" + path, json.dumps(document).encode(), method="POST")).close()

client = exatlas.Client(
    default_provider="runpod", providers={"runpod": {"api_key": "try", "base_url": address}}, store={"url": "memory:"},
    plugins={"dir": folder}, compute={"settle_ms": 200}, orchestrator={"poll_ms": 100, "heartbeat_ms": 100, "cost_ms": 500},
)
def told(topic, count=1):
    with client.events.subscribe(topic, from_=1) as events:
        for _ in range(count):
            print(json.dumps(events.get(timeout=60)))
def until_over(stream):
    try:
        for event in stream:
            print(json.dumps(event))
    except exatlas.AtlasError as error:
        print(json.dumps({"topic": stream.topic, "event": "error", "data": {"final": True, "error": error.kind}}))

requests = client.events.subscribe("telemetry")
pathlib.Path(folder, "bad.wasm").write_text("this is no plugin")
session = client.orchestrator.spawn(gpu="rtx_4090", image="i", user_id="u-1", max_cost=5)
with client.events.subscribe(session["topic"], from_=1) as events:
    missing = {"heartbeat", "cost"}  # one of which comes again and again
    while missing:
        missing.discard(events.get(timeout=60)["event"])
        client.orchestrator.touch(id=session["id"])
simulate("faults", {"method": "DELETE", "path": "/v2/pods/*", "effect": "status", "status": 500, "count": 4})
client.orchestrator.stop(id=session["id"])
until_over(client.events.subscribe(session["topic"], from_=1))
session = client.orchestrator.spawn(gpu="rtx_4090", image="i")
simulate("machines/" + session["compute"]["id"], {"do": "vanish"})
until_over(client.events.subscribe(session["topic"], from_=1))
machine = client.compute.spawn(gpu="rtx_4090", image="i")
client.compute.terminate(id=machine["id"])
told("compute:" + machine["id"], 2)
simulate("faults", {"method": "POST", "path": "/v2/pods", "effect": "slow", "delay_ms": 1000, "after_effect": True, "count": 1})
try:
    client.compute.spawn(gpu="rtx_4090", image="i", timeout=0.3)
except exatlas.AtlasTimeoutError:
    told("rentals")
client.orchestrator.reap(dry_run=True)
told("orchestrator")
told("providers")
for endpoint in ("stream-2", "fail"):
    job = client.jobs.run(endpoint=endpoint, input={})
    stream = client.events.subscribe("jobs:" + job["id"], from_=1)
    for _ in [client.jobs.stream(endpoint=endpoint, id=job["id"])]:
        until_over(stream)
simulate("faults", {"method": "GET", "path": "/v2/pods", "effect": "reset", "count": 1})
client.compute.list()
for _ in range(10):
    print(json.dumps(requests.get(timeout=10)))
client.close()
"""


def events():
    """Lets things happen on a simulated RunPod, and holds what is told, and the examples, against the page."""
    fields, examples = described()
    with simulators("runpod") as clouds, tempfile.TemporaryDirectory() as folder:
        environment = {"PYTHONPATH": str(ROOT / "bindings" / "python")}
        output = run([sys.executable, "-c", HAPPENINGS, clouds["runpod"], folder], ROOT, **environment)
    seen = set()
    for event in examples + [json.loads(line) for line in output.splitlines()]:
        kind = event["topic"].partition(":")[0], event["event"]
        expect(kind in fields, f"docs/events.md does not have {kind}")
        unknown = set(event["data"]) - fields[kind]
        expect(not unknown, f"docs/events.md does not have {sorted(unknown)} of {kind}: {event}")
        seen.add(kind)
    # What needs minutes, a second process or another plugin is left to the Go tests.
    rare = {("compute", "adopted"), ("compute", "taken_over"), ("compute", "preempted"), ("rentals", "give_back_failed"),
            ("providers", "added"), ("providers", "replaced"), ("providers", "removed"), ("providers.log", "line")}
    expect(set(fields) - seen <= rare, f"these never happened: {sorted(set(fields) - seen - rare)}")
    print("ok   docs/events.md, what is told")
    return 1


def testing():
    """The three suites of docs/testing.md, each with its own runner."""
    path = {"PATH": f"{CLI.parent}:{os.environ['PATH']}"}
    suites = dict(blocks("docs/testing.md"))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "test_rent.py").write_text(suites["python"])
        pytest = [str(ROOT / "build" / "python-venv" / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        output = run(pytest, folder, PYTHONPATH=str(ROOT / "bindings" / "python"), **path)
        expect("3 passed" in output, f"the Python of docs/testing.md printed {output!r}")
        node_modules(folder)
        (folder / "rent.test.mjs").write_text(suites["js"])
        output = run(["node", "--test", "rent.test.mjs"], folder, **path)
        expect("# pass 3" in output or "ℹ pass 3" in output, f"the JavaScript of docs/testing.md printed {output!r}")
    with tempfile.TemporaryDirectory() as folder:
        output = go(suites["go"], pathlib.Path(folder), "test", "rent_test.go")
        expect(output.startswith("ok"), f"the Go of docs/testing.md printed {output!r}")
    print("ok   docs/testing.md python, js, go")
    return 3


def security():
    """docs/security.md says what a SQLite store does not hold: rents with canaries, and searches its files."""
    canaries = ["key-CANARY-5d1c", "env-CANARY-5d1c", "opts-CANARY-5d1c", "secret-CANARY-5d1c", "fm2_CANARY5d1c"]
    key, variable, options, secret, token = canaries
    with simulators("runpod") as clouds, tempfile.TemporaryDirectory() as name:
        settings = {
            "default_provider": "runpod", "providers": {"runpod": {"api_key": key, "base_url": clouds["runpod"]}},
            "store": {"url": f"sqlite:{name}/atlas.db", "key_file": f"{name}/atlas.key"},
        }
        environment = {"EXATLAS_CONFIG": json.dumps(settings)}
        wanted = {"gpu": "rtx_4090", "image": "i", "auth": "bearer", "user_id": "u-found"}
        secrets = {"env": {"TOKEN": variable, "ATLAS_PRESHARED_KEY": secret}, "provider_opts": {"registry": options}}
        session = call("orchestrator.spawn", {**wanted, "env": secrets["env"]}, **environment)
        done = subprocess.run(
            [CLI, "call", "orchestrator.spawn", json.dumps({**wanted, **secrets})], env={**os.environ, **environment}, capture_output=True
        )
        expect(done.returncode != 0, "the simulated RunPod takes a registry it does not know")
        call("fly.tokens.set_manual", {"app": "my-api", "token": token}, **environment)
        held = b"".join(file.read_bytes() for file in sorted(pathlib.Path(name).rglob("*")) if file.is_file())
        expect(b"u-found" in held, "the store does not hold what is looked for")
        found = [canary for canary in [*canaries, session["auth"]["token"]] if canary.encode() in held]
        expect(not found, f"the store holds {found}")
    print("ok   docs/security.md, what the store does not hold")
    return 1


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
