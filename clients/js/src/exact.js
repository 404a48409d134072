/**
 * Numbers in JSON that no double holds, such as 123456789012345678901234 or 1e400: read, compared and
 * written with all their digits, on every platform.
 *
 * @module
 */

import { Misuse } from './errors.js';

const NUMBER = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/** A number that JavaScript's own would round. Rows hold it where their JSON does. */
export class ExactNumber {
  /**
   * @param {string} digits as JSON writes numbers
   * @throws {Misuse} if this is no number of JSON
   */
  constructor(digits) {
    if (!isNumber(digits)) throw new Misuse(`\`${digits}\` is no number as JSON writes it`);
    /** As they came. @readonly @type {string} */
    this.digits = digits;
    Object.freeze(this);
  }

  toString() {
    return this.digits;
  }

  /** The nearest double: calculating and comparing with it is as exact as with any number. */
  valueOf() {
    return Number(this.digits);
  }

  /** The number itself where the platform can write it, else its digits as text. @returns {unknown} */
  toJSON() {
    return /** @type {any} */ (JSON).rawJSON?.(this.digits) ?? this.digits;
  }
}

/** @param {unknown} digits @returns {digits is string} */
export const isNumber = (digits) => typeof digits === 'string' && NUMBER.test(digits);

/**
 * A number by its digits: a plain one wherever JavaScript would write it with the same value.
 *
 * @param {string} digits
 * @returns {number | ExactNumber}
 */
export const numberOf = (digits) => (isHeld(digits) ? Number(digits) : new ExactNumber(digits));

/**
 * Whether two numbers are the same.
 *
 * @param {unknown} a
 * @param {unknown} b
 */
export const sameNumber = (a, b) => isAny(a) && isAny(b) && form(String(a)) === form(String(b));

/** @param {unknown} value */
const isAny = (value) => typeof value === 'number' || value instanceof ExactNumber;

/** Whether JavaScript's own number has the value of these digits. @param {string} digits */
function isHeld(digits) {
  const own = String(Number(digits));
  return own === digits || form(own) === form(digits);
}

/**
 * The same text for all spellings of a number; what is none stays what it is.
 *
 * @param {string} text
 */
function form(text) {
  const [, sign, whole = '', fraction = '', exponent = '0'] = NUMBER.exec(text) ?? [];
  if (sign === undefined) return text;
  const digits = whole + fraction;
  let [from, to] = [0, digits.length];
  while (digits[from] === '0') from += 1;
  while (to > from && digits[to - 1] === '0') to -= 1;
  const power = BigInt(exponent) + BigInt(digits.length - to - fraction.length);
  return from === to ? '0' : `${sign}${digits.slice(from, to)}e${power}`;
}

/** What may be such a number: 16 characters or more, or an exponent, after what stands before a value. */
const SUSPECT = /[:,[]\s*-?\d(?:[\d.]{15}|[\d.]*[eE])[\d.eE+-]*/g;
const BEFORE = /^[:,[]\s*/;
/** The same, and all that tells whether it stands within a text. */
const SUSPECT_OR_TEXT = new RegExp(`\\\\.|"|${SUSPECT.source}`, 'g');

/**
 * Reads JSON; only where a number may need it does that cost more than `JSON.parse`.
 *
 * @param {string} text of an object or a list
 * @returns {any}
 * @throws {SyntaxError}
 */
export function fromJson(text) {
  const plain = JSON.parse(text);
  const suspects = text.match(SUSPECT);
  if (suspects === null || suspects.every((suspect) => !isExact(suspect.replace(BEFORE, '')))) return plain;
  return withExact(plain, JSON.parse(quoted(text)));
}

/** @param {string} digits */
const isExact = (digits) => isNumber(digits) && !isHeld(digits);

/** JSON with such numbers as texts. @param {string} text */
function quoted(text) {
  let within = false;
  return text.replace(SUSPECT_OR_TEXT, (found) => {
    if (found === '"') within = !within;
    const [before = ''] = BEFORE.exec(found) ?? [];
    const digits = found.slice(before.length);
    return before === '' || within || !isExact(digits) ? found : `${before}"${digits}"`;
  });
}

/**
 * Where one has a number and the other a text, it was quoted.
 *
 * @param {any} plain
 * @param {any} other the same with numbers as texts
 * @returns {any}
 */
function withExact(plain, other) {
  if (typeof plain === 'number') return typeof other === 'string' ? new ExactNumber(other) : plain;
  if (typeof plain !== 'object' || plain === null) return plain;
  for (const name of Object.keys(plain)) plain[name] = withExact(plain[name], other[name]);
  return plain;
}

/**
 * Writes JSON, exact numbers with their digits.
 *
 * @param {any} value what has none in it may be anything; else it consists of plain objects and lists
 * @returns {string}
 */
export function toJson(value) {
  return holdsExact(value) ? written(value) : JSON.stringify(value);
}

/** @param {any} value @returns {boolean} */
function holdsExact(value) {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof ExactNumber || Object.values(value).some(holdsExact);
}

/** @param {any} value @returns {string} */
function written(value) {
  if (value instanceof ExactNumber) return value.digits;
  if (Array.isArray(value)) return `[${value.map((item) => written(item ?? null))}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${members.map(([name, item]) => `${JSON.stringify(name)}:${written(item)}`)}}`;
}

/**
 * A value in a form that outlives being cloned to a storage or another tab: JSON text, if it holds exact
 * numbers, whose class would be lost.
 *
 * @template {object} T
 * @param {T} value
 * @returns {T | string}
 */
export const cloneable = (value) => (holdsExact(value) ? written(value) : value);

/**
 * @template {object} T
 * @param {T | string} value from {@link cloneable}
 * @returns {T}
 */
export const fromClone = (value) => (typeof value === 'string' ? fromJson(value) : value);
