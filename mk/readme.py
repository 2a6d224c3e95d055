"""Runs every command and program of README.md against a simulated cloud, and the program of docs/abi.md.

The README's own address, 127.0.0.1:8700, is replaced by that of a simulator
started here. The two commands of "Two commands" are left to their own targets,
`make demo` and `make test`, which run this file.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLI = ROOT / "build" / "exatlas"


def blocks(document):
    """The (language, text) of each fenced block."""
    text = (ROOT / document).read_text()
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.M | re.S)


def run(command, folder, **environment):
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=540
    )
    if done.returncode != 0:
        raise SystemExit(f"{command} failed with {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def python(text, folder):
    (folder / "rent.py").write_text(text)
    return run([sys.executable, "rent.py"], folder, PYTHONPATH=str(ROOT / "bindings" / "python"))


def js(text, folder):
    modules = folder / "node_modules"
    modules.mkdir()
    (modules / "exatlas").symlink_to(ROOT / "bindings" / "node")
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


def go(text, folder, verb="run"):
    (folder / "main.go").write_text(text)
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


def fly():
    """Runs the programs of docs/fly.md against a simulated Fly, with a stand-in for flyctl."""
    lines = [{"message": "started", "age_ms": 2000}, {"message": "failed", "age_ms": 1000, "level": "error"}]
    options = json.dumps({"fly": {"logs": [{"app": "my-api", "lines": lines}]}})
    simulator = subprocess.Popen([CLI, "sim", "--options", options, "fly"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        address = json.loads(simulator.stdout.readline())["fly"]
        [program] = [text for language, text in blocks("docs/fly.md") if language == "python"]
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            run(["go", "build", "-o", str(folder / "fly"), "./test/standin/fly"], ROOT)
            (folder / "fly.toml").write_text('app = "my-api"\n')
            os.environ.update(FLY_STANDIN="ok", FLY_API_TOKEN="fm2_readme")
            output = python(program.replace("http://127.0.0.1:8701", address), folder)
            shell = [text for language, text in blocks("docs/fly.md") if language == "sh"][0]
            found = run(["bash", "-euc", shell.replace("build/exatlas", str(CLI))], folder)
        for expected in ("my-api ", "succeeded https://my-api.fly.dev/", " ord failed"):
            if expected not in output:
                raise SystemExit(f"the program of docs/fly.md printed {output!r}")
        if '"name":"my-api"' not in found:
            raise SystemExit(f"the shell lines of docs/fly.md printed {found!r}")
    finally:
        simulator.stdin.close()
        simulator.wait(timeout=30)
    print("ok   docs/fly.md python, sh")
    return 2


def dashboard():
    """Runs the Python of docs/dashboard.md, and builds its Go, which would not end."""
    for language, text in blocks("docs/dashboard.md"):
        with tempfile.TemporaryDirectory() as folder:
            if language == "python":
                output = python(text, pathlib.Path(folder))
                if [line[:17] for line in output.splitlines()] != ["http://127.0.0.1:"] * 2:
                    raise SystemExit(f"the program of docs/dashboard.md printed {output!r}")
            elif language == "go":
                go(text, pathlib.Path(folder), "vet")
    print("ok   docs/dashboard.md python, go")
    return 1


def main():
    if not CLI.exists():
        raise SystemExit("build/exatlas is missing: run make all node first")
    simulator = subprocess.Popen([CLI, "sim", "runpod"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    passed = 0
    try:
        address = json.loads(simulator.stdout.readline())["runpod"]
        runners = {"python": python, "js": js, "c": c, "rust": rust, "go": go, "sh": sh}
        expected = {"python": "/proxy/", "js": "/proxy/", "c": '"token"', "rust": '"token"', "go": "/proxy/"}
        seen = set()
        for language, text in blocks("README.md"):
            if language not in runners:
                raise SystemExit(f"README.md has a block in {language!r} that nothing runs")
            with tempfile.TemporaryDirectory() as folder:
                output = runners[language](text.replace("http://127.0.0.1:8700", address), pathlib.Path(folder))
            if expected.get(language, "") not in output:
                raise SystemExit(f"the {language} block printed {output!r}, without {expected[language]!r}")
            seen.add(language)
            passed += 1
            print(f"ok   README {language}")
        with urllib.request.urlopen(f"{address}/_sim/machines") as answer:
            if left := json.load(answer)["machines"]:
                raise SystemExit(f"the programs of README.md left machines behind: {left}")
        missing = set(runners) - seen
        if missing:
            raise SystemExit(f"README.md has no block in {sorted(missing)}")
        [program] = [text for language, text in blocks("docs/abi.md") if language == "c"]
        with tempfile.TemporaryDirectory() as folder:
            output = c(program, pathlib.Path(folder))
        if output != '{"type":"completion","id":"1","result":\n':
            raise SystemExit(f"the program of docs/abi.md printed {output!r}")
        passed += 1
        print("ok   docs/abi.md c")
        [program] = [text for language, text in blocks("docs/sessions.md") if language == "python"]
        with tempfile.TemporaryDirectory() as folder:
            output = python(program.replace("http://127.0.0.1:8700", address), pathlib.Path(folder))
        lines = output.splitlines()
        if lines[1] != "1 provisioning" or not lines[-2].endswith(" ready") or lines[-1] != "ended":
            raise SystemExit(f"the program of docs/sessions.md printed {output!r}")
        passed += 1
        print("ok   docs/sessions.md python")
        passed += fly()
        passed += dashboard()
    finally:
        simulator.stdin.close()
        simulator.wait(timeout=30)
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
