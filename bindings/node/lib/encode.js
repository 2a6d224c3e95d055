'use strict';
// Values as JSON. JSON.stringify writes null for NaN and Infinity, and to the
// library null stands for an absent field: a price ceiling of NaN would be none.

/** The path of the first number in value that JSON has no text for, or undefined. */
function unwritable(value, path) {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = unwritable(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** value as JSON; a TypeError that names the field where a number is none. */
function encode(value, what) {
  const text = JSON.stringify(value);
  if (!text.includes('null')) return text; // the walk is for the few that may need it
  const path = unwritable(value, '');
  if (path !== undefined) throw new TypeError(`exatlas: "${path.slice(1)}" of ${what} is NaN or infinite; give a number, or leave it out`);
  return text;
}

module.exports = { encode };
