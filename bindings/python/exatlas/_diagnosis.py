"""Why the shared library does not load, in one message with its remedy."""

from __future__ import annotations

import os
import platform
import sys
from typing import List, NamedTuple, Optional, Sequence, Tuple


class Attempt(NamedTuple):
    """One place that was tried, and what the loader said."""

    path: str
    reason: str


def diagnose(attempts: Sequence[Attempt]) -> Tuple[str, str]:
    """The message and the remedy for a library that none of the attempts loaded."""
    lines = ["cannot load the Atlas library"]
    lines += [f"  {attempt.path}: {attempt.reason}" for attempt in attempts]
    return "\n".join(lines), _remedy(attempts)


def _remedy(attempts: Sequence[Attempt]) -> str:
    said = " ".join(attempt.reason for attempt in attempts).lower()
    if on_musl() or "musl" in said:
        return (
            "this system uses musl (Alpine), on which a shared library with the Go runtime cannot be loaded; "
            "use an image with glibc, such as python:3-slim"
        )
    if "static tls" in said:
        return "start Python with LD_PRELOAD set to the library's path, so that it is loaded before other modules"
    if "glibc_" in said:
        return f"the library needs a newer glibc than {platform.libc_ver()[1] or 'this one'}; use a newer system image"
    if "elf class" in said or "invalid elf header" in said or "file too short" in said or "wrong architecture" in said:
        return f"the file is not a library for {sys.platform} on {platform.machine()}; install the one built for it"
    other = next(filter(None, (_built_for(attempt.path) for attempt in attempts)), None)
    if other is not None:
        return f"the library is built for {other}, and this is {platform.machine()}; install the one built for it"
    if "undefined symbol" in said or "symbol not found" in said:
        return "the file is another library, or a damaged one; build it anew with `make lib` or reinstall the package"
    if os.environ.get("ATLAS_LIBRARY"):
        return "ATLAS_LIBRARY must be the path of libexatlas.so; correct it, or unset it to search the usual places"
    return (
        "run `make lib` in a checkout and install the package from there again, or `make install`, "
        "or set ATLAS_LIBRARY to the path of libexatlas.so"
    )


_MACHINES = {3: "i686", 40: "arm", 62: "x86_64", 183: "aarch64"}  # by the number in the head of an ELF file


def _built_for(path: str) -> Optional[str]:
    """The processor a library is for, where that is another one: of such a file the loader says that it is not there."""
    try:
        with open(path, "rb") as file:
            head = file.read(20)
    except OSError:
        return None
    machine = _MACHINES.get(int.from_bytes(head[18:20], "little")) if head.startswith(b"\x7fELF") else None
    return machine if machine != platform.machine() else None


def on_musl() -> bool:
    """Whether the C library of this process is musl."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return not os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, OSError, ValueError):
        return True


def suggest(word: str, known: List[str]) -> str:
    """``; did you mean 'x'?`` where a known word is near, else the list of all."""
    import difflib  # only needed once something is wrong

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; it takes {', '.join(known)}" if known else ""


def elsewhere(method: str, name: str) -> str:
    """``client.orchestrator.spawn() takes it``: which methods of the same verb have a parameter, or nothing.

    The library says the same of requests that reach it.
    """
    import typing

    from . import _types

    verb = method[method.rindex(".") :]
    declared = {name.lower(): value for name, value in vars(_types).items() if name.endswith("Params")}
    takers = []
    for other in typing.get_args(_types.MethodName):
        params = declared.get(other.replace(".", "").replace("_", "") + "params")
        if other.endswith(verb) and name in getattr(params, "__annotations__", ()):
            takers.append(f"client.{other}()")
    return " and ".join(takers) + (" takes it" if len(takers) == 1 else " take it") if takers else ""
