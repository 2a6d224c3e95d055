"""Runs `go test` with the arguments given, and says what was skipped and why.

`go test` alone keeps that to itself. What passes is one line a package, what
fails is printed whole.
"""

import json
import os
import subprocess
import sys


class Package:
    """What a package's tests have printed, by test; "" is the package itself."""

    def __init__(self):
        self.printed = {}
        self.ended = {}

    def take(self, event):
        test, action = event.get("Test", ""), event["Action"]
        if action == "output":
            self.printed.setdefault(test, []).append(event["Output"])
        elif action in ("pass", "fail", "skip"):
            self.ended[test] = action
        return action if not test and action in ("pass", "fail", "skip") else None

    def failures(self):
        """The output of what failed, or never ended."""
        return "".join("".join(lines) for test, lines in self.printed.items() if self.ended.get(test) not in ("pass", "skip"))

    def skips(self):
        for test, action in self.ended.items():
            if test and action == "skip":
                lines = [line.strip() for line in self.printed[test] if not line.lstrip().startswith(("===", "---"))]
                yield test, " ".join(lines) or "without a reason"


def main(arguments):
    packages, skipped = {}, []
    process = subprocess.Popen([os.environ.get("GO", "go"), "test", "-json", *arguments], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if not line.startswith("{"):
            print(line, end="", flush=True)
            continue
        event = json.loads(line)
        name = event.get("Package")
        if name is None:  # of the compiler
            print(event.get("Output", ""), end="", flush=True)
            continue
        package = packages.setdefault(name, Package())
        outcome = package.take(event)
        if outcome is None:
            continue
        if outcome == "fail":
            print(package.failures(), end="")
        if outcome != "skip":  # which has no tests
            print(f"{'ok  ' if outcome == 'pass' else 'FAIL'} {name} {event.get('Elapsed', 0):.1f}s", flush=True)
        skipped += [(name, *skip) for skip in package.skips()]
        del packages[name]
    for name, test, reason in skipped:
        print(f"skipped {name} {test}: {reason}")
    return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
