/**
 * What one edit did to rows, kept so that it can be taken back: first as it looked when it was made,
 * then as the log tells it, with everything that the database did of itself.
 *
 * @module
 */

import { keyOf, keyText } from './key.js';
import { added, negative, withItems, withoutItems } from './values.js';

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

/** @param {RowTrace} trace @returns {RowTrace} */
function copyOf(trace) {
  const fields = new Map([...trace.fields].map(([name, field]) => [name, { ...field }]));
  return { ...trace, given: new Set(trace.given), fields, inc: new Map(trace.inc), lists: new Map(trace.lists) };
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

/**
 * What two things that happened to a row one after the other come to; null: nothing.
 *
 * @param {RowTrace} a
 * @param {RowTrace} b
 * @returns {RowTrace | null}
 */
function joined(a, b) {
  const sure = a.sure && b.sure;
  if (a.kind === 'insert' && b.kind === 'delete') return null;
  if (a.kind === 'insert') return { ...a, row: a.row && withNewer(a.row, b), given: new Set([...a.given, ...b.fields.keys()]), sure };
  if (b.kind === 'delete') return { ...b, row: withOlder(b.row, a), placed: a.placed ?? b.placed, sure };
  if (a.kind === 'delete') return { ...copyOf(b), kind: 'update', row: null, fields: replaced(a, b), sure };
  return joinedUpdates(a, b, sure);
}

/**
 * @param {RowTrace} a
 * @param {RowTrace} b
 * @param {boolean} sure
 * @returns {RowTrace}
 */
function joinedUpdates(a, b, sure) {
  const both = copyOf(a);
  for (const [name, more] of b.inc) {
    const [field, before] = [both.fields.get(name), both.inc.get(name)];
    if (field) field.is = plus(field.is, more);
    else both.inc.set(name, before === undefined ? more : plus(before, more));
  }
  for (const [name, later] of b.lists) {
    const field = both.fields.get(name);
    if (field) field.is = withItems(withoutItems(field.is, later.removed), later.added);
    else both.lists.set(name, joinedItems(a.lists.get(name), later));
  }
  for (const [name, { was, is }] of b.fields) {
    both.fields.set(name, { was: originally(a, name, was), is });
    both.inc.delete(name);
    both.lists.delete(name);
  }
  const placed = b.placed && { neighbours: a.placed?.neighbours ?? b.placed.neighbours, text: b.placed.text };
  return { ...both, placed: placed ?? a.placed, sure };
}

/**
 * What a field was before something happened to it.
 *
 * @param {RowTrace} earlier
 * @param {string} name
 * @param {Value} value what it was after that
 */
function originally(earlier, name, value) {
  const [field, more, items] = [earlier.fields.get(name), earlier.inc.get(name), earlier.lists.get(name)];
  if (field) return field.was;
  if (more !== undefined) return plus(value, negative(more));
  return items ? withItems(withoutItems(value, items.added), items.removed) : value;
}

/** @param {Value} a @param {Value} b */
function plus(a, b) {
  return added(typeof a === 'string' || typeof b === 'string' ? 'decimal' : 'float', a, b);
}

/**
 * @param {{ added: Value[], removed: Value[] } | undefined} earlier
 * @param {{ added: Value[], removed: Value[] }} later
 */
function joinedItems(earlier, later) {
  if (earlier === undefined) return later;
  return {
    added: withItems(withoutItems(earlier.added, later.removed), withoutItems(later.added, earlier.removed)),
    removed: withItems(withoutItems(earlier.removed, later.added), withoutItems(later.removed, earlier.added)),
  };
}

/**
 * @param {Row} row
 * @param {RowTrace} later
 * @returns {Row}
 */
function withNewer(row, later) {
  return { ...row, ...Object.fromEntries([...later.fields].map(([name, { is }]) => [name, is])) };
}

/**
 * @param {Row | null | undefined} row
 * @param {RowTrace} earlier
 * @returns {Row | null}
 */
function withOlder(row, earlier) {
  return row ? { ...row, ...Object.fromEntries([...earlier.fields].map(([name, { was }]) => [name, was])) } : null;
}

/**
 * A row that was deleted and inserted again.
 *
 * @param {RowTrace} deleted
 * @param {RowTrace} inserted
 */
function replaced(deleted, inserted) {
  return new Map([...inserted.given].map((name) => [name, { was: deleted.row?.[name], is: inserted.row?.[name] }]));
}
