'use strict';

const assert = require('node:assert/strict');
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');
const { PACKAGE } = require('./support');
const { METHODS } = require('../lib/methods');

test('the methods offered by name are those of the generated types', () => {
  const types = fs.readFileSync(path.join(PACKAGE, 'types.d.ts'), 'utf8');
  const generated = [...types.matchAll(/^ {2}"([a-z_.]+)": \{ params: /gm)].map((match) => match[1]);
  assert.ok(generated.length > 20);
  assert.deepEqual([...METHODS].sort(), generated.sort());
});

test('index.d.ts accepts right use and refuses wrong use', () => {
  const tsc = path.join(PACKAGE, 'node_modules', 'typescript', 'bin', 'tsc');
  const run = (args) => execFileSync(process.execPath, [tsc, ...args], { cwd: PACKAGE, encoding: 'utf8' });
  try {
    run(['--noEmit', '-p', 'test/types']);
  } catch (error) {
    assert.fail(error.stdout);
  }
});

test('what index.d.ts declares exists', () => {
  const declared = fs.readFileSync(path.join(PACKAGE, 'index.d.ts'), 'utf8').matchAll(/^export class (\w+)/gm);
  assert.deepEqual([...declared].map((match) => match[1]).sort(), Object.keys(require('exatlas')).sort());
});
