/**
 * Signals of a channel: said to whoever is there now, at most once, not stored.
 *
 * @module
 */

import { ConnectionLost } from './errors.js';
import { Listeners } from './listeners.js';
import { checkName, sendable } from './sendable.js';

/** @typedef {import('./types.js').SignalItem} SignalItem */

export class Signals {
  #channel;
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  /** @type {Listeners<[SignalItem]>} */
  #listeners = new Listeners();
  /** @type {Listeners<[number]>} */
  #missed = new Listeners();

  /** @param {string} channel */
  constructor(channel) {
    this.#channel = channel;
  }

  /**
   * @param {string} name
   * @param {import('./types.js').Value} [body]
   * @returns {Promise<void>} resolved once the hub has taken it; rejected if there is no connection
   */
  async send(name, body = null) {
    if (this.#socket === null) throw new ConnectionLost('there is no connection');
    checkName('the name of a signal', name);
    await this.#socket.request({ type: 'signal', channel: this.#channel, name, body: sendable('body', body) });
  }

  /**
   * @param {(signal: SignalItem) => void} listener called for each signal, one's own too
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /**
   * @param {(count: number) => void} listener called when this client was too slow for some
   * @returns {() => void} stops it
   */
  onMissed(listener) {
    return this.#missed.add(listener);
  }

  /** For the channel only. @param {import('./socket.js').Socket} socket */
  attach(socket) {
    this.#socket = socket;
  }

  /** For the channel only. */
  detach() {
    this.#socket = null;
  }

  /** For the channel only. @param {SignalItem[]} signals */
  news(signals) {
    for (const signal of signals) this.#listeners.call(signal);
  }

  /** For the channel only. @param {number} count */
  missed(count) {
    this.#missed.call(count);
  }
}
