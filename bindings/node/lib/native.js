'use strict';
// Finds and loads the addon and the library, on first use and not on require.
// A failure is one LoadError that says what was tried and what to do.

const fs = require('node:fs');
const path = require('node:path');
const { CLASSES } = require('./errors');

const root = path.join(__dirname, '..');
const ADDON = path.join(root, 'native', 'exatlas.node');
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

/** What to do about the reasons the loader gave. */
function remedy(reasons) {
  const text = reasons.join('\n');
  if (process.platform !== 'linux') return `Atlas runs on Linux; this is ${process.platform}. Use a Linux container or WSL.`;
  if (isMusl()) return 'This system uses musl (Alpine); the library needs glibc. Use a glibc image such as node:20-slim.';
  if (text.includes('another copy')) return 'Let all parts of the program use one copy: set ATLAS_LIBRARY to it.';
  if (text.includes('ABI version')) return 'Install the exatlas package and the library of the same release.';
  if (text.includes('static TLS')) return 'Load exatlas before other native modules, or start node with LD_PRELOAD set to the library.';
  if (text.includes('wrong ELF class') || text.includes('invalid ELF header')) return `Install the library built for linux-${process.arch}.`;
  if (text.includes('GLIBC_')) return 'This system\'s glibc is older than the library needs. Use a newer distribution, or build from source with `make lib`.';
  if (process.env.ATLAS_LIBRARY) return 'ATLAS_LIBRARY is set and is the only place looked at: correct or unset it.';
  return 'Build it with `make lib` in the repository, or set ATLAS_LIBRARY to the path of libexatlas.so.';
}

function failure(what, tried, cause) {
  const lines = tried.map(([name, reason]) => `  ${name}: ${reason.replace(`${name}: `, '')}`); // dlerror says it too
  const message = [`cannot load ${what}`, ...lines, `  -> ${remedy(tried.map(([, reason]) => reason))}`].join('\n');
  return new CLASSES.LoadError({ kind: 'unsupported', code: 'ATLAS_LOAD', message }, { cause });
}

function loadAddon() {
  if (!fs.existsSync(ADDON)) {
    const error = new CLASSES.LoadError({
      kind: 'unsupported', code: 'ATLAS_LOAD',
      message: `cannot load the addon: ${ADDON} is missing\n  -> Build it with \`make node\` in the repository (npm ci && node build.js in bindings/node).`,
    });
    throw error;
  }
  try {
    return require(ADDON);
  } catch (cause) {
    throw failure('the addon', [[ADDON, cause.message]], cause);
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
