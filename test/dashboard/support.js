'use strict';
// What the tests need of the repository: the Node binding and simulated clouds.

const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const readline = require('node:readline');

const ROOT = path.join(__dirname, '..', '..');
const LIBRARY = path.join(ROOT, 'build', 'libexatlas.so');
const CLI = path.join(ROOT, 'build', 'exatlas');
for (const file of [LIBRARY, CLI]) {
  if (!fs.existsSync(file)) throw new Error(`${file} is missing: run \`make test-dashboard\` in the repository`);
}
process.env.ATLAS_LIBRARY = LIBRARY;
const exatlas = require(path.join(ROOT, 'bindings', 'node'));

/** Starts the simulated clouds; { urls, stop }. */
async function simulation() {
  const child = spawn(CLI, ['sim', 'runpod'], { stdio: ['pipe', 'pipe', 'inherit'] });
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

/** Runs exatlas dashboard; { address, stop }. */
async function dashboard(config) {
  const child = spawn(CLI, ['dashboard', '--actions', '--config', JSON.stringify(config)], { stdio: ['ignore', 'pipe', 'pipe'] });
  const said = [];
  child.stderr.on('data', (chunk) => said.push(chunk));
  const lines = readline.createInterface({ input: child.stdout });
  const line = await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => null)]);
  if (line === null) throw new Error(`exatlas dashboard ended: ${Buffer.concat(said)}`);
  return {
    address: line[0],
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGINT');
      return (await ended)[0];
    },
  };
}

/** Fails unless the library holds nothing but the client that asks. */
const { assertNothingLeft } = require(path.join(ROOT, 'bindings', 'node', 'test', 'support'));

module.exports = { assertNothingLeft, dashboard, exatlas, simulation };
