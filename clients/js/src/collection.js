/**
 * One live table of a channel: its rows as they look now, changes as they come, and edits.
 *
 * @module
 */

import { arranged } from './arrange.js';
import { Misuse } from './errors.js';
import { keyOf, keyText } from './key.js';
import { Listeners } from './listeners.js';
import { ownOrder } from './order.js';
import { Query } from './query.js';
import { RowWatchers } from './row.js';
import { SortedRows } from './sorted.js';
import { uuidv7 } from './uuid.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Key} Key */
/** @typedef {import('./types.js').Fields} Fields */
/** @typedef {import('./types.js').Place} Place */
/** @typedef {import('./types.js').UpdateOp} UpdateOp */
/** @typedef {import('./view.js').TableChanges} TableChanges */
/** @typedef {import('./edit.js').EditOptions} EditOptions */

/**
 * What a collection needs of its channel.
 *
 * @typedef {object} Owner
 * @property {import('./schema.js').SchemaBook} schema
 * @property {import('./view.js').View} view
 * @property {(ops: import('./types.js').Op[], options?: EditOptions) => import('./edit.js').Edit} edit
 * @property {(error: Error) => import('./edit.js').Edit} refuse an edit that never was one
 */

export class Collection {
  #owner;
  /** @type {Listeners<[TableChanges]>} */
  #listeners = new Listeners();
  #watchers = new RowWatchers();
  /** @type {Set<Query>} */
  #queries = new Set();
  /** @type {{ table: Pick<import('./types.js').TableSchema, 'key' | 'order'>, rows: SortedRows } | null} */
  #sorted = null;
  /** @type {readonly Row[] | null} */
  #shown = null;
  #version = 0;
  #source;

  /**
   * @param {string} name
   * @param {Owner} owner
   */
  constructor(name, owner) {
    /** The table's name. */
    this.name = name;
    this.#owner = owner;
    this.#source = this.#makeSource();
  }

  /** All rows in their order. The same list until something changes. @returns {readonly Row[]} */
  rows() {
    this.#shown ??= Object.freeze(arranged(this.#inOrder(), this.#schema, this.#placings));
    return this.#shown;
  }

  /** @param {Key} key @returns {Row | undefined} */
  get(key) {
    return this.#owner.view.table(this.name).get(keyText(key));
  }

  /** How many rows there are. */
  get size() {
    return this.#owner.view.table(this.name).size;
  }

  /**
   * A live query: the rows that fit, kept up to date.
   *
   * @param {import('./query.js').QueryOptions} [options]
   * @returns {Query}
   */
  query(options = {}) {
    return new Query(this.#source, options);
  }

  /**
   * A live query for one row: `first()` is it.
   *
   * @param {import('./query.js').QueryOptions} options
   * @returns {Query}
   */
  find(options) {
    return new Query(this.#source, { ...options, limit: 1 });
  }

  /**
   * One row, live: its listeners are called for this row alone.
   *
   * @param {Key} key
   * @returns {import('./row.js').LiveRow}
   */
  row(key) {
    const text = keyText(key);
    return {
      key,
      get: () => this.get(key),
      subscribe: (listener) => this.#watchers.add(text, listener),
    };
  }

  /**
   * Calls `listener` after every change, once for everything that came together.
   *
   * @param {(changes: TableChanges) => void} listener
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /** Whether the row shows something that the hub has not confirmed. @param {Key} key */
  isPending(key) {
    return this.#owner.view.isPending(this.name, keyText(key));
  }

  /**
   * Adds a row. Its key is made here if it is one `uuid` column that was left out; it is known at once
   * as `key` of what is returned.
   *
   * @param {Fields} fields
   * @param {{ place?: Place } & EditOptions} [options]
   * @returns {import('./edit.js').Edit<import('./pending.js').EditPosition & { key: Key }> & { key: Key }}
   */
  insert(fields, { place, ...options } = {}) {
    const row = this.#withKey(fields);
    if (row === null) return this.#owner.refuse(new Misuse('the tables are not known yet: wait for `channel.ready`')).with({ key: '' });
    const key = keyOf(row, this.#owner.schema.keyColumns(this.name));
    return this.#owner.edit([{ op: 'insert', table: this.name, row, ...given({ place }) }], options).with({ key });
  }

  /**
   * Sets fields of a row.
   *
   * @param {Key} key
   * @param {Fields} set
   * @param {{ if?: Fields } & EditOptions} [options] `if`: only if these fields hold these values
   */
  update(key, set, { if: guard, ...options } = {}) {
    return this.change(key, { set, if: guard }, options);
  }

  /**
   * Changes a row in any of the ways an update can.
   *
   * @param {Key} key
   * @param {Omit<UpdateOp, 'op' | 'table' | 'key'>} how
   * @param {EditOptions} [options]
   */
  change(key, how, options) {
    return this.#owner.edit([{ op: 'update', table: this.name, key, ...given(how) }], options);
  }

  /**
   * Puts a row elsewhere in the order by hand.
   *
   * @param {Key} key
   * @param {Place} place
   * @param {EditOptions} [options]
   */
  place(key, place, options) {
    return this.change(key, { place }, options);
  }

  /**
   * Removes a row.
   *
   * @param {Key} key
   * @param {{ if?: Fields } & EditOptions} [options]
   */
  delete(key, { if: guard, ...options } = {}) {
    return this.#owner.edit([{ op: 'delete', table: this.name, key, ...given({ if: guard }) }], options);
  }

  /**
   * Moves a row to another channel.
   *
   * @param {Key} key
   * @param {string} to
   * @param {{ if?: Fields }} [options]
   */
  move(key, to, { if: guard } = {}) {
    return this.#owner.edit([{ op: 'move', table: this.name, key, to, ...given({ if: guard }) }]);
  }

  /**
   * For the channel only: what is seen changed.
   *
   * @param {TableChanges} changes
   * @returns {() => void} tells the listeners, once all tables know
   */
  changed(changes) {
    this.#version += 1;
    this.#shown = null;
    this.#sorted?.rows.apply(changes);
    const told = [...this.#queries].map((query) => query.take(changes));
    return () => {
      this.#watchers.tell(changes, this.#schema.key);
      for (const tell of told) tell();
      this.#listeners.call(changes);
    };
  }

  /** @returns {Pick<import('./types.js').TableSchema, 'key' | 'order'>} */
  get #schema() {
    const { schema } = this.#owner;
    return schema.table(this.name) ?? { key: schema.keyColumns(this.name) };
  }

  get #placings() {
    return this.#owner.view.placings(this.name);
  }

  /** The rows in the order that they tell themselves; sorted anew when the schema is another. */
  #inOrder() {
    const table = this.#schema;
    if (this.#sorted?.table.key !== table.key || this.#sorted.table.order !== table.order) {
      const rows = this.#owner.view.table(this.name).values();
      this.#sorted = { table, rows: new SortedRows(ownOrder(table, this.#source.typeOf), rows) };
    }
    return this.#sorted.rows.list;
  }

  /** @returns {import('./query.js').Source} */
  #makeSource() {
    const { schema, view } = this.#owner;
    return {
      version: () => this.#version,
      all: () => view.table(this.name).values(),
      arranged: () => (this.#placings.length > 0 ? this.rows() : null),
      schema: () => this.#schema,
      typeOf: (field) => schema.columnType(this.name, field),
      follow: (query) => {
        this.#queries.add(query);
        return () => void this.#queries.delete(query);
      },
    };
  }

  /** @param {Fields} fields @returns {Fields | null} null if it is not known what the key is */
  #withKey(fields) {
    const { schema } = this.#owner;
    const columns = schema.keyColumns(this.name);
    const [column] = columns;
    const given = columns.every((name) => fields[name] != null);
    if (given || column === undefined) return fields;
    if (!schema.known) return null;
    const isUuid = columns.length === 1 && schema.columnType(this.name, column) === 'uuid';
    return isUuid ? { [column]: uuidv7(), ...without(fields, column) } : fields;
  }
}

/**
 * The members that have a value.
 *
 * @template {object} T
 * @param {T} members
 * @returns {T}
 */
function given(members) {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  return /** @type {T} */ (Object.fromEntries(entries));
}

/**
 * @param {Fields} fields
 * @param {string} name
 * @returns {Fields}
 */
function without(fields, name) {
  const { [name]: _, ...others } = fields;
  return others;
}
