'use strict';
// The main job against the simulated RunPod.

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, afterEach, before, beforeEach, test } = require('node:test');
const { inspect } = require('node:util');
const { CANARY, ROOT, assertNothingLeft, run, runpod, simulation } = require('./support');
const atlas = require('exatlas');

let clouds;
let client;
before(async () => { clouds = await simulation(); });
after(async () => {
  await clouds.stop();
  await assertNothingLeft(atlas.Client);
});
beforeEach(() => { client = new atlas.Client(runpod(clouds.urls.runpod)); });
afterEach(() => client.close());

const MACHINE = { gpu: ['rtx_4090', 'l40s', 'h100'], image: 'ghcr.io/me/server:1', ports: [{ internal: 8000 }] };

const collect = async (stream) => {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
};

test('a machine is rented with a credential, used by its address, and given back', async () => {
  const machine = await client.compute.spawn({ ...MACHINE, auth: 'bearer' });
  const { token } = machine.auth;
  assert.match(machine.gpu_type, /^rtx_4090$/);
  assert.equal(machine.attempts.at(-1).outcome, 'rented');
  assert.ok(!inspect(machine, { depth: 9, showHidden: true }).includes(token));
  assert.ok(JSON.stringify(machine).includes(token));

  const ready = await client.compute.awaitReady({ id: machine.id, timeout_ms: 60_000 });
  assert.equal(ready.status, 'running');
  const { url } = ready.ports[0];
  assert.equal((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status, 200);
  assert.equal((await fetch(url)).status, 401);

  assert.ok((await client.compute.list()).items.some((item) => item.id === machine.id));
  await client.compute.terminate({ id: machine.id });
  assert.ok(!(await client.compute.list({ status: 'running' })).items.some((item) => item.id === machine.id));
});

test('what happens to a machine comes as events, in order', async () => {
  const { id } = await client.compute.spawn(MACHINE);
  const events = client.events.subscribe({ topic: `compute:${id}`, from: 1 });
  await client.compute.terminate({ id });
  const seen = [];
  for await (const event of events) {
    seen.push(event);
    if (event.data.status === 'terminated') break;
  }
  assert.deepEqual(seen.map((event) => event.seq), seen.map((_, i) => i + 1));
  assert.equal((await client.info()).live.subscriptions, 0);
});

test('a job streams its chunks and ends with its result', async () => {
  const job = await client.jobs.run({ endpoint: 'echo', input: { chunks: 3 } });
  const events = await collect(client.jobs.stream({ endpoint: 'echo', id: job.id }));
  assert.deepEqual(events.map((event) => event.event), ['chunk', 'chunk', 'chunk', 'result']);
  assert.equal(events.at(-1).data.job.status, 'completed');
  assert.equal((await client.info()).live.subscriptions, 0);
});

test('a read whose answer is lost is a gap in the stream of its job', async () => {
  const lossy = await simulation({ runpod: { faults: [{ method: 'GET', path: '*/stream/*', nth: 1, effect: 'lost_answer' }] } });
  const own = new atlas.Client(runpod(lossy.urls.runpod));
  try {
    const job = await own.jobs.run({ endpoint: 'echo', input: { chunks: 3 } });
    const events = await collect(own.jobs.stream({ endpoint: 'echo', id: job.id }));
    assert.equal(events.filter((event) => event.event === 'gap').length, 1);
    assert.match(events.find((event) => event.event === 'gap').data.message, /lost/);
    assert.equal(events.at(-1).data.job.output.length, 3);
  } finally {
    await own.close();
    await lossy.stop();
  }
});

test('a failed job throws at the end of its stream', async () => {
  const job = await client.jobs.run({ endpoint: 'echo', input: { chunks: 1, fail: 'out of memory' } });
  await assert.rejects(collect(client.jobs.stream({ endpoint: 'echo', id: job.id })), (error) => error instanceof atlas.AtlasError && /out of memory/.test(error.message));
  assert.equal((await client.info()).live.subscriptions, 0);
});

test('a stream that is left early leaves nothing', async () => {
  const job = await client.jobs.run({ endpoint: 'echo', input: { chunks: 3 } });
  for await (const event of client.jobs.stream({ endpoint: 'echo', id: job.id })) {
    assert.equal(event.event, 'chunk');
    break;
  }
  assert.equal((await client.info()).live.subscriptions, 0);
});

test('a signal ends a job stream with its reason', async () => {
  const job = await client.jobs.run({ endpoint: 'never', input: {} });
  const controller = new AbortController();
  const stream = client.jobs.stream({ endpoint: 'never', id: job.id }, { signal: controller.signal });
  await stream.ready;
  const reading = collect(stream);
  controller.abort(new Error('seen enough'));
  await assert.rejects(reading, /seen enough/);
});

test('the cloud\'s refusals are errors of their kind, and show no key', async () => {
  const error = await client.compute.get({ id: 'no-such-machine' }).catch((e) => e);
  assert.ok(error instanceof atlas.NotFoundError);
  assert.equal(error.status, 404);
  assert.equal(error.provider, 'runpod');
  assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(CANARY));
  await assert.rejects(client.compute.spawn({ ...MACHINE, spot: true }), atlas.UnsupportedError);
  await assert.rejects(client.compute.spawn({ ...MACHINE, gpu: 'no_such_gpu' }), atlas.AtlasError);
});

test('1000 calls at once all come back', async () => {
  const { id } = await client.compute.spawn(MACHINE);
  const answers = await Promise.all(Array.from({ length: 1000 }, () => client.compute.get({ id })));
  assert.ok(answers.every((answer) => answer.id === id));
  await client.compute.terminate({ id });
});

for (const name of fs.readdirSync(path.join(ROOT, 'examples', 'node')).filter((file) => file.endsWith('.js'))) {
  test(`the example ${name} tells its story and gives everything back`, async () => {
    const { code, stdout, stderr } = await run('', {
      file: path.join(ROOT, 'examples', 'node', name), rest: name === 'rent_anywhere.js' ? [JSON.stringify(clouds.urls)] : [], env: { RUNPOD_API_KEY: 'any', RUNPOD_BASE_URL: clouds.urls.runpod },
    });
    assert.equal(stderr, '');
    assert.equal(code, 0);
    assert.match(stdout, /given back\n$/);
    if (name === 'rent_anywhere.js') assert.match(stdout, /(runpod|vast|lambda_labs): rented/);
    const own = new atlas.Client({ default_provider: 'runpod', providers: { runpod: { api_key: 'any', base_url: clouds.urls.runpod } } });
    assert.deepEqual((await own.compute.list()).items.filter((item) => item.status !== 'terminated'), []);
    await own.close();
  });
}
