/**
 * Where tokens come from: a fixed text, or a function that fetches one.
 *
 * @module
 */

import { RowcastError } from './errors.js';

/**
 * A token, or a function that gets one. It is told which token is no use any more, and must give
 * another then.
 *
 * @typedef {string | ((use: { not: string | null }) => string | Promise<string>)} TokenSource
 */

export class Tokens {
  #source;
  /** @type {string | null} */
  #current = null;
  /** @type {string | null} */
  #refused = null;
  /** The last one that was had. @type {string | null} */
  #last = null;
  #goodUntil = Infinity;
  /** @type {Promise<string> | null} */
  #fetching = null;

  /** @param {TokenSource} source */
  constructor(source) {
    this.#source = source;
  }

  /**
   * The token at hand, or a fresh one if there is none or it has expired.
   *
   * @returns {Promise<string>}
   */
  get() {
    const usable = this.#current !== null && Date.now() < this.#goodUntil;
    return usable ? Promise.resolve(/** @type {string} */ (this.#current)) : this.fresh();
  }

  /**
   * Asks the source; several callers share one question.
   *
   * @returns {Promise<string>} rejected with code `no_token` if the source has none but the one that
   *   the hub refused, and with the source's own error if it failed
   */
  fresh() {
    this.#fetching ??= this.#fetch().finally(() => {
      this.#fetching = null;
    });
    return this.#fetching;
  }

  /** The hub refused the token at hand. */
  refuse() {
    this.#refused = this.#current;
    this.#current = null;
  }

  /**
   * The hub said how long the token at hand is good for.
   *
   * @param {number} ms
   */
  goodFor(ms) {
    this.#goodUntil = Date.now() + ms;
  }

  async #fetch() {
    const source = this.#source;
    const token = typeof source === 'function' ? await source({ not: this.#last }) : source;
    if (typeof token !== 'string' || token === '' || token === this.#refused) {
      throw new RowcastError('no_token', 'a new login is needed');
    }
    this.#current = this.#last = token;
    this.#goodUntil = Infinity;
    return token;
  }
}
