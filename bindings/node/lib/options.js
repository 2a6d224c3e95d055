'use strict';
// Checks of what callers pass. Mistakes are TypeErrors whose text holds the fix.

const { encode } = require('./encode');

/** Edits (insert, delete, replace, swap neighbours) between two words. */
function distance(a, b) {
  let before = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    before = above;
    above = row;
  }
  return above[b.length];
}

const simple = (word) => word.toLowerCase().replaceAll('_', '');

/** The known word nearest to word, or undefined when none is near. */
function nearest(word, known) {
  let best;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of known) {
    const edits = distance(simple(word), simple(candidate));
    if (edits < least) [best, least] = [candidate, edits];
  }
  return best;
}

function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Options must be an object of known names. */
function checkNames(options, known, what) {
  if (!isObject(options)) throw new TypeError(`exatlas: ${what} must be an object, got ${describe(options)}`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    const near = nearest(name, known);
    throw new TypeError(`exatlas: unknown option "${name}" of ${what}: ${near ? `did you mean "${near}"?` : `known are ${known.join(', ')}`}`);
  }
}

function describe(value) {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function checkSignal(signal, what) {
  if (typeof signal?.addEventListener !== 'function' || typeof signal.aborted !== 'boolean') {
    throw new TypeError(`exatlas: "signal" of ${what} must be an AbortSignal`);
  }
}

function checkMilliseconds(value, name, what, least) {
  if (!Number.isInteger(value) || value < least) {
    throw new TypeError(`exatlas: "${name}" of ${what} must be a whole number of milliseconds from ${least}, got ${String(value)}`);
  }
}

/** The request document. id is digits; method is checked by the core. */
function request(id, method, params, timeoutMs) {
  if (typeof method !== 'string') throw new TypeError(`exatlas: method must be a string such as "compute.get", got ${describe(method)}`);
  if (params !== undefined && !isObject(params)) throw new TypeError(`exatlas: params of ${method} must be an object, got ${describe(params)}`);
  const tail = timeoutMs === undefined ? '}' : `,"deadline_ms":${timeoutMs}}`;
  const body = params === undefined ? '{}' : encode(params, `params of ${method}`);
  return `{"id":"${id}","method":${JSON.stringify(method)},"params":${body}${tail}`;
}

module.exports = { checkMilliseconds, checkNames, checkSignal, describe, isObject, nearest, request };
