"""Holds docs/events.md against what is told."""

import json
import re
import sys
import tempfile

from programs import ROOT, blocks, expect, run, simulators


def described():
    """What docs/events.md says: the fields of each event, by topic and name."""
    page = (ROOT / "docs" / "events.md").read_text()
    fields = {}
    for topic, section in re.findall(r"^## `([\w.]+)[^`]*`\n(.*?)(?=^## |\Z)", page, re.M | re.S):
        for name, data in re.findall(r"^\| `([\w.]+)` \| .* \| (`.*`) \|$", section, re.M):
            fields[topic, name] = set(data.replace("`", "").split())
    examples = [json.loads(line) for language, text in blocks("docs/events.md") for line in text.splitlines()]
    return fields, examples


HAPPENINGS = """
import json, pathlib, sys, urllib.request
import exatlas

address, fly, folder = sys.argv[1:]
def simulate(path, document):
    urllib.request.urlopen(urllib.request.Request(address + "/_sim/" + path, json.dumps(document).encode(), method="POST")).close()

client = exatlas.Client(
    default_provider="runpod", providers={"runpod": {"api_key": "try", "base_url": address}}, store={"url": "memory:"},
    fly={"api_url": fly, "machines_url": fly}, plugins={"dir": folder}, compute={"settle_ms": 200}, orchestrator={"poll_ms": 100, "heartbeat_ms": 100, "cost_ms": 500},
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
for endpoint in ("stream-2", "fail", "stream-1"):
    job = client.jobs.run(endpoint=endpoint, input={})
    if endpoint == "stream-1":
        simulate("faults", {"method": "GET", "path": "*/stream/*", "effect": "lost_answer", "count": 1})
    stream = client.events.subscribe("jobs:" + job["id"], from_=1)
    for _ in [client.jobs.stream(endpoint=endpoint, id=job["id"])]:
        until_over(stream)
simulate("faults", {"method": "GET", "path": "/v2/pods", "effect": "reset", "count": 1})
client.compute.list()
client.fly.tokens.set_manual(app="my-api", token="fm2_try")
client.fly.logs.fetch(app="my-api")
missing = {"request", "fly.token.acquire", "fly.logs.fetch"}
while missing:
    event = requests.get(timeout=60)
    missing.discard(event["event"])
    print(json.dumps(event))
client.close()
"""


def events():
    """Lets things happen on a simulated RunPod, and holds what is told, and the examples, against the page."""
    fields, examples = described()
    options = {"fly": {"logs": [{"app": "my-api"}]}}
    with simulators("runpod", "fly", options=options) as clouds, tempfile.TemporaryDirectory() as folder:
        environment = {"PYTHONPATH": str(ROOT / "bindings" / "python")}
        output = run([sys.executable, "-c", HAPPENINGS, clouds["runpod"], clouds["fly"], folder], ROOT, **environment)
    seen = set()
    for event in examples + [json.loads(line) for line in output.splitlines()]:
        kind = event["topic"].partition(":")[0], event["event"]
        expect(kind in fields, f"docs/events.md does not have {kind}")
        unknown = set(event["data"]) - fields[kind]
        expect(not unknown, f"docs/events.md does not have {sorted(unknown)} of {kind}: {event}")
        seen.add(kind)
    # What needs minutes, a second process, another plugin or flyctl is left to the Go tests.
    rare = {("compute", "adopted"), ("compute", "taken_over"), ("compute", "preempted"), ("rentals", "give_back_failed"), ("rentals", "clean_up_failed"),
            ("providers", "added"), ("providers", "replaced"), ("providers", "removed"), ("providers.log", "line"), ("orchestrator", "unreadable"), ("orchestrator", "defect"),
            ("telemetry", "fly.deploy.exit")}
    expect(set(fields) - seen <= rare, f"these never happened: {sorted(set(fields) - seen - rare)}")
    print("ok   docs/events.md, what is told")
    return 1
