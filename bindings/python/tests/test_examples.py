"""The examples run against the simulated RunPod and leave nothing rented."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Dict

import pytest
from conftest import PACKAGE, ROOT, runpod_config

import exatlas

EXAMPLES = ROOT / "examples" / "python"


NAMES = ["rent.py", "rent_anywhere.py", "rent_many.py"]


@pytest.mark.parametrize("name", NAMES)
def test_example(name: str, simulators: Dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), simulators["runpod"] if name != "rent_anywhere.py" else json.dumps(simulators)],
        env={**os.environ, "PYTHONPATH": PACKAGE, "RUNPOD_API_KEY": "rpa_EXAMPLE"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "given back" in done.stdout
    assert name != "rent.py" or "the job says" in done.stdout
    assert name != "rent_anywhere.py" or re.search("(runpod|vast|lambda_labs): rented", done.stdout)
    with exatlas.Client(**runpod_config(simulators["runpod"])) as client:
        assert [pod["id"] for pod in client.compute.list()["items"] if pod["status"] != "terminated"] == []


def test_every_example_is_run() -> None:
    assert sorted(path.name for path in EXAMPLES.glob("*.py")) == NAMES
