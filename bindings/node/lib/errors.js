'use strict';
// The one error tree: AtlasError, with a class for each kind of core/spec. What
// the classes add is `instanceof`; `kind` says the same as text.

/** Statuses of include/atlas.h that come without a document. */
const STATUS = Object.freeze({
  OK: 0, FAILED: 1, PENDING: 2, INVALID: 10, BAD_CLIENT: 11, CLOSED: 12, BUSY: 13, TOO_LARGE: 14,
  NO_MEMORY: 20, FORKED: 21, VERSION: 22, TIMEOUT: 30, CANCELLED: 31, INTERNAL: 90,
});

/** What an error tells beside its message, and how each fact is when there is nothing to say. */
const ABSENT = Object.freeze({
  kind: undefined, code: undefined, hint: '', provider: '', operation: '', status: 0, retryable: undefined, retryAfterMs: 0,
  unknownOutcome: false, details: null, raw: null,
});

class AtlasError extends Error {
  constructor(facts = {}, options) {
    super(textOf(facts), options);
    const kind = facts.kind ?? 'unknown';
    const told = {
      ...facts, kind, code: facts.code ?? `ATLAS_${kind.toUpperCase()}`, retryable: facts.retryable ?? false,
      retryAfterMs: facts.retry_after_ms, unknownOutcome: facts.unknown_outcome,
    };
    // Node prints an uncaught error with all that can be enumerated, and asks no
    // hook: so that is what there is, less the hint, which the message has.
    for (const [name, absent] of Object.entries(ABSENT)) {
      const value = told[name] ?? absent;
      Object.defineProperty(this, name, { value, enumerable: value !== absent && name !== 'hint', writable: true, configurable: true });
    }
  }

  toJSON() {
    return Object.fromEntries(Object.keys(ABSENT).map((name) => [name, this[name]]));
  }
}

/** As spec.Error prints itself: "runpod: spawn_compute: 402 insufficient balance (add credit)". */
function textOf(facts) {
  let text = facts.message ?? 'unknown error';
  if (facts.status) text = `${facts.status} ${text}`;
  if (facts.operation) text = `${facts.operation}: ${text}`;
  if (facts.provider) text = `${facts.provider}: ${text}`;
  return facts.hint ? `${text} (${facts.hint})` : text;
}

class UnauthorizedError extends AtlasError {}
class ForbiddenError extends AtlasError {}
class NotFoundError extends AtlasError {}
class RateLimitedError extends AtlasError {}
class TimeoutError extends AtlasError {}
class UnsupportedError extends AtlasError {}
class ValidationError extends AtlasError {}
class ProviderError extends AtlasError {}
class TransportError extends AtlasError {}
class UnknownError extends AtlasError {}
class CapacityError extends AtlasError {}
class ConflictError extends AtlasError {}
class FundsError extends AtlasError {}
class BudgetError extends AtlasError {}
class CancelledError extends AtlasError {}
class PluginError extends AtlasError {}
class InternalError extends AtlasError {}

/** The client is closed. */
class ClosedError extends CancelledError {}

/** The addon or the library cannot be loaded; the message is the diagnosis. */
class LoadError extends UnsupportedError {}

const BY_KIND = Object.freeze({
  unauthorized: UnauthorizedError,
  forbidden: ForbiddenError,
  not_found: NotFoundError,
  rate_limited: RateLimitedError,
  timeout: TimeoutError,
  unsupported: UnsupportedError,
  validation: ValidationError,
  provider: ProviderError,
  transport: TransportError,
  unknown: UnknownError,
  capacity: CapacityError,
  conflict: ConflictError,
  funds: FundsError,
  budget: BudgetError,
  cancelled: CancelledError,
  plugin: PluginError,
  internal: InternalError,
});

const CLASSES = {
  AtlasError, UnauthorizedError, ForbiddenError, NotFoundError, RateLimitedError, TimeoutError, UnsupportedError,
  ValidationError, ProviderError, TransportError, UnknownError, CapacityError, ConflictError, FundsError, BudgetError,
  CancelledError, PluginError, InternalError, ClosedError, LoadError,
};

for (const [name, type] of Object.entries(CLASSES)) {
  Object.defineProperty(type.prototype, 'name', { value: name, writable: true, configurable: true });
}

/** The error of an error document: {"kind":…,"message":…}. */
function fromFacts(facts, options) {
  const type = Object.hasOwn(BY_KIND, facts?.kind) ? BY_KIND[facts.kind] : AtlasError;
  return new type(facts, options);
}

function closed() {
  return new ClosedError({
    kind: 'cancelled', code: 'ATLAS_CLOSED', message: 'the client is closed', hint: 'open another with new Client(config)',
  });
}

const OF_STATUS = {
  [STATUS.INVALID]: ['validation', 'ATLAS_INVALID', 'the request is malformed'],
  [STATUS.BUSY]: ['rate_limited', 'ATLAS_BUSY', 'too many calls in flight', 'wait for some to end, or raise limits.calls'],
  [STATUS.TOO_LARGE]: ['validation', 'ATLAS_TOO_LARGE', 'the request is larger than the limit', 'raise limits.request_bytes'],
  [STATUS.NO_MEMORY]: ['internal', 'ATLAS_NO_MEMORY', 'the system has no memory for the answer', 'the request may have been carried out: look before it is made again'],
  [STATUS.FORKED]: ['unsupported', 'ATLAS_FORKED', 'the library cannot be used in a child of fork'],
  [STATUS.VERSION]: ['validation', 'ATLAS_VERSION', 'the configuration asks for another ABI version', 'leave "abi" out'],
  [STATUS.TIMEOUT]: ['timeout', 'ATLAS_TIMEOUT', 'no answer in time'],
  [STATUS.CANCELLED]: ['cancelled', 'ATLAS_CANCELLED', 'cancelled'],
};

/** The error of a status other than OK with the document that came with it, if any. */
function fromStatus([status, text]) {
  if (status === STATUS.CLOSED || status === STATUS.BAD_CLIENT) return closed();
  const [kind, code, message, hint] = OF_STATUS[status] ?? ['internal', 'ATLAS_INTERNAL', `unexpected status ${status}`];
  const facts = text ? JSON.parse(text).error : undefined;
  if (!facts) return fromFacts({ kind, code, message, hint, retryable: status === STATUS.BUSY, unknown_outcome: status === STATUS.NO_MEMORY });
  return fromFacts(status === STATUS.FAILED ? facts : { code, ...facts });
}

module.exports = { STATUS, CLASSES, BY_KIND, closed, fromFacts, fromStatus };
