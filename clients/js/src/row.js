/**
 * Looking at single rows of a table: whoever watches a row is told of that row alone.
 *
 * @module
 */

import { keyOf, keyText } from './key.js';
import { Listeners } from './listeners.js';

/** @typedef {import('./types.js').Row} Row */

/**
 * One row as it looks now.
 *
 * @typedef {object} LiveRow
 * @property {import('./types.js').Key} key
 * @property {() => Row | undefined} get undefined if there is no such row; the same until it changes
 * @property {(listener: (row: Row | undefined) => void) => () => void} subscribe
 */

export class RowWatchers {
  /** @type {Map<string, Listeners<[Row | undefined]>>} */
  #watched = new Map();

  /**
   * @param {string} key as text
   * @param {(row: Row | undefined) => void} listener
   * @returns {() => void} stops it
   */
  add(key, listener) {
    const listeners = this.#watched.get(key) ?? new Listeners();
    this.#watched.set(key, listeners);
    const stop = listeners.add(listener);
    return () => {
      stop();
      if (listeners.size === 0 && this.#watched.get(key) === listeners) this.#watched.delete(key);
    };
  }

  /**
   * Tells who watches one of the rows that changed.
   *
   * @param {import('./view.js').TableChanges} changes
   * @param {string[]} columns of the key
   */
  tell({ inserted, updated, removed }, columns) {
    if (this.#watched.size === 0) return;
    const text = (/** @type {Row} */ row) => keyText(keyOf(row, columns));
    for (const row of inserted) this.#watched.get(text(row))?.call(row);
    for (const { row } of updated) this.#watched.get(text(row))?.call(row);
    for (const row of removed) this.#watched.get(text(row))?.call(undefined);
  }
}
