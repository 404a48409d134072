/**
 * States of a channel: the latest value of things that are not stored, such as pointers. One's own
 * are sent at most every few milliseconds, the newest value only, and again after a reconnect.
 *
 * @module
 */

import { Listeners } from './listeners.js';
import { checkName, sendable } from './sendable.js';

/** @typedef {import('./types.js').StateItem} StateItem */
/** @typedef {import('./types.js').Value} Value */

export class States {
  #channel;
  #timing;
  /** @type {Map<string, StateItem>} */
  #items = new Map();
  /** What `of` gave out. @type {Map<string, readonly StateItem[]>} */
  #byKey = new Map();
  /** @type {Map<string, Value>} */
  #own = new Map();
  /** @type {Set<string>} */
  #unsent = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  /** @type {Listeners<[StateItem[]]>} */
  #listeners = new Listeners();

  /**
   * @param {string} channel
   * @param {Pick<import('./timing.js').Timing, 'stateMs'>} timing
   */
  constructor(channel, timing) {
    this.#channel = channel;
    this.#timing = timing;
  }

  /** All states of all sessions, one's own too. */
  all() {
    return [...this.#items.values()];
  }

  /**
   * The values of one key. The same list until one of them changes.
   *
   * @param {string} key
   * @returns {readonly StateItem[]}
   */
  of(key) {
    const known = this.#byKey.get(key);
    if (known) return known;
    const items = Object.freeze(this.all().filter((item) => item.key === key));
    this.#byKey.set(key, items);
    return items;
  }

  /**
   * Sets one's own state; null clears it.
   *
   * @param {string} key
   * @param {Value} value
   * @throws {import('./errors.js').Misuse} if it cannot be sent
   */
  set(key, value) {
    checkName('the key of a state', key);
    if (value == null) this.#own.delete(key);
    else this.#own.set(key, sendable(key, value));
    this.#unsent.add(key);
    if (this.#timer === undefined) this.#flush();
  }

  /**
   * @param {(changed: StateItem[]) => void} listener called with what changed; a null value: cleared
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /**
   * For the channel only: the subscription holds. States of the one before are gone.
   *
   * @param {import('./socket.js').Socket} socket
   */
  attach(socket) {
    this.news({ full: true, states: [] });
    this.#socket = socket;
    this.#unsent = new Set(this.#own.keys());
    this.#flush();
  }

  /** For the channel only: nothing can be sent now. */
  detach() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket = null;
  }

  /**
   * For the channel only.
   *
   * @param {{ full?: boolean, states: StateItem[] }} news
   */
  news({ full = false, states }) {
    const changed = full ? this.all().map((item) => ({ ...item, value: null })) : [];
    if (full) this.#items.clear();
    for (const item of states) this.#put(item);
    changed.push(...states);
    for (const { key } of changed) this.#byKey.delete(key);
    if (changed.length > 0) this.#listeners.call(changed);
  }

  /** @param {StateItem} item */
  #put(item) {
    const name = JSON.stringify([item.session, item.key]);
    if (item.value == null) this.#items.delete(name);
    else this.#items.set(name, item);
  }

  /** Sends what changed, then nothing for a while. */
  #flush() {
    this.#timer = undefined;
    if (this.#socket === null || this.#unsent.size === 0) return;
    this.#timer = setTimeout(() => this.#flush(), this.#timing.stateMs);
    if (this.#socket.crowded) return;
    for (const key of this.#unsent) this.#tell(key);
    this.#unsent.clear();
  }

  /** @param {string} key */
  #tell(key) {
    const value = this.#own.get(key) ?? null;
    try {
      this.#socket?.tell({ type: 'state', channel: this.#channel, key, value });
    } catch {
      // The connection has just ended, or the value is too large for any: states may be lost.
    }
  }
}
