'use strict';

const { Connection, callOptions } = require('./connection');
const { encode } = require('./encode');
const { addFly } = require('./fly');
const { addNamespaces } = require('./methods');
const { checkMilliseconds, checkNames, describe, isObject } = require('./options');
const { INSPECT } = require('./secret');
const { Session } = require('./session');
const { Stream } = require('./stream');

const CLOSE_MS = 5000;
const MAX_BUFFERED = 10_000;
const NONE = Object.freeze({});

class Client {
  #connection;

  constructor(config = NONE, ...more) {
    if (!isObject(config) || more.length > 0) {
      const given = more.length > 0 ? `${1 + more.length} arguments` : describe(config);
      throw new TypeError(`exatlas: a client takes all its settings as one object, got ${given}; write new Client({ default_provider: 'runpod' })`);
    }
    this.#connection = new Connection(encode(config, 'the configuration'));
    addNamespaces(this);
    addFly(this);
  }

  /** As new Client, with a promise that rejects instead of an exception. */
  static async open(...config) {
    return new Client(...config);
  }

  get closed() {
    return this.#connection.closed;
  }

  call(method, params, options) {
    return this.#connection.call(method, params, options);
  }

  callSync(method, params, options) {
    return this.#connection.callSync(method, params, options);
  }

  stream(method, params, options = NONE) {
    const { signal, maxBuffered = MAX_BUFFERED } = callOptions(options, ['signal', 'maxBuffered'], method);
    if (!Number.isInteger(maxBuffered) || maxBuffered < 1) {
      throw new TypeError(`exatlas: "maxBuffered" of ${method} must be a whole number from 1, got ${String(maxBuffered)}`);
    }
    return new Stream(this.#connection, method, params, { signal, maxBuffered });
  }

  /** A machine for a while, as an object. */
  async session(params, options) {
    return new Session(this, await this.orchestrator.spawn(params, options));
  }

  async close(options = NONE) {
    checkNames(options, ['timeoutMs'], 'close');
    const { timeoutMs = CLOSE_MS } = options;
    checkMilliseconds(timeoutMs, 'timeoutMs', 'close', 0);
    await this.#connection.close(timeoutMs);
  }

  [INSPECT]() {
    const { calls, streams } = this.#connection.counts;
    return `Client { closed: ${this.closed}, calls: ${calls}, streams: ${streams} }`;
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Client.prototype, Symbol.asyncDispose, {
    value: function dispose() { return this.close(); }, writable: true, configurable: true,
  });
}

module.exports = { Client };
