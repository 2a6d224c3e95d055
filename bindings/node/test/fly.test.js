'use strict';
// Fly's platform operations against the simulated Fly and a stand-in for flyctl.

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { inspect } = require('node:util');
const { assertNothingLeft, simulation } = require('./support');
const atlas = require('exatlas');

const ROOT = path.resolve(__dirname, '../../..');
let clouds;
let folder;
before(async () => {
  clouds = await simulation({ fly: { logs: [{ app: 'my-api', lines: [{ message: 'first', age_ms: 2000 }, { message: 'second', age_ms: 1000 }] }, { app: 'busy', every_ms: 20 }] } });
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'atlas-fly-'));
  fs.writeFileSync(path.join(folder, 'fly.toml'), 'app = "my-api"\n');
  execFileSync('go', ['build', '-o', path.join(folder, 'fly'), './test/standin/fly'], { cwd: ROOT });
});
after(async () => {
  await clouds.stop();
  fs.rmSync(folder, { recursive: true });
  await assertNothingLeft(atlas.Client);
});

const open = () => new atlas.Client({
  store: { url: 'memory:', key: '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f' },
  fly: { api_url: clouds.urls.fly, machines_url: clouds.urls.fly, cli: path.join(folder, 'fly') },
});

test('apps, tokens and pages of logs', async () => {
  const client = open();
  const { items } = await client.fly.apps.discover({ path: folder });
  assert.deepEqual(items.map((app) => app.name), ['my-api']);
  await client.fly.tokens.setManual({ app: 'my-api', token: 'FlyV1 fm2_token' });
  const found = await client.fly.tokens.get({ app: 'my-api' });
  assert.equal(found.source, 'manual');
  assert.ok(found.token.includes('fm2_token') && !inspect(found).includes('fm2_token'), inspect(found));
  const page = await client.fly.logs.fetch({ app: 'my-api' });
  assert.deepEqual(page.items.map((line) => line.message), ['first', 'second']);
  await client.close();
});

test('log lines are iterated and resumed', async () => {
  const client = open();
  await client.fly.tokens.setManual({ app: 'busy', token: 'fm2_token' });
  const seen = [];
  const lines = client.fly.logs('busy');
  for await (const line of lines) {
    seen.push(line.message);
    if (seen.length === 15) break;
  }
  for await (const line of client.fly.logs('busy', { from: lines.cursor })) {
    seen.push(line.message);
    if (seen.length === 30) break;
  }
  const numbers = seen.map((text) => Number(text.split(' ')[1]));
  assert.deepEqual(numbers, numbers.map((_, i) => numbers[0] + i));
  assert.equal(lines.lost, 0);
  await client.fly.tokens.setManual({ app: 'nowhere', token: 'fm2_token' });
  await assert.rejects(client.fly.logs('nowhere').next(), atlas.NotFoundError);
  assert.throws(() => client.fly.logs('busy', { regoin: 'ord' }), /region/);
  await client.close();
});

test('a deploy shows its progress and its result, and is cancelled by a signal', async () => {
  process.env.FLY_STANDIN = 'ok';
  let client = open();
  const phases = [];
  const result = await client.fly.deploy({ path: folder }, { onEvent: (event) => { if (event.event === 'phase') phases.push(event.data.phase); } });
  assert.equal(result.url, 'https://my-api.fly.dev/');
  assert.ok(phases.includes('build') && phases.includes('done'));
  await client.close();
  process.env.FLY_STANDIN = 'hang';
  client = open();
  const controller = new AbortController();
  const cancelled = client.fly.deploy({ path: folder }, { signal: controller.signal, onEvent: () => controller.abort(new Error('enough')) });
  await assert.rejects(cancelled, /enough/);
  await client.close();
  delete process.env.FLY_STANDIN;
});

test('others follow a deploy before, while and after', async () => {
  process.env.FLY_STANDIN = 'ok';
  const client = open();
  const topic = 'fly.deploy:release-42';
  const read = async (stream) => {
    const all = [];
    for await (const event of stream) all.push(`${event.seq} ${event.event}`);
    return all;
  };
  const early = client.events.subscribe({ topic, from: 1 });
  await early.ready;
  const running = client.fly.deploy.stream({ path: folder, ticket: 'release-42' });
  assert.equal((await running.ready).topic, topic);
  const own = await read(running);
  const late = await read(client.events.subscribe({ topic, from: 1 }));
  assert.deepEqual(await read(early), late);
  assert.deepEqual(own, late);
  assert.equal(late[0], '1 started');
  assert.match(late.at(-1), /result$/);
  await assert.rejects(client.events.subscribe({ topic: 'fly.logs:my-api' }).next(), /fly.logs.subscribe/);
  await client.close();
  delete process.env.FLY_STANDIN;
});
