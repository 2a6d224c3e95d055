"""The C interface one to one (include/atlas.h), and how its library is found.

Nothing is loaded on import: the library contains the Go runtime, and a process that has loaded it
cannot use it in a child of fork. ``load()`` runs when the first client is opened.

Documents come back as ``bytes`` that Python owns; the C memory is freed before a function returns,
also when a signal handler raises meanwhile.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from pathlib import Path
from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple

from ._diagnosis import Attempt, diagnose
from .errors import LoadError, VersionError

ABI_VERSION = 1

OK = 0
FAILED = 1
PENDING = 2
INVALID = 10
BAD_CLIENT = 11
CLOSED = 12
BUSY = 13
TOO_LARGE = 14
NO_MEMORY = 20
FORKED = 21
VERSION = 22
TIMEOUT = 30
CANCELLED = 31
INTERNAL = 90

SONAME = "libexatlas.so.1"
FILES = ("libexatlas.so", "libexatlas.so.1", "libexatlas.dylib", "exatlas.dll")

Answer = Tuple[int, Optional[bytes]]

# What an item is put away with: an iterator that says once that it is to be added, see Box.put.
Ticket = Iterator[bool]


class Library(NamedTuple):
    """The functions of one loaded library."""

    path: str
    version: str
    open: Callable[[bytes], Tuple[int, int, Optional[bytes]]]
    close: Callable[[int, int], int]
    call: Callable[[int, bytes], Answer]
    submit: Callable[[int, bytes], Answer]
    cancel: Callable[[int, bytes], int]
    next: Callable[[int, int, Callable[[bytes, Ticket], None]], int]
    wake_fd: Callable[[int], int]
    status_name: Callable[[int], str]


@functools.lru_cache(maxsize=None)
def load() -> Library:
    """Finds, loads and checks the library; once per process. A failure is not remembered.

    Raises LoadError with one diagnosis and its remedy, or VersionError.
    """
    attempts: List[Attempt] = []
    for path in candidates():
        try:
            return bind(ctypes.CDLL(path), path)
        except (OSError, AttributeError) as error:
            attempts.append(Attempt(path, str(error).removeprefix(path + ": ")))
    message, hint = diagnose(attempts)
    raise LoadError(message, hint=hint)


def candidates() -> List[str]:
    """Where the library may be, in order. ATLAS_LIBRARY alone where it is set."""
    chosen = os.environ.get("ATLAS_LIBRARY")
    if chosen:
        return [chosen]
    package = Path(__file__).resolve().parent
    folders = [package, Path(sys.prefix) / "lib", Path("/usr/local/lib")]
    # In a checkout the package lies in bindings/python/exatlas.
    if package.parent.name == "python" and package.parent.parent.name == "bindings":
        folders.append(package.parent.parent.parent / "build")
    found = [str(folder / name) for folder in folders for name in FILES if (folder / name).exists()]
    return [*found, SONAME]


def bind(cdll: ctypes.CDLL, path: str) -> Library:
    """Declares the functions of an open library and checks its version."""
    cdll.atlas_abi_version.restype = ctypes.c_int
    cdll.atlas_abi_version.argtypes = []
    found = cdll.atlas_abi_version()
    if found != ABI_VERSION:
        raise VersionError(
            f"{path} speaks version {found} of the C interface, this package version {ABI_VERSION}",
            hint="install the library and the Python package of the same release",
        )
    cdll.atlas_version.restype = ctypes.c_char_p  # static text, so nothing is lost here
    cdll.atlas_version.argtypes = []
    cdll.atlas_status_name.restype = ctypes.c_char_p
    cdll.atlas_status_name.argtypes = [ctypes.c_int]
    cdll.atlas_wake_fd.restype = ctypes.c_int
    cdll.atlas_wake_fd.argtypes = [ctypes.c_uint64]
    cdll.atlas_close.restype = ctypes.c_int
    cdll.atlas_close.argtypes = [ctypes.c_uint64, ctypes.c_int64]
    cdll.atlas_cancel.restype = ctypes.c_int
    cdll.atlas_cancel.argtypes = [ctypes.c_uint64, ctypes.c_char_p, ctypes.c_size_t]
    status_name = cdll.atlas_status_name
    cancel = cdll.atlas_cancel
    return Library(
        path=path,
        version=cdll.atlas_version().decode(),
        open=_bind_open(cdll),
        close=cdll.atlas_close,
        call=_bind_request(cdll.atlas_call, cdll),
        submit=_bind_request(cdll.atlas_submit, cdll),
        cancel=lambda client, id: int(cancel(client, id, len(id))),
        next=_bind_next(cdll),
        wake_fd=cdll.atlas_wake_fd,
        status_name=lambda status: str(status_name(status).decode()),
    )


# A slot is where one call writes its document: a pointer, a length, and their addresses. Slots are
# kept and used again, since making ctypes objects would cost more than the rest of the wrapper.
_Slot = Tuple[ctypes.c_void_p, ctypes.c_size_t, int, int]


def _slot() -> _Slot:
    pointer, length = ctypes.c_void_p(), ctypes.c_size_t()
    return pointer, length, ctypes.addressof(pointer), ctypes.addressof(length)


# ctypes.string_at without its Python function, and for any length.
_bytes_at = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_ssize_t)(
    ("PyBytes_FromStringAndSize", ctypes.pythonapi)
)


def _bind_free(cdll: ctypes.CDLL) -> Callable[[ctypes.c_void_p], None]:
    # It waits for nothing, so it is called without letting go of the interpreter's lock.
    free = ctypes.PyDLL(cdll._name, handle=cdll._handle).atlas_free
    free.restype = None
    free.argtypes = [ctypes.c_void_p]
    return free


def _bind_open(cdll: ctypes.CDLL) -> Callable[[bytes], Tuple[int, int, Optional[bytes]]]:
    function = cdll.atlas_open
    function.restype = ctypes.c_int
    function.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    free = _bind_free(cdll)

    def open_client(config: bytes) -> Tuple[int, int, Optional[bytes]]:
        client = ctypes.c_uint64()
        pointer, length, pointer_at, length_at = _slot()
        try:
            status = function(config, len(config), ctypes.addressof(client), pointer_at, length_at)
            return status, client.value, (_bytes_at(pointer, length.value) if pointer else None)
        finally:
            if pointer:
                free(pointer)

    return open_client


def _bind_request(function: "ctypes._NamedFuncPointer", cdll: ctypes.CDLL) -> Callable[[int, bytes], Answer]:
    function.restype = ctypes.c_int
    function.argtypes = [
        ctypes.c_uint64,
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_void_p,
        ctypes.c_void_p,
    ]
    free = _bind_free(cdll)
    slots: List[_Slot] = []
    take, give_back = slots.pop, slots.append

    def request(client: int, document: bytes) -> Answer:
        try:
            slot = take()
        except IndexError:
            slot = _slot()
        pointer, length, pointer_at, length_at = slot
        try:
            status = function(client, document, len(document), pointer_at, length_at)
            return status, (_bytes_at(pointer, length.value) if pointer else None)
        finally:
            if pointer:
                free(pointer)
                pointer.value = None
            give_back(slot)

    return request


def _bind_next(cdll: ctypes.CDLL) -> Callable[[int, int, Callable[[bytes, Ticket], None]], int]:
    function = cdll.atlas_next
    function.restype = ctypes.c_int
    function.argtypes = [ctypes.c_uint64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p]
    free = _bind_free(cdll)
    slots: List[_Slot] = []
    take, give_back = slots.pop, slots.append

    def land(slot: _Slot, route: Callable[[bytes, Ticket], None], ticket: Ticket) -> None:
        pointer, length = slot[:2]
        if pointer:
            route(_bytes_at(pointer, length.value), ticket)
            address = pointer.value
            pointer.value = None
            free(address)  # type: ignore[arg-type]  # ctypes takes the number

    def next_item(client: int, timeout_ms: int, route: Callable[[bytes, Ticket], None]) -> int:
        # An item may be another thread's, or name a machine that nothing else names. It is routed in
        # a finally block, so that Ctrl-C, which Python raises as soon as the C function is back,
        # cannot lose it; and again where Ctrl-C came while it was routed.
        try:
            slot = take()
        except IndexError:
            slot = _slot()
        ticket = iter((True,))
        try:
            return int(function(client, timeout_ms, slot[2], slot[3]))
        finally:
            try:
                land(slot, route, ticket)
            finally:
                land(slot, route, ticket)
                give_back(slot)

    return next_item
