'use strict';
// What happens to work in flight when a thread or the process ends. Each test
// runs a program of its own, once for each way of reading the queue.

const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const { run, runpod, silentServer } = require('./support');

let server;
before(async () => { server = await silentServer(); });
after(() => server.stop());

const QUICK_MS = 8000; // far below any deadline, far above a busy machine's hiccups

/** Runs a program in which open() makes a client whose compute calls hang. */
async function program(body, { wake, code = 0 } = {}) {
  const script = `
    const { Client } = require('exatlas');
    const worker_threads = require('worker_threads');
    const config = ${JSON.stringify(runpod(server.url))};
    const open = () => new Client(config);
    const hang = (client) => client.compute.get({ id: 'x' });
    ${body}`;
  const result = await run(script, { env: wake === 'thread' ? { EXATLAS_WAKE: 'thread' } : {} });
  assert.equal(result.signal, null, `ended by ${result.signal}: ${result.stderr}`);
  assert.equal(result.code, code, result.stderr);
  assert.ok(result.ms < QUICK_MS, `took ${result.ms} ms`);
  return result;
}

for (const wake of ['poll', 'thread']) {
  test(`${wake}: an open, idle client does not keep the process alive`, async () => {
    const { stdout } = await program(`(async () => { const c = open(); await c.info(); await c.events.subscribe({ topic: 'rentals' }).ready; console.log('idle'); })();`, { wake });
    assert.equal(stdout, 'idle\n');
  });

  test(`${wake}: a call in flight keeps the process alive until it ends`, async () => {
    const { stdout } = await program(`open().compute.get({ id: 'x' }, { timeoutMs: 200 }).catch((e) => console.log(e.kind));`, { wake });
    assert.equal(stdout, 'timeout\n');
  });

  test(`${wake}: process.exit with calls in flight is clean and quick`, async () => {
    await program(`const c = open(); for (let i = 0; i < 100; i++) hang(c); setTimeout(() => process.exit(7), 50);`, { wake, code: 7 });
  });

  test(`${wake}: process.exit while closing is clean and quick`, async () => {
    await program(`const c = open(); hang(c).catch(() => {}); c.close(); process.exit(3);`, { wake, code: 3 });
  });

  test(`${wake}: an uncaught exception with calls in flight ends the process as usual`, async () => {
    const { stderr } = await program(`const c = open(); hang(c); setTimeout(() => { throw new Error('boom') }, 50);`, { wake, code: 1 });
    assert.match(stderr, /boom/);
  });

  test(`${wake}: a rejected call that nobody handles is an unhandled rejection`, async () => {
    const { stderr } = await program(`new Client().call('no.such_method');`, { wake, code: 1 });
    assert.match(stderr, /no such method/);
  });

  test(`${wake}: workers that come and go while the main thread has no client leave no descriptors open`, async () => {
    const { stdout } = await program(`
      const source = 'const { Client } = require("exatlas"); const c = new Client(); c.info().then(() => c.close());';
      const worker = () => new Promise((resolve, reject) => new worker_threads.Worker(source, { eval: true }).on('exit', resolve).on('error', reject));
      const descriptors = () => require('fs').readdirSync('/proc/self/fd').length;
      (async () => {
        await worker();
        const before = descriptors();
        for (let i = 0; i < 5; i++) await worker();
        console.log(descriptors() - before);
      })();`, { wake });
    assert.ok(Number(stdout) < 5, `${stdout.trim()} more descriptors after five workers`); // each left four
  });

  test(`${wake}: terminating workers with calls in flight crashes nothing and closes their clients`, async () => {
    const { stdout } = await program(`
      const body = \`
        const { Client } = require('exatlas');
        const { parentPort, workerData } = require('worker_threads');
        const client = new Client(workerData);
        for (let i = 0; i < 20; i++) client.compute.get({ id: 'x' }).catch(() => {});
        client.events.subscribe({ topic: 'rentals' }).next();
        client.info().then(() => parentPort.postMessage('ready'));\`;
      (async () => {
        for (let round = 0; round < 3; round++) {
          const workers = Array.from({ length: 4 }, () => new worker_threads.Worker(body, { eval: true, workerData: config }));
          await Promise.all(workers.map((w) => new Promise((resolve, reject) => { w.once('message', resolve); w.once('error', reject); })));
          await Promise.all(workers.map((w) => w.terminate()));
        }
        const c = open();
        console.log((await c.info()).live.clients);
        await c.close();
      })();`, { wake });
    assert.equal(stdout, '1\n');
  });

  test(`${wake}: workers work at the same time, each with its own client`, async () => {
    const { stdout } = await program(`
      const body = \`
        const { Client } = require('exatlas');
        (async () => {
          const client = new Client();
          for (let i = 0; i < 50; i++) {
            const { token, hash } = await client.auth.token.mint();
            if (!(await client.auth.token.verify({ token, hash })).valid) throw new Error('wrong');
          }
          await client.close();
        })();\`;
      (async () => {
        const codes = await Promise.all(Array.from({ length: 8 }, () => new Promise((resolve) => new worker_threads.Worker(body, { eval: true }).on('exit', resolve))));
        console.log(codes.join(''));
      })();`, { wake });
    assert.equal(stdout, '00000000\n');
  });

  test(`${wake}: a worker that leaves its client open ends by itself`, async () => {
    const { stdout } = await program(`
      new worker_threads.Worker("new (require('exatlas').Client)().info()", { eval: true }).on('exit', (code) => console.log(code));`, { wake });
    assert.equal(stdout, '0\n');
  });
}

test('a child process started by a program with a client is unaffected', async () => {
  const { stdout } = await program(`
    const { execFileSync } = require('child_process');
    const c = open();
    hang(c).catch(() => {});
    console.log(execFileSync(process.execPath, ['-p', '6*7']).toString().trim());
    c.close();`);
  assert.equal(stdout, '42\n');
});

// Node's handlers have no stack of their own, and the thread stands on one of Go's.
test('signals do not interrupt the thread that is inside the library', async () => {
  const { spawn } = require('node:child_process');
  const { once } = require('node:events');
  const fs = require('node:fs');
  const { PACKAGE } = require('./support');
  const own = await silentServer();
  const child = spawn(process.execPath, ['-e', `
    const client = new (require('exatlas').Client)(${JSON.stringify(runpod(own.url))});
    const blocked = () => require('fs').readFileSync('/proc/self/task/' + process.pid + '/status', 'utf8').match(/SigBlk:\\s*(\\w+)/)[1];
    process.on('SIGTERM', () => { console.log('heard'); process.exit(); });
    const before = blocked();
    client.info().then(() => { console.log(before === blocked()); client.callSync('compute.get', { id: 'x' }, { timeoutMs: 60000 }); });`], { cwd: PACKAGE });
  const output = once(child.stdout, 'data');
  await own.arrived(1);
  const mask = BigInt(`0x${fs.readFileSync(`/proc/${child.pid}/status`, 'utf8').match(/SigBlk:\s*(\w+)/)[1]}`);
  const names = Object.entries(require('node:os').constants.signals).filter(([, number]) => mask & (1n << BigInt(number - 1))).map(([name]) => name);
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGCHLD', 'SIGUSR2', 'SIGWINCH']) assert.ok(names.includes(name), name);
  for (const name of ['SIGSEGV', 'SIGBUS', 'SIGFPE', 'SIGURG', 'SIGPROF']) assert.ok(!names.includes(name), name);
  assert.equal((await output).toString(), 'true\n'); // as it was once the library has been left
  child.kill('SIGKILL');
  await once(child, 'exit');
  await own.stop();
});

test('Ctrl-C ends a program that blocks in callSync', async () => {
  const { spawn } = require('node:child_process');
  const { once } = require('node:events');
  const { PACKAGE } = require('./support');
  const own = await silentServer();
  const child = spawn(process.execPath, ['-e', `new (require('exatlas').Client)(${JSON.stringify(runpod(own.url))}).callSync('compute.get', { id: 'x' })`], { cwd: PACKAGE, stdio: 'ignore' });
  await own.arrived(1);
  child.kill('SIGINT');
  const [, signal] = await once(child, 'exit');
  assert.equal(signal, 'SIGINT');
  await own.stop();
});
