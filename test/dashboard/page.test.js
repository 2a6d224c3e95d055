'use strict';
// The page as a browser shows it: jsdom runs the very files that the library
// serves, against sessions on a simulated cloud.

const assert = require('node:assert/strict');
const { after, test } = require('node:test');
const { JSDOM, VirtualConsole } = require('jsdom');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { assertNothingLeft, dashboard, exatlas, simulation } = require('./support');

after(() => assertNothingLeft(exatlas.Client));

/** Opens an address; { $, text, rows, click, until, requests, close }. before(window) runs ahead of the page's script. */
async function browse(address, before = () => {}) {
  const requests = [];
  const faults = [];
  const streams = new AbortController();
  const loud = new VirtualConsole();
  loud.on('jsdomError', (e) => faults.push(e));
  const dom = await JSDOM.fromURL(address, {
    runScripts: 'dangerously',
    resources: 'usable',
    pretendToBeVisual: true,
    virtualConsole: loud,
    beforeParse(window) { // what jsdom lacks, by Node's own
      window.fetch = (path, options = {}) => {
        requests.push({ path, authorization: (options.headers || {}).Authorization, method: options.method || 'GET' });
        const signal = options.signal ? AbortSignal.any([link(options.signal), streams.signal]) : streams.signal;
        return fetch(new URL(path, window.location.href), { ...options, signal });
      };
      window.TextDecoder = TextDecoder;
      window.confirm = () => true;
      before(window);
    },
  });
  const link = (signal) => { // jsdom's signals are no signals to Node's fetch
    const own = new AbortController();
    if (signal.aborted) own.abort();
    signal.addEventListener('abort', () => own.abort());
    return own.signal;
  };
  const { document } = dom.window;
  const $ = (selector) => document.querySelector(selector);
  return {
    window: dom.window, document, $, requests, faults,
    text: (selector) => $(selector).textContent,
    rows: () => [...document.querySelectorAll('#rows tr')],
    async until(what, holds) {
      for (const end = Date.now() + 30_000; !holds(); ) {
        if (Date.now() > end) assert.fail(`${what} does not happen: ${document.body.textContent.replace(/\s+/g, ' ')}`);
        await new Promise((go) => setTimeout(go, 20));
      }
    },
    close() {
      dom.window.dispatchEvent(new dom.window.Event('pagehide'));
      streams.abort();
      dom.window.close();
      assert.deepEqual(faults, []);
    },
  };
}

/** A client on a simulated RunPod, with a store in memory unless another is given. */
async function world(t, store = { url: 'memory:' }) {
  const clouds = await simulation();
  const client = new exatlas.Client({
    default_provider: 'runpod',
    providers: { runpod: { base_url: clouds.urls.runpod, api_key: 'canary-key-4f1d' } },
    store,
    orchestrator: { poll_ms: 200, heartbeat_ms: 200 },
  });
  t.after(async () => {
    await client.close();
    await clouds.stop();
  });
  const rent = (user, more) => client.orchestrator.spawn({ gpu: 'rtx_4090', image: 'img', ports: [{ internal: 8000 }], auth: 'bearer', user_id: user, ...more });
  const cloud = async (what, body) => {
    const answer = await fetch(`${clouds.urls.runpod}/_sim/${what}`, { method: 'POST', body: JSON.stringify(body) });
    assert.equal(answer.status, 200, await answer.text());
  };
  return { client, rent, cloud };
}

test('the page shows sessions as they come, live and go', async (t) => {
  const { client, rent } = await world(t);
  const first = await rent('u-1', { tags: { plan: '<b>free</b>' }, max_cost: 3 });
  const { url } = await client.dashboard.serve();
  const page = await browse(url);
  try {
    await page.until('the first row', () => page.rows().length === 1);
    const [row] = page.rows();
    assert.equal(row.dataset.id, first.id);
    assert.match(row.textContent, /u-1/);
    assert.match(row.textContent, /runpod/);
    assert.match(row.textContent, /rtx_4090/);
    assert.match(row.textContent, new RegExp(first.compute.cost_per_hour.toFixed(4)));
    await page.until('its machine runs', () => /running/.test(page.rows()[0].textContent));
    assert.equal(page.text('#connection'), 'live');
    assert.equal(page.text('#total-live'), '1');
    assert.equal(page.document.querySelectorAll('td button[data-action]').length, 0, 'who may only look has no buttons');

    const second = await rent('u-2');
    await page.until('the second row', () => page.rows().length === 2);
    const spent = page.text(`tr[data-id="${first.id}"] td:nth-child(7)`);
    await page.until('the cost grows by itself', () => page.text(`tr[data-id="${first.id}"] td:nth-child(7)`) !== spent);

    // Search, sort, and the view of one user alone.
    page.$('#search').value = 'U-2';
    page.$('#search').dispatchEvent(new page.window.Event('input'));
    assert.deepEqual(page.rows().map((r) => r.dataset.id), [second.id]);
    page.$('#search').value = '';
    page.$('#search').dispatchEvent(new page.window.Event('input'));
    page.$('th[data-sort="user"]').click();
    page.$('th[data-sort="user"]').click();
    assert.deepEqual(page.rows().map((r) => r.dataset.id), [second.id, first.id]);
    assert.equal(page.$('th[data-sort="user"]').getAttribute('aria-sort'), 'descending');
    page.$('#user').value = 'u-1';
    page.$('#user').dispatchEvent(new page.window.Event('change'));
    await page.until('one user alone', () => page.rows().length === 1 && page.text('#connection') === 'live');
    page.$('#user').value = '';
    page.$('#user').dispatchEvent(new page.window.Event('change'));
    await page.until('all users', () => page.rows().length === 2);

    // Details, with the events from the first; what came from outside stays text.
    page.$(`tr[data-id="${first.id}"] .id`).click();
    await page.until('its events', () => /ready/.test(page.text('#events')) && /provisioning/.test(page.text('#events')));
    assert.match(page.text('#facts'), /plan=<b>free<\/b>/);
    assert.equal(page.document.querySelectorAll('#facts b').length, 0);
    assert.match(page.text('#facts'), /8000\/http/);

    await client.orchestrator.stop({ id: first.id });
    await page.until('it goes', () => page.rows().length === 1);
    await page.until('the last event', () => /terminated/.test(page.text('#events')));
    await page.until('its details say so, too', () => /ended, stopped/.test(page.text('#facts')) && /machine isterminated/.test(page.text('#facts')));
    page.$('#ended').checked = true;
    page.$('#ended').dispatchEvent(new page.window.Event('change'));
    await page.until('ended ones are shown', () => /ended\s*stopped/.test(page.text('#rows')));

    assert.ok(page.requests.every((r) => r.authorization === 'Bearer ' + new URL(url).hash.slice(1)));
    assert.equal(page.window.location.hash, '', 'the credential leaves the address bar');
    assert.ok(!page.document.documentElement.outerHTML.includes(first.auth.token));
    assert.ok(!page.document.documentElement.outerHTML.includes('canary'));
  } finally {
    page.close();
  }
});

test('buttons touch, stop, start and end', async (t) => {
  const { client, rent } = await world(t);
  const session = await rent('u-1');
  const { operator_url: url } = await client.dashboard.serve({ actions: true });
  const page = await browse(url);
  const button = (action) => page.$(`button[data-action="${action}"]`);
  try {
    await page.until('it runs', () => button('touch') && button('stop'));
    const touched = (await client.orchestrator.get({ id: session.id })).touched_at;
    const drawn = page.rows()[0].querySelector('.state').parentElement;
    button('touch').focus();
    button('touch').click();
    await page.until('a touch', () => page.requests.some((r) => r.method === 'POST'));
    for (const end = Date.now() + 20_000; (await client.orchestrator.get({ id: session.id })).touched_at === touched; ) {
      assert.ok(Date.now() < end, 'the session is not touched');
    }
    await page.until('its row is drawn anew', () => !drawn.isConnected);
    assert.equal(page.document.activeElement, button('touch'), 'the focus stays');
    button('stop').click();
    await page.until('it is stopped', () => button('start'));
    assert.equal((await client.compute.get({ id: session.compute.id })).status, 'stopped');
    button('start').click();
    await page.until('it runs again', () => button('stop'));
    page.window.confirm = () => false;
    button('end').click();
    page.window.confirm = () => true;
    assert.equal((await client.orchestrator.get({ id: session.id })).state, 'live');
    button('end').click();
    await page.until('it ends', () => page.rows().length === 0);
    assert.equal((await client.orchestrator.get({ id: session.id })).reason, 'stopped');
    assert.equal(page.text('#nothing'), 'No sessions.');
    assert.equal(page.$('#trouble').hidden, true, page.text('#trouble'));
  } finally {
    page.close();
  }
});

test('a session whose machine is not taken back can be forgotten', async (t) => {
  const { client, rent, cloud } = await world(t);
  const session = await rent('u-1');
  await cloud('faults', { method: 'DELETE', path: '/v2/pods/*', effect: 'status', status: 500, count: 1000 });
  const { operator_url: url } = await client.dashboard.serve({ actions: true });
  const page = await browse(url);
  try {
    await page.until('it is there', () => page.$('button[data-action="end"]'));
    page.$('button[data-action="end"]').click();
    await page.until('the cloud refuses', () => page.$('.wrong') && page.$('button[data-action="forget"]'));
    const cost = () => Number(page.rows()[0].cells[6].textContent);
    const spent = cost();
    await page.until('its cost grows on', () => cost() > spent + 0.0002);
    page.$('button[data-action="forget"]').click();
    await page.until('it is forgotten', () => page.rows().length === 0);
    assert.equal((await client.orchestrator.get({ id: session.id })).reason, 'forgotten');
    assert.notEqual((await client.compute.get({ id: session.compute.id })).status, 'terminated', 'its machine is there still');
  } finally {
    page.close();
  }
});

test('the page says what is wrong, and comes back by itself', async (t) => {
  const { client, rent } = await world(t);
  await rent('u-1');
  const served = await client.dashboard.serve();
  const bare = await browse(served.url.split('#')[0]);
  await bare.until('a refusal', () => bare.text('#connection') === 'no access');
  assert.match(bare.text('#trouble'), /not complete\nopen the address/);
  assert.equal(bare.rows().length, 0);
  bare.close();

  const page = await browse(served.url);
  try {
    await page.until('a row', () => page.rows().length === 1);
    page.$('.id').click();
    await page.until('its events', () => /ready/.test(page.text('#events')));
    await client.dashboard.close();
    await page.until('the break', () => page.text('#connection') === 'reconnecting');
    assert.equal(page.rows().length, 1, 'what was known stays');
    const again = await client.dashboard.serve({ listen: served.listen });
    await page.until('a refusal: the address is a new one', () => page.text('#connection') === 'no access');
    page.window.location.hash = new URL(again.url).hash;
    await page.until('it goes on', () => page.text('#connection') === 'live' && page.rows().length === 1);
    await page.until('and its events', () => /ready/.test(page.text('#events')));
    assert.equal(page.$('#trouble').hidden, true);
  } finally {
    page.close();
  }
});

test('the page of another process, without a key, observes and asks', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'atlas-dashboard-'));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const store = { url: `sqlite:${path.join(folder, 'atlas.db')}`, key_file: path.join(folder, 'key') };
  const { client, rent } = await world(t, store);
  const session = await rent('u-1');
  const other = await dashboard({ store });
  const page = await browse(other.address);
  try {
    await page.until('its row', () => page.rows().length === 1);
    page.$('.id').click();
    await page.until('its events', () => /ready/.test(page.text('#events')));
    await page.until('its button', () => page.$('button[data-action="end"]'));
    page.$('button[data-action="end"]').click();
    await page.until('it ends', () => page.rows().length === 0);
    const ended = await client.orchestrator.get({ id: session.id });
    assert.equal(ended.reason, 'stopped');
    await assert.rejects(client.compute.get({ id: session.compute.id }), { kind: 'not_found' });
  } finally {
    page.close();
    assert.equal(await other.stop(), 0);
  }
});

test('a session in use for days has a short list of events', async (t) => {
  const { client, rent } = await world(t);
  const session = await rent('u-1');
  const { url } = await client.dashboard.serve();
  const page = await browse(url);
  const told = () => [...page.document.querySelectorAll('#events li')].map((li) => li.childNodes[1].textContent);
  try {
    await page.until('its row', () => page.rows().length === 1);
    page.$('.id').click();
    await page.until('its events', () => told().includes('ready'));
    let heartbeats = 0;
    for await (const event of client.events.subscribe({ topic: session.topic, from: 1 })) {
      if (event.event === 'heartbeat' && ++heartbeats === 4) break;
      await client.orchestrator.touch({ id: session.id });
    }
    await client.orchestrator.stop({ id: session.id });
    await page.until('its end', () => told()[0] === 'terminated');
    assert.equal(told().filter((name) => name === 'heartbeat').length, 1, told());
    assert.equal(told().at(-1), 'provisioning');
    const time = page.$('#events time');
    assert.equal(time.textContent, new Date(time.dateTime).toLocaleString(), 'a day is told, too');
  } finally {
    page.close();
  }
});

test('a connection that went dead without a word is made anew', async (t) => {
  const { client, rent } = await world(t);
  await rent('u-1');
  const { url } = await client.dashboard.serve();
  const page = await browse(url, (window) => {
    const { fetch: through, setTimeout: later } = window;
    window.setTimeout = (f, ms) => later(f, ms > 30_000 ? 500 : ms); // nobody waits 45 s here
    let first = true;
    window.fetch = async (path, options) => { // the first stream says one thing and then nothing
      const response = await through(path, options);
      if (!first || !path.startsWith('api/sessions?')) return response;
      first = false;
      const { value } = await response.body.getReader().read();
      return new Response(new ReadableStream({
        start(stream) {
          stream.enqueue(value);
          options.signal.addEventListener('abort', () => stream.error(new Error('aborted')));
        },
      }));
    };
  });
  try {
    await page.until('a row', () => page.rows().length === 1);
    await rent('u-2');
    await page.until('the next one', () => page.rows().length === 2);
  } finally {
    page.close();
  }
});

test('who finds no place to watch is told why, and gets the next one', async (t) => {
  const { client, rent } = await world(t);
  await rent('u-1');
  const { url } = await client.dashboard.serve();
  const { origin, pathname, hash } = new URL(url);
  const others = new AbortController();
  const watching = [];
  for (let i = 0; i < 64; i++) {
    watching.push(await fetch(`${origin}${pathname}api/sessions`, { headers: { Authorization: `Bearer ${hash.slice(1)}` }, signal: others.signal }));
    assert.equal(watching[i].status, 200);
  }
  const page = await browse(url);
  try {
    await page.until('the reason', () => /too many people are watching/.test(page.text('#trouble')));
    assert.equal(page.text('#connection'), 'reconnecting');
    others.abort();
    await page.until('a place', () => page.text('#connection') === 'live' && page.rows().length === 1);
    assert.equal(page.$('#trouble').hidden, true);
  } finally {
    others.abort();
    page.close();
  }
});
