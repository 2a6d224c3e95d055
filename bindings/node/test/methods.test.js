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

test('editors show what a method does and which errors it answers', () => {
  const ts = require('typescript');
  const folder = path.join(PACKAGE, 'test', 'types');
  const probe = path.join(folder, 'probe.ts'); // not on the disk
  const table = JSON.parse(fs.readFileSync(path.join(PACKAGE, '..', '..', 'docs', 'schema', 'methods.json'), 'utf8')).methods;
  const camel = (name) => name.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase());
  const methods = Object.keys(table).filter((name) => !name.startsWith('atlas.')); // those are the client's own
  const lines = methods.map((name) => `client.${camel(name)};`);
  const text = `import type { Client } from '../..';\ndeclare const client: Client;\n${lines.join('\n')}\n`;
  const read = (file) => (file === probe ? text : ts.sys.readFile(file));
  const service = ts.createLanguageService({
    getScriptFileNames: () => [probe], getScriptVersion: () => '1', getCurrentDirectory: () => folder, readFile: read,
    getScriptSnapshot: (file) => { const found = read(file); return found === undefined ? undefined : ts.ScriptSnapshot.fromString(found); },
    fileExists: (file) => file === probe || ts.sys.fileExists(file), directoryExists: ts.sys.directoryExists, getDefaultLibFileName: ts.getDefaultLibFilePath,
    getCompilationSettings: () => ({ strict: true, target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext, types: [] }),
  });
  for (const [i, name] of methods.entries()) {
    const at = text.indexOf(lines[i]) + lines[i].length - 2; // its last letter
    const shown = ts.displayPartsToString(service.getQuickInfoAtPosition(probe, at)?.documentation);
    const { description, errors } = table[name];
    assert.equal(shown, description + (errors.length > 0 ? ` Errors: ${errors.join(', ')}.` : ''), name);
  }
});

test('what index.d.ts declares exists', () => {
  const declared = fs.readFileSync(path.join(PACKAGE, 'index.d.ts'), 'utf8').matchAll(/^export class (\w+)/gm);
  assert.deepEqual([...declared].map((match) => match[1]).sort(), Object.keys(require('exatlas')).sort());
});
