"""Runs every command and program of README.md against a simulated cloud, and the programs of docs/*.md.

The README's own address, 127.0.0.1:8700, is replaced by that of a simulator
started here. The two commands of "Two commands" are left to their own targets,
`make demo` and `make test`, which run this file.
"""

import json
import pathlib
import tempfile
import urllib.request

import documents
from programs import CLI, blocks, c, go, js, python, rust, sh, simulators

RUNNERS = {"python": python, "js": js, "c": c, "rust": rust, "go": go, "sh": sh}
EXPECTED = {"python": "/proxy/", "js": "/proxy/", "c": '"token"', "rust": '"token"', "go": "/proxy/"}


def readme(address):
    seen = set()
    passed = 0
    for language, text in blocks("README.md"):
        if language not in RUNNERS:
            raise SystemExit(f"README.md has a block in {language!r} that nothing runs")
        with tempfile.TemporaryDirectory() as folder:
            output = RUNNERS[language](text.replace("http://127.0.0.1:8700", address), pathlib.Path(folder))
        if EXPECTED.get(language, "") not in output:
            raise SystemExit(f"the {language} block printed {output!r}, without {EXPECTED[language]!r}")
        seen.add(language)
        passed += 1
        print(f"ok   README {language}")
    with urllib.request.urlopen(f"{address}/_sim/machines") as answer:
        if left := json.load(answer)["machines"]:
            raise SystemExit(f"the programs of README.md left machines behind: {left}")
    if missing := set(RUNNERS) - seen:
        raise SystemExit(f"README.md has no block in {sorted(missing)}")
    return passed


def main():
    if not CLI.exists():
        raise SystemExit("build/exatlas is missing: run make all node first")
    with simulators("runpod") as clouds:
        passed = readme(clouds["runpod"]) + documents.every(clouds["runpod"])
    print(f"{passed} passed, 0 failed")


if __name__ == "__main__":
    main()
