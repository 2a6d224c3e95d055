'use strict';
// What is known of a method, and the documents that ask for it.

const { describe, isObject } = require('./options');
const { guardOf } = require('./secret');

/** Methods that wait for nothing: their work takes less time than handing it to another thread. */
const LOCAL = new Set(['atlas.info', 'auth.token.mint', 'auth.token.verify', 'auth.url.sign', 'auth.url.verify', 'gpus.catalog']);

const KEPT = 256; // callers may make up any number of names
const methods = new Map();

/** What every call of a method has in common. The name is checked by the core. */
function methodOf(name) {
  const kept = methods.get(name);
  if (kept !== undefined) return kept;
  if (typeof name !== 'string') throw new TypeError(`exatlas: method must be a string such as "compute.get", got ${describe(name)}`);
  const method = { name, head: `{"method":${JSON.stringify(name)},"params":`, guard: guardOf(name), local: LOCAL.has(name) };
  if (methods.size < KEPT) methods.set(name, method);
  return method;
}

/** The request document. id is digits, or undefined. */
function request(method, params, timeoutMs, id) {
  if (params !== undefined && !isObject(params)) throw new TypeError(`exatlas: params of ${method.name} must be an object, got ${describe(params)}`);
  let text = params === undefined ? `${method.head}{}` : method.head + JSON.stringify(params);
  if (timeoutMs !== undefined) text += `,"deadline_ms":${timeoutMs}`;
  return id === undefined ? `${text}}` : `${text},"id":"${id}"}`;
}

module.exports = { methodOf, request };
