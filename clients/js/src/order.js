/**
 * In which order rows stand: by the order column where there is one, or as a live query wants it;
 * the key decides between equals, so that no two rows are ever equal.
 *
 * @module
 */

import { compareValues } from './compare.js';

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').TableSchema} TableSchema */
/** @typedef {(a: Row, b: Row) => number} Compare */

/**
 * How to sort: names of fields, `-` in front for descending, as a list or with commas; or a function.
 *
 * @typedef {string | string[] | Compare} Sort
 */

/**
 * The table's own order.
 *
 * @param {Pick<TableSchema, 'key' | 'order'>} table
 * @param {(field: string) => string} typeOf
 * @returns {Compare}
 */
export function ownOrder({ key, order }, typeOf) {
  const byKey = keyOrder(key, typeOf);
  if (order === undefined) return byKey;
  return (a, b) => compareValues(a[order], b[order], 'text') || byKey(a, b);
}

/**
 * The order that a query wants.
 *
 * @param {Sort} sort
 * @param {string[]} key
 * @param {(field: string) => string} typeOf
 * @returns {Compare}
 */
export function wantedOrder(sort, key, typeOf) {
  const byKey = keyOrder(key, typeOf);
  if (typeof sort === 'function') return (a, b) => sort(a, b) || byKey(a, b);
  const fields = Array.isArray(sort) ? sort : sort.split(',');
  const steps = fields.map((field) => fieldOrder(field.trim(), typeOf));
  return (a, b) => {
    for (const step of steps) {
      const order = step(a, b);
      if (order !== 0) return order;
    }
    return byKey(a, b);
  };
}

/**
 * Null comes last, whichever the direction.
 *
 * @param {string} field
 * @param {(field: string) => string} typeOf
 * @returns {Compare}
 */
function fieldOrder(field, typeOf) {
  const down = field.startsWith('-');
  const name = down ? field.slice(1) : field;
  const type = typeOf(name);
  return (a, b) => {
    const [x, y] = [a[name], b[name]];
    const turn = down && x != null && y != null ? -1 : 1;
    return turn * compareValues(x, y, type);
  };
}

/**
 * @param {string[]} columns
 * @param {(field: string) => string} typeOf
 * @returns {Compare}
 */
function keyOrder(columns, typeOf) {
  const types = columns.map((name) => ({ name, type: typeOf(name) }));
  return (a, b) => {
    for (const { name, type } of types) {
      const order = compareValues(a[name], b[name], type);
      if (order !== 0) return order;
    }
    return 0;
  };
}
