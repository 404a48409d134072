/**
 * One edit from its making until its effect stands in the log that this client has applied.
 *
 * @module
 */

import { keyOf, keyText } from './key.js';
import { uuidv7 } from './uuid.js';
import { Deferred } from './wait.js';

/** @typedef {import('./types.js').Op} Op */

/**
 * Where an edit stands in the log.
 *
 * @typedef {object} EditPosition
 * @property {string} id of the edit
 * @property {string} channel
 * @property {string} epoch
 * @property {number} seq
 */

/**
 * - `storing`: it is being written down, and not sent before
 * - `queued`, `sent`, `acked`: on its way
 * - `elsewhere`: another tab of this person sends it
 *
 * @typedef {'storing' | 'queued' | 'sent' | 'acked' | 'elsewhere'} Phase
 */

export class PendingEdit {
  id;
  madeAt;
  /** @type {Phase} */
  phase = 'queued';
  /** Whether it was sent on a connection that broke, and nobody has said since what became of it. */
  uncertain = false;
  /** How often the hub failed at it through its own fault. */
  faults = 0;
  /** @type {import('./types.js').Ack | null} */
  ack = null;
  /** @type {Deferred<EditPosition>} */
  outcome = new Deferred();

  #schema;
  /** @type {Set<string> | null} */
  #keys = null;
  /** @type {Set<string> | null} */
  #words = null;

  /**
   * @param {readonly Op[]} ops
   * @param {import('./schema.js').SchemaBook} schema
   * @param {{ id: string, madeAt: number }} [origin] of an edit that was made earlier
   */
  constructor(ops, schema, origin = { id: uuidv7(), madeAt: Date.now() }) {
    this.id = origin.id;
    this.madeAt = origin.madeAt;
    this.ops = ops;
    this.#schema = schema;
  }

  /** The keys of the rows that it changes; asked only once the schema is known. @returns {Set<string>} */
  get keys() {
    this.#keys ??= new Set(this.ops.map((op) => changedKey(op, this.#schema)).filter((key) => key !== undefined));
    return this.#keys;
  }

  /** Everything it mentions that could be a key. @returns {Set<string>} */
  get words() {
    if (this.#words === null) collectWords(this.ops, (this.#words = new Set()));
    return this.#words;
  }

  /**
   * Whether the order of the two edits may matter: one changes a row that the other names.
   *
   * @param {PendingEdit} other
   */
  touches(other) {
    return meet(this.keys, other.words) || meet(other.keys, this.words);
  }
}

/**
 * @param {Op} op
 * @param {import('./schema.js').SchemaBook} schema
 */
function changedKey(op, schema) {
  const key = op.op === 'insert' ? keyOf(op.row, schema.keyColumns(op.table)) : op.key;
  return key === undefined ? undefined : keyText(key);
}

/**
 * @param {unknown} value
 * @param {Set<string>} words
 */
function collectWords(value, words) {
  if (typeof value === 'string') words.add(value);
  else if (typeof value === 'number') words.add(String(value));
  else if (Array.isArray(value)) collectFromList(value, words);
  else if (value !== null && typeof value === 'object') {
    for (const item of Object.values(value)) collectWords(item, words);
  }
}

/**
 * A list may be a key of several columns.
 *
 * @param {unknown[]} list
 * @param {Set<string>} words
 */
function collectFromList(list, words) {
  words.add(JSON.stringify(list));
  for (const item of list) collectWords(item, words);
}

/**
 * @param {Set<string>} a
 * @param {Set<string>} b
 */
function meet(a, b) {
  for (const item of a) if (b.has(item)) return true;
  return false;
}
