'use strict';

const assert = require('node:assert/strict');
const { after, afterEach, before, beforeEach, test } = require('node:test');
const { assertNothingLeft, descriptors, run, runpod, silentServer } = require('./support');
const { CancelledError, Client, ClosedError, TimeoutError } = require('exatlas');

let server;
let client;
before(async () => { server = await silentServer(); });
after(async () => {
  await server.stop();
  await assertNothingLeft(Client);
});
beforeEach(() => { client = new Client(runpod(server.url)); });
afterEach(() => client.close());

/** A call that reaches the server, which never answers. */
const hang = (options) => client.compute.get({ id: 'x' }, options);

test('aborting cancels the call and rejects with the reason', async () => {
  const controller = new AbortController();
  const reason = new Error('the user left');
  const call = hang({ signal: controller.signal });
  await server.arrived(1);
  controller.abort(reason);
  await assert.rejects(call, (error) => error === reason);
  assert.equal((await client.info()).live.calls, 1); // this one alone: the cancelled call has ended
});

test('abort without a reason rejects with an AbortError', async () => {
  const controller = new AbortController();
  const call = hang({ signal: controller.signal });
  controller.abort();
  await assert.rejects(call, { name: 'AbortError' });
});

test('a signal that is aborted already starts nothing', async () => {
  const reason = new Error('too late');
  await assert.rejects(hang({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
});

test('AbortSignal.timeout works as a signal', async () => {
  await assert.rejects(hang({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
});

test('aborting after the answer changes nothing, and leaves no listener', async () => {
  const controller = new AbortController();
  let listeners = 0;
  const { signal } = controller;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args) => { listeners++; return addEventListener.apply(signal, args); };
  signal.removeEventListener = (...args) => { listeners--; return removeEventListener.apply(signal, args); };
  await client.info({}, { signal });
  assert.equal(listeners, 0);
  controller.abort();
});

test('timeoutMs ends a call with a TimeoutError, awaited and blocking', async () => {
  await assert.rejects(hang({ timeoutMs: 30 }), (error) => error instanceof TimeoutError && error.kind === 'timeout');
  assert.throws(() => client.callSync('compute.get', { id: 'x' }, { timeoutMs: 30 }), TimeoutError);
});

test('1000 calls in flight hold no thread, and one signal ends them all', async () => {
  const threads = () => require('node:fs').readdirSync('/proc/self/task').length;
  await client.info();
  const before = threads();
  const controller = new AbortController();
  const calls = Array.from({ length: 1000 }, () => hang({ signal: controller.signal }));
  assert.equal((await client.info()).live.calls, 1001);
  assert.ok(threads() - before < 20, `${threads() - before} threads for 1000 calls`);
  controller.abort(new Error('enough'));
  const ends = await Promise.allSettled(calls);
  assert.ok(ends.every((end) => end.status === 'rejected' && end.reason.message === 'enough'));
});

test('the event loop turns while calls are in flight', async () => {
  const controller = new AbortController();
  const call = hang({ signal: controller.signal });
  let turns = 0;
  for (; turns < 100; turns++) await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  await assert.rejects(call);
  assert.equal(turns, 100);
});

test('closing ends the calls in flight with a CancelledError', async () => {
  const calls = Array.from({ length: 50 }, () => hang());
  const ends = Promise.allSettled(calls);
  await client.close();
  for (const end of await ends) assert.ok(end.reason instanceof CancelledError, String(end.reason));
});

test('closing is bounded even where the bound is zero', async () => {
  const call = hang();
  const [end] = await Promise.allSettled([call, client.close({ timeoutMs: 0 })]);
  assert.ok(end.reason instanceof CancelledError, String(end.reason));
});

test('closing ends a stream that is being read', async () => {
  const stream = client.events.subscribe({ topic: 'compute:x' });
  await stream.ready;
  const next = stream.next();
  await client.close();
  await assert.rejects(next, ClosedError);
  assert.equal((await stream.next()).done, true);
});

test('clients with calls in flight leave no descriptor once closed', async () => {
  const before = descriptors();
  for (let i = 0; i < 10; i++) {
    const other = new Client();
    const stream = other.events.subscribe({ topic: 'rentals' });
    await stream.ready;
    await other.close();
  }
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
});

test('a client that nobody uses any more is collected and closed', async () => {
  const { code, stdout, stderr } = await run(`
    const { Client } = require('exatlas');
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    (async () => {
      const watcher = new Client();
      await (async () => { for (let i = 0; i < 20; i++) await new Client().info(); })();
      let clients;
      for (let i = 0; i < 200; i++) {
        gc();
        await turn();
        clients = (await watcher.info()).live.clients;
        if (clients === 1) break;
      }
      console.log(clients);
      await watcher.close();
    })()`, { args: ['--expose-gc'] });
  assert.equal(stderr, '');
  assert.equal(code, 0);
  assert.equal(stdout, '1\n');
});
