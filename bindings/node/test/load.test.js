'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { LIBRARY, PACKAGE, run } = require('./support');

let folder;
before(() => { folder = fs.mkdtempSync(path.join(os.tmpdir(), 'exatlas-load-')); });
after(() => fs.rmSync(folder, { recursive: true }));

const OPEN = `
  const { Client } = require('exatlas');
  try { new Client(); console.log('opened'); process.exit(0); } catch (e) { console.log(e.name, e.code, e.message); }`;

/** A shared library made of one line of C. */
function compile(name, code) {
  const source = path.join(folder, `${name}.c`);
  const out = path.join(folder, `${name}.so`);
  fs.writeFileSync(source, code);
  execFileSync(process.env.CC || 'cc', ['-shared', '-fPIC', source, '-o', out]);
  return out;
}

test('requiring the package loads nothing', async () => {
  const { code, stdout } = await run(`require('exatlas'); console.log(require('fs').readFileSync('/proc/self/maps', 'utf8').includes('libexatlas'))`);
  assert.equal(code, 0);
  assert.equal(stdout, 'false\n');
});

test('a missing library is one diagnosis with its remedy', async () => {
  const { stdout } = await run(OPEN, { env: { ATLAS_LIBRARY: path.join(folder, 'none.so') } });
  assert.match(stdout, /^LoadError ATLAS_LOAD cannot load the Atlas library, libexatlas\.so\n  .*none\.so: .*cannot open.*\n  -> ATLAS_LIBRARY is set and is the only place looked at/);
});

/** A copy of the package's code, as a bundler or a broken installation leaves it. */
function copied(name, packaged) {
  const root = path.join(folder, name, 'node_modules', 'exatlas');
  fs.mkdirSync(root, { recursive: true });
  for (const part of ['index.js', 'lib', ...(packaged ? ['package.json'] : [])]) fs.cpSync(path.join(PACKAGE, part), path.join(root, part), { recursive: true });
  const diagnosis = async () => (await run(OPEN.replace("'exatlas'", JSON.stringify(path.join(root, 'index.js'))), { env: { ATLAS_LIBRARY: undefined } })).stdout;
  return { root, diagnosis };
}

/** A copy of a library that claims to be for another processor. */
function forAnother(from, to) {
  const bytes = fs.readFileSync(from);
  bytes[18] = process.arch === 'arm64' ? 62 : 183;
  fs.mkdirSync(path.dirname(to), { recursive: true });
  fs.writeFileSync(to, bytes);
}

test('an addon that is not there is told by why it is not', async () => {
  assert.match(await copied('bundled', false).diagnosis(), /^LoadError ATLAS_LOAD cannot load the addon\n  .*exatlas\.node: is missing\n  -> This code is bundled,.*external/);
  assert.match(await copied('broken', true).diagnosis(), /exatlas\.node: is missing\n  -> The package is not whole: .*npm pack/);
});

test('what is built for another processor is called that', async () => {
  const { root, diagnosis } = copied('foreign', true);
  const addon = path.join('native', 'exatlas.node');
  forAnother(path.join(PACKAGE, addon), path.join(root, addon));
  assert.match(await diagnosis(), /cannot load the addon\n[^]*-> It is built for linux-(arm64|x64), and this is linux-/);
  const library = path.join(folder, 'foreign.so');
  forAnother(LIBRARY, library);
  assert.match((await run(OPEN, { env: { ATLAS_LIBRARY: library } })).stdout, /-> It is built for linux-(arm64|x64), and this is linux-/);
});

test('a file that is no library, and a library that is not Atlas, are named', async () => {
  const text = path.join(folder, 'text.so');
  fs.writeFileSync(text, 'not a library at all '.repeat(100));
  assert.match((await run(OPEN, { env: { ATLAS_LIBRARY: text } })).stdout, /invalid ELF header[^]*-> Install the library built for linux-/);
  const other = compile('other', 'int something(void) { return 1; }');
  assert.match((await run(OPEN, { env: { ATLAS_LIBRARY: other } })).stdout, /has no function atlas_abi_version, so it is not the Atlas library/);
});

test('a library of another ABI version is refused with both numbers', async () => {
  const names = ['version', 'status_name', 'free', 'open', 'close', 'call', 'submit', 'cancel', 'next', 'wake_fd'];
  const newer = compile('newer', `int atlas_abi_version(void) { return 99; }\n${names.map((name) => `void atlas_${name}(void) {}`).join('\n')}`);
  assert.match((await run(OPEN, { env: { ATLAS_LIBRARY: newer } })).stdout, /speaks ABI version 99, this package needs 1[^]*-> Install the exatlas package and the library of the same release/);
});

test('a second copy in one process is refused, a second name of the same file is not', async () => {
  const copy = path.join(folder, 'copy.so');
  const link = path.join(folder, 'link.so');
  fs.copyFileSync(LIBRARY, copy);
  fs.symlinkSync(LIBRARY, link);
  const again = (file) => run(`
    const { Client } = require('exatlas');
    const { Worker } = require('worker_threads');
    new Client();
    const worker = new Worker(\`process.env.ATLAS_LIBRARY = ${JSON.stringify(file)}; ${OPEN.replace('process.exit(0);', '')}\`, { eval: true });
    worker.on('exit', () => process.exit());`);
  assert.match((await again(copy)).stdout, /this process has loaded another copy, .*can hold only one/);
  assert.match((await again(link)).stdout, /opened/);
});

test('the build says in one line what it lacks', async () => {
  const { code, stderr } = await run('', { file: path.join(PACKAGE, 'build.js'), env: { CC: 'no-such-compiler' } });
  assert.equal(code, 1);
  assert.match(stderr, /^exatlas: no C compiler `no-such-compiler` found: install one .*\n$/);
});

// A library whose atlas_version, before which nothing is done to handlers, tells
// how that of a signal would be run.
const TELLING = `
  #include <signal.h>
  #include <stdlib.h>
  int atlas_abi_version(void) { return 1; }
  const char *atlas_version(void) {
    struct sigaction now;
    sigaction(SIGCHLD, NULL, &now);
    return now.sa_handler == SIG_DFL ? "no handler" : now.sa_flags & SA_ONSTACK ? "a stack" : "no stack";
  }
  const char *atlas_status_name(int status) { (void)status; return "ATLAS_FAILED"; }
  void atlas_free(void *memory) { free(memory); }
  int atlas_open(void) { return 20; } int atlas_close(void) { return 0; } int atlas_call(void) { return 1; } int atlas_submit(void) { return 1; }
  int atlas_cancel(void) { return 0; } int atlas_next(void) { return 30; } int atlas_wake_fd(void) { return -1; }`;

test('the end of a child that a thread of the library is told has a stack for its handler, from the first moment on', async () => {
  const { stdout } = await run(`
    const addon = require('./native/exatlas.node');
    addon.load(process.env.ATLAS_LIBRARY);
    const tell = (when) => console.log(when, addon.info().version);
    const child = require('node:child_process').spawn('sleep', ['600']);
    tell('started');
    child.on('exit', () => {
      tell('ended');
      require('node:child_process').spawnSync('true');
      setImmediate(() => require('node:child_process').execFile('true', () => tell('another')));
    });
    child.kill();`, { env: { ATLAS_LIBRARY: compile('telling', TELLING) } });
  assert.equal(stdout, 'started a stack\nended a stack\nanother a stack\n');
});

// The library, but every other time there is no memory for an item, and never two
// within a moment: it counts how often it is asked meanwhile.
const SCARCE = `
  #define _GNU_SOURCE
  #include <dlfcn.h>
  #include <stdint.h>
  #include <stdio.h>
  #include <stdlib.h>
  #include <time.h>
  static void *real(const char *name) {
    static void *library;
    if (library == NULL) library = dlopen(getenv("REAL_LIBRARY"), RTLD_NOW);
    return dlsym(library, name);
  }
  static int64_t now(void) { struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t); return t.tv_sec * 1000 + t.tv_nsec / 1000000; }
  static int refusals, most, given; static int64_t since;
  int atlas_abi_version(void) { return 1; }
  const char *atlas_version(void) { return "scarce"; }
  const char *atlas_status_name(int status) { return ((const char *(*)(int))real("atlas_status_name"))(status); }
  void atlas_free(void *memory) { ((void (*)(void *))real("atlas_free"))(memory); }
  int atlas_open(const char *c, size_t n, uint64_t *o, char **d, size_t *l) { return ((int (*)(const char *, size_t, uint64_t *, char **, size_t *))real("atlas_open"))(c, n, o, d, l); }
  int atlas_close(uint64_t c, int64_t t) { return ((int (*)(uint64_t, int64_t))real("atlas_close"))(c, t); }
  int atlas_call(uint64_t c, const char *r, size_t n, char **a, size_t *l) { return ((int (*)(uint64_t, const char *, size_t, char **, size_t *))real("atlas_call"))(c, r, n, a, l); }
  int atlas_submit(uint64_t c, const char *r, size_t n, char **a, size_t *l) { return ((int (*)(uint64_t, const char *, size_t, char **, size_t *))real("atlas_submit"))(c, r, n, a, l); }
  int atlas_cancel(uint64_t c, const char *i, size_t n) { return ((int (*)(uint64_t, const char *, size_t))real("atlas_cancel"))(c, i, n); }
  int atlas_wake_fd(uint64_t c) { return ((int (*)(uint64_t))real("atlas_wake_fd"))(c); }
  int atlas_next(uint64_t c, int64_t t, char **i, size_t *l) {
    int status;
    if (!given) {
      if (refusals++ == 0) since = now();
      if (refusals > most) most = refusals;
      if (now() - since < 200) return 20;
    }
    refusals = 0;
    status = ((int (*)(uint64_t, int64_t, char **, size_t *))real("atlas_next"))(c, t, i, l);
    given = status != 0;
    return status;
  }
  __attribute__((destructor)) static void tell(void) { printf("asked %s\\n", most > 20 ? "without a rest" : most < 2 ? "once" : "again"); }`;

for (const wake of ['poll', 'thread']) {
  test(`an item that there is no memory for is asked for again: ${wake}`, async () => {
    const { stdout, stderr } = await run(`
      const { Client } = require('exatlas');
      const client = new Client();
      (async () => {
        for (let i = 0; i < 3; i++) console.log((await client.call('providers.list')).items.length > 0);
        const last = client.call('providers.list').then(() => true, (error) => !/client closed/.test(error.message)); // or cancelled
        await client.close();
        console.log(await last);
      })();`, { env: { ATLAS_LIBRARY: compile(`scarce-${wake}`, SCARCE), REAL_LIBRARY: LIBRARY, EXATLAS_WAKE: wake } });
    assert.equal(`${stdout}${stderr}`, 'true\ntrue\ntrue\ntrue\nasked again\n');
  });
}
