'use strict';
// Compiles the addon with the system's C compiler: native/exatlas.node. Nothing
// is downloaded; the Node-API headers come from the node-api-headers package
// that `npm ci` has installed. With --with-library it also puts libexatlas.so
// beside the addon, which makes the package complete (npm pack does so).

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

const root = __dirname;
const repository = path.join(root, '..', '..');
const out = path.join(root, 'native', 'exatlas.node');
const sources = ['addon.c', 'client.c', 'library.c', 'quiet.c', 'watch.c'].map((name) => path.join(root, 'src', name));

function fail(line) {
  console.error(`exatlas: ${line}`);
  process.exit(1);
}

function headers() {
  try {
    return require('node-api-headers').include_dir;
  } catch {
    return fail('the Node-API headers are missing: run `npm ci` in bindings/node first');
  }
}

function compile() {
  const compiler = process.env.CC || 'cc';
  const extra = (process.env.CFLAGS || '').split(' ').filter(Boolean);
  const include = headers();
  fs.mkdirSync(path.dirname(out), { recursive: true });
  // nodelete: Node unloads an addon with the last thread that uses it, and what this
  // one keeps for the process would be made anew, and left open, each time.
  // Written beside and renamed, so that a process that has the old addon mapped keeps it.
  const partial = `${out}.${process.pid}`;
  const result = spawnSync(compiler, [
    '-std=c11', '-O2', '-fPIC', '-shared', '-fvisibility=hidden', '-Wall', '-Wextra', '-DNAPI_VERSION=8',
    '-isystem', include, '-I', path.join(repository, 'include'), ...extra, ...sources,
    '-o', partial, '-Wl,-z,nodelete', '-ldl', '-lpthread',
  ], { stdio: 'inherit' });
  if (result.error && result.error.code === 'ENOENT') {
    fail(`no C compiler \`${compiler}\` found: install one (Debian: apt-get install gcc libc6-dev) or set CC`);
  }
  if (result.error) fail(`${compiler} did not start: ${result.error.message}`);
  if (result.status !== 0) fail(`${compiler} failed; its messages are above`);
  fs.renameSync(partial, out);
}

function copyLibrary() {
  const library = process.env.ATLAS_LIBRARY || path.join(repository, 'build', 'libexatlas.so');
  if (!fs.existsSync(library)) fail(`${library} is missing: run \`make lib\` in the repository first`);
  fs.copyFileSync(library, path.join(path.dirname(out), 'libexatlas.so'));
}

compile();
if (process.argv.includes('--with-library')) copyLibrary();
