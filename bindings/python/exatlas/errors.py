"""The one tree of errors: catch ``AtlasError`` for all of them, or a class for one kind.

An error says what a caller can do about it: ``kind`` (a closed set), ``hint``, ``retryable``,
``retry_after_ms``, and ``unknown_outcome`` where the cloud may have acted all the same.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple, Type

__all__ = [
    "AtlasError",
    "AtlasTimeoutError",
    "BudgetError",
    "BusyError",
    "CallCancelledError",
    "CapacityError",
    "ClosedError",
    "ConflictError",
    "ForbiddenError",
    "ForkedError",
    "FundsError",
    "InternalError",
    "LoadError",
    "NotFoundError",
    "PluginError",
    "ProviderError",
    "RateLimitedError",
    "TooLargeError",
    "TransportError",
    "UnauthorizedError",
    "UnknownError",
    "UnsupportedError",
    "UsageError",
    "ValidationError",
    "VersionError",
]


class AtlasError(Exception):
    """Any failure that Atlas reports.

    ``str(error)`` is one line: the provider, the operation, the HTTP status where there is one,
    the message, and the hint.
    """

    kind: str = "unknown"

    def __init__(
        self,
        message: str,
        *,
        kind: Optional[str] = None,
        hint: str = "",
        provider: str = "",
        operation: str = "",
        status: int = 0,
        retryable: bool = False,
        retry_after_ms: int = 0,
        unknown_outcome: bool = False,
        raw: Any = None,
        details: Any = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        if kind is not None:
            self.kind = kind
        self.hint = hint
        self.provider = provider
        self.operation = operation
        self.status = status
        """HTTP status of the cloud's answer; 0 where there was none."""
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms
        self.unknown_outcome = unknown_outcome
        self.raw = raw
        """The cloud's own error body, with secrets redacted."""
        self.details = details

    def __str__(self) -> str:
        text = self.message
        if self.status:
            text = f"{self.status} {text}"
        if self.operation:
            text = f"{self.operation}: {text}"
        if self.provider:
            text = f"{self.provider}: {text}"
        return f"{text} ({self.hint})" if self.hint else text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r}, kind={self.kind!r})"

    def __reduce__(self) -> Tuple[Any, ...]:
        # Exceptions cross process boundaries by pickle, which would otherwise call the class
        # with the message alone and lose the rest.
        return (_restore, (type(self), self.message, dict(self.__dict__)))


def _restore(cls: Type[AtlasError], message: str, state: Dict[str, Any]) -> AtlasError:
    error = cls(message)
    error.__dict__.update(state)
    return error


class UnauthorizedError(AtlasError):
    """The credential is missing or wrong."""

    kind = "unauthorized"


class ForbiddenError(AtlasError):
    """The credential lacks a right."""

    kind = "forbidden"


class NotFoundError(AtlasError):
    """There is no such resource."""

    kind = "not_found"


class RateLimitedError(AtlasError):
    """Asked too often; see ``retry_after_ms``."""

    kind = "rate_limited"


class AtlasTimeoutError(AtlasError, TimeoutError):
    """No answer in time. Also a built-in ``TimeoutError``."""

    kind = "timeout"


class UnsupportedError(AtlasError):
    """This provider cannot do that; nothing was sent."""

    kind = "unsupported"


class ValidationError(AtlasError, ValueError):
    """The request is wrong; nothing was done. Also a built-in ``ValueError``."""

    kind = "validation"


class ProviderError(AtlasError):
    """The cloud failed."""

    kind = "provider"


class TransportError(AtlasError):
    """The cloud was not reached, or the connection broke."""

    kind = "transport"


class UnknownError(AtlasError):
    """None of the other kinds."""

    kind = "unknown"


class CapacityError(AtlasError):
    """Nothing of that kind is to be had now."""

    kind = "capacity"


class ConflictError(AtlasError):
    """The resource is not in a state for that."""

    kind = "conflict"


class FundsError(AtlasError):
    """The account's balance or limit does not allow it."""

    kind = "funds"


class BudgetError(AtlasError):
    """A ceiling set by the caller does not allow it."""

    kind = "budget"


class CallCancelledError(AtlasError):
    """The call was cancelled. (Not ``asyncio.CancelledError``, which a cancelled task still gets.)"""

    kind = "cancelled"


class PluginError(AtlasError):
    """The provider's plugin misbehaved. The process and other calls are not affected."""

    kind = "plugin"


class InternalError(AtlasError):
    """A defect of Atlas; please report it."""

    kind = "internal"


class UsageError(AtlasError):
    """Base of the errors that say the library was used in a way it cannot be."""

    kind = "validation"


class ClosedError(UsageError):
    """The client is closed."""

    kind = "cancelled"


class BusyError(UsageError):
    """Too many calls are in flight on this client."""

    kind = "rate_limited"


class TooLargeError(UsageError):
    """The request is larger than the client's limit."""


class ForkedError(UsageError):
    """Used in a child of ``fork`` whose parent had already loaded the library."""

    kind = "unsupported"


class VersionError(UsageError):
    """This package and the library speak different versions of the C interface."""


class LoadError(UsageError):
    """The shared library could not be loaded; the message holds the diagnosis and the remedy."""

    kind = "unsupported"


_BY_KIND: Mapping[str, Type[AtlasError]] = {
    cls.kind: cls
    for cls in (
        UnauthorizedError,
        ForbiddenError,
        NotFoundError,
        RateLimitedError,
        AtlasTimeoutError,
        UnsupportedError,
        ValidationError,
        ProviderError,
        TransportError,
        UnknownError,
        CapacityError,
        ConflictError,
        FundsError,
        BudgetError,
        CallCancelledError,
        PluginError,
        InternalError,
    )
}


def from_document(document: Mapping[str, Any], cls: Optional[Type[AtlasError]] = None) -> AtlasError:
    """The exception for an error document of the library.

    cls overrides the class where a status of the C interface says more than the kind.
    """
    kind = str(document.get("kind", "unknown"))
    return (cls or _BY_KIND.get(kind, AtlasError))(
        str(document.get("message", "no message")),
        kind=kind,
        hint=str(document.get("hint", "")),
        provider=str(document.get("provider", "")),
        operation=str(document.get("operation", "")),
        status=int(document.get("status", 0)),
        retryable=bool(document.get("retryable", False)),
        retry_after_ms=int(document.get("retry_after_ms", 0)),
        unknown_outcome=bool(document.get("unknown_outcome", False)),
        raw=document.get("raw"),
        details=document.get("details"),
    )
