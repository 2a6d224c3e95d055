'use strict';
// Keeps minted credentials out of consoles and logs. A credential is an ordinary
// object: its text is readable as a property, and JSON.stringify and
// structuredClone keep it, because handing it out is what it is for. What hides
// it is how it is printed.

const INSPECT = Symbol.for('nodejs.util.inspect.custom');
const REDACTED = '[redacted]';

/** value with every occurrence of the secret replaced, at any depth. */
function redact(value, secret) {
  if (typeof value === 'string') return value.split(secret).join(REDACTED);
  if (Array.isArray(value)) return value.map((item) => redact(item, secret));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, redact(item, secret)]));
}

function inspectCredential(depth, options, inspect) {
  return inspect(redact({ ...this }, this.token), options);
}

/** Makes a credential ({token, …}) print redacted, and returns it. */
function guard(credential) {
  if (typeof credential?.token === 'string' && credential.token !== '') {
    Object.defineProperty(credential, INSPECT, { value: inspectCredential, enumerable: false });
  }
  return credential;
}

/** Likewise for a result with a credential in auth. */
function guardAuth(result) {
  guard(result?.auth);
  return result;
}

/** The results that carry a credential; every other passes as it is. */
const GUARDS = {
  __proto__: null,
  'compute.spawn': guardAuth,
  'orchestrator.spawn': guardAuth,
  'orchestrator.get': guardAuth,
  'auth.token.mint': guard,
  'fly.tokens.get': guard,
  'fly.tokens.refresh': guard,
};

/** What makes a result of the method safe to print; undefined where it holds no credential. */
function guardOf(method) {
  return GUARDS[method];
}

module.exports = { INSPECT, REDACTED, guardOf };
