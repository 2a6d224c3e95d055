'use strict';
// Values as JSON. JSON.stringify writes null for NaN, Infinity and a date that is
// none, and to the library null stands for an absent field: a price ceiling of
// NaN would be none.

/** The path of the first number or date in value that was written as null, or undefined. */
function unwritable(value, written, path) {
  if (written === null) return isNumeric(value) || isNumeric(value?.toJSON?.('')) ? path : undefined;
  if (typeof written !== 'object') return undefined;
  const source = typeof value?.toJSON === 'function' ? value.toJSON('') : value;
  for (const [key, item] of Object.entries(written)) {
    const found = unwritable(source?.[key], item, Array.isArray(written) ? `${path}[${key}]` : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isNumeric(value) {
  return typeof value === 'number' || value instanceof Number || value instanceof Date;
}

/** value as JSON; a TypeError that names the field where a number is none. */
function encode(value, what) {
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`exatlas: ${what} become nothing in JSON: their toJSON answers undefined`);
  if (!text.includes('null')) return text; // the walk is for the few that may need it
  const path = unwritable(value, JSON.parse(text), '');
  if (path !== undefined) throw new TypeError(`exatlas: "${path.slice(1)}" of ${what} is NaN or infinite; give a number, or leave it out`);
  return text;
}

module.exports = { encode };
