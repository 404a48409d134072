/**
 * The rows of one channel that outlive a reload: read once at first, kept anew whenever they stand at
 * another place in the log.
 *
 * @module
 */

import { Deferred } from './wait.js';

/** How long reading may take once the hub could send the rows. */
const PATIENCE_MS = 1_000;

export class Recall {
  #name;
  #shelf;
  #replica;
  /** The place of the rows that are kept, or will be. @type {import('./types.js').Position | null} */
  #kept = null;
  /** Nobody waits for them any more. @type {Deferred<undefined>} */
  #late = new Deferred();

  /** They are on their way; the hub is asked afterwards. */
  pending = false;

  /**
   * @param {string} name of the channel
   * @param {import('./shelf.js').Shelf} shelf
   * @param {import('./replica.js').Replica} replica
   */
  constructor(name, shelf, replica) {
    this.#name = name;
    this.#shelf = shelf;
    this.#replica = replica;
  }

  /**
   * Brings back what was kept.
   *
   * @param {() => boolean} wanted whether the channel still wants it when it is there
   * @returns {Promise<'nothing' | 'unwanted' | 'asked' | 'shown'>} `asked`: there was nothing of use
   */
  async load(wanted) {
    const loading = this.#shelf.load(this.#name);
    if (loading === null) return 'nothing';
    this.pending = true;
    const kept = await Promise.race([loading, this.#late.promise]);
    this.pending = false;
    if (!wanted()) return 'unwanted';
    if (!kept || !this.#replica.restore(kept)) return 'asked';
    this.#kept = kept.position;
    return 'shown';
  }

  /** There is a connection: what is not there in a moment comes from the hub. */
  hurry() {
    if (!this.pending) return;
    const timer = setTimeout(() => this.#late.resolve(undefined), PATIENCE_MS);
    /** @type {any} */ (timer).unref?.();
  }

  /** Keeps the rows a little later, if they stand at another place now. */
  follow() {
    const { position, rows } = this.#replica;
    if (position === this.#kept) return;
    this.#kept = position;
    if (position !== null) this.#shelf.changed(this.#name, rows.size, () => this.#replica.keep());
  }

  /** Keeps them now. */
  keep() {
    this.#shelf.keep(this.#name);
  }

  /** Nothing is kept any more. */
  drop() {
    this.#shelf.drop(this.#name);
  }
}
