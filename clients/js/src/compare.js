/**
 * How the values of a column compare, by the column's type, as the hub compares them (PROTOCOL.md,
 * section 4.1): values, not spellings. Each type has a form in which two spellings of one value are the
 * same, and an order of these forms.
 *
 * @module
 */

import { ExactNumber, toJson } from './exact.js';
import { compareBytes } from './key.js';
import { sameValue } from './values.js';

/** @typedef {import('./types.js').Value} Value */
/** @typedef {{ form: (value: Value) => any, order: (a: any, b: any) => number }} Comparing */

/** @type {Readonly<Record<string, Comparing>>} */
const TYPES = {
  bool: { form: wholeNumber, order: ascending },
  int: { form: wholeNumber, order: ascending },
  float: { form: double, order: nanLast },
  decimal: { form: String, order: decimals },
  uuid: { form: (value) => String(value).toLowerCase(), order: compareBytes },
  date: { form: (value) => day(String(value)), order: compareBytes },
  time: { form: (value) => timeOfDay(String(value)), order: compareBytes },
  timestamp: { form: (value) => instant(value), order: compareBytes },
  bytes: { form: bytes, order: compareBytes },
};
/** Text, and what the client knows no more of than its text. @type {Comparing} */
const TEXT = { form: (value) => value, order: texts };
/** Types without an order. */
const CONTENT = new Set(['json', 'list']);

/** @param {string} type whether one value comes after another at all */
export const hasOrder = (type) => !CONTENT.has(type);

/**
 * Compares the values of a column with one: below 0, 0 or above for a value before, equal, or after.
 * Null is no value to compare.
 *
 * @param {Value} operand
 * @param {string} type
 * @returns {(value: Value) => number}
 */
export function comparedWith(operand, type) {
  const { form, order } = TYPES[type] ?? TEXT;
  const wanted = form(operand);
  return (value) => order(form(value), wanted);
}

/**
 * Whether the values of a column are this one. Null is null alone.
 *
 * @param {Value} operand
 * @param {string} type
 * @returns {(value: Value) => boolean}
 */
export function equalTo(operand, type) {
  if (operand == null) return (value) => value == null;
  if (CONTENT.has(type)) return (value) => sameValue(value ?? null, operand);
  const compared = comparedWith(operand, type);
  return (value) => value != null && compared(value) === 0;
}

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
  const { form, order } = TYPES[type] ?? TEXT;
  return order(form(a), form(b));
}

/**
 * Numbers of both kinds by value; what is no number comes after them.
 *
 * @param {number | bigint | string} a
 * @param {number | bigint | string} b
 */
function ascending(a, b) {
  const texts = Number(typeof a === 'string') - Number(typeof b === 'string');
  return texts !== 0 ? texts : Number(a > b) - Number(a < b);
}

/** @param {number} a @param {number} b */
function nanLast(a, b) {
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b)) || ascending(a, b);
}

/** @param {Value} a @param {Value} b */
function texts(a, b) {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareBytes(textOf(a), textOf(b));
}

/** @param {Value} value */
function textOf(value) {
  return typeof value === 'object' && !(value instanceof ExactNumber) ? toJson(value) : String(value);
}

/** @param {Value} value @returns {number | bigint | string} */
function wholeNumber(value) {
  if (value instanceof ExactNumber) return wholeNumber(value.digits);
  if (typeof value !== 'string') return Number(value);
  if (!DECIMAL.test(value)) return value;
  const number = Number(value);
  return Number.isSafeInteger(number) || !/^[+-]?\d+$/.test(value) ? number : BigInt(value);
}

/** @param {Value} value @returns {number | string} */
function double(value) {
  return typeof value !== 'string' || value in UNBOUNDED || DECIMAL.test(value) ? Number(value) : value;
}

const DECIMAL = /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i;
/** What is no finite number, after what it comes. @type {Readonly<Record<string, number>>} */
const UNBOUNDED = Object.assign(Object.create(null), { '-Infinity': -1, Infinity: 1, NaN: 2 });

/**
 * Decimals of any size, exactly: as doubles where these differ, else digit by digit. What is none comes
 * after them.
 *
 * @param {string} a
 * @param {string} b
 */
function decimals(a, b) {
  const [x, y] = [UNBOUNDED[a] ?? 0, UNBOUNDED[b] ?? 0];
  if (x !== 0 || y !== 0) return x - y;
  const [one, other] = [DECIMAL.exec(a), DECIMAL.exec(b)];
  if (one === null || other === null) return Number(one === null) - Number(other === null) || compareBytes(a, b);
  const rough = Number(a) - Number(b);
  if (rough !== 0 && !Number.isNaN(rough)) return rough;
  const scale = Math.max(places(one), places(other));
  return ascending(scaled(one, scale), scaled(other, scale));
}

/** How many digits stand after the point. @param {RegExpExecArray} decimal */
function places([, , , fraction = '', exponent = '0']) {
  return fraction.length - Number(exponent);
}

/** @param {RegExpExecArray} decimal @param {number} scale */
function scaled(decimal, scale) {
  const [, sign, whole = '', fraction = ''] = decimal;
  const size = BigInt(whole + fraction || '0') * 10n ** BigInt(scale - places(decimal));
  return sign === '-' ? -size : size;
}

/** How instants of ordinary years come from the hub. */
const USUAL = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;
const DAY = /^([+-]\d{6,7}|\d{4})(-\d\d-\d\d)$/;
const INSTANT = /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?([Zz]|[+-]\d\d:?\d\d)?)?$/;
/** The calendar repeats itself after so many years. */
const CYCLE = 400;

/**
 * A text by whose bytes days, or what begins with one, sort in time.
 *
 * @param {string} year four digits, or more with a sign
 * @param {string} rest
 */
function inTime(year, rest) {
  if (year.startsWith('-')) return `-${String(999_999 - Number(year.slice(1))).padStart(6, '0')}${rest}`;
  return year.startsWith('+') ? `A${year.slice(1).padStart(7, '0')}${rest}` : year + rest;
}

/** Before and after all that {@link inTime} makes. @param {string} text */
function endless(text) {
  return text === '-infinity' ? '!' : text === 'infinity' ? '~' : undefined;
}

/** @param {string} text */
function day(text) {
  const [, year, rest] = DAY.exec(text) ?? [];
  return endless(text) ?? (year === undefined || rest === undefined ? text : inTime(year, rest));
}

/** @param {string} text */
function timeOfDay(text) {
  const [, hours, seconds = ':00', fraction = ''] = /^(\d\d:\d\d)(:\d\d)?(?:\.(\d+))?$/.exec(text) ?? [];
  return hours === undefined ? text : `${hours}${seconds}.${micros(fraction)}`;
}

/** @param {string} fraction */
const micros = (fraction) => fraction.slice(0, 6).padEnd(6, '0');

/** @param {Value} value text, or a `Date` in a filter */
function instant(value) {
  const text = value instanceof Date ? value.toISOString() : String(value);
  if (USUAL.test(text)) return text;
  const parts = INSTANT.exec(text);
  if (parts === null) return endless(text) ?? text;
  const [, year = '', month, date, hour = '0', minute = '0', second = '0', fraction = '', offset = 'Z'] = parts;
  // In a year that every calendar knows, so that a far one can be moved by an offset too.
  const near = (((Number(year) % CYCLE) + CYCLE) % CYCLE) + 2_000;
  const moved = new Date(Date.UTC(near, Number(month) - 1, Number(date), Number(hour), Number(minute) - minutes(offset), Number(second)));
  const rest = `${moved.toISOString().slice(4, 19)}.${micros(fraction)}Z`;
  return inTime(yearText(Number(year) + moved.getUTCFullYear() - near), rest);
}

/** @param {string} offset of a clock from UTC */
function minutes(offset) {
  const [, sign, hours, more] = /^([+-])(\d\d):?(\d\d)$/.exec(offset) ?? [];
  const size = Number(hours ?? 0) * 60 + Number(more ?? 0);
  return sign === '-' ? -size : size;
}

/** @param {number} year */
function yearText(year) {
  if (year >= 0 && year <= 9_999) return String(year).padStart(4, '0');
  return `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`;
}

/** Base64, as text of one letter per byte. @param {Value} value */
function bytes(value) {
  try {
    return atob(String(value));
  } catch {
    return String(value);
  }
}
