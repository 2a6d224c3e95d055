'use strict';
// Prints one JSON line: ns per call from Node, and for the C function alone.
//
//   node callbench.js [--method compute.get] [--params '{"id":"..."}'] [--config '{...}'] [--calls 7000]
//
// "await" is one awaited client.call after another, "sync" client.callSync,
// "concurrent" awaited calls with 64 in flight, "raw" atlas_call through the
// addon with an encoded request and an answer that is not looked at. Each figure
// is the median of several rounds that take turns, so that all see the same
// machine; the overheads are medians of the differences within a round.

const path = require('node:path');
const { parseArgs } = require('node:util');

const root = path.join(__dirname, '..', '..', 'bindings', 'node');
const { Client } = require(root);
const native = require(path.join(root, 'lib', 'native.js'));

const ROUNDS = 7;
const CONCURRENCY = 64;

const { values } = parseArgs({
  options: {
    method: { type: 'string', default: 'atlas.info' },
    params: { type: 'string', default: '{}' },
    config: { type: 'string', default: '{}' },
    calls: { type: 'string', default: '7000' },
  },
});
const { method } = values;
const params = JSON.parse(values.params);
const calls = Math.max(1, Math.floor(Number(values.calls) / ROUNDS));

const median = (numbers) => Math.round([...numbers].sort((a, b) => a - b)[numbers.length >> 1]);

async function timed(run) {
  const began = process.hrtime.bigint();
  await run();
  return Number(process.hrtime.bigint() - began) / calls;
}

async function main() {
  const client = new Client(JSON.parse(values.config));
  const addon = native.get();
  const handle = addon.open(values.config, () => 0, false);
  const request = JSON.stringify({ method, params });
  const ways = {
    raw() {
      for (let i = 0; i < calls; i++) {
        const answer = addon.call(handle, request);
        if (typeof answer !== 'string') throw new Error(`the call failed: ${answer[1]}`);
      }
    },
    sync() {
      for (let i = 0; i < calls; i++) client.callSync(method, params);
    },
    async await() {
      for (let i = 0; i < calls; i++) await client.call(method, params);
    },
    async concurrent() {
      let left = calls;
      const worker = async () => { while (left-- > 0) await client.call(method, params); };
      await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    },
  };
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const figures = {};
    for (const [name, run] of Object.entries(ways)) figures[name] = await timed(run);
    if (round > 0) rounds.push(figures); // the first warms up
  }
  const of = (pick) => median(rounds.map(pick));
  console.log(JSON.stringify({
    method,
    calls: calls * ROUNDS,
    await_ns: of((r) => r.await),
    sync_ns: of((r) => r.sync),
    concurrent_ns: of((r) => r.concurrent),
    concurrency: CONCURRENCY,
    raw_ns: of((r) => r.raw),
    overhead_ns: of((r) => r.await - r.raw),
    sync_overhead_ns: of((r) => r.sync - r.raw),
  }));
  await client.close();
  await new Promise((resolve) => addon.close(handle, 1000, resolve));
}

main();
