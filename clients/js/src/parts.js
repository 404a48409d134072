/**
 * Puts together what was too long for one frame.
 *
 * @module
 */

export class PartCollector {
  /** @type {string[]} */
  #pieces = [];

  /**
   * Takes the next piece.
   *
   * @param {import('./types.js').PartNews} news
   * @returns {any} the whole (an entry or a row) with the last piece, null before; `broken` if a
   *   piece is missing or the whole is no JSON
   */
  add({ part, of, data }) {
    if (part === 1) this.#pieces = [];
    if (part !== this.#pieces.length + 1) {
      this.clear();
      return 'broken';
    }
    this.#pieces.push(data);
    if (part < of) return null;
    const whole = this.#pieces.join('');
    this.clear();
    return parsed(whole);
  }

  /** Forgets an unfinished collection. */
  clear() {
    this.#pieces = [];
  }
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return 'broken';
  }
}
