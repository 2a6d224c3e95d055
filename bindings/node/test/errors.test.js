'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { inspect } = require('node:util');
const { PACKAGE, run } = require('./support');
const atlas = require('exatlas');
const { BY_KIND, STATUS, fromFacts, fromStatus } = require('../lib/errors');

/** The kinds that the generated types declare. */
function kinds() {
  const types = fs.readFileSync(path.join(PACKAGE, 'types.d.ts'), 'utf8');
  return types.match(/export type ErrorKind =([^;]+);/)[1].match(/"(\w+)"/g).map((word) => word.slice(1, -1));
}

test('there is an exported class for each kind, and no other', () => {
  assert.deepEqual(Object.keys(BY_KIND).sort(), kinds().sort());
  for (const [kind, type] of Object.entries(BY_KIND)) {
    const error = fromFacts({ kind, message: 'm' });
    assert.equal(error.name, type.name);
    assert.equal(atlas[type.name], type);
    assert.ok(error instanceof type && error instanceof atlas.AtlasError && error instanceof Error);
    assert.equal(error.kind, kind);
    assert.equal(error.code, `ATLAS_${kind.toUpperCase()}`);
  }
});

test('an error keeps all its document says', () => {
  const error = fromFacts({
    kind: 'rate_limited', message: 'slow down', hint: 'wait', provider: 'runpod', operation: 'get_compute', status: 429,
    retryable: true, retry_after_ms: 1500, unknown_outcome: true, raw: { a: 1 }, details: { b: 2 },
  });
  assert.equal(error.message, 'runpod: get_compute: 429 slow down (wait)');
  const { hint, provider, operation, status, retryable, retryAfterMs, unknownOutcome, raw, details } = error;
  assert.deepEqual({ hint, provider, operation, status, retryable, retryAfterMs, unknownOutcome, raw, details }, {
    hint: 'wait', provider: 'runpod', operation: 'get_compute', status: 429, retryable: true, retryAfterMs: 1500,
    unknownOutcome: true, raw: { a: 1 }, details: { b: 2 },
  });
  assert.match(inspect(error), /RateLimitedError: runpod: get_compute: 429 slow down \(wait\)[^]*retryAfterMs: 1500/);
  assert.equal(inspect(error).split('wait').length, 2, 'the hint is shown once');
});

test('printing an error leaves out what it does not have', () => {
  const shown = inspect(fromFacts({ kind: 'not_found', message: 'no such machine' }, { cause: new Error('why') }));
  assert.match(shown, /NotFoundError: no such machine/);
  assert.match(shown, /\[cause\]: Error: why/);
  for (const absent of ['provider', 'retryAfterMs', 'unknownOutcome', 'raw', 'details']) assert.ok(!shown.includes(absent), absent);
});

test('an error that nobody catches is printed as briefly, and its JSON has every fact', async () => {
  const { code, stderr } = await run("throw require('./lib/errors').fromFacts({ kind: 'conflict', message: 'm', hint: 'hold' + ' on', provider: 'runpod' });");
  assert.equal(code, 1);
  assert.equal(stderr.split('hold on').length, 2, stderr);
  assert.match(stderr, /ConflictError: runpod: m \(hold on\)[^]*provider: 'runpod'/);
  for (const absent of ['operation', 'retryAfterMs', 'unknownOutcome', 'details', 'raw']) assert.ok(!stderr.includes(`${absent}:`), absent);
  assert.deepEqual(JSON.parse(JSON.stringify(fromFacts({ kind: 'conflict', message: 'm', hint: 'hold on' }))), {
    kind: 'conflict', code: 'ATLAS_CONFLICT', hint: 'hold on', provider: '', operation: '', status: 0, retryable: false, retryAfterMs: 0,
    unknownOutcome: false, details: null, raw: null,
  });
});

test('a kind of a newer library is still an AtlasError', () => {
  for (const kind of ['quota', 'constructor', '__proto__', 'toString']) {
    const error = fromFacts({ kind, message: 'm' });
    assert.equal(error.constructor, atlas.AtlasError);
    assert.equal(error.kind, kind);
  }
});

test('a status without a document is an error with its own code', () => {
  const codes = { BUSY: 'rate_limited', TOO_LARGE: 'validation', NO_MEMORY: 'internal', FORKED: 'unsupported', VERSION: 'validation', TIMEOUT: 'timeout', CANCELLED: 'cancelled', INVALID: 'validation', INTERNAL: 'internal' };
  for (const [name, kind] of Object.entries(codes)) {
    const error = fromStatus([STATUS[name], undefined]);
    assert.equal(error.kind, kind, name);
    assert.equal(error.code, `ATLAS_${name}`);
    assert.equal(error.unknownOutcome, name === 'NO_MEMORY');
  }
  assert.ok(fromStatus([STATUS.CLOSED, undefined]) instanceof atlas.ClosedError);
  assert.equal(fromStatus([77, undefined]).kind, 'internal');
  assert.equal(fromStatus([STATUS.BUSY, '{"error":{"kind":"rate_limited","message":"m"}}']).code, 'ATLAS_BUSY');
});
