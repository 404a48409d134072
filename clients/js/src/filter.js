/**
 * Which rows a live query wants, written as data: the same conditions that the REST filters know.
 *
 * @module
 */

import { Misuse } from './errors.js';
import { ExactNumber } from './exact.js';
import { comparedWith, equalTo, hasOrder } from './compare.js';
import { sameValue } from './values.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Value} Value */

/**
 * Conditions on one field; all of them must hold. They compare values by the column's type, as the hub's
 * own filters do; a `Date` is compared with a timestamp. A row without a value passes `ne` and `null`
 * alone, unless null itself is asked for.
 *
 * @typedef {object} Conditions
 * @property {Value} [eq]
 * @property {Value} [ne]
 * @property {Value} [lt]
 * @property {Value} [lte]
 * @property {Value} [gt]
 * @property {Value} [gte]
 * @property {Value[]} [in] one of these
 * @property {Value} [contains] text: holds this text, with A to Z in upper or lower case; list: holds this item
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
  eq: equalTo,
  ne: (wanted, type) => not(equalTo(wanted, type)),
  lt: (wanted, type) => ordered(wanted, type, (order) => order < 0),
  lte: (wanted, type) => ordered(wanted, type, (order) => order <= 0),
  gt: (wanted, type) => ordered(wanted, type, (order) => order > 0),
  gte: (wanted, type) => ordered(wanted, type, (order) => order >= 0),
  in: (wanted, type) => anyOf(wanted.map((/** @type {Value} */ item) => equalTo(item, type))),
  contains,
  null: (wanted) => (value) => (value == null) === wanted,
};

/**
 * Refuses a filter in which something is undefined: it would hide every row, or none.
 *
 * @param {Filter | undefined} filter
 * @throws {Misuse}
 */
export function checkFilter(filter) {
  if (filter === undefined || typeof filter === 'function') return;
  if (Array.isArray(filter)) return filter.forEach(checkFilter);
  for (const [field, wanted] of Object.entries(filter)) checkConditions(field, wanted);
}

/** @param {string} field @param {any} wanted */
function checkConditions(field, wanted) {
  const conditions = isConditions(wanted) ? Object.entries(wanted) : [['eq', wanted]];
  for (const [name, value] of conditions) {
    operator(name);
    if (value === undefined || (name === 'in' && Array.isArray(value) && value.includes(undefined))) throw new Misuse(`a filter compares \`${field}\` with undefined: leave it out, or write null`);
    if (name === 'in' && !Array.isArray(value)) throw new Misuse(`a filter takes a list for \`${field}\`: { in: [...] }`);
  }
}

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

/**
 * @template T
 * @param {((value: T) => boolean)[]} tests
 * @returns {(value: T) => boolean}
 */
function anyOf(tests) {
  return (value) => tests.some((test) => test(value));
}

/** @param {(value: Value) => boolean} test @returns {(value: Value) => boolean} */
function not(test) {
  return (value) => !test(value);
}

/**
 * @param {Value} wanted
 * @param {string} type
 * @param {(order: number) => boolean} holds
 * @returns {(value: Value) => boolean}
 */
function ordered(wanted, type, holds) {
  if (!hasOrder(type)) throw new Misuse(`a column of type ${type} has no order to compare by`);
  if (wanted === null) return () => false;
  const compared = comparedWith(wanted, type);
  return (value) => value != null && holds(compared(value));
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
  return typeof wanted === 'object' && wanted !== null && !Array.isArray(wanted) && !(wanted instanceof Date) && !(wanted instanceof ExactNumber);
}

/** @param {string} name */
function operator(name) {
  const known = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (known === undefined) throw new Misuse(`a filter knows no condition \`${name}\``);
  return known;
}

/** Types that text stands in. `other`: of what nothing is known, and of PostgreSQL's own types. */
const TEXTS = new Set(['text', 'other']);

/**
 * @param {Value} wanted
 * @param {string} type
 * @returns {(value: Value) => boolean}
 */
function contains(wanted, type) {
  const text = lowered(String(wanted));
  return (value) => {
    if (Array.isArray(value)) return value.some((item) => isItem(item, wanted));
    return typeof value === 'string' && TEXTS.has(type) && lowered(value).includes(text);
  };
}

/** A number and its text count as the same. @param {Value} item @param {Value} wanted */
function isItem(item, wanted) {
  const plain = typeof item !== 'object' && typeof wanted !== 'object' && typeof item !== 'boolean';
  return sameValue(item, wanted) || (plain && String(item) === String(wanted));
}

/** A to Z alone, as every database can. @param {string} text */
function lowered(text) {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
