"""Puts libexatlas.so into the wheel, as `npm pack` puts it into the Node package. All else is in pyproject.toml."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import List, Tuple

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.errors import SetupError

FOLDER = Path(__file__).resolve().parent


def library() -> Path:
    """The library to pack: ATLAS_LIBRARY where it is set, else that of the checkout."""
    path = Path(os.environ.get("ATLAS_LIBRARY") or FOLDER.parent.parent / "build" / "libexatlas.so")
    if not path.is_file():
        raise SetupError(
            f"{path} is missing, and the package carries it: "
            "run `make lib` in the checkout, or set ATLAS_LIBRARY to the path of a libexatlas.so"
        )
    return path


MACHINES = {62: "x86_64", 183: "aarch64"}  # by the number in the head of an ELF file


def platform_tag(path: Path) -> str:
    """manylinux with the newest glibc version the library asks for. It needs nothing else (`make abi-check`)."""
    data = path.read_bytes()
    machine = MACHINES.get(int.from_bytes(data[18:20], "little")) if data.startswith(b"\x7fELF") else None
    asked = re.findall(rb"\0GLIBC_2\.(\d+)(?=[.\0])", data)
    if machine is None or not asked:
        raise SetupError(f"{path} is no library for Linux with glibc; set ATLAS_LIBRARY to the path of a libexatlas.so")
    return f"manylinux_2_{max(map(int, asked))}_{machine}"


class BuildWithLibrary(build_py):
    """Copies the library beside the modules. An editable install finds it in the checkout instead."""

    def run(self) -> None:
        if self.editable_mode:
            super().run()
            return
        carried = library()  # first, so that its absence is what is said
        shutil.rmtree(os.path.join(self.build_lib, "exatlas"), ignore_errors=True)  # modules of an earlier build
        super().run()
        shutil.copyfile(carried, self._target())

    def get_outputs(self, include_bytecode: bool = True) -> List[str]:
        outputs: List[str] = super().get_outputs(include_bytecode)
        return outputs if self.editable_mode else [*outputs, self._target()]

    def _target(self) -> str:
        return os.path.join(self.build_lib, "exatlas", "libexatlas.so")


class TaggedWheel(bdist_wheel):
    """A wheel for every Python 3 and for one kind of machine: ctypes is all that is between them."""

    def get_tag(self) -> Tuple[str, str, str]:
        if self.distribution.get_command_obj("build_py").editable_mode:
            return super().get_tag()
        return "py3", "none", platform_tag(library())


class NativeDistribution(Distribution):
    def has_ext_modules(self) -> bool:
        return True  # so that it is installed as something of this platform


setup(cmdclass={"build_py": BuildWithLibrary, "bdist_wheel": TaggedWheel}, distclass=NativeDistribution)
