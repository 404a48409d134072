/**
 * Puts together messages that were too long for one frame.
 *
 * @module
 */

export class PartCollector {
  #join;
  /** @type {unknown[]} */
  #pieces = [];

  /** @param {(pieces: any[]) => unknown} join puts pieces together to a frame */
  constructor(join) {
    this.#join = join;
  }

  /**
   * Takes the next piece.
   *
   * @param {import('./types.js').Part} message
   * @returns {any} the whole frame with the last piece, null before;
   *   undefined if a piece is missing
   */
  add({ part, of, data }) {
    if (part === 1) this.#pieces = [];
    if (part !== this.#pieces.length + 1) return undefined;
    this.#pieces.push(data);
    if (part < of) return null;
    const whole = this.#join(this.#pieces);
    this.#pieces = [];
    return whole;
  }
}
