'use strict';
// Sessions as objects: machines that are given back by themselves.

const { INSPECT } = require('./secret');

class Session {
  #client;
  #facts;

  constructor(client, facts) {
    this.#client = client;
    this.#facts = facts;
  }

  get facts() { return this.#facts; }
  get id() { return this.#facts.id; }
  get state() { return this.#facts.state; }
  get compute() { return this.#facts.compute; }
  get auth() { return this.#facts.auth; }

  async touch() {
    await this.#client.orchestrator.touch({ id: this.id });
  }

  async refresh() {
    return this.#keep(await this.#client.orchestrator.get({ id: this.id }));
  }

  events(from = 1, options = undefined) {
    return this.#client.events.subscribe({ topic: this.#facts.topic, from }, options);
  }

  async stop({ waitMs = 60_000, forget = false } = {}) {
    return this.#keep(await this.#client.orchestrator.stop({ id: this.id, wait_ms: waitMs, forget }));
  }

  [INSPECT]() {
    return `Session { id: '${this.id}', state: '${this.state}' }`;
  }

  /** The credential is on the answer of spawn alone. */
  #keep(facts) {
    this.#facts = this.#facts.auth && !facts.auth ? { ...facts, auth: this.#facts.auth } : facts;
    return this;
  }
}

if (Symbol.asyncDispose) {
  Object.defineProperty(Session.prototype, Symbol.asyncDispose, {
    value: async function dispose() {
      try {
        await this.stop();
      } catch (error) {
        if (error.kind !== 'not_found') throw error; // it ended long ago
      }
    },
    writable: true,
    configurable: true,
  });
}

module.exports = { Session };
