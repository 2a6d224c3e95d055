'use strict';
// What is known of a method, and the documents that ask for it.

const { encode } = require('./encode');
const { describe, isObject } = require('./options');
const { guardOf } = require('./secret');

/** Methods that wait for nothing: their work takes less time than handing it to another thread. */
const LOCAL = new Set(['atlas.info', 'auth.token.mint', 'auth.token.verify', 'auth.url.sign', 'auth.url.verify', 'gpus.catalog']);

/** Reads, which are mostly repeated with the same params. */
const READS = new Set([
  'compute.get', 'compute.list', 'gpus.list', 'orchestrator.get', 'orchestrator.list', 'providers.capabilities', 'providers.list',
]);

const KEPT = 256; // callers may make up any number of names
const methods = new Map();

/** What every call of a method has in common. The name is checked by the core. */
function methodOf(name) {
  const kept = methods.get(name);
  if (kept !== undefined) return kept;
  if (typeof name !== 'string') throw new TypeError(`exatlas: method must be a string such as "compute.get", got ${describe(name)}`);
  const method = {
    name,
    head: `{"method":${JSON.stringify(name)},"params":`,
    guard: guardOf(name),
    local: LOCAL.has(name),
    last: READS.has(name) ? { params: {}, size: -1, text: '' } : undefined, // the last request, of how many params
  };
  if (methods.size < KEPT) methods.set(name, method);
  return method;
}

/** The request document. id is digits, or undefined. */
function request(method, params, timeoutMs, id) {
  if (params !== undefined && !isObject(params)) throw new TypeError(`exatlas: params of ${method.name} must be an object, got ${describe(params)}`);
  let text = params === undefined ? `${method.head}{}` : method.head + encode(params, `params of ${method.name}`);
  if (timeoutMs !== undefined) text += `,"deadline_ms":${timeoutMs}`;
  return id === undefined ? `${text}}` : `${text},"id":"${id}"}`;
}

/** request without the last two, which costs less where it repeats the one before. */
function plainRequest(method, params) {
  const { last } = method;
  if (last === undefined || !isPlain(params)) return request(method, params);
  if (repeats(last, params)) return last.text;
  const text = request(method, params);
  const values = Object.values(params);
  const kept = values.every((value) => typeof value === 'string') && params.api_key === undefined; // a key is not kept
  if (kept) method.last = { params: { ...params }, size: values.length, text };
  return text;
}

function isPlain(params) {
  return typeof params === 'object' && params !== null && Object.getPrototypeOf(params) === Object.prototype;
}

/** Whether params are the last ones, which are all texts: an undefined one is no match for a name that was not among them. */
function repeats(last, params) {
  let size = 0;
  for (const name in params) {
    const value = params[name];
    if (value === undefined || value !== last.params[name]) return false;
    size++;
  }
  return size === last.size;
}

module.exports = { methodOf, plainRequest, request };
