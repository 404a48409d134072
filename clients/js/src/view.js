/**
 * What people see of one channel's rows: the hub's rows under the optimistic layer. It finds out
 * which rows look different and tells the tables, once for everything that came together.
 *
 * @module
 */

import { foldEdit, foldEdits, Layer } from './overlay.js';
import { sameValue } from './values.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./rows.js').Touched} Touched */

/**
 * What changed in a table.
 *
 * @typedef {object} TableChanges
 * @property {Row[]} inserted
 * @property {{ row: Row, old: Row }[]} updated
 * @property {Row[]} removed
 * @property {boolean} rearranged whether rows may stand in another order although they are the same
 */

/** @type {ReadonlyMap<string, Row>} */
const NO_ROWS = new Map();

export class View {
  #schema;
  #tell;
  /** @type {import('./overlay.js').Folding} */
  #folding;
  /** @type {Map<string, Map<string, Row>>} */
  #visible = new Map();
  #layer = new Layer({ get: () => undefined });
  /**
   * Of what the layer was made.
   *
   * @type {{ rows: import('./rows.js').Rows | null, edits: readonly (readonly import('./types.js').Op[])[], hash: string | undefined }}
   */
  #folded = { rows: null, edits: [], hash: undefined };

  /**
   * @param {import('./schema.js').SchemaBook} schema
   * @param {string} channel
   * @param {(table: string, changes: TableChanges) => (() => void) | undefined} tell called when all
   *   tables are as they will be; what it returns is called when all of them know
   */
  constructor(schema, channel, tell) {
    this.#schema = schema;
    this.#folding = { schema, channel, made: new WeakMap() };
    this.#tell = tell;
  }

  /**
   * @param {string} table
   * @returns {ReadonlyMap<string, Row>} rows by the text of their key
   */
  table(table) {
    return this.#visible.get(table) ?? NO_ROWS;
  }

  /** The tables of which rows were seen. */
  get tables() {
    return this.#visible.keys();
  }

  /** @param {string} table */
  placings(table) {
    return this.#layer.placings(table);
  }

  /**
   * Whether a row shows something that is not in the log yet.
   *
   * @param {string} table
   * @param {string} key
   */
  isPending(table, key) {
    return this.#layer.has(table, key);
  }

  /**
   * Looks again after rows or edits changed. Edits that only grew in number cost by what is new.
   *
   * @param {import('./rows.js').Rows} rows
   * @param {Touched} touched the rows that changed; the edits' own are added
   * @param {readonly (readonly import('./types.js').Op[])[]} edits
   */
  refresh(rows, touched, edits) {
    const { hash } = this.#schema;
    const before = this.#folded;
    const grew = touched.isEmpty && before.rows === rows && before.hash === hash && isBeginning(before.edits, edits);
    this.#folded = { rows, edits, hash };
    if (before.hash !== hash) this.#folding = { ...this.#folding, made: new WeakMap() };
    if (!grew) return this.#foldAll(rows, touched, edits);
    if (edits.length > before.edits.length) this.#foldMore(touched, edits.slice(before.edits.length));
  }

  /**
   * @param {import('./rows.js').Rows} rows
   * @param {Touched} touched
   * @param {readonly (readonly import('./types.js').Op[])[]} edits
   */
  #foldAll(rows, touched, edits) {
    const before = this.#layer;
    this.#layer = foldEdits(rows, edits, this.#folding);
    touched.addAll(before.keys());
    touched.addAll(this.#layer.keys());
    this.#look(touched, [...before.arranged(), ...this.#layer.arranged()]);
  }

  /**
   * @param {Touched} touched
   * @param {readonly (readonly import('./types.js').Op[])[]} edits the new ones
   */
  #foldMore(touched, edits) {
    /** @type {string[]} */
    const arranged = [];
    for (const ops of edits) {
      const draft = foldEdit(this.#layer, ops, this.#folding);
      if (draft === null) continue;
      touched.addAll(draft.keys());
      arranged.push(...draft.arranged());
    }
    this.#look(touched, arranged);
  }

  /**
   * Finds out which rows look different, and tells.
   *
   * @param {Touched} touched
   * @param {string[]} arranged tables in which rows may stand in another order
   */
  #look(touched, arranged) {
    /** @type {Map<string, TableChanges>} */
    const changes = new Map();
    for (const table of arranged) {
      changes.set(table, { inserted: [], updated: [], removed: [], rearranged: true });
    }
    for (const [table, keys] of touched) this.#compare(table, keys, changes);
    const told = [...changes].map(([table, change]) => this.#tell(table, change));
    for (const tell of told) tell?.();
  }

  /**
   * @param {string} table
   * @param {Iterable<string>} keys
   * @param {Map<string, TableChanges>} changes
   */
  #compare(table, keys, changes) {
    const change = changes.get(table) ?? { inserted: [], updated: [], removed: [], rearranged: false };
    let visible = this.#visible.get(table);
    if (!visible) this.#visible.set(table, (visible = new Map()));
    for (const key of keys) compareRow(visible, key, this.#layer.get(table, key), change);
    const { inserted, updated, removed } = change;
    if (inserted.length + updated.length + removed.length > 0) changes.set(table, change);
  }
}

/**
 * @param {readonly unknown[]} beginning
 * @param {readonly unknown[]} list
 */
function isBeginning(beginning, list) {
  return beginning.length <= list.length && beginning.every((item, at) => item === list[at]);
}

/**
 * @param {Map<string, Row>} visible
 * @param {string} key
 * @param {Row | null | undefined} row
 * @param {TableChanges} change
 */
function compareRow(visible, key, row, change) {
  const old = visible.get(key);
  if (row && old) {
    if (sameValue(row, old)) return;
    visible.set(key, row);
    change.updated.push({ row, old });
  } else if (row) {
    visible.set(key, row);
    change.inserted.push(row);
  } else if (old) {
    visible.delete(key);
    change.removed.push(old);
  }
}
