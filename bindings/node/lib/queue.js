'use strict';
// What a connection waits for, and the function that the native layer hands the
// items of its queue to. It is apart from Connection, and holds one only while a
// call is in flight or a stream is open, so that a client that nobody uses any
// more is collected and closed.

const { fromFacts } = require('./errors');

class Queue {
  calls = new Map(); // id -> the waiting call: { connection, guard, resolve, reject, signal, onAbort }
  streams = new Map(); // subscription -> Stream
  opening = 0; // subscriptions asked for and not yet known
  #early = new Map(); // subscription -> its events that came before it was known
  #onEmpty; // set while someone waits for the last call

  /** The native layer's callback; it answers how many events there were. */
  receiver() {
    return (...items) => {
      let events = 0;
      for (const text of items) {
        const item = JSON.parse(text);
        if (item.type === 'completion') this.#complete(item);
        else {
          events++;
          this.#publish(item);
        }
      }
      return events;
    };
  }

  #complete(item) {
    const call = this.calls.get(item.id);
    if (call === undefined) return;
    this.calls.delete(item.id);
    call.connection.release();
    if (call.onAbort !== undefined) call.signal.removeEventListener('abort', call.onAbort);
    if (item.error === undefined) call.resolve(call.guard === undefined ? item.result : call.guard(item.result));
    else call.reject(this.#failure(call, item.error));
    if (this.#onEmpty !== undefined && this.calls.size === 0) this.#onEmpty();
  }

  /**
   * A call that its signal ended rejects with the signal's reason, as fetch
   * does; unless the cloud may have done it all the same, which is worth more
   * than the reason.
   */
  #failure(call, facts) {
    const aborted = call.signal?.aborted && facts.kind === 'cancelled';
    if (aborted && !facts.unknown_outcome) return call.signal.reason;
    return fromFacts(facts, aborted ? { cause: call.signal.reason } : undefined);
  }

  #publish(event) {
    const stream = this.streams.get(event.subscription);
    if (stream !== undefined) return stream.push(event);
    if (this.opening === 0) return; // of a subscription that was just left
    const early = this.#early.get(event.subscription);
    if (early === undefined) this.#early.set(event.subscription, [event]);
    else early.push(event);
  }

  /** Connects a subscription with its stream, events that came early first. */
  attach(subscription, stream) {
    this.streams.set(subscription, stream);
    for (const event of this.#early.get(subscription) ?? []) stream.push(event);
  }

  /** An asked-for subscription is known now, or has failed. */
  opened() {
    if (--this.opening === 0) this.#early.clear();
  }

  /** Resolves when no call is in flight, or after timeoutMs. */
  emptied(timeoutMs) {
    if (this.calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onEmpty = () => { clearTimeout(timer); resolve(); };
    });
  }

  /** Ends everything that still waits, once the client is closed. */
  end(error) {
    for (const id of [...this.calls.keys()]) this.#complete({ id, error });
    for (const stream of [...this.streams.values()]) stream.shut();
    this.streams.clear();
  }
}

module.exports = { Queue };
