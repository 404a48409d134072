/**
 * What operations do to single values, as the hub does it.
 *
 * @module
 */

import { ExactNumber, sameNumber } from './exact.js';

/** @typedef {import('./types.js').Value} Value */

/**
 * Whether two values are the same: numbers and texts by value, lists and objects by content.
 *
 * @param {Value} a
 * @param {Value} b
 * @returns {boolean}
 */
export function sameValue(a, b) {
  if (Object.is(a, b)) return true;
  if (a instanceof ExactNumber || b instanceof ExactNumber) return sameNumber(a, b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && sameValue(a[name], b[name]));
}

/**
 * Adds to a number; null counts as 0. Integers and decimals are exact whatever their size.
 *
 * @param {string} type the column's type
 * @param {Value} value
 * @param {Value} more
 * @returns {Value}
 */
export function added(type, value, more) {
  if (type === 'decimal') return addedDecimal(String(value ?? 0), String(more));
  if (type === 'int') return addedInteger(value ?? 0, more);
  return Number(value ?? 0) + Number(more);
}

/**
 * The number that takes another back.
 *
 * @param {Value} number
 * @returns {Value}
 */
export function negative(number) {
  if (typeof number === 'number') return -number;
  const text = String(number);
  return text.startsWith('-') ? text.slice(1) : `-${text}`;
}

/**
 * @param {Value} value
 * @param {Value} more
 */
function addedInteger(value, more) {
  const sum = BigInt(value) + BigInt(more);
  const number = Number(sum);
  return Number.isSafeInteger(number) ? number : sum.toString();
}

/**
 * @param {string} value
 * @param {string} more
 */
function addedDecimal(value, more) {
  const scale = Math.max(digitsAfterPoint(value), digitsAfterPoint(more));
  const sum = scaled(value, scale) + scaled(more, scale);
  if (scale === 0) return sum.toString();
  const digits = (sum < 0n ? -sum : sum).toString().padStart(scale + 1, '0');
  return `${sum < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** @param {string} decimal */
function digitsAfterPoint(decimal) {
  return decimal.split('.')[1]?.length ?? 0;
}

/**
 * @param {string} decimal
 * @param {number} scale
 */
function scaled(decimal, scale) {
  const [whole = '0', fraction = ''] = decimal.split('.');
  return BigInt(`${whole}${fraction.padEnd(scale, '0')}`);
}

/**
 * A list with the items that it lacked; null counts as empty.
 *
 * @param {Value} list
 * @param {Value[]} items
 * @returns {Value[]}
 */
export function withItems(list, items) {
  const all = [...asList(list)];
  for (const item of items) {
    if (!all.some((other) => sameValue(other, item))) all.push(item);
  }
  return all;
}

/**
 * A list without some items; null counts as empty.
 *
 * @param {Value} list
 * @param {Value[]} items
 * @returns {Value[]}
 */
export function withoutItems(list, items) {
  const gone = asList(items);
  return asList(list).filter((item) => !gone.some((other) => sameValue(other, item)));
}

/** @param {Value} value @returns {Value[]} */
function asList(value) {
  return Array.isArray(value) ? value : [];
}
