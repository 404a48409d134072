/**
 * A list of functions to call when something happened.
 *
 * @module
 */

/** @template {unknown[]} Args */
export class Listeners {
  /** @type {Set<(...args: Args) => void>} */
  #functions = new Set();

  /**
   * @param {(...args: Args) => void} listener
   * @returns {() => void} stops it
   */
  add(listener) {
    const own = (/** @type {Args} */ ...args) => listener(...args);
    this.#functions.add(own);
    return () => void this.#functions.delete(own);
  }

  /** How many there are. */
  get size() {
    return this.#functions.size;
  }

  /**
   * Calls all of them. One that throws harms neither the others nor the caller; its error is
   * reported as uncaught.
   *
   * @param {Args} args
   */
  call(...args) {
    for (const listener of [...this.#functions]) {
      try {
        listener(...args);
      } catch (error) {
        reportUncaught(error);
      }
    }
  }
}

/** @param {unknown} error */
function reportUncaught(error) {
  if (typeof globalThis.reportError === 'function') return globalThis.reportError(error);
  queueMicrotask(() => {
    throw error;
  });
}
