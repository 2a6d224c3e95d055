'use strict';

const assert = require('node:assert/strict');
const { after, test } = require('node:test');
const { inspect } = require('node:util');
const { CANARY, assertNothingLeft, descriptors } = require('./support');
const atlas = require('exatlas');

const { Client } = atlas;

after(() => assertNothingLeft(Client));

/** Runs use with a client and closes it, whatever happens. */
async function withClient(use, config) {
  const client = new Client(config);
  try {
    await use(client);
  } finally {
    await client.close();
  }
}

test('a client answers by name, by call and blocking alike', () => withClient(async (client) => {
  const { version, abi } = await client.info();
  assert.equal(abi, 1);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.equal((await client.call('atlas.info', {})).version, version);
  assert.equal(client.callSync('atlas.info').version, version);
}));

test('a blocking read takes no other for a repetition of the last one', () => withClient(async (client) => {
  const seen = (params) => {
    try {
      return client.callSync('orchestrator.get', params).id;
    } catch (error) {
      return error.message;
    }
  };
  const asked = seen({ id: 'ses-1' });
  assert.equal(seen({ id: 'ses-1' }), asked);
  assert.match(seen({ state: undefined }), /params\.id: missing/);
  assert.equal(seen({ id: 'ses-1', state: undefined }), asked);
}));

test('Client.open is the constructor with a promise', async () => {
  const client = await Client.open({});
  assert.ok(client instanceof Client);
  await client.close();
  await assert.rejects(Client.open({ default_provder: 'mock' }), atlas.ValidationError);
});

test('import finds the names that require finds', async () => {
  const module = await import('exatlas');
  for (const name of Object.keys(atlas)) assert.equal(module[name], atlas[name], name);
});

test('a token and a signed URL verify, and forged ones do not', () => withClient(async (client) => {
  const { token, hash, env } = await client.auth.token.mint();
  assert.equal(env.ATLAS_PRESHARED_KEY, token);
  assert.deepEqual(await client.auth.token.verify({ token, hash }), { valid: true });
  assert.deepEqual(await client.auth.token.verify({ token: `${token}x`, hash }), { valid: false });
  const { url } = await client.auth.url.sign({ url: 'https://a.example/b?c=d', secret: 'shh' });
  assert.equal((await client.auth.url.verify({ url, secret: 'shh' })).valid, true);
  assert.equal((await client.auth.url.verify({ url, secret: 'other' })).valid, false);
}));

test('1000 calls at once all get their own answer', () => withClient(async (client) => {
  const urls = Array.from({ length: 1000 }, (_, i) => `https://a.example/${i}?ü=${i}`);
  const signed = await Promise.all(urls.map((url) => client.auth.url.sign({ url, secret: 's' })));
  signed.forEach(({ url }, i) => assert.ok(url.startsWith(`https://a.example/${i}?`), url));
}));

test('text outside ASCII, long text and lone surrogates survive both ways', () => withClient(async (client) => {
  for (const topic of ['compute:größe-☃-😀', `compute:${'é'.repeat(120)}`]) {
    const answer = await client.call('events.subscribe', { topic });
    assert.equal(answer.topic, topic);
    await client.call('events.unsubscribe', { subscription: answer.subscription });
  }
  const long = `https://a.example/?q=${'a'.repeat(200_000)}`;
  assert.ok((await client.auth.url.sign({ url: long, secret: 's' })).url.length > 200_000);
  assert.deepEqual(await client.auth.token.verify({ token: '\ud800', hash: 'x' }).then(() => 0, (e) => e.kind === 'validation' ? 0 : 1), 0);
}));

test('wrong arguments are TypeErrors that say what is right', () => withClient(async (client) => {
  const cases = [
    [() => client.call(42), /method must be a string/],
    [() => client.call('atlas.info', []), /params of atlas\.info must be an object, got an array/],
    [() => client.call('atlas.info', 'x'), /got a string/],
    [() => client.info({}, { singal: 1 }), /unknown option "singal" of atlas\.info: did you mean "signal"\?/],
    [() => client.info({}, { timeout_ms: 1 }), /did you mean "timeoutMs"\?/],
    [() => client.info({}, { zzzzzz: 1 }), /known are signal, timeoutMs/],
    [() => client.info({}, 5), /options|must be an object, got a number/],
    [() => client.info({}, null), /must be an object, got null/],
    [() => client.info({}, { signal: {} }), /must be an AbortSignal/],
    [() => client.info({}, { timeoutMs: 0 }), /whole number of milliseconds from 1, got 0/],
    [() => client.info({}, { timeoutMs: 1.5 }), /got 1\.5/],
    [() => client.info({}, { timeoutMs: '5' }), /got 5/],
    [() => client.info({ n: 1n }), /BigInt/],
    [() => client.compute.spawn({ max_price_per_hour: NaN }), /"max_price_per_hour" of params of compute\.spawn is NaN or infinite/],
    [() => client.jobs.run({ endpoint: null, input: { sizes: [1, Infinity] } }), /"input\.sizes\[1\]" of params of jobs\.run/],
    [async () => client.callSync('compute.list', { name: -Infinity }), /"name" of params of compute\.list/],
    [() => client.compute.spawn({ max_price_per_hour: new Number(NaN) }), /"max_price_per_hour" of params of compute\.spawn is NaN or infinite/],
    [() => client.compute.spawn({ max_price_per_hour: { toJSON: () => -Infinity } }), /"max_price_per_hour" of params of compute\.spawn is NaN or infinite/],
    [() => client.auth.token.mint({ expires_at: new Date(NaN) }), /"expires_at" of params of auth\.token\.mint is NaN or infinite/],
    [() => client.call('compute.get', { toJSON() {} }), /params of compute\.get become nothing in JSON/],
    [async () => new Client({ limits: { calls: Infinity } }), /"limits\.calls" of the configuration is NaN or infinite/],
    [async () => client.events.subscribe({ topic: 't' }, { maxBuffered: 0 }), /whole number from 1, got 0/],
    [async () => client.events.subscribe({ topic: 't' }, { timeoutMs: 5 }), /unknown option "timeoutMs"/],
    [async () => client.callSync('atlas.info', {}, { signal: AbortSignal.abort() }), /unknown option "signal"/],
    [() => client.close({ timeout: 5 }), /did you mean "timeoutMs"\?/],
  ];
  for (const [mistake, message] of cases) await assert.rejects(mistake(), (error) => error instanceof TypeError && message.test(error.message), String(mistake));
  assert.throws(() => new Client('runpod'), /takes all its settings as one object, got a string; write new Client\(\{ default_provider: 'runpod' \}\)/);
  assert.throws(() => new Client({}, { runpod: {} }), /takes all its settings as one object, got 2 arguments/);
  await assert.rejects(Client.open('runpod', {}), /takes all its settings as one object, got 2 arguments/);
  assert.throws(() => new Client(null), /got null/);
  assert.equal(client.closed, false);
}));

test('misspelt settings, methods and params get the library\'s suggestion', () => withClient(async (client) => {
  assert.throws(() => new Client({ default_provder: 'runpod' }), (error) => error instanceof atlas.ValidationError && /default_provider/.test(error.message + error.hint));
  await assert.rejects(client.call('compute.gte', {}), (error) => error instanceof atlas.AtlasError && /compute\.get/.test(error.message + error.hint));
  assert.throws(() => client.callSync('auth.token.verify', { tokn: 'a', hash: 'b' }), (error) => error.kind === 'validation' && /token/.test(error.message + error.hint));
}));

test('a request over the limit is refused with its own code', () => withClient(async (client) => {
  const secret = 's'.repeat(5000);
  for (const attempt of [client.auth.url.sign({ url: 'u', secret }), (async () => client.callSync('auth.url.sign', { url: 'u', secret }))()]) {
    await assert.rejects(attempt, { kind: 'validation', code: 'ATLAS_TOO_LARGE' });
  }
}, { limits: { request_bytes: 2048 } }));

test('a closed client says so; closing twice is allowed', async () => {
  const client = new Client();
  await Promise.all([client.close(), client.close()]);
  await client.close();
  assert.equal(client.closed, true);
  await assert.rejects(client.info(), atlas.ClosedError);
  await assert.rejects(client.info(), { kind: 'cancelled', code: 'ATLAS_CLOSED' });
  assert.throws(() => client.callSync('atlas.info'), atlas.ClosedError);
  await assert.rejects(client.events.subscribe({ topic: 'rentals' }).next(), atlas.ClosedError);
});

test('asyncDispose closes', async () => {
  assert.ok(Symbol.asyncDispose, 'this Node has no Symbol.asyncDispose; use 18.18 or later');
  const client = new Client();
  await client[Symbol.asyncDispose]();
  assert.equal(client.closed, true);
});

test('a minted credential prints redacted, and stays readable', () => withClient(async (client) => {
  const minted = await client.auth.token.mint();
  const { token, header } = minted;
  assert.ok(token.length > 40 && header.includes(token));
  for (const shown of [inspect(minted), inspect({ deep: [minted] }, { depth: 5 }), inspect(minted, { showHidden: true }), inspect(minted, { customInspect: true, compact: false })]) {
    assert.ok(!shown.includes(token), shown);
    assert.match(shown, /\[redacted\]/);
  }
  assert.equal(JSON.parse(JSON.stringify(minted)).token, token);
  assert.equal(structuredClone(minted).token, token);
  assert.deepEqual(Object.keys(minted).sort(), ['env', 'hash', 'header', 'token']);
}));

test('neither a client nor an error shows the key it was opened with', async () => {
  const client = new Client({ default_provider: 'runpod', providers: { runpod: { api_key: CANARY } } });
  assert.ok(!inspect(client, { depth: 9, showHidden: true }).includes(CANARY));
  assert.match(inspect(client), /^Client \{ closed: false, calls: 0, streams: 0 \}$/);
  const error = await client.call('compute.gte', { api_key: CANARY }).catch((e) => e);
  assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(CANARY));
  assert.throws(() => new Client({ providers: { runpod: { api_keys: CANARY } } }), (e) => !inspect(e).includes(CANARY));
  await client.close();
});

test('opening and closing leaves no descriptor', async () => {
  await new Client().close();
  const before = descriptors();
  for (let i = 0; i < 30; i++) {
    const client = new Client();
    await client.info();
    await client.close();
  }
  assert.ok(descriptors() <= before, `${descriptors()} descriptors, ${before} before`);
});
