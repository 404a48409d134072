/**
 * What one edit did to rows, kept so that it can be taken back: first as it looked when it was made,
 * then as the log tells it, with everything that the database did of itself.
 *
 * @module
 */

import { copyOf, joined, withOlder } from './joined.js';
import { keyOf, keyText } from './key.js';
import { withoutItems } from './values.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Key} Key */
/** @typedef {import('./types.js').Value} Value */
/** @typedef {import('./types.js').Op} Op */
/** @typedef {import('./types.js').Change} Change */
/** @typedef {import('./schema.js').SchemaBook} SchemaBook */

/**
 * What happened to one row.
 *
 * @typedef {object} RowTrace
 * @property {string} table
 * @property {Key} key
 * @property {'insert' | 'update' | 'delete'} kind
 * @property {Row | null} row inserted: as it is; deleted: as it was
 * @property {Set<string>} given fields that the edit itself named
 * @property {Map<string, { was: Value, is: Value }>} fields that were set
 * @property {Map<string, Value>} inc what was added to numbers
 * @property {Map<string, { added: Value[], removed: Value[] }>} lists items that came and went
 * @property {{ neighbours: Neighbours, text?: string } | null} placed where it stood, and the order text
 *   that it got
 * @property {boolean} sure whether the log has told it
 */

/** @typedef {{ after?: Key, before?: Key }} Neighbours the rows between which a row stood */

/**
 * How rows look.
 *
 * @typedef {object} Looker
 * @property {SchemaBook} schema
 * @property {(table: string, key: string) => Row | undefined} get
 * @property {(table: string, key: string) => Neighbours} neighbours
 */

/** @param {string} table @param {Key} key */
export function rowId(table, key) {
  return `${table} ${keyText(key)}`;
}

export class Traces {
  /** @type {Map<string, RowTrace>} */
  rows = new Map();

  /**
   * What edits did one after the other, as if they had been one.
   *
   * @param {Iterable<Traces>} all
   */
  static merged(all) {
    const whole = new Traces();
    for (const { rows } of all) for (const trace of rows.values()) whole.#merge(trace);
    return whole;
  }

  /**
   * Before an edit is shown: remembers what it will change.
   *
   * @param {readonly Op[]} ops
   * @param {Looker} look
   */
  static before(ops, look) {
    const traces = new Traces();
    for (const op of ops) traces.#note(op, look);
    return traces;
  }

  /** After it is shown: looks what it changed. @param {Looker} look */
  after(look) {
    for (const trace of this.rows.values()) {
      const row = look.get(trace.table, keyText(trace.key));
      if (trace.kind === 'insert') trace.row = row ?? null;
      if (!row || trace.kind !== 'update') continue;
      for (const [name, field] of trace.fields) field.is = row[name];
    }
  }

  /**
   * The log tells one of the changes that the edit made.
   *
   * @param {Change} change
   * @param {Row | undefined} old the row before it
   * @param {SchemaBook} schema
   */
  refine(change, old, schema) {
    const id = rowId(change.table, change.key);
    const known = this.rows.get(id);
    if (change.op === 'insert' || change.op === 'enter') return known && refineInsert(known, change.row, schema);
    if (change.op === 'delete' || change.op === 'leave') return this.#refineDelete(id, change, known, old);
    if (change.op !== 'update') return;
    const trace = known ?? blank(change.table, change.key, 'update');
    refineUpdate(trace, change.set, old, schema, known === undefined);
    if (known === undefined && trace.fields.size > 0) this.rows.set(id, trace);
  }

  /**
   * @param {string} id
   * @param {Change} change
   * @param {RowTrace | undefined} known
   * @param {Row | undefined} old
   */
  #refineDelete(id, change, known, old) {
    if (known?.kind === 'insert') return void this.rows.delete(id);
    const row = known?.kind === 'update' ? withOlder(old, known) : (old ?? null);
    const placed = known?.placed ?? null;
    this.rows.set(id, { ...blank(change.table, change.key, 'delete'), row, placed, sure: true });
  }

  /**
   * @param {Op} op
   * @param {Looker} look
   */
  #note(op, look) {
    const { schema } = look;
    const key = op.op === 'insert' ? keyOf(op.row, schema.keyColumns(op.table)) : op.key;
    if (op.op === 'move' || key == null) return;
    const row = look.get(op.table, keyText(key));
    const trace = blank(op.table, key, op.op);
    if (op.op === 'insert') trace.given = new Set(Object.keys(op.row));
    if (op.op === 'delete') trace.row = row ?? null;
    if (op.op === 'update') noteUpdate(trace, op, row);
    const order = schema.table(op.table)?.order;
    const moves = op.op === 'delete' || ('place' in op && op.place !== undefined);
    if (order !== undefined && moves) trace.placed = { neighbours: look.neighbours(op.table, keyText(key)) };
    this.#merge(trace);
  }

  /** @param {RowTrace} later */
  #merge(later) {
    const id = rowId(later.table, later.key);
    const earlier = this.rows.get(id);
    const both = earlier ? joined(earlier, later) : copyOf(later);
    if (both === null) this.rows.delete(id);
    else this.rows.set(id, both);
  }
}

/**
 * @param {string} table
 * @param {Key} key
 * @param {RowTrace['kind']} kind
 * @returns {RowTrace}
 */
function blank(table, key, kind) {
  const [given, fields, inc, lists] = [new Set(), new Map(), new Map(), new Map()];
  return { table, key, kind, row: null, given, fields, inc, lists, placed: null, sure: false };
}

/**
 * @param {RowTrace} trace
 * @param {import('./types.js').UpdateOp} op
 * @param {Row | undefined} row
 */
function noteUpdate(trace, op, row) {
  for (const [name, value] of Object.entries(op.set ?? {})) trace.fields.set(name, { was: row?.[name], is: value });
  for (const [name, more] of Object.entries(op.inc ?? {})) trace.inc.set(name, more);
  for (const [name, items] of Object.entries(op.add ?? {})) {
    trace.lists.set(name, { added: withoutItems(items, row?.[name] ?? []), removed: [] });
  }
  for (const [name, items] of Object.entries(op.remove ?? {})) {
    trace.lists.set(name, { added: [], removed: withoutItems(row?.[name], withoutItems(row?.[name], items)) });
  }
}

/**
 * @param {RowTrace} trace
 * @param {Row} row
 * @param {SchemaBook} schema
 */
function refineInsert(trace, row, schema) {
  const order = schema.table(trace.table)?.order;
  trace.sure = true;
  if (trace.kind === 'insert') trace.row = row;
  if (trace.placed && order !== undefined) trace.placed.text = row[order];
}

/**
 * @param {RowTrace} trace
 * @param {import('./types.js').Fields} set
 * @param {Row | undefined} old
 * @param {SchemaBook} schema
 * @param {boolean} ofItself the database did it, not the edit
 */
function refineUpdate(trace, set, old, schema, ofItself) {
  const order = schema.table(trace.table)?.order;
  if (trace.kind === 'insert') trace.row = { ...trace.row, ...set };
  for (const [name, value] of Object.entries(set)) {
    if (name === order) {
      if (trace.placed) trace.placed.text = value;
    } else if (trace.lists.has(name)) {
      const [was, is] = [old?.[name] ?? [], value ?? []];
      trace.lists.set(name, { added: withoutItems(is, was), removed: withoutItems(was, is) });
    } else if (trace.fields.has(name) || (ofItself && !schema.isReadonly(trace.table, name))) {
      const was = trace.sure ? trace.fields.get(name)?.was : old?.[name];
      trace.fields.set(name, { was, is: value });
    }
  }
  trace.sure = true;
}
