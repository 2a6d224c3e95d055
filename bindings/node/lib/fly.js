'use strict';
// Fly's logs as lines and deploys as promises, on top of their event streams.

const { checkNames } = require('./options');

const FILTERS = ['from', 'recent', 'region', 'instance'];

/** The lines of an app's log, as an async iterator. */
class LogLines {
  #stream;
  #cursor = '';
  #lost = 0;
  #stalled = false;

  constructor(client, app, options = {}) {
    checkNames(options, [...FILTERS, 'signal', 'maxBuffered'], 'fly.logs');
    const params = { app };
    for (const name of FILTERS) if (options[name] !== undefined) params[name] = options[name];
    const { signal, maxBuffered } = options;
    this.#stream = client.stream('fly.logs.subscribe', params, { ...(signal && { signal }), ...(maxBuffered !== undefined && { maxBuffered }) });
  }

  get ready() { return this.#stream.ready; }
  get cursor() { return this.#cursor; }
  get lost() { return this.#lost; }
  get stalled() { return this.#stalled; }

  async next() {
    for (;;) {
      const { value, done } = await this.#stream.next();
      if (done) return { value: undefined, done: true };
      switch (value.event) {
        case 'line':
          this.#cursor = value.data.cursor ?? this.#cursor;
          return { value: value.data, done: false };
        case 'dropped':
          this.#lost += value.data.count;
          break;
        case 'stalled':
        case 'resumed':
          this.#stalled = value.event === 'stalled';
      }
    }
  }

  return(value) { return this.#stream.return(value); }
  throw(error) { return this.#stream.throw(error); }
  [Symbol.asyncIterator]() { return this; }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(LogLines.prototype, Symbol.asyncDispose, {
    value: async function dispose() { await this.return(); }, writable: true, configurable: true,
  });
}

/** Deploys, hands every event to onEvent, and answers how it went. */
async function deploy(client, params = {}, options = {}) {
  checkNames(options, ['onEvent', 'signal'], 'fly.deploy');
  const { onEvent, signal } = options;
  for await (const event of client.stream('fly.deploy.stream', params, signal ? { signal } : {})) {
    if (event.event === 'result') return event.data.deploy;
    if (onEvent) onEvent(event);
  }
  return undefined; // not reached: the last event is a result or an error
}

/** Makes client.fly.logs and client.fly.deploy callable beside their methods. */
function addFly(client) {
  const { fly } = client;
  fly.logs = Object.assign((app, options) => new LogLines(client, app, options), fly.logs);
  fly.deploy = Object.assign((params, options) => deploy(client, params, options), fly.deploy);
}

module.exports = { addFly };
