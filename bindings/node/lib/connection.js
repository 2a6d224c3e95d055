'use strict';
// One open client of the library: the handle, its queue, and the calls in
// flight. Client is its public face.

const { closed, fromStatus } = require('./errors');
const native = require('./native');
const { checkMilliseconds, checkNames, checkSignal } = require('./options');
const { Queue } = require('./queue');
const { methodOf, plainRequest, request } = require('./request');

/** Completion of a call that was let go of before it ended. */
const LOST = { kind: 'cancelled', message: 'the client closed before the call ended' };

function callOptions(options, known, what) {
  checkNames(options, known, what);
  if (options.signal !== undefined) checkSignal(options.signal, what);
  if (options.timeoutMs !== undefined) checkMilliseconds(options.timeoutMs, 'timeoutMs', what, 1);
  return options;
}

class Connection {
  #native = native.get();
  #handle;
  #queue = new Queue();
  #last = 0; // the id given out last
  #holders = 0; // reasons to keep the event loop alive
  #closing; // the promise of close, once called

  /** config is the document of atlas_open. */
  constructor(config) {
    const threaded = process.versions.bun !== undefined || process.env.EXATLAS_WAKE === 'thread';
    const opened = this.#native.open(config, this.#queue.receiver(), threaded);
    if (Array.isArray(opened)) throw fromStatus(opened);
    this.#handle = opened;
  }

  get closed() {
    return this.#closing !== undefined;
  }

  get counts() {
    return { calls: this.#queue.calls.size, streams: this.#queue.streams.size };
  }

  call(name, params, options) {
    return new Promise((resolve, reject) => {
      if (this.#closing !== undefined) throw closed();
      let signal, timeoutMs;
      if (options !== undefined) ({ signal, timeoutMs } = callOptions(options, ['signal', 'timeoutMs'], name));
      if (signal?.aborted) throw signal.reason;
      const method = methodOf(name);
      if (method.local) {
        const result = this.#answer(method, request(method, params, timeoutMs));
        setImmediate(resolve, result); // in a turn of its own, as every other answer
        return;
      }
      const id = String(++this.#last);
      const refused = this.#native.submit(this.#handle, request(method, params, timeoutMs, id));
      if (refused !== undefined) throw fromStatus(refused);
      const call = { connection: this, guard: method.guard, resolve, reject, signal, onAbort: undefined };
      this.#queue.calls.set(id, call);
      this.hold();
      if (signal !== undefined) {
        call.onAbort = () => this.#native.cancel(this.#handle, id);
        signal.addEventListener('abort', call.onAbort, { once: true });
      }
    });
  }

  callSync(name, params, options) {
    if (this.#closing !== undefined) throw closed();
    let timeoutMs;
    if (options !== undefined) ({ timeoutMs } = callOptions(options, ['timeoutMs'], `callSync ${name}`));
    const method = methodOf(name);
    return this.#answer(method, timeoutMs === undefined ? plainRequest(method, params) : request(method, params, timeoutMs));
  }

  #answer(method, document) {
    const answer = this.#native.call(this.#handle, document);
    if (typeof answer !== 'string') throw fromStatus(answer);
    const { result } = JSON.parse(answer);
    return method.guard === undefined ? result : method.guard(result);
  }

  /** Opens a subscription and connects it with the stream that found names. */
  async subscribe(method, params, signal, found) {
    this.#queue.opening++;
    try {
      const answer = await this.call(method, params, signal ? { signal } : undefined);
      this.#queue.attach(answer.subscription, found(answer.subscription));
      return answer;
    } finally {
      this.#queue.opened();
    }
  }

  /** Lets go of a subscription that has ended by itself. */
  forget(subscription) {
    this.#queue.streams.delete(subscription);
  }

  /** Leaves a subscription. Where that fails there is nothing to leave. */
  async unsubscribe(subscription) {
    this.forget(subscription);
    if (!this.closed) await this.call('events.unsubscribe', { subscription }).catch(() => {});
  }

  /** Keeps the process alive until as many release calls. */
  hold() {
    if (this.#holders++ === 0) this.#native.reference(this.#handle, true);
  }

  release() {
    if (--this.#holders === 0) this.#native.reference(this.#handle, false);
  }

  close(timeoutMs) {
    this.#closing ??= this.#close(timeoutMs);
    return this.#closing;
  }

  // The calls are cancelled here and their ends waited for, so that whoever
  // awaits them learns how they ended; the library finds nothing left to do.
  async #close(timeoutMs) {
    const until = performance.now() + timeoutMs;
    for (const id of this.#queue.calls.keys()) this.#native.cancel(this.#handle, id);
    await this.#queue.emptied(timeoutMs);
    const rest = Math.max(0, Math.ceil(until - performance.now()));
    await new Promise((resolve) => {
      if (!this.#native.close(this.#handle, rest, resolve)) resolve();
    });
    this.#queue.end(LOST);
  }
}

module.exports = { Connection, callOptions };
