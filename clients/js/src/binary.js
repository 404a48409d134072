/**
 * What the bytes in a message of MessagePack are: those of a column of bytes, or the digits of a number in
 * JSON that no double holds.
 *
 * @module
 */

import { base64 } from './base64.js';
import { isNumber, numberOf } from './exact.js';

/** Members that hold one row's fields, or some of them. */
const FIELDS = new Set(['row', 'set', 'new', 'old']);
/** Members that hold lists of what names a table of its own. */
const INNER = new Set(['entries', 'changes']);

/**
 * A message in which bytes have become what they are in JSON.
 *
 * @param {any} message
 * @param {import('./codec.js').Known | undefined} known
 * @returns {any}
 */
export function withoutBytes(message, known) {
  return inMessage(message, known?.tableOf(message.ref), known?.typeOf ?? (() => 'other'));
}

/**
 * @param {any} message
 * @param {string | undefined} outer the table, if the message does not name it
 * @param {import('./codec.js').Known['typeOf']} typeOf
 * @returns {any}
 */
function inMessage(message, outer, typeOf) {
  const table = message.table ?? outer ?? '';
  const inFields = (/** @type {any} */ fields) => each(fields, (value, column) => asJson(value, typeOf(table, column) === 'json'));
  return each(message, (value, name) => {
    if (name === 'rows') return each(value, inFields);
    if (FIELDS.has(name)) return inFields(value);
    if (INNER.has(name)) return each(value, (inner) => inMessage(inner, table, typeOf));
    return asJson(value, name !== 'key');
  });
}

/**
 * @param {any} value
 * @param {boolean} json whether it stands in JSON, as everything in an object does
 * @returns {any}
 */
function asJson(value, json) {
  if (value instanceof Uint8Array) return (json && digitsIn(value)) || base64(value);
  return each(value, (item) => asJson(item, json || !Array.isArray(value)));
}

/** @param {Uint8Array} bytes */
function digitsIn(bytes) {
  const text = new TextDecoder().decode(bytes);
  return isNumber(text) && numberOf(text);
}

/**
 * @param {any} value
 * @param {(item: any, name: string) => any} change
 * @returns {any} a copy of a list or an object with its items changed; anything else as it is
 */
function each(value, change) {
  if (Array.isArray(value)) return value.map((item) => change(item, ''));
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, change(item, name)]));
}
