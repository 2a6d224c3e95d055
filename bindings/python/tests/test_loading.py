"""How the library is found, and what is said when it is not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import LIBRARY, ROOT, Child

from exatlas import _diagnosis, _native
from exatlas.errors import LoadError, VersionError

OTHER_VERSION = """
int atlas_abi_version(void) { return 2; }
"""


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Searches anew, and restores what was loaded."""
    monkeypatch.setattr(_native, "load", _native.load.__wrapped__)
    return monkeypatch


def compiled(folder: Path, source: str) -> str:
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        pytest.fail("these tests compile a small C library: install a C compiler, or set CC")
    path = folder / "libexatlas.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-xc", "-", "-o", str(path)], input=source.encode(), check=True)
    return str(path)


def test_import_does_not_load_the_library(child: Child) -> None:
    process = child(
        "import exatlas\n"
        "before = 'libexatlas' in open('/proc/self/maps').read()\n"
        "exatlas.Client().close()\n"
        "after = 'libexatlas' in open('/proc/self/maps').read()\n"
        "print(before, after)\n"
    )
    out, err = process.communicate(timeout=30)
    assert (out.strip(), err) == ("False True", "")


def test_a_missing_library_is_diagnosed_once_with_a_remedy(search: pytest.MonkeyPatch, tmp_path: Path) -> None:
    search.setenv("ATLAS_LIBRARY", str(tmp_path / "nothing.so"))
    with pytest.raises(LoadError) as caught:
        _native.load()
    assert str(tmp_path / "nothing.so") in caught.value.message
    assert "ATLAS_LIBRARY" in caught.value.hint


def test_without_the_variable_the_usual_places_are_searched(search: pytest.MonkeyPatch) -> None:
    search.delenv("ATLAS_LIBRARY")
    places = _native.candidates()
    assert places[-1] == "libexatlas.so.1"
    if (ROOT / "build" / "libexatlas.so").exists():
        assert str(ROOT / "build" / "libexatlas.so") in places


def test_a_damaged_file_is_named_as_such(search: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "libexatlas.so").write_bytes(b"this is no library")
    search.setenv("ATLAS_LIBRARY", str(tmp_path / "libexatlas.so"))
    with pytest.raises(LoadError, match="is not a library for"):
        _native.load()


def test_a_library_for_another_processor_is_named_as_such(search: pytest.MonkeyPatch, tmp_path: Path) -> None:
    image = bytearray(Path(LIBRARY).read_bytes()[:4096])
    image[18] = 183 if image[18] == 62 else 62
    (tmp_path / "libexatlas.so").write_bytes(image)
    search.setenv("ATLAS_LIBRARY", str(tmp_path / "libexatlas.so"))
    with pytest.raises(LoadError, match="is built for (aarch64|x86_64), and this is"):
        _native.load()


def test_a_library_without_the_functions_is_named_as_such(search: pytest.MonkeyPatch, tmp_path: Path) -> None:
    search.setenv("ATLAS_LIBRARY", compiled(tmp_path, "int atlas_abi_version(void) { return 1; }"))
    with pytest.raises(LoadError, match="another library"):
        _native.load()


def test_another_interface_version_is_refused_with_both_numbers(search: pytest.MonkeyPatch, tmp_path: Path) -> None:
    search.setenv("ATLAS_LIBRARY", compiled(tmp_path, OTHER_VERSION))
    with pytest.raises(VersionError, match="version 2 .* version 1"):
        _native.load()


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ("Error relocating: initial-exec TLS resolves to dynamic definition (musl)", "musl"),
        ("cannot allocate memory in static TLS block", "LD_PRELOAD"),
        ("version `GLIBC_2.34' not found", "newer glibc"),
        ("wrong ELF class: ELFCLASS32", "is not a library for"),
        ("cannot open shared object file: No such file or directory", "make lib"),
    ],
)
def test_each_reason_has_its_remedy(monkeypatch: pytest.MonkeyPatch, reason: str, remedy: str) -> None:
    monkeypatch.delenv("ATLAS_LIBRARY", raising=False)
    message, hint = _diagnosis.diagnose([_diagnosis.Attempt("/somewhere/libexatlas.so", reason)])
    assert reason in message
    assert remedy in hint


def test_musl_is_recognised_by_its_missing_glibc_version(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not _diagnosis.on_musl()
    monkeypatch.setattr(os, "confstr", lambda _: None)
    assert _diagnosis.on_musl()
    assert "python:3-slim" in _diagnosis.diagnose([])[1]


def test_constants_equal_the_header() -> None:
    header = (ROOT / "include" / "atlas.h").read_text()
    defined = dict(re.findall(r"^#define ATLAS_([A-Z_]+) (\d+)", header, re.M))
    assert len(defined) >= 14
    for name, number in defined.items():
        assert getattr(_native, name) == int(number), name


def test_status_names_come_from_the_library() -> None:
    library = _native.load()
    assert library.path == LIBRARY
    assert library.status_name(_native.FORKED) == "ATLAS_FORKED"
    assert library.status_name(12345) == "ATLAS_UNKNOWN"
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", library.version)
