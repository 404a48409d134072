/**
 * Puts together messages that were too long for one frame.
 *
 * @module
 */

export class PartCollector {
  /** @type {string[]} */
  #pieces = [];

  /**
   * Takes the next piece.
   *
   * @param {import('./types.js').Part} message
   * @returns {string | null | undefined} the whole as text with the last piece, null before;
   *   undefined if a piece is missing
   */
  add({ part, of, data }) {
    if (part === 1) this.#pieces = [];
    if (part !== this.#pieces.length + 1) return undefined;
    this.#pieces.push(data);
    if (part < of) return null;
    const whole = this.#pieces.join('');
    this.#pieces = [];
    return whole;
  }
}
