"""The wheel carries the library: unpacked anywhere, it opens a client."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from conftest import LIBRARY, PACKAGE

ELSEWHERE = {name: value for name, value in os.environ.items() if name not in ("ATLAS_LIBRARY", "PYTHONPATH")}

OPEN = """
import exatlas
with exatlas.Client(store={"url": "memory:"}) as client:
    print(client.info()["version"], exatlas._native.load().path)
"""


def checkout(folder: Path) -> Path:
    """The package as it lies in a checkout, without what was built."""
    package = folder / "bindings" / "python"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("build", "tests", "*.egg-info", "__pycache__"))
    return package


def pip(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments, "--no-deps", "--no-build-isolation", "--no-index"]
    return subprocess.run(command, env={**ELSEWHERE, **environment}, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "build").mkdir()
    (folder / "build" / "libexatlas.so").symlink_to(LIBRARY)
    done = pip("wheel", str(checkout(folder)), "--wheel-dir", str(folder / "wheels"))
    assert done.returncode == 0, done.stdout + done.stderr
    [built] = (folder / "wheels").iterdir()
    return built


def test_the_wheel_opens_a_client_wherever_it_is_unpacked(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", OPEN], cwd=tmp_path, env=ELSEWHERE, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == str(tmp_path / "exatlas" / "libexatlas.so")


def test_the_wheel_names_the_machine_and_the_glibc_it_is_for(wheel: Path) -> None:
    assert re.fullmatch(r"exatlas-[\d.]+-py3-none-manylinux_2_\d+_\w+\.whl", wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        [about] = [name for name in archive.namelist() if name.endswith(".dist-info/WHEEL")]
        assert "Root-Is-Purelib: false" in archive.read(about).decode()
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    sources = {f"exatlas/{path.name}" for path in (Path(PACKAGE) / "exatlas").iterdir() if path.suffix in (".py", ".typed")}
    assert names == sources | {"exatlas/libexatlas.so"}


def test_building_without_the_library_says_what_to_do(tmp_path: Path) -> None:
    done = pip("wheel", str(checkout(tmp_path)), "--wheel-dir", str(tmp_path / "wheels"))
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"{tmp_path / 'build' / 'libexatlas.so'} is missing" in said and "run `make lib`" in said
    (tmp_path / "text.so").write_text("this is no library")
    other = pip("wheel", str(checkout(tmp_path / "other")), "--wheel-dir", str(tmp_path / "wheels"), ATLAS_LIBRARY=str(tmp_path / "text.so"))
    assert other.returncode != 0 and "text.so is no library for Linux with glibc" in other.stdout + other.stderr
    chosen = pip("wheel", str(checkout(tmp_path / "again")), "--wheel-dir", str(tmp_path / "wheels"), ATLAS_LIBRARY=LIBRARY)
    assert chosen.returncode == 0, chosen.stdout + chosen.stderr


def test_an_editable_install_uses_the_library_of_the_checkout(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "libexatlas.so").symlink_to(LIBRARY)
    package = checkout(tmp_path)
    done = pip("install", "--target", str(tmp_path / "site"), "--editable", str(package))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list((tmp_path / "site").rglob("libexatlas.so"))
    program = f"import site; site.addsitedir({str(tmp_path / 'site')!r})\n{OPEN}"
    opened = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=ELSEWHERE, capture_output=True, text=True, timeout=60
    )
    assert opened.returncode == 0, opened.stderr
    assert opened.stdout.split()[1] == str(tmp_path / "build" / "libexatlas.so")
