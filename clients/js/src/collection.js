/**
 * One live table of a channel: its rows as they look now, changes as they come, and edits.
 *
 * @module
 */

import { arranged } from './arrange.js';
import { Misuse } from './errors.js';
import { keyOf, keyText } from './key.js';
import { Listeners } from './listeners.js';
import { uuidv7 } from './uuid.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Key} Key */
/** @typedef {import('./types.js').Fields} Fields */
/** @typedef {import('./types.js').Place} Place */
/** @typedef {import('./types.js').UpdateOp} UpdateOp */
/** @typedef {import('./view.js').TableChanges} TableChanges */
/** @typedef {import('./pending.js').EditPosition} EditPosition */

/** What a collection needs of its channel. */
/**
 * @typedef {object} Owner
 * @property {import('./schema.js').SchemaBook} schema
 * @property {import('./view.js').View} view
 * @property {(ops: import('./types.js').Op[]) => Promise<EditPosition>} edit
 */

export class Collection {
  #owner;
  /** @type {Listeners<[TableChanges]>} */
  #listeners = new Listeners();
  /** @type {readonly Row[] | null} */
  #sorted = null;

  /**
   * @param {string} name
   * @param {Owner} owner
   */
  constructor(name, owner) {
    /** The table's name. */
    this.name = name;
    this.#owner = owner;
  }

  /** All rows in their order. The same list until something changes. @returns {readonly Row[]} */
  rows() {
    this.#sorted ??= Object.freeze(this.#arranged());
    return this.#sorted;
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
   * Adds a row. Its key is made here if it is one `uuid` column that was left out.
   *
   * @param {Fields} fields
   * @param {{ place?: Place }} [options]
   * @returns {Promise<EditPosition & { key: Key }>}
   */
  async insert(fields, { place } = {}) {
    const row = this.#withKey(fields);
    const key = keyOf(row, this.#owner.schema.keyColumns(this.name));
    const position = await this.#owner.edit([{ op: 'insert', table: this.name, row, ...given({ place }) }]);
    return { ...position, key };
  }

  /**
   * Sets fields of a row.
   *
   * @param {Key} key
   * @param {Fields} set
   * @param {{ if?: Fields }} [options]
   */
  update(key, set, options = {}) {
    return this.change(key, { set, ...options });
  }

  /**
   * Changes a row in any of the ways an update can.
   *
   * @param {Key} key
   * @param {Omit<UpdateOp, 'op' | 'table' | 'key'>} how
   */
  change(key, how) {
    return this.#owner.edit([{ op: 'update', table: this.name, key, ...given(how) }]);
  }

  /**
   * Puts a row elsewhere in the order by hand.
   *
   * @param {Key} key
   * @param {Place} place
   */
  place(key, place) {
    return this.change(key, { place });
  }

  /**
   * Removes a row.
   *
   * @param {Key} key
   * @param {{ if?: Fields }} [options]
   */
  delete(key, options = {}) {
    return this.#owner.edit([{ op: 'delete', table: this.name, key, ...given(options) }]);
  }

  /**
   * Moves a row to another channel.
   *
   * @param {Key} key
   * @param {string} to
   * @param {{ if?: Fields }} [options]
   */
  move(key, to, options = {}) {
    return this.#owner.edit([{ op: 'move', table: this.name, key, to, ...given(options) }]);
  }

  /**
   * For the channel only: what is seen changed.
   *
   * @param {TableChanges} changes
   */
  changed(changes) {
    this.#sorted = null;
    this.#listeners.call(changes);
  }

  #arranged() {
    const { view, schema } = this.#owner;
    const table = schema.table(this.name) ?? { key: schema.keyColumns(this.name) };
    return arranged(view.table(this.name).values(), table, view.placings(this.name));
  }

  /** @param {Fields} fields @returns {Fields} */
  #withKey(fields) {
    const { schema } = this.#owner;
    const columns = schema.keyColumns(this.name);
    const [column] = columns;
    const given = columns.every((name) => fields[name] != null);
    if (given || column === undefined) return fields;
    if (!schema.known) throw new Misuse('the tables are not known yet: wait for `channel.ready`');
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
