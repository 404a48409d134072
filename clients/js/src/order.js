/**
 * In which order rows stand: by the order column where there is one, or as a live query wants it;
 * the key decides between equals, so that no two rows are ever equal.
 *
 * @module
 */

import { compareBytes, compareKeys, keyOf } from './key.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Value} Value */
/** @typedef {import('./types.js').TableSchema} TableSchema */
/** @typedef {(a: Row, b: Row) => number} Compare */

/**
 * How to sort: names of fields, `-` in front for descending, as a list or with commas; or a function.
 *
 * @typedef {string | string[] | Compare} Sort
 */

/**
 * Compares two values of one column; null comes last.
 *
 * @param {Value} a
 * @param {Value} b
 * @param {string} type
 * @returns {number}
 */
export function compareValues(a, b, type) {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  if (type === 'decimal' || type === 'int') return compareNumbers(a, b);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return compareBytes(a, b);
  if (typeof a === 'boolean' && typeof b === 'boolean') return Number(a) - Number(b);
  return compareBytes(JSON.stringify(a), JSON.stringify(b));
}

/**
 * Numbers of any size, as numbers or as text.
 *
 * @param {Value} a
 * @param {Value} b
 */
function compareNumbers(a, b) {
  const difference = Number(a) - Number(b);
  if (difference !== 0 || (typeof a === 'number' && typeof b === 'number')) return difference;
  return compareDigits(String(a), String(b));
}

/**
 * Decimals that are equal as doubles.
 *
 * @param {string} a
 * @param {string} b
 */
function compareDigits(a, b) {
  const scale = Math.max(fraction(a).length, fraction(b).length);
  const [x, y] = [scaled(a, scale), scaled(b, scale)];
  return Number(x > y) - Number(x < y);
}

/** @param {string} decimal */
const fraction = (decimal) => decimal.split('.')[1] ?? '';

/**
 * @param {string} decimal
 * @param {number} scale
 */
function scaled(decimal, scale) {
  return BigInt((decimal.split('.')[0] ?? '0') + fraction(decimal).padEnd(scale, '0'));
}

/**
 * The table's own order.
 *
 * @param {Pick<TableSchema, 'key' | 'order'>} table
 * @returns {Compare}
 */
export function ownOrder({ key, order }) {
  const byKey = keyOrder(key);
  if (order === undefined) return byKey;
  return (a, b) => compareValues(a[order], b[order], 'text') || byKey(a, b);
}

/**
 * The order that a query wants.
 *
 * @param {Sort} sort
 * @param {string[]} key
 * @param {(field: string) => string} typeOf
 * @returns {Compare}
 */
export function wantedOrder(sort, key, typeOf) {
  const byKey = keyOrder(key);
  if (typeof sort === 'function') return (a, b) => sort(a, b) || byKey(a, b);
  const fields = Array.isArray(sort) ? sort : sort.split(',');
  const steps = fields.map((field) => fieldOrder(field.trim(), typeOf));
  return (a, b) => {
    for (const step of steps) {
      const order = step(a, b);
      if (order !== 0) return order;
    }
    return byKey(a, b);
  };
}

/**
 * Null comes last, whichever the direction.
 *
 * @param {string} field
 * @param {(field: string) => string} typeOf
 * @returns {Compare}
 */
function fieldOrder(field, typeOf) {
  const down = field.startsWith('-');
  const name = down ? field.slice(1) : field;
  const type = typeOf(name);
  return (a, b) => {
    const [x, y] = [a[name], b[name]];
    const turn = down && x != null && y != null ? -1 : 1;
    return turn * compareValues(x, y, type);
  };
}

/** @param {string[]} columns @returns {Compare} */
function keyOrder(columns) {
  return (a, b) => compareKeys(keyOf(a, columns), keyOf(b, columns));
}
