/** Web Locks as several tabs of one browser share them; a tab that dies lets its locks go. */

export class FakeLocks {
  /** @type {Map<string, { tab: object, run: () => void }[]>} the first of each holds the lock */
  #queues = new Map();

  /**
   * What one tab sees.
   *
   * @returns {any}
   */
  tab() {
    const tab = {};
    return {
      request: (/** @type {string} */ name, /** @type {any} */ options, /** @type {any} */ work) => {
        return typeof options === 'function' ? this.#request(tab, name, {}, options) : this.#request(tab, name, options, work);
      },
      die: () => this.#die(tab),
    };
  }

  /**
   * @param {object} tab
   * @param {string} name
   * @param {{ ifAvailable?: boolean, signal?: AbortSignal }} options
   * @param {(lock: object | null) => any} work
   */
  async #request(tab, name, { ifAvailable, signal }, work) {
    const queue = this.#queues.get(name) ?? [];
    this.#queues.set(name, queue);
    if (ifAvailable && queue.length > 0) return work(null);
    const turn = { tab, run: () => {} };
    const granted = new Promise((resolve, reject) => {
      turn.run = () => resolve(undefined);
      signal?.addEventListener('abort', () => {
        if (queue.indexOf(turn) > 0) this.#leave(name, turn);
        reject(new Error('aborted'));
      });
    });
    queue.push(turn);
    if (queue[0] === turn) turn.run();
    await granted;
    try {
      return await work({ name });
    } finally {
      this.#leave(name, turn);
    }
  }

  /** @param {string} name @param {{ tab: object, run: () => void }} turn */
  #leave(name, turn) {
    const queue = this.#queues.get(name) ?? [];
    const at = queue.indexOf(turn);
    if (at < 0) return;
    queue.splice(at, 1);
    if (at === 0) queue[0]?.run();
  }

  /** @param {object} tab */
  #die(tab) {
    for (const [name, queue] of this.#queues) {
      for (const turn of queue.filter((one) => one.tab === tab)) this.#leave(name, turn);
    }
  }
}
