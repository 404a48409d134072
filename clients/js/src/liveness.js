/**
 * Finds out that a connection is dead although nobody said so: after a silence the hub is asked, and
 * if it says nothing then, the connection is given up. Browsers hide the WebSocket's own pings.
 *
 * @module
 */

export class Liveness {
  #timing;
  #ask;
  #dead;
  #heardAt = Date.now();
  #askedAt = 0;
  #waiting = false;
  #stopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Pick<import('./timing.js').Timing, 'idleMs' | 'waitingMs' | 'pongMs'>} timing
   * @param {() => void} ask sends something that the hub answers
   * @param {() => void} dead called once
   */
  constructor(timing, ask, dead) {
    this.#timing = timing;
    this.#ask = ask;
    this.#dead = dead;
    this.#arm(timing.idleMs);
  }

  /** Something came from the hub. */
  heard() {
    this.#heardAt = Date.now();
  }

  /**
   * Whether an answer is awaited: the hub is asked sooner then.
   *
   * @param {boolean} waiting
   */
  waits(waiting) {
    if (waiting === this.#waiting) return;
    this.#waiting = waiting;
    if (waiting && this.#askedAt === 0) this.#arm(this.#timing.waitingMs);
  }

  /** Asks the hub now: the network may have changed. */
  check() {
    if (this.#askedAt !== 0 || this.#stopped) return;
    this.#askedAt = Date.now();
    this.#arm(this.#timing.pongMs);
    this.#ask();
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** @param {number} ms */
  #arm(ms) {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => this.#look(), ms);
  }

  #look() {
    if (this.#askedAt !== 0) return this.#judge();
    const bound = this.#waiting ? this.#timing.waitingMs : this.#timing.idleMs;
    const silence = Date.now() - this.#heardAt;
    if (silence < bound) this.#arm(bound - silence);
    else this.check();
  }

  #judge() {
    if (this.#heardAt < this.#askedAt) return this.#dead();
    this.#askedAt = 0;
    this.#arm(this.#waiting ? this.#timing.waitingMs : this.#timing.idleMs);
  }
}
