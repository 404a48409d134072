/**
 * The rows of one channel as the hub has them, table by table, and what entries do to them.
 *
 * @module
 */

import { keyOf, keyText } from './key.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Change} Change */
/** @typedef {import('./schema.js').SchemaBook} SchemaBook */

/** Names of tables and the keys (as text) of rows in them. */
export class Touched {
  /** @type {Map<string, Set<string>>} */
  #tables = new Map();

  /**
   * @param {string} table
   * @param {string} key
   */
  add(table, key) {
    const keys = this.#tables.get(table);
    if (keys) keys.add(key);
    else this.#tables.set(table, new Set([key]));
  }

  /** Whether there is none. */
  get isEmpty() {
    return this.#tables.size === 0;
  }

  /** @param {Iterable<[string, Iterable<string>]>} tables */
  addAll(tables) {
    for (const [table, keys] of tables) {
      for (const key of keys) this.add(table, key);
    }
  }

  [Symbol.iterator]() {
    return this.#tables[Symbol.iterator]();
  }
}

export class Rows {
  /** @type {Map<string, Map<string, Row>>} */
  #tables = new Map();

  /**
   * @param {string} table
   * @returns {ReadonlyMap<string, Row>} rows by the text of their key
   */
  table(table) {
    return this.#tables.get(table) ?? new Map();
  }

  /**
   * @param {string} table
   * @param {string} key
   * @returns {Row | undefined}
   */
  get(table, key) {
    return this.#tables.get(table)?.get(key);
  }

  /**
   * Puts rows of a snapshot in place; one that is there already is replaced.
   *
   * @param {string} table
   * @param {import('./types.js').Fields[]} rows
   * @param {SchemaBook} schema
   */
  load(table, rows, schema) {
    const columns = schema.keyColumns(table);
    for (const row of rows) this.#put(table, keyText(keyOf(row, columns)), row);
  }

  /**
   * Does what an entry says. Inserts replace, updates and deletes of unknown rows are ignored.
   *
   * @param {Change} change
   * @param {Touched} touched gets the row's key
   * @returns {boolean} false if this kind of change is not known
   */
  apply(change, touched) {
    const key = keyText(change.key);
    touched.add(change.table, key);
    switch (change.op) {
      case 'insert':
      case 'enter':
        this.#put(change.table, key, change.row);
        return true;
      case 'update':
        this.#merge(change.table, key, change.set);
        return true;
      case 'delete':
      case 'leave':
        this.#tables.get(change.table)?.delete(key);
        return true;
      default:
        return false;
    }
  }

  /** How many there are, in all tables. */
  get size() {
    let size = 0;
    for (const rows of this.#tables.values()) size += rows.size;
    return size;
  }

  /** All of them, table by table. @returns {Record<string, Row[]>} */
  all() {
    return Object.fromEntries([...this.#tables].map(([table, rows]) => [table, [...rows.values()]]));
  }

  /** Every row's table and key. @returns {IterableIterator<[string, Iterable<string>]>} */
  *keys() {
    for (const [table, rows] of this.#tables) yield [table, rows.keys()];
  }

  /**
   * @param {string} table
   * @param {string} key
   * @param {import('./types.js').Fields} row
   */
  #put(table, key, row) {
    let rows = this.#tables.get(table);
    if (!rows) this.#tables.set(table, (rows = new Map()));
    rows.set(key, Object.freeze(row));
  }

  /**
   * @param {string} table
   * @param {string} key
   * @param {import('./types.js').Fields} set
   */
  #merge(table, key, set) {
    const row = this.get(table, key);
    if (row) this.#put(table, key, { ...row, ...set });
  }
}
