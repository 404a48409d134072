/**
 * Keys of rows, and how texts compare.
 *
 * @module
 */

/** @typedef {import('./types.js').Key} Key */

/**
 * A key as text, to look rows up by.
 *
 * @param {Key} key
 * @returns {string}
 */
export function keyText(key) {
  return typeof key === 'string' ? key : JSON.stringify(key);
}

/**
 * The key of a row: one value, or a list where the table's key has several columns.
 *
 * @param {Readonly<import('./types.js').Fields>} row
 * @param {string[]} columns
 * @returns {Key}
 */
export function keyOf(row, columns) {
  return columns.length === 1 ? row[columns[0] ?? ''] : columns.map((column) => row[column]);
}

/**
 * Compares two texts by their UTF-8 bytes. UTF-16 order differs only where one text has a surrogate
 * pair and the other a unit above the surrogates.
 *
 * @param {string} a
 * @param {string} b
 * @returns {number}
 */
export function compareBytes(a, b) {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (x !== y) return byCodePoint(x) - byCodePoint(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all other units. @param {number} unit */
function byCodePoint(unit) {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
