"""What is needed to run the programs of a document: its fenced blocks, a way to run each language, simulated clouds."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLI = ROOT / "build" / "exatlas"


def blocks(document):
    """The (language, text) of each fenced block."""
    text = (ROOT / document).read_text()
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)


def expect(condition, what):
    if not condition:
        raise SystemExit(what)


@contextlib.contextmanager
def simulators(*clouds, options=None):
    """The addresses of simulated clouds, by name."""
    command = [CLI, "sim", *clouds, *(["--options", json.dumps(options)] if options else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(timeout=30)


def run(command, folder, **environment):
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=540
    )
    if done.returncode != 0:
        raise SystemExit(f"{command} failed with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def call(method, params, **environment):
    """The result of a method, called from the command line."""
    return json.loads(run([CLI, "call", method, json.dumps(params)], ROOT, **environment))


def python(text, folder, **environment):
    (folder / "rent.py").write_text(text)
    return run([sys.executable, "rent.py"], folder, PYTHONPATH=str(ROOT / "bindings" / "python"), **environment)


def node_modules(folder):
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "exatlas").symlink_to(ROOT / "bindings" / "node")


def js(text, folder):
    node_modules(folder)
    (folder / "rent.mjs").write_text(text)
    return run(["node", "rent.mjs"], folder)


def c(text, folder):
    (folder / "rent.c").write_text(text)
    library = ROOT / "build"
    run(
        ["cc", "-Wall", "-Werror", f"-I{ROOT}/include", "rent.c", f"-L{library}", f"-Wl,-rpath,{library}", "-lexatlas", "-o", "rent"],
        folder,
    )
    return run(["./rent"], folder)


def rust(text, folder):
    (folder / "src").mkdir()
    (folder / "src" / "main.rs").write_text(text)
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "rent"\nversion = "0.0.0"\nedition = "2021"\n\n[dependencies]\nexatlas = {{ path = "{ROOT}/examples/rust" }}\n'
    )
    return run(["cargo", "run", "--quiet"], folder, LD_LIBRARY_PATH=str(ROOT / "build"))


def go(text, folder, verb="run", name="main.go"):
    (folder / name).write_text(text)
    sums = (ROOT / "go.sum").read_text()
    mod = (ROOT / "go.mod").read_text()
    requires = "\n".join(re.findall(r"^require \(.*?^\)$|^require .*$", mod, re.M | re.S))
    (folder / "go.mod").write_text(
        f"module rent\n\ngo 1.26.0\n\nrequire github.com/exatlas/atlas v0.0.0\n\nreplace github.com/exatlas/atlas => {ROOT}\n\n{requires}\n"
    )
    (folder / "go.sum").write_text(sums)
    return run(["go", verb, "."], folder, GOFLAGS="-mod=mod")


def sh(text, folder):
    outputs = ""
    for line in text.splitlines():
        if line.startswith("make ") or " sim " in line:
            continue  # targets of their own, and the simulator this test starts itself
        outputs += line + "\n"
    return run(["bash", "-euc", outputs], ROOT) if outputs else "(left to its own target)"
