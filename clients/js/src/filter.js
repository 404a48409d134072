/**
 * Which rows a live query wants, written as data: the same conditions that the REST filters know.
 *
 * @module
 */

import { Misuse } from './errors.js';
import { compareValues } from './order.js';
import { sameValue } from './values.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Value} Value */

/**
 * Conditions on one field; all of them must hold. Only `ne`, `in` and `null` can hold for null.
 *
 * @typedef {object} Conditions
 * @property {Value} [eq]
 * @property {Value} [ne]
 * @property {Value} [lt]
 * @property {Value} [lte]
 * @property {Value} [gt]
 * @property {Value} [gte]
 * @property {Value[]} [in] one of these
 * @property {Value} [contains] text: holds this text, in upper or lower case; list: holds this item
 * @property {boolean} [null] whether it is null
 */

/**
 * What rows must be like: for each field a value, or conditions; a list means "any of these"; a
 * function decides for itself, by the row alone.
 *
 * @typedef {{ [field: string]: Value | Conditions }} FieldFilter
 * @typedef {FieldFilter | ((row: Row) => boolean) | (FieldFilter | ((row: Row) => boolean))[]} Filter
 */

/** @typedef {(row: Row) => boolean} Test */
/** @typedef {(field: string) => string} TypeOf the type of a column */

/** @type {Record<string, (wanted: any, type: string) => (value: Value) => boolean>} */
const OPERATORS = {
  eq: (wanted) => (value) => sameValue(value, wanted),
  ne: (wanted) => (value) => !sameValue(value, wanted),
  lt: (wanted, type) => (value) => value != null && compareValues(value, wanted, type) < 0,
  lte: (wanted, type) => (value) => value != null && compareValues(value, wanted, type) <= 0,
  gt: (wanted, type) => (value) => value != null && compareValues(value, wanted, type) > 0,
  gte: (wanted, type) => (value) => value != null && compareValues(value, wanted, type) >= 0,
  in: (wanted) => (value) => wanted.some((/** @type {Value} */ item) => sameValue(item, value)),
  contains: (wanted) => contains(wanted),
  null: (wanted) => (value) => (value == null) === wanted,
};

/**
 * @param {Filter | undefined} filter undefined: every row
 * @param {TypeOf} typeOf
 * @returns {Test}
 */
export function testOf(filter, typeOf) {
  if (filter === undefined) return () => true;
  if (typeof filter === 'function') return /** @type {Test} */ (filter);
  if (Array.isArray(filter)) return anyOf(filter.map((one) => testOf(one, typeOf)));
  const tests = Object.entries(filter).map(([field, wanted]) => fieldTest(field, wanted, typeOf(field)));
  return (row) => tests.every((test) => test(row));
}

/** @param {Test[]} tests @returns {Test} */
function anyOf(tests) {
  return (row) => tests.some((test) => test(row));
}

/**
 * @param {string} field
 * @param {Value | Conditions} wanted
 * @param {string} type
 * @returns {Test}
 */
function fieldTest(field, wanted, type) {
  const conditions = isConditions(wanted) ? wanted : { eq: wanted };
  const tests = Object.entries(conditions).map(([name, value]) => operator(name)(value, type));
  return (row) => tests.every((test) => test(row[field] ?? null));
}

/** Objects are conditions; an object to compare with is written `{ eq: … }`. @param {unknown} wanted */
function isConditions(wanted) {
  return typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted);
}

/** @param {string} name */
function operator(name) {
  const known = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (known === undefined) throw new Misuse(`a filter knows no condition \`${name}\``);
  return known;
}

/** @param {Value} wanted @returns {(value: Value) => boolean} */
function contains(wanted) {
  const text = String(wanted).toLowerCase();
  return (value) => {
    if (Array.isArray(value)) return value.some((item) => sameValue(item, wanted));
    return typeof value === 'string' && value.toLowerCase().includes(text);
  };
}
