'use strict';
// Finds and loads the addon and the library, on first use and not on require.
// A failure is one LoadError that says what was tried and what to do.

const fs = require('node:fs');
const path = require('node:path');
const { CLASSES } = require('./errors');

const root = path.join(__dirname, '..');
const ADDON = path.join(root, 'native', 'exatlas.node');
const ADDON_NAME = 'the addon';
const REPOSITORY = path.join(root, '..', '..');

let native;

/** Where the library may be, in order. Naming it by ATLAS_LIBRARY rules out all else. */
function candidates() {
  const named = process.env.ATLAS_LIBRARY;
  if (named) return [path.resolve(named)];
  const files = [path.join(root, 'native', 'libexatlas.so')];
  if (fs.existsSync(path.join(REPOSITORY, 'include', 'atlas.h'))) files.unshift(path.join(REPOSITORY, 'build', 'libexatlas.so'));
  return [...files.filter((file) => fs.existsSync(file)), 'libexatlas.so.1'];
}

function isMusl() {
  if (process.platform !== 'linux' || !process.report) return false;
  const before = process.report.excludeNetwork;
  process.report.excludeNetwork = true;
  const report = process.report.getReport();
  process.report.excludeNetwork = before;
  const { header } = typeof report === 'string' ? JSON.parse(report) : report;
  return header.glibcVersionRuntime === undefined;
}

const MACHINES = { 3: 'ia32', 40: 'arm', 62: 'x64', 183: 'arm64' }; // by the number in the head of an ELF file

/** The processor a library is for, where that is another one: of such a file the loader says only that it cannot be opened. */
function foreign(file) {
  const head = Buffer.alloc(20);
  try {
    const descriptor = fs.openSync(file);
    fs.readSync(descriptor, head, 0, head.length, 0);
    fs.closeSync(descriptor);
  } catch {
    return undefined;
  }
  const machine = MACHINES[head.readUInt16LE(18)];
  return head.toString('latin1', 0, 4) === '\x7fELF' && machine !== process.arch ? machine : undefined;
}

/** Whether a bundler has taken this code out of its package, and left the addon behind. */
function isBundled() {
  try {
    return JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')).name !== 'exatlas';
  } catch {
    return true;
  }
}

/** Where to get what is not there. */
function absence(what) {
  if (isBundled()) return 'This code is bundled, and an addon cannot be: tell the bundler that exatlas is external (esbuild: --external:exatlas), and install it where the program runs.';
  if (!fs.existsSync(path.join(REPOSITORY, 'include', 'atlas.h'))) return 'The package is not whole: install the file that `npm pack` makes in bindings/node of the repository.';
  if (what === ADDON_NAME) return 'Build it with `make node` in the repository (npm ci && node build.js in bindings/node).';
  return 'Build it with `make lib` in the repository, or set ATLAS_LIBRARY to the path of libexatlas.so.';
}

/** What to do about the reasons the loader gave. */
function remedy(what, tried) {
  const text = tried.map(([, reason]) => reason).join('\n');
  const other = tried.map(([file]) => foreign(file)).find((machine) => machine !== undefined);
  if (process.platform !== 'linux') return `Atlas runs on Linux; this is ${process.platform}. Use a Linux container or WSL.`;
  if (isMusl()) return 'This system uses musl (Alpine); the library needs glibc. Use a glibc image such as node:20-slim.';
  if (text.includes('another copy')) return 'Let all parts of the program use one copy: set ATLAS_LIBRARY to it.';
  if (text.includes('ABI version')) return 'Install the exatlas package and the library of the same release.';
  if (text.includes('static TLS')) return 'Load exatlas before other native modules, or start node with LD_PRELOAD set to the library.';
  if (text.includes('wrong ELF class') || text.includes('invalid ELF header')) return `Install the library built for linux-${process.arch}.`;
  if (text.includes('GLIBC_')) return 'This system\'s glibc is older than the library needs. Use a newer distribution, or build from source with `make lib`.';
  if (other !== undefined) return `It is built for linux-${other}, and this is linux-${process.arch}: install the package that was packed there.`;
  if (process.env.ATLAS_LIBRARY && what !== ADDON_NAME) return 'ATLAS_LIBRARY is set and is the only place looked at: correct or unset it.';
  return absence(what);
}

function failure(what, tried, cause) {
  const lines = tried.map(([name, reason]) => `  ${name}: ${reason.replace(`${name}: `, '')}`); // dlerror says it too
  const message = [`cannot load ${what}`, ...lines, `  -> ${remedy(what, tried)}`].join('\n');
  return new CLASSES.LoadError({ kind: 'unsupported', code: 'ATLAS_LOAD', message }, { cause });
}

function loadAddon() {
  if (!fs.existsSync(ADDON)) throw failure(ADDON_NAME, [[ADDON, 'is missing']]);
  try {
    return require(ADDON);
  } catch (cause) {
    throw failure(ADDON_NAME, [[ADDON, cause.message]], cause);
  }
}

function load() {
  const addon = loadAddon();
  const tried = [];
  for (const candidate of candidates()) {
    const reason = addon.load(candidate);
    if (reason === undefined) return addon;
    tried.push([candidate, reason]);
  }
  throw failure('the Atlas library, libexatlas.so', tried);
}

/** The native layer, loaded. */
function get() {
  native ??= load();
  return native;
}

module.exports = { get };
