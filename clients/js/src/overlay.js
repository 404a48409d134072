/**
 * The optimistic layer: what the rows look like with the edits that are not in the log yet. It is
 * folded anew from the hub's rows whenever either changes, so nothing ever has to be undone.
 *
 * @module
 */

import { equalTo } from './compare.js';
import { keyOf, keyText } from './key.js';
import { added, withItems, withoutItems } from './values.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Op} Op */
/** @typedef {import('./types.js').Fields} Fields */
/** @typedef {import('./types.js').Place} Place */
/** @typedef {import('./schema.js').SchemaBook} SchemaBook */
/** @typedef {{ get: (table: string, key: string) => Row | null | undefined }} Base */
/** @typedef {{ key: string, place: Place }} Placing */

/**
 * In what edits are folded. What an operation made of a row is remembered: edits that pile up are folded
 * again with every entry, and most of them make the same as before.
 *
 * @typedef {object} Folding
 * @property {SchemaBook} schema
 * @property {string} channel
 * @property {WeakMap<Op, { from: Row | null, row: Row }>} made good for one schema
 */

/** Rows that differ from the ones below; null: gone. */
export class Layer {
  #base;
  /** @type {Map<string, Map<string, Row | null>>} */
  #tables = new Map();
  /** @type {Map<string, Placing[]>} */
  #placings = new Map();

  /** @param {Base} base */
  constructor(base) {
    this.#base = base;
  }

  /**
   * @param {string} table
   * @param {string} key
   * @returns {Row | null | undefined} null or undefined if there is no such row
   */
  get(table, key) {
    const own = this.#tables.get(table)?.get(key);
    return own === undefined ? this.#base.get(table, key) : own;
  }

  /**
   * @param {string} table
   * @param {string} key
   */
  has(table, key) {
    return this.#tables.get(table)?.has(key) ?? false;
  }

  /**
   * @param {string} table
   * @param {string} key
   * @param {Row | null} row
   */
  set(table, key, row) {
    const rows = this.#tables.get(table);
    if (rows) rows.set(key, row);
    else this.#tables.set(table, new Map([[key, row]]));
  }

  /**
   * @param {string} table
   * @param {Placing} placing
   */
  place(table, placing) {
    const placings = this.#placings.get(table);
    if (placings) placings.push(placing);
    else this.#placings.set(table, [placing]);
  }

  /**
   * The places asked for, in order.
   *
   * @param {string} table
   * @returns {readonly Placing[]}
   */
  placings(table) {
    return this.#placings.get(table) ?? [];
  }

  /** The tables in which rows are arranged differently. */
  arranged() {
    return this.#placings.keys();
  }

  /** The rows that differ. @returns {IterableIterator<[string, Iterable<string>]>} */
  *keys() {
    for (const [table, rows] of this.#tables) yield [table, rows.keys()];
  }

  /** Takes over what another layer upon this one holds. @param {Layer} upper */
  absorb(upper) {
    for (const [table, rows] of upper.#tables) {
      for (const [key, row] of rows) this.set(table, key, row);
    }
    for (const [table, placings] of upper.#placings) {
      for (const placing of placings) this.place(table, placing);
    }
  }
}

/**
 * The layer that edits make upon rows. An edit that would fail as things look here, because its row
 * or its guard does not fit, shows no effect at all.
 *
 * @param {Base} rows
 * @param {Iterable<readonly Op[]>} edits
 * @param {Folding} folding
 * @returns {Layer}
 */
export function foldEdits(rows, edits, folding) {
  const layer = new Layer(rows);
  for (const ops of edits) {
    const [only] = ops;
    // One operation alone fits or not; it needs no draft.
    if (ops.length === 1 && only) fits(layer, only, folding);
    else foldEdit(layer, ops, folding);
  }
  return layer;
}

/**
 * Adds one more edit to a layer.
 *
 * @param {Layer} layer
 * @param {readonly Op[]} ops
 * @param {Folding} folding
 * @returns {Layer | null} what the edit changed; null: nothing, it does not fit
 */
export function foldEdit(layer, ops, folding) {
  const draft = new Layer(layer);
  if (!ops.every((op) => fits(draft, op, folding))) return null;
  layer.absorb(draft);
  return draft;
}

/**
 * Values of another type than the column's make nothing to show either; the hub says what is wrong.
 *
 * @param {Layer} layer
 * @param {Op} op
 * @param {Folding} folding
 * @returns {boolean} whether the operation fits
 */
function fits(layer, op, folding) {
  try {
    return foldOp(layer, op, folding);
  } catch {
    return false;
  }
}

/**
 * @param {Layer} layer
 * @param {Op} op
 * @param {Folding} folding
 * @returns {boolean}
 */
function foldOp(layer, op, folding) {
  if (op.op === 'insert') return foldInsert(layer, op, folding);
  const key = keyText(op.key);
  const row = layer.get(op.table, key);
  if (!row || !holds(row, op, folding.schema)) return false;
  if (op.op === 'update') foldUpdate(layer, op, key, row, folding);
  else layer.set(op.table, key, null);
  return true;
}

/**
 * @param {Row} row
 * @param {Exclude<Op, import('./types.js').InsertOp>} op
 * @param {SchemaBook} schema
 */
function holds(row, { table, if: guard = {} }, schema) {
  return Object.entries(guard).every(([name, value]) => equalTo(value, schema.columnType(table, name))(row[name]));
}

/**
 * @param {Layer} layer
 * @param {import('./types.js').InsertOp} op
 * @param {Folding} folding
 */
function foldInsert(layer, op, folding) {
  const row = once(op, null, folding, () => inserted(op, folding));
  const keyColumns = folding.schema.keyColumns(op.table);
  // A key that the database makes is not known yet: the row appears with its entry.
  if (keyColumns.some((column) => row[column] == null)) return true;
  const key = keyText(keyOf(row, keyColumns));
  layer.set(op.table, key, row);
  layer.place(op.table, { key, place: op.place ?? 'last' });
  return true;
}

/**
 * @param {import('./types.js').InsertOp} op
 * @param {Folding} folding
 * @returns {Row}
 */
function inserted(op, { schema, channel }) {
  const columns = schema.table(op.table)?.columns ?? [];
  const blank = Object.fromEntries(columns.map(({ name }) => [name, null]));
  return { ...blank, ...schema.channelField(op.table, channel), ...op.row };
}

/**
 * @param {Layer} layer
 * @param {import('./types.js').UpdateOp} op
 * @param {string} key
 * @param {Row} row
 * @param {Folding} folding
 */
function foldUpdate(layer, op, key, row, folding) {
  layer.set(op.table, key, once(op, row, folding, () => updated(op, row, folding.schema)));
  if (op.place !== undefined) layer.place(op.table, { key, place: op.place });
}

/**
 * @param {import('./types.js').UpdateOp} op
 * @param {Row} row
 * @param {SchemaBook} schema
 * @returns {Row}
 */
function updated(op, row, schema) {
  const next = { ...row, ...op.set };
  for (const [name, more] of Object.entries(op.inc ?? {})) {
    next[name] = added(schema.columnType(op.table, name), row[name], more);
  }
  for (const [name, items] of Object.entries(op.add ?? {})) next[name] = withItems(row[name], items);
  for (const [name, items] of Object.entries(op.remove ?? {})) next[name] = withoutItems(row[name], items);
  return next;
}

/**
 * What an operation makes of a row, made only once.
 *
 * @param {Op} op
 * @param {Row | null} from
 * @param {Folding} folding
 * @param {() => Row} make
 * @returns {Row}
 */
function once(op, from, { made }, make) {
  const known = made.get(op);
  if (known?.from === from) return known.row;
  const row = Object.freeze(make());
  made.set(op, { from, row });
  return row;
}
