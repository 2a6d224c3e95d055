'use strict';
// The conformance files that every language runs (test/conformance).

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { after, test } = require('node:test');
const { Client } = require('exatlas');
const { ROOT, assertNothingLeft, descriptors, simulation } = require('./support');
const { STATUS } = require('../lib/errors');
const native = require('../lib/native');

const FOLDER = path.join(ROOT, 'test', 'conformance');
const FILES = fs.existsSync(FOLDER) ? fs.readdirSync(FOLDER).filter((name) => name.endsWith('.json')).sort() : [];
const TYPES = {
  $any: () => true,
  $string: (value) => typeof value === 'string',
  $number: (value) => typeof value === 'number',
};

/** value with ${var} replaced; a whole string takes the variable's own type. */
function filled(value, variables) {
  if (Array.isArray(value)) return value.map((item) => filled(item, variables));
  if (value !== null && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, variables)]));
  if (typeof value !== 'string') return value;
  const get = (name) => {
    assert.ok(Object.hasOwn(variables, name), `no variable ${name}`);
    return variables[name];
  };
  const whole = /^\$\{(\w+)\}$/.exec(value);
  return whole ? get(whole[1]) : value.replace(/\$\{(\w+)\}/g, (_, name) => String(get(name)));
}

/** What keeps value from matching pattern, or undefined. */
function mismatch(pattern, value, at = '') {
  if (typeof pattern === 'string' && Object.hasOwn(TYPES, pattern)) {
    return TYPES[pattern](value) ? undefined : `${at}: ${JSON.stringify(value)} is no ${pattern}`;
  }
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return `${at}: ${JSON.stringify(value)} is no list of ${pattern.length}`;
    return firstOf(pattern.map((item, i) => () => mismatch(item, value[i], `${at}/${i}`)));
  }
  if (pattern !== null && typeof pattern === 'object') {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return `${at}: ${JSON.stringify(value)} is no object`;
    return firstOf(Object.entries(pattern).map(([key, item]) => () => {
      const has = Object.hasOwn(value, key);
      if (item === '$absent') return has ? `${at}/${key}: is there` : undefined;
      return has ? mismatch(item, value[key], `${at}/${key}`) : `${at}/${key}: is missing`;
    }));
  }
  return pattern === value ? undefined : `${at}: ${JSON.stringify(value)} is not ${JSON.stringify(pattern)}`;
}

function firstOf(checks) {
  for (const check of checks) {
    const problem = check();
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function pointed(value, pointer) {
  return pointer.split('/').slice(1).reduce((at, part) => at[part.replaceAll('~1', '/').replaceAll('~0', '~')], value);
}

/** The status and the document of one call of the native layer. */
function outcome(answer) {
  const [status, text] = Array.isArray(answer) ? answer : [STATUS.OK, typeof answer === 'string' ? answer : undefined];
  return [status, text === undefined ? undefined : JSON.parse(text)];
}

/** Fails on members that the README does not describe. */
function assertDescribed(object, names, where) {
  assert.deepEqual(Object.keys(object).filter((key) => !names.includes(key)), [], where);
}

function check(expected, answer, { variables, never }, where) {
  const [status, document] = outcome(answer);
  const text = JSON.stringify(document) ?? '';
  assert.deepEqual(never.filter((secret) => text.includes(secret)), [], `${where}: ${text}`);
  assert.equal(status, expected.status, `${where}: ${text}`);
  if (expected.answer === undefined) return document;
  assert.equal(mismatch(filled(expected.answer, variables), document), undefined, `${where}: ${text}`);
  return document;
}

/** The items that the native layer delivers, taken one by one. */
class Items {
  #waiting = [];
  #wake;

  deliver = (...texts) => {
    this.#waiting.push(...texts);
    this.#wake?.();
    return texts.filter((text) => JSON.parse(text).type === 'event').length;
  };

  /** The next item, or the status of a wait that is over. */
  async next(timeoutMs) {
    if (this.#waiting.length === 0) {
      let timer;
      await new Promise((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, timeoutMs);
      });
      clearTimeout(timer);
      this.#wake = undefined;
    }
    return this.#waiting.shift() ?? [STATUS.TIMEOUT];
  }
}

async function runSteps(addon, handle, items, steps, context, name) {
  for (const [i, step] of steps.entries()) {
    const where = `${name} step ${i + 1}`;
    assertDescribed(step, ['call', 'next', 'status', 'answer', 'save'], where);
    assert.ok((step.call === undefined) !== (step.next === undefined), where);
    const answer = step.next === undefined ? addon.call(handle, JSON.stringify(filled(step.call, context.variables))) : await items.next(step.next);
    const document = check(step, answer, context, where);
    for (const [variable, pointer] of Object.entries(step.save ?? {})) {
      context.variables[variable] = pointed(document, pointer);
      assert.notEqual(context.variables[variable], undefined, `${where}: nothing at ${pointer}`);
    }
  }
}

test('there are conformance files', () => {
  assert.ok(FILES.length > 0, `${FOLDER} holds no *.json`);
});

let opened; // descriptors after the first file: Node and the Go runtime open their own once

after(async () => {
  await assertNothingLeft(Client);
  const until = Date.now() + 10_000;
  while (descriptors() > opened && Date.now() < until) await new Promise((resolve) => { setTimeout(resolve, 10); });
  assert.ok(descriptors() <= opened, `${descriptors()} descriptors, ${opened} after the first file`);
});

for (const name of FILES) {
  test(`conformance: ${path.basename(name, '.json')}`, async () => {
    const file = JSON.parse(fs.readFileSync(path.join(FOLDER, name), 'utf8'));
    const addon = native.get();
    assertDescribed(file, ['name', 'sim', 'config', 'never', 'open', 'steps'], name);
    const clouds = await simulation(file.sim);
    try {
      const context = { variables: { ...clouds.urls }, never: file.never ?? [] };
      const items = new Items();
      const handle = addon.open(JSON.stringify(filled(file.config ?? {}, context.variables)), items.deliver, false);
      assertDescribed(file.open ?? {}, ['status', 'answer'], `${name} open`);
      check(file.open ?? { status: STATUS.OK }, handle, context, `${name} open`);
      if (Array.isArray(handle)) return;
      addon.reference(handle, true);
      try {
        await runSteps(addon, handle, items, file.steps, context, name);
      } finally {
        await new Promise((resolve) => addon.close(handle, 5000, resolve));
      }
    } finally {
      await clouds.stop();
    }
    opened ??= descriptors();
  });
}

test('patterns match a subset, by value and by type', () => {
  const fits = [
    [{ a: 1 }, { a: 1, b: 2 }], [[1, '$any'], [1, null]], ['$string', 'x'], ['$number', 1.5], [{ a: '$absent' }, { b: 1 }], [null, null],
    [{ a: [{ b: '$string' }] }, { a: [{ b: 'x', c: 1 }] }],
  ];
  const differ = [
    [{ a: 1 }, {}], [[1], [1, 2]], ['$string', 1], ['$number', true], [{ a: '$absent' }, { a: null }], [{ a: '$any' }, {}], [1, '1'], [{}, []], [true, 1], [null, {}],
  ];
  for (const [pattern, value] of fits) assert.equal(mismatch(pattern, value), undefined, JSON.stringify([pattern, value]));
  for (const [pattern, value] of differ) assert.notEqual(mismatch(pattern, value), undefined, JSON.stringify([pattern, value]));
});

test('variables are replaced whole with their type, inside text as text', () => {
  assert.deepEqual(filled({ a: '${n}', b: ['x${n}y${s}'], c: 1 }, { n: 5, s: 'z' }), { a: 5, b: ['x5yz'], c: 1 });
});
