'use strict';
// What the tests share: the library, simulated clouds, a server that never
// answers, child programs, leak checks.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const readline = require('node:readline');

const PACKAGE = path.join(__dirname, '..');
const ROOT = path.join(PACKAGE, '..', '..');
const LIBRARY = process.env.ATLAS_LIBRARY ?? path.join(ROOT, 'build', 'libexatlas.so');
const CLI = process.env.ATLAS_CLI ?? path.join(ROOT, 'build', 'exatlas');
const ADDON = path.join(PACKAGE, 'native', 'exatlas.node');

function mustExist(file, target) {
  if (!fs.existsSync(file)) throw new Error(`${file} is missing: run \`make ${target}\` in the repository first`);
}
mustExist(LIBRARY, 'lib');
mustExist(ADDON, 'node');
process.env.ATLAS_LIBRARY = LIBRARY;

const CANARY = 'canary-key-4f1d';

/** Starts the simulated clouds, with settings by cloud; { urls, stop }. */
async function simulation(settings) {
  mustExist(CLI, 'cli');
  const child = spawn(CLI, ['sim', ...(settings ? ['--options', JSON.stringify(settings)] : [])], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => null)]);
  if (line === null) throw new Error(`${CLI} sim ended without an address`);
  return {
    urls: JSON.parse(line[0]),
    async stop() {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}

/** A server that takes requests and never answers; { url, arrived(n), stop }. */
async function silentServer() {
  const sockets = new Set();
  const waiting = [];
  let requests = 0;
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => {
      requests++;
      for (const wait of waiting) if (requests >= wait.count) wait.resolve();
    });
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    arrived(count) {
      if (requests >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The configuration of a client that uses one address for RunPod. */
function runpod(url) {
  return { default_provider: 'runpod', providers: { runpod: { api_key: CANARY, base_url: url } } };
}

/** Runs a program of ours in a child; { code, signal, stdout, stderr, ms }. */
async function run(script, { env = {}, args = [], file, rest = [] } = {}) {
  const started = performance.now();
  const child = spawn(process.execPath, [...args, ...(file ? [file, ...rest] : ['-e', script])], {
    cwd: PACKAGE, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killer = setTimeout(() => child.kill('SIGKILL'), 60_000); // a hang becomes a failure
  const out = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => { out.stdout += text; });
  child.stderr.setEncoding('utf8').on('data', (text) => { out.stderr += text; });
  const [code, signal] = await once(child, 'close');
  clearTimeout(killer);
  return { code, signal, ...out, ms: performance.now() - started };
}

// What a client that asks finds of itself: its call and its descriptor. Each
// thread that has called the library counts as a goroutine for as long as it
// lives: the main one, the four of libuv's pool, and one that reads a queue.
const ALONE = { calls: 1, clients: 1, wake_fds: 1, goroutines: 6 };

/** Fails unless the library holds nothing but the client that asks; what was cancelled gets a moment to end. */
async function assertNothingLeft(Client) {
  const until = Date.now() + 10_000;
  for (;;) {
    const client = new Client();
    const left = Object.entries(client.callSync('atlas.info').live).filter(([name, value]) => value > (ALONE[name] ?? 0));
    await client.close();
    if (left.length === 0) return;
    assert.ok(Date.now() < until, `${JSON.stringify(Object.fromEntries(left))} are left`);
    await new Promise((resolve) => { setTimeout(resolve, 10); });
  }
}

const descriptors = () => fs.readdirSync('/proc/self/fd').length;

module.exports = { ADDON, CANARY, CLI, LIBRARY, PACKAGE, ROOT, assertNothingLeft, descriptors, run, runpod, silentServer, simulation };
