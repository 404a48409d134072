/**
 * A live query: the rows of one table that fit a filter, in an order, kept up to date at a cost that
 * goes by what changes. It follows the table only while somebody listens.
 *
 * @module
 */

import { checkFilter, testOf } from './filter.js';
import { Listeners } from './listeners.js';
import { ownOrder, wantedOrder } from './order.js';
import { SortedRows } from './sorted.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./view.js').TableChanges} TableChanges */

/**
 * @typedef {object} QueryOptions
 * @property {import('./filter.js').Filter} [where] every row if left out
 * @property {import('./order.js').Sort} [sort] the table's own order if left out
 * @property {number} [limit] at most this many
 * @property {number} [offset] without so many at the beginning
 */

/**
 * What a query needs of its table.
 *
 * @typedef {object} Source
 * @property {() => number} version another whenever anything changed
 * @property {() => Iterable<Row>} all the rows in any order
 * @property {() => readonly Row[] | null} arranged all rows in the table's own order, if that differs
 *   just now from what the rows themselves say; else null
 * @property {() => Pick<import('./types.js').TableSchema, 'key' | 'order'>} schema
 * @property {(field: string) => string} typeOf
 * @property {(query: Query) => () => void} follow
 */

export class Query {
  #source;
  #options;
  /** @type {Set<Row>} */
  #members = new Set();
  /** @type {SortedRows | null} */
  #sorted = null;
  /** @type {import('./filter.js').Test} */
  #test = () => true;
  /** @type {readonly Row[] | null} */
  #rows = null;
  #version = -1;
  /** @type {(() => void) | null} */
  #unfollow = null;
  /** @type {Listeners<[readonly Row[], TableChanges]>} */
  #listeners = new Listeners();

  /**
   * @param {Source} source
   * @param {QueryOptions} options
   */
  constructor(source, options) {
    checkFilter(options.where);
    this.#source = source;
    this.#options = options;
  }

  /** The rows that fit, in order. The same list until one of them changes. @returns {readonly Row[]} */
  rows = () => {
    this.#update();
    this.#rows ??= Object.freeze(this.#window());
    return this.#rows;
  };

  /** The first of them. @returns {Row | undefined} */
  first = () => this.rows()[0];

  /** How many rows fit, whatever the limit. */
  get total() {
    this.#update();
    return this.#members.size;
  }

  /**
   * Calls `listener` when what `rows` gives has changed, once for everything that came together, with
   * the rows and with what changed among all that fit, also beyond the limit.
   *
   * @param {(rows: readonly Row[], changes: TableChanges) => void} listener
   * @returns {() => void} stops it
   */
  subscribe = (listener) => {
    this.rows();
    this.#unfollow ??= this.#source.follow(this);
    const stop = this.#listeners.add(listener);
    return () => {
      stop();
      if (this.#listeners.size === 0) this.#letGo();
    };
  };

  /**
   * Asks for something else; what is not named stays. The listeners are called if the rows differ.
   *
   * @param {QueryOptions} options
   */
  set(options) {
    checkFilter(options.where);
    const before = this.rows();
    this.#options = { ...this.#options, ...options };
    this.#sorted = null;
    this.#version = -1;
    this.#rows = null;
    const changes = difference(before, this.rows());
    if (this.#keepIfSame(before)) return;
    this.#listeners.call(this.rows(), changes);
  }

  /**
   * For the table only: it has changed.
   *
   * @param {TableChanges} changes
   * @returns {() => void} tells the listeners
   */
  take(changes) {
    const before = this.#rows;
    const own = this.#own(changes);
    const count = own.inserted.length + own.updated.length + own.removed.length;
    this.#version = this.#source.version();
    if (count === 0 && !own.rearranged) return () => {};
    this.#sorted?.apply(own);
    this.#rows = null;
    if (before !== null && this.#keepIfSame(before)) return () => {};
    return () => this.#listeners.call(this.rows(), own);
  }

  /** Rows that are the same stay the same list. @param {readonly Row[]} before */
  #keepIfSame(before) {
    const after = this.rows();
    const same = after.length === before.length && after.every((row, at) => row === before[at]);
    if (same) this.#rows = before;
    return same;
  }

  #letGo() {
    this.#unfollow?.();
    this.#unfollow = null;
  }

  /** Looks at the whole table, where nobody told what changed. */
  #update() {
    const version = this.#source.version();
    if (this.#sorted !== null && version === this.#version) return;
    const { typeOf, schema } = this.#source;
    const { where, sort } = this.#options;
    this.#test = testOf(where, typeOf);
    this.#members = new Set();
    for (const row of this.#source.all()) if (this.#test(row)) this.#members.add(row);
    const compare = sort === undefined ? ownOrder(schema(), typeOf) : wantedOrder(sort, schema().key, typeOf);
    this.#sorted = new SortedRows(compare, this.#members);
    this.#version = version;
    this.#rows = null;
  }

  /** What a change of the table is to this query. @param {TableChanges} changes @returns {TableChanges} */
  #own({ inserted, updated, removed, rearranged }) {
    /** @type {TableChanges} */
    const own = { inserted: [], updated: [], removed: [], rearranged: rearranged && this.#options.sort === undefined };
    for (const row of removed) if (this.#members.delete(row)) own.removed.push(row);
    for (const row of inserted) if (this.#admits(row)) own.inserted.push(row);
    for (const { row, old } of updated) {
      const was = this.#members.delete(old);
      const is = this.#admits(row);
      if (was && is) own.updated.push({ row, old });
      else if (was) own.removed.push(old);
      else if (is) own.inserted.push(row);
    }
    return own;
  }

  /** @param {Row} row */
  #admits(row) {
    if (!this.#test(row)) return false;
    this.#members.add(row);
    return true;
  }

  /** @returns {Row[]} */
  #window() {
    const { limit = Infinity, offset = 0, sort } = this.#options;
    const arranged = sort === undefined ? this.#source.arranged() : null;
    const list = arranged === null ? this.#sorted?.list ?? [] : arranged.filter((row) => this.#members.has(row));
    return list.slice(offset, offset + limit);
  }
}

/**
 * @param {readonly Row[]} before
 * @param {readonly Row[]} after
 * @returns {TableChanges}
 */
function difference(before, after) {
  const [old, now] = [new Set(before), new Set(after)];
  const inserted = after.filter((row) => !old.has(row));
  const removed = before.filter((row) => !now.has(row));
  return { inserted, updated: [], removed, rearranged: true };
}
