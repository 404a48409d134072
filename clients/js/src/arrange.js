/**
 * The order in which a table's rows stand: by the order column where there is one, else by key, with
 * rows that were just placed shown at their anchors.
 *
 * @module
 */

import { compareBytes, compareKeys, keyOf, keyText } from './key.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').TableSchema} TableSchema */
/** @typedef {import('./overlay.js').Placing} Placing */

/**
 * @param {Iterable<Row>} rows
 * @param {Pick<TableSchema, 'key' | 'order'>} table
 * @param {readonly Placing[]} placings in the order in which they were asked for
 * @returns {Row[]}
 */
export function arranged(rows, table, placings) {
  const sorted = [...rows].sort((a, b) => compareRows(a, b, table));
  if (table.order === undefined || placings.length === 0) return sorted;
  return withPlacings(sorted, table, table.order, placings);
}

/**
 * @param {Row} a
 * @param {Row} b
 * @param {Pick<TableSchema, 'key' | 'order'>} table
 */
function compareRows(a, b, table) {
  const byHand = table.order === undefined ? 0 : compareOrder(a[table.order], b[table.order]);
  return byHand || compareKeys(keyOf(a, table.key), keyOf(b, table.key));
}

/**
 * Null comes last.
 *
 * @param {import('./types.js').Value} a
 * @param {import('./types.js').Value} b
 */
function compareOrder(a, b) {
  if (a == null || b == null) return Number(a == null) - Number(b == null);
  return compareBytes(a, b);
}

/**
 * @param {Row[]} sorted
 * @param {Pick<TableSchema, 'key' | 'order'>} table
 * @param {string} order
 * @param {readonly Placing[]} placings
 */
function withPlacings(sorted, table, order, placings) {
  const list = sorted.map((row) => {
    return { key: keyText(keyOf(row, table.key)), row, hasPlace: row[order] != null };
  });
  for (const { key, place } of placings) {
    const from = list.findIndex((item) => item.key === key);
    const [item] = from < 0 ? [] : list.splice(from, 1);
    if (!item) continue;
    const to = target(list, place);
    list.splice(to ?? from, 0, { ...item, hasPlace: item.hasPlace || to !== undefined });
  }
  return list.map(({ row }) => row);
}

/**
 * @param {{ key: string, hasPlace: boolean }[]} list without the row that is placed
 * @param {import('./types.js').Place} place
 * @returns {number | undefined} undefined if the anchor is not there
 */
function target(list, place) {
  if (place === 'first') return 0;
  if (place === 'last') return list.findLastIndex((item) => item.hasPlace) + 1;
  const anchor = 'after' in place ? place.after : place.before;
  const at = list.findIndex((item) => item.key === keyText(anchor));
  if (at < 0) return undefined;
  return 'after' in place ? at + 1 : at;
}
