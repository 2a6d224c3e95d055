"""Runs the programs of docs/*.md. Each function returns how many passed."""

import json
import os
import pathlib
import re
import subprocess
import tempfile

from from_exatlas import from_exatlas
from in_the_machine import in_the_machine
from programs import CLI, ROOT, blocks, c, call, expect, go, js, node_modules, python, run, simulators
from told import events


def every(address):
    """All of them; address is that of a simulated RunPod."""
    apart = in_the_machine() + events() + from_exatlas(address)
    return apart + abi() + sessions(address) + fly() + dashboard() + metrics() + testing() + security() + troubleshooting()


def abi():
    [program] = [text for language, text in blocks("docs/abi.md") if language == "c"]
    with tempfile.TemporaryDirectory() as folder:
        output = c(program, pathlib.Path(folder))
    expect(output == '{"type":"completion","id":"1","result":\n', f"the program of docs/abi.md printed {output!r}")
    print("ok   docs/abi.md c")
    return 1


def sessions(address):
    programs = dict(blocks("docs/sessions.md"))
    for language, start in (("python", python), ("go", go)):
        with tempfile.TemporaryDirectory() as folder:
            output = start(programs[language].replace("http://127.0.0.1:8700", address), pathlib.Path(folder))
        lines = output.splitlines()
        told = "1 provisioning" in output and lines[-2].endswith(" ready") and lines[-1] == "ended"
        expect(told, f"the {language} program of docs/sessions.md printed {output!r}")
    print("ok   docs/sessions.md python, go")
    return 2


def fly():
    """Against a simulated Fly, with a stand-in for flyctl."""
    lines = [{"message": "started", "age_ms": 2000}, {"message": "failed", "age_ms": 1000, "level": "error"}]
    options = {"fly": {"logs": [{"app": "my-api", "lines": lines}]}}
    with simulators("fly", options=options) as clouds, tempfile.TemporaryDirectory() as name:
        [program] = [text for language, text in blocks("docs/fly.md") if language == "python"]
        folder = pathlib.Path(name)
        run(["go", "build", "-o", str(folder / "fly"), "./test/standin/fly"], ROOT)
        (folder / "fly.toml").write_text('app = "my-api"\n')
        output = python(program.replace("http://127.0.0.1:8701", clouds["fly"]), folder, FLY_STANDIN="ok", FLY_API_TOKEN="fm2_readme")
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


def metrics():
    [program] = [text for language, text in blocks("docs/metrics.md") if language == "python"]
    with simulators("mock") as clouds, tempfile.TemporaryDirectory() as folder:
        output = python(program.replace("http://127.0.0.1:8700", clouds["mock"]), pathlib.Path(folder))
    told = [
        'atlas_calls_total{method="gpus.list",outcome="ok"} 1',
        'atlas_requests_total{provider="mock",operation="list_gpu_types",outcome="200"} 1',
    ]
    expect(output.splitlines() == told, f"the program of docs/metrics.md printed {output!r}")
    print("ok   docs/metrics.md python")
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


def troubleshooting():
    """Its table has all kinds and their exit codes, and two of its answers are still given."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text()
    codes = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.M))
    told = {kind: code for code, kind in re.findall(r"\b(1\d|2\d) (\w+)[,.]", run([CLI, "help"], ROOT))}
    expect(codes == told, f"docs/troubleshooting.md has other exit codes than exatlas help: {set(codes.items()) ^ set(told.items())}")
    for method, params, answer in (
        ("jobs.get", {"id": "1"}, "params.endpoint: missing; it is required"),
        ("compute.spawn", {"gpu": "h100", "image": "i", "idle_ttl_ms": 1}, "params.idle_ttl_ms: unknown field"),
    ):
        done = subprocess.run([CLI, "call", method, json.dumps(params)], capture_output=True, text=True)
        expect(answer in done.stderr and answer in page, f"{method} answers {done.stderr!r}")
    print("ok   docs/troubleshooting.md, exit codes and answers")
    return 1
