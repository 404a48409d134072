/**
 * Waiting with a bound.
 *
 * @module
 */

/**
 * The promise's outcome, or `error` if it takes longer than `ms`.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @param {() => Error} error
 * @returns {Promise<T>}
 */
export function within(promise, ms, error) {
  /** @type {ReturnType<typeof setTimeout>} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(error()), ms);
  });
  return /** @type {Promise<T>} */ (Promise.race([promise, late])).finally(() => clearTimeout(timer));
}

/**
 * A promise and what settles it. Nobody has to look at it: a rejection nobody handles is no
 * uncaught error.
 *
 * @template T
 */
export class Deferred {
  constructor() {
    /** @type {(value: T) => void} */
    this.resolve = () => {};
    /** @type {(error: Error) => void} */
    this.reject = () => {};
    /** @type {Promise<T>} */
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    this.promise.catch(() => {});
  }
}

/** A wait that can be shortened or ended early. */
export class Pause {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #until = 0;
  /** @type {(() => void) | null} */
  #end = null;

  /**
   * @param {number} ms
   * @returns {Promise<void>} resolved when the time is over or the pause was ended
   */
  wait(ms) {
    return new Promise((resolve) => {
      this.#end = resolve;
      this.#arm(ms);
    });
  }

  /**
   * Ends the pause in `ms` at the latest.
   *
   * @param {number} ms
   */
  shorten(ms) {
    if (this.#end && Date.now() + ms < this.#until) this.#arm(ms);
  }

  /** Ends the pause. */
  end() {
    clearTimeout(this.#timer);
    const end = this.#end;
    this.#end = null;
    end?.();
  }

  /** @param {number} ms */
  #arm(ms) {
    clearTimeout(this.#timer);
    this.#until = Date.now() + ms;
    this.#timer = setTimeout(() => this.end(), ms);
  }
}
