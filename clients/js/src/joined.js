/**
 * Several things that happened to one row, as if they had been one.
 *
 * @module
 */

import { added, negative, withItems, withoutItems } from './values.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Value} Value */
/** @typedef {import('./trace.js').RowTrace} RowTrace */

/** One that can be changed. @param {RowTrace} trace @returns {RowTrace} */
export function copyOf(trace) {
  const fields = new Map([...trace.fields].map(([name, field]) => [name, { ...field }]));
  return { ...trace, given: new Set(trace.given), fields, inc: new Map(trace.inc), lists: new Map(trace.lists) };
}

/**
 * What two things that happened to a row one after the other come to; null: nothing.
 *
 * @param {RowTrace} a
 * @param {RowTrace} b
 * @returns {RowTrace | null}
 */
export function joined(a, b) {
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
 * A row as it was before something happened to it.
 *
 * @param {Row | null | undefined} row
 * @param {RowTrace} earlier
 * @returns {Row | null}
 */
export function withOlder(row, earlier) {
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
