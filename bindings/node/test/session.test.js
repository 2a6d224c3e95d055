'use strict';
// Sessions as objects, and their events.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { inspect } = require('node:util');
const { assertNothingLeft, simulation } = require('./support');
const atlas = require('exatlas');

let clouds;
before(async () => { clouds = await simulation(); });
after(async () => {
  await clouds.stop();
  await assertNothingLeft(atlas.Client);
});

const open = () => new atlas.Client({ default_provider: 'mock', providers: { mock: { base_url: clouds.urls.mock } }, store: { url: 'memory:' } });
const PARAMS = { gpu: 'h100', image: 'ghcr.io/me/server:1', auth: 'bearer', idle_ttl_ms: 600_000 };

test('a session is touched, tells its events, and is given back when it is disposed of', async () => {
  const client = open();
  const session = await client.session(PARAMS);
  const { token } = session.auth;
  await session.touch();
  assert.equal((await session.refresh()).state, 'live');
  assert.equal(session.auth.token, token);
  await session[Symbol.asyncDispose]();
  assert.equal(session.state, 'ended');
  assert.deepEqual((await client.compute.list({ status: 'running' })).items, []);
  const names = [];
  for await (const event of session.events()) names.push(event.event);
  assert.equal(names[0], 'provisioning');
  assert.deepEqual(names.slice(-2), ['terminating', 'terminated']);
  await session[Symbol.asyncDispose](); // once more changes nothing
  await client.close();
});

test('a touch of what ended is a conflict', async () => {
  const client = open();
  const session = await client.session(PARAMS);
  await session.stop();
  await assert.rejects(session.touch(), { kind: 'conflict' });
  await client.close();
});

test('a session whose machine can be given back is not forgotten', async () => {
  const client = open();
  const session = await client.session(PARAMS);
  await assert.rejects(session.stop({ forget: true }), { kind: 'conflict', hint: /stop it first/ });
  assert.equal((await session.refresh()).state, 'live');
  await session.stop();
  assert.equal((await session.stop({ forget: true })).facts.reason, 'stopped'); // it ended long ago
  await client.close();
});

test('a session prints what it is, and no credential', async () => {
  const client = open();
  const session = await client.session(PARAMS);
  const { token } = session.auth;
  assert.equal(inspect(session), `Session { id: '${session.id}', state: 'live' }`);
  const again = await client.orchestrator.get({ id: session.id, credential: true });
  assert.equal(again.auth.token, token);
  for (const shown of [inspect(session.auth), inspect(session.facts, { depth: 9 }), inspect(again, { depth: 9 })]) {
    assert.ok(!shown.includes(token), shown);
    assert.match(shown, /\[redacted\]/);
  }
  await session.stop();
  await client.close();
});
