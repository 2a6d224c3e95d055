'use strict';
// An ordered stream of events as an async iterator. It subscribes when it is
// made, so that nothing is missed between making it and reading it.

const { CLASSES, closed, fromFacts } = require('./errors');
const { INSPECT } = require('./secret');

class Stream {
  #connection;
  #topic;
  #subscription;
  #signal;
  #onAbort;
  #limit;
  #buffer = [];
  #waiting = [];
  #ended = false; // nothing will be added to the buffer
  #failure; // thrown once the buffer is empty
  #left; // the promise of unsubscribing

  constructor(connection, method, params, { signal, maxBuffered }) {
    this.#connection = connection;
    this.#signal = signal;
    this.#limit = maxBuffered;
    this.ready = this.#subscribe(method, params);
    this.ready.catch((error) => this.#end(error)); // also keeps it from being an unhandled rejection
  }

  async #subscribe(method, params) {
    const answer = await this.#connection.subscribe(method, params, this.#signal, (subscription) => {
      this.#subscription = subscription;
      return this;
    });
    this.#topic = answer.topic;
    if (this.#ended && this.#subscription !== undefined) this.#unsubscribe(); // left before it was ready
    else if (this.#ended) return answer;
    else if (this.#signal?.aborted) this.#abort();
    else if (this.#signal) this.#signal.addEventListener('abort', this.#onAbort = () => this.#abort(), { once: true });
    return answer;
  }

  /** Takes one event out of the queue. */
  push(event) {
    if (this.#ended) return;
    if (event.data.final === true) return this.#finish(event);
    if (this.#waiting.length > 0) return this.#waiting.shift().resolve({ value: event, done: false });
    this.#buffer.push(event);
    if (this.#buffer.length > this.#limit) this.#overflow();
  }

  #finish(event) {
    this.#connection.forget(this.#subscription); // the core has ended it
    this.#subscription = undefined;
    if (event.event === 'error') return this.#end(fromFacts(event.data.error));
    if (this.#waiting.length > 0) this.#waiting.shift().resolve({ value: event, done: false });
    else this.#buffer.push(event);
    this.#end();
  }

  /** A reader that is too slow loses its place, not events: the core keeps them. */
  #overflow() {
    const from = this.#buffer[this.#limit].seq;
    this.#buffer.length = this.#limit;
    this.#end(new CLASSES.ConflictError({
      kind: 'conflict', code: 'ATLAS_SLOW_READER', details: { from },
      message: `the reader of ${this.#topic ?? 'the stream'} fell ${this.#limit} events behind`,
      hint: `read faster, raise maxBuffered, or open the stream again (events.subscribe takes from: ${from})`,
    }));
  }

  #abort() {
    this.#buffer.length = 0;
    this.#end(this.#signal.reason);
  }

  /** Called when the client has closed. */
  shut() {
    this.#end(closed());
  }

  #end(failure) {
    if (this.#ended) return;
    this.#ended = true;
    if (arguments.length > 0) this.#failure = { error: failure };
    if (this.#onAbort) this.#signal.removeEventListener('abort', this.#onAbort);
    if (this.#subscription !== undefined) this.#unsubscribe();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const reader of waiting) this.#last(reader);
  }

  /** The failure is told once; after it the stream is simply over. */
  #last({ resolve, reject }) {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) reject(failure.error);
    else resolve({ value: undefined, done: true });
  }

  #unsubscribe() {
    this.#left ??= this.#connection.unsubscribe(this.#subscription);
  }

  next() {
    return new Promise((resolve, reject) => {
      if (this.#buffer.length > 0) return resolve({ value: this.#buffer.shift(), done: false });
      if (this.#ended) return this.#last({ resolve, reject });
      this.#connection.hold(); // someone waits: the process must live
      this.#waiting.push({
        resolve: (value) => { this.#connection.release(); resolve(value); },
        reject: (error) => { this.#connection.release(); reject(error); },
      });
    });
  }

  /** Leaves the stream; for await calls it when its loop is left early. */
  async return(value) {
    this.#buffer.length = 0;
    this.#failure = undefined;
    this.#end();
    await this.ready.catch(() => {});
    await this.#left;
    return { value, done: true };
  }

  async throw(error) {
    await this.return();
    throw error;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  [INSPECT]() {
    return `Stream { topic: ${JSON.stringify(this.#topic ?? null)}, buffered: ${this.#buffer.length}, ended: ${this.#ended} }`;
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Stream.prototype, Symbol.asyncDispose, {
    value: async function dispose() { await this.return(); }, writable: true, configurable: true,
  });
}

module.exports = { Stream };
