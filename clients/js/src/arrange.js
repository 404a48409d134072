/**
 * Rows that were just placed by hand, shown at their anchors until the hub has made their order texts.
 *
 * @module
 */

import { keyOf, keyText } from './key.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').TableSchema} TableSchema */
/** @typedef {import('./overlay.js').Placing} Placing */

/**
 * @param {readonly Row[]} sorted rows in the table's own order
 * @param {Pick<TableSchema, 'key' | 'order'>} table
 * @param {readonly Placing[]} placings in the order in which they were asked for
 * @returns {Row[]}
 */
export function arranged(sorted, table, placings) {
  const { order } = table;
  if (order === undefined || placings.length === 0) return [...sorted];
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
