/**
 * What the client takes to be sent: copied, and held against what JSON holds, where it is made. A value
 * that would change on its way, vanish, or not be sent at all is refused there, by the name of its place;
 * so nothing that waits to be sent can turn out to be unsendable.
 *
 * @module
 */

import { base64 } from './base64.js';
import { EditError, Misuse } from './errors.js';
import { ExactNumber } from './exact.js';

/** @typedef {import('./types.js').Op} Op */
/** @typedef {import('./schema.js').SchemaBook} SchemaBook */

/**
 * How a value is taken.
 *
 * @typedef {object} Taking
 * @property {string} [type] of the column that it is for
 * @property {boolean} [nul] whether text may hold U+0000; no column can
 * @property {boolean} [gaps] whether members without a value are left out, as JSON does
 */

/** Deeper is refused here; what the hub takes is less. */
const DEEPEST = 64;

/** A half of a surrogate pair alone is not text. */
const HALVES = /\p{Surrogate}/gu;

const WHOLE_NUMBER = /^[+-]?\d+$/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Why something cannot be sent, and where it stands. */
class Unfit extends Error {
  /**
   * @param {string} why
   * @param {string} [code]
   */
  constructor(why, code = 'wrong_type') {
    super(why);
    this.code = code;
    this.place = '';
  }

  /** @param {string} outer the place that holds it */
  within(outer) {
    const dot = this.place === '' || this.place.startsWith('[') ? '' : '.';
    this.place = `${outer}${dot}${this.place}`;
    return this;
  }
}

/**
 * A value as it will arrive. Text that ends within an emoji gets U+FFFD in the place of the half, as
 * everywhere in the browser; −0 becomes 0; dates become texts.
 *
 * @param {string} name of what it is, for the error
 * @param {unknown} value
 * @param {Taking} [taking]
 * @returns {any} a copy
 * @throws {Misuse} with the place
 */
export function sendable(name, value, taking = { nul: true }) {
  try {
    return copied(value, taking, []);
  } catch (error) {
    if (!(error instanceof Unfit)) throw error;
    const { place, message } = error.within(name);
    throw new Misuse(`\`${place}\` ${message}`);
  }
}

/**
 * The operations of an edit as they will arrive.
 *
 * @param {readonly Op[]} ops
 * @param {SchemaBook} schema
 * @param {{ gaps?: boolean }} [taking] `gaps`: fields without a value are left out instead of refused
 * @returns {Op[]} copies
 * @throws {EditError} with the field to blame
 */
export function sendableOps(ops, schema, { gaps = false } = {}) {
  if (!Array.isArray(ops) || ops.length === 0) throw new Misuse('an edit needs at least one operation');
  return Array.from(ops, (op, at) => new OpTaker(op, at, schema, gaps).taken());
}

/** How long keys of states and names of signals may be, bytes. */
const LONGEST_NAME = 64;

/**
 * @param {string} what it names
 * @param {unknown} name
 * @throws {Misuse} if the hub would not take it
 */
export function checkName(what, name) {
  const bytes = typeof name === 'string' ? new TextEncoder().encode(name).length : 0;
  if (bytes < 1 || bytes > LONGEST_NAME) throw new Misuse(`${what} must be text of 1 to ${LONGEST_NAME} bytes`);
}

/** The members of each kind of operation, and how each is taken. @type {Record<string, Record<string, 'text' | 'key' | 'fields' | 'numbers' | 'lists' | 'place'>>} */
const MEMBERS = {
  insert: { table: 'text', row: 'fields', place: 'place' },
  update: { table: 'text', key: 'key', set: 'fields', inc: 'numbers', add: 'lists', remove: 'lists', place: 'place', if: 'fields' },
  delete: { table: 'text', key: 'key', if: 'fields' },
  move: { table: 'text', key: 'key', to: 'text', if: 'fields' },
};
const NEEDED = new Set(['table', 'key', 'row', 'to']);

class OpTaker {
  #op;
  #at;
  #schema;
  #gaps;

  /**
   * @param {any} op
   * @param {number} at
   * @param {SchemaBook} schema
   * @param {boolean} gaps
   */
  constructor(op, at, schema, gaps) {
    this.#op = op;
    this.#at = at;
    this.#schema = schema;
    this.#gaps = gaps;
  }

  /** @returns {Op} */
  taken() {
    const members = this.#members();
    const given = Object.entries(this.#op).filter(([name, value]) => name !== 'op' && value !== undefined);
    const strange = given.find(([name]) => !Object.hasOwn(members, name));
    if (strange) throw new Misuse(`an operation \`${this.#op.op}\` knows no \`${strange[0]}\``);
    for (const name of Object.keys(members)) {
      if (NEEDED.has(name) && this.#op[name] == null) this.#refuse(new Unfit('is missing', 'bad_message').within(name), undefined);
    }
    const taken = given.map(([name, value]) => [name, this.#member(name, members[name] ?? 'place', value)]);
    return /** @type {any} */ ({ op: this.#op.op, ...Object.fromEntries(taken) });
  }

  #members() {
    const kind = this.#op?.op;
    const members = typeof kind === 'string' && Object.hasOwn(MEMBERS, kind) ? MEMBERS[kind] : undefined;
    if (members === undefined) throw new Misuse(`an edit knows no operation \`${String(kind)}\``);
    return members;
  }

  /**
   * @param {string} name
   * @param {string} how
   * @param {any} value
   */
  #member(name, how, value) {
    if (how === 'text') return this.#named(undefined, name, () => text(value));
    if (how === 'key' || how === 'place') {
      const column = how === 'key' ? this.#schema.keyColumns(this.#op.table)[0] : undefined;
      return this.#named(column, name, () => copied(value, {}, []));
    }
    if (!isPlain(value)) this.#refuse(new Unfit('must be an object of fields', 'bad_message').within(name), undefined);
    return this.#fields(name, how, value);
  }

  /**
   * @param {string} name
   * @param {string} how
   * @param {Record<string, any>} fields
   */
  #fields(name, how, fields) {
    const given = Object.entries(fields).filter(([, value]) => !(this.#gaps && value === undefined));
    const taken = given.map(([field, value]) => {
      const type = this.#schema.columnType(this.#op.table, field);
      const take = () => fieldOf(how, copied(value, { type, gaps: this.#gaps }, []), type);
      return [wellFormed(field), this.#named(field, `${name}.${field}`, take)];
    });
    return Object.fromEntries(taken);
  }

  /**
   * @template T
   * @param {string | undefined} field
   * @param {string} path
   * @param {() => T} take
   * @returns {T}
   */
  #named(field, path, take) {
    try {
      return take();
    } catch (error) {
      if (!(error instanceof Unfit)) throw error;
      return this.#refuse(error.within(path), field);
    }
  }

  /**
   * @param {Unfit} error
   * @param {string | undefined} field
   * @returns {never}
   */
  #refuse({ code, place, message }, field) {
    const path = `ops[${this.#at}].${place}`;
    if (code === 'bad_message') throw new Misuse(`\`${path}\` ${message}`);
    throw new EditError({ code, message: `\`${place}\` ${message}`, retry: false, op: this.#at, table: this.#op.table, field, path });
  }
}

/**
 * What an operation does to a field must be possible at all.
 *
 * @param {string} how
 * @param {any} value
 * @param {string} type
 */
function fieldOf(how, value, type) {
  if (how === 'numbers' && !isNumber(value, type)) throw new Unfit('is no number to add');
  if (how === 'lists' && !Array.isArray(value)) throw new Unfit('must be a list of items');
  return value;
}

/**
 * @param {any} value
 * @param {string} type
 */
function isNumber(value, type) {
  if (typeof value === 'number') return type !== 'int' || Number.isSafeInteger(value);
  return typeof value === 'string' && (type === 'int' ? WHOLE_NUMBER : NUMBER).test(value);
}

/**
 * @param {any} value
 * @param {Taking} taking
 * @param {object[]} around what holds it
 * @returns {any}
 */
function copied(value, taking, around) {
  if (value === null || typeof value === 'boolean') return value;
  if (typeof value === 'string') return textOf(value, taking);
  if (typeof value === 'number') return numberOf(value);
  if (typeof value === 'object') return objectOf(value, taking, around);
  if (typeof value === 'bigint') throw new Unfit(`is a BigInt; an integer of this size is written as text, '${value}'`);
  if (value === undefined) throw new Unfit('is undefined; no value is null, and what is left out is not changed');
  throw new Unfit(`is a ${typeof value}, which cannot be sent`);
}

/** @param {unknown} value */
function text(value) {
  if (typeof value !== 'string') throw new Unfit('must be text', 'bad_message');
  return wellFormed(value);
}

/** @param {string} value */
const wellFormed = (value) => value.replace(HALVES, '\ufffd');

/**
 * @param {string} value
 * @param {Taking} taking
 */
function textOf(value, { nul = false }) {
  if (!nul && value.includes('\0')) throw new Unfit('holds the character U+0000, which no column can hold');
  return wellFormed(value);
}

/** @param {number} value */
function numberOf(value) {
  if (!Number.isFinite(value)) throw new Unfit(`is ${value}; where a column of floats is to hold that, it is written as text, '${value}'`);
  return value === 0 ? 0 : value;
}

/**
 * @param {any} value
 * @param {Taking} taking
 * @param {object[]} around
 * @returns {any}
 */
function objectOf(value, taking, around) {
  if (value instanceof ExactNumber) return value;
  if (around.includes(value)) throw new Unfit('holds itself');
  if (around.length >= DEEPEST) throw new Unfit('is nested too deeply', 'too_deep');
  const inside = [...around, value];
  if (Array.isArray(value)) return Array.from(value, (item, at) => inPlace(`[${at}]`, () => copied(item, taking, inside)));
  if (isBytes(value)) return bytesOf(value, taking);
  if (isDate(value)) return dateOf(value, taking);
  if (typeof value.toJSON === 'function') return copied(value.toJSON(), taking, inside);
  if (!isPlain(value)) throw new Unfit(`is a ${value.constructor?.name ?? 'special object'}; only plain objects and lists can be sent`);
  const given = membersOf(value).filter(([, item]) => !(taking.gaps && item === undefined));
  return Object.fromEntries(given.map(([name, item]) => [textOf(name, taking), inPlace(name, () => copied(item, taking, inside))]));
}

/** @param {Record<string, any>} value */
function membersOf(value) {
  const symbols = Object.getOwnPropertySymbols(value).some((name) => Object.prototype.propertyIsEnumerable.call(value, name));
  if (symbols) throw new Unfit('has a symbol as a name, which cannot be sent');
  return Object.entries(value);
}

/** @param {string} place @param {() => any} copy */
function inPlace(place, copy) {
  try {
    return copy();
  } catch (error) {
    throw error instanceof Unfit ? error.within(place) : error;
  }
}

/** Also those of another window. @param {any} value */
function isPlain(value) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @param {any} value */
const isBytes = (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer;

/**
 * @param {any} value
 * @param {Taking} taking
 */
function bytesOf(value, { type }) {
  if (type !== 'bytes') throw new Unfit('are bytes, which only a column of bytes can hold');
  return base64(value instanceof ArrayBuffer ? new Uint8Array(value) : new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
}

/** @param {any} value */
const isDate = (value) => Object.prototype.toString.call(value) === '[object Date]';

/**
 * An instant; to which day it belongs depends on where people are.
 *
 * @param {Date} value
 * @param {Taking} taking
 */
function dateOf(value, { type }) {
  if (Number.isNaN(value.getTime())) throw new Unfit('is not a valid date');
  if (type === 'date' || type === 'time') throw new Unfit(`is an instant; a column of type ${type} takes text`);
  return value.toISOString();
}
