/**
 * Rows kept in order while they change, at a cost that goes by the changes and not by the rows.
 *
 * @module
 */

/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./order.js').Compare} Compare */
/** @typedef {Pick<import('./view.js').TableChanges, 'inserted' | 'updated' | 'removed'>} RowChanges */

/** With more changes than one in this many rows, sorting all is quicker. */
const SORT_ALL = 16;

export class SortedRows {
  #compare;
  #list;

  /**
   * @param {Compare} compare never 0 for two different rows
   * @param {Iterable<Row>} rows
   */
  constructor(compare, rows) {
    this.#compare = compare;
    this.#list = [...rows].sort(compare);
  }

  /** The rows in order; changed in place. @returns {readonly Row[]} */
  get list() {
    return this.#list;
  }

  /** @param {RowChanges} changes */
  apply({ inserted, updated, removed }) {
    const count = inserted.length + updated.length + removed.length;
    if (count * SORT_ALL > this.#list.length) return this.#applyMany(inserted, updated, removed);
    for (const row of removed) this.#take(row);
    for (const { row, old } of updated) this.#replace(old, row);
    for (const row of inserted) this.#put(row);
  }

  /**
   * @param {Row[]} inserted
   * @param {{ row: Row, old: Row }[]} updated
   * @param {Row[]} removed
   */
  #applyMany(inserted, updated, removed) {
    const gone = new Set([...removed, ...updated.map(({ old }) => old)]);
    const rest = this.#list.filter((row) => !gone.has(row));
    this.#list = [...rest, ...inserted, ...updated.map(({ row }) => row)].sort(this.#compare);
  }

  /**
   * A row that keeps its place, as most do, moves nothing.
   *
   * @param {Row} old
   * @param {Row} row
   */
  #replace(old, row) {
    const at = this.#indexOf(old);
    const staysBefore = at + 1 >= this.#list.length || this.#compare(row, this.#at(at + 1)) < 0;
    const staysAfter = at <= 0 || this.#compare(this.#at(at - 1), row) < 0;
    if (at >= 0 && staysBefore && staysAfter) this.#list[at] = row;
    else {
      this.#take(old);
      this.#put(row);
    }
  }

  /** @param {Row} row */
  #take(row) {
    const at = this.#indexOf(row);
    if (at >= 0) this.#list.splice(at, 1);
  }

  /** @param {Row} row */
  #put(row) {
    this.#list.splice(this.#search(row), 0, row);
  }

  /** Also finds it where a caller's own order is not consistent. @param {Row} row */
  #indexOf(row) {
    const at = this.#search(row);
    return this.#list[at] === row ? at : this.#list.indexOf(row);
  }

  /** The first place whose row does not come before. @param {Row} row */
  #search(row) {
    let [low, high] = [0, this.#list.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#compare(this.#at(middle), row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** @param {number} at @returns {Row} */
  #at(at) {
    return /** @type {Row} */ (this.#list[at]);
  }
}
