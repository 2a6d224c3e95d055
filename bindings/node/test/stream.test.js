'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');
const { assertNothingLeft } = require('./support');
const { Client, ConflictError, ProviderError } = require('exatlas');
const { Queue } = require('../lib/queue');
const { Stream } = require('../lib/stream');

after(() => assertNothingLeft(Client));

/**
 * A connection as streams see it, without a library: subscribe answers when the
 * test says so, events come from the test.
 */
class Scripted {
  queue = new Queue();
  receive = this.queue.receiver();
  held = 0;
  left = [];
  answer = Promise.withResolvers ? Promise.withResolvers() : deferred();

  async subscribe(method, params, signal, found) {
    this.queue.opening++;
    try {
      await this.answer.promise;
      this.queue.attach('sub-1', found('sub-1'));
      return { subscription: 'sub-1', topic: 't', next_seq: 1 };
    } finally {
      this.queue.opened();
    }
  }

  async unsubscribe(subscription) {
    this.forget(subscription);
    this.left.push(subscription);
  }

  forget(subscription) { this.queue.streams.delete(subscription); }
  hold() { this.held++; }
  release() { this.held--; }

  event(seq, event = 'line', data = {}) {
    return this.receive(JSON.stringify({ type: 'event', subscription: 'sub-1', topic: 't', seq, event, data }));
  }
}

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

function scripted({ signal, maxBuffered = 100 } = {}) {
  const connection = new Scripted();
  return { connection, stream: new Stream(connection, 'm', {}, { signal, maxBuffered }) };
}

const seqs = async (stream) => {
  const seen = [];
  for await (const event of stream) seen.push(event.seq);
  return seen;
};

test('events that come before the subscription is known are not lost', async () => {
  const { connection, stream } = scripted();
  connection.event(1);
  connection.answer.resolve();
  connection.event(2);
  await stream.ready;
  connection.event(3);
  connection.event(4, 'result', { final: true });
  assert.deepEqual(await seqs(stream), [1, 2, 3, 4]);
  assert.deepEqual(connection.left, [], 'the core has ended it: nothing to leave');
  assert.equal(connection.queue.streams.size, 0);
});

test('a final error is thrown after what came before it, once', async () => {
  const { connection, stream } = scripted();
  connection.answer.resolve();
  await stream.ready;
  connection.event(1, 'chunk');
  connection.event(2, 'error', { final: true, error: { kind: 'provider', message: 'worker died' } });
  assert.equal((await stream.next()).value.seq, 1);
  await assert.rejects(stream.next(), (error) => error instanceof ProviderError && error.message === 'worker died');
  assert.deepEqual(await stream.next(), { value: undefined, done: true });
});

test('leaving the loop unsubscribes, and readers that wait are told', async () => {
  const { connection, stream } = scripted();
  connection.answer.resolve();
  await stream.ready;
  connection.event(1);
  for await (const event of stream) {
    assert.equal(event.seq, 1);
    break;
  }
  assert.deepEqual(connection.left, ['sub-1']);
  const other = scripted();
  other.connection.answer.resolve();
  await other.stream.ready;
  const waiting = [other.stream.next(), other.stream.next()];
  assert.equal(other.connection.held, 2);
  await other.stream.return();
  assert.deepEqual(await Promise.all(waiting), [{ value: undefined, done: true }, { value: undefined, done: true }]);
  assert.equal(other.connection.held, 0);
});

test('leaving before the subscription is known leaves it once it is', async () => {
  const { connection, stream } = scripted();
  const left = stream.return();
  connection.answer.resolve();
  await left;
  assert.deepEqual(connection.left, ['sub-1']);
  assert.equal(connection.queue.streams.size, 0);
});

test('a failure to subscribe rejects ready and the first read', async () => {
  const { connection, stream } = scripted();
  connection.answer.reject(new Error('no such topic'));
  await assert.rejects(stream.ready, /no such topic/);
  await assert.rejects(stream.next(), /no such topic/);
  assert.equal((await stream.next()).done, true);
});

test('a reader that falls too far behind is told where to go on', async () => {
  const { connection, stream } = scripted({ maxBuffered: 2 });
  connection.answer.resolve();
  await stream.ready;
  for (const seq of [1, 2, 3, 4]) connection.event(seq);
  assert.equal((await stream.next()).value.seq, 1);
  assert.equal((await stream.next()).value.seq, 2);
  await assert.rejects(stream.next(), (error) => error instanceof ConflictError && error.code === 'ATLAS_SLOW_READER' && error.details.from === 3);
  assert.deepEqual(connection.left, ['sub-1']);
});

test('a signal ends a stream with its reason and leaves it', async () => {
  const controller = new AbortController();
  const { connection, stream } = scripted({ signal: controller.signal });
  connection.answer.resolve();
  await stream.ready;
  connection.event(1);
  const reason = new Error('enough');
  await stream.next();
  const waiting = stream.next();
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  assert.deepEqual(connection.left, ['sub-1']);
  assert.equal(connection.held, 0);
});

test('events of a subscription that was left are dropped', async () => {
  const { connection, stream } = scripted();
  connection.answer.resolve();
  await stream.return();
  assert.equal(connection.event(9), 1);
  assert.equal((await stream.next()).done, true);
});

test('the library\'s own subscriptions open and end', async () => {
  const client = new Client();
  const stream = client.events.subscribe({ topic: 'compute:x' });
  const { subscription, next_seq: next } = await stream.ready;
  assert.match(subscription, /./);
  assert.equal(next, 1);
  assert.equal((await client.info()).live.subscriptions, 1);
  await stream.return();
  assert.equal((await client.info()).live.subscriptions, 0);
  if (Symbol.asyncDispose) await client.events.subscribe({ topic: 'rentals' })[Symbol.asyncDispose]();
  assert.equal((await client.info()).live.subscriptions, 0);
  await client.close();
});

test('a misspelt topic param is the library\'s validation error', async () => {
  const client = new Client();
  await assert.rejects(client.events.subscribe({ topik: 'x' }).next(), { kind: 'validation' });
  await client.close();
});
