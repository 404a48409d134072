/**
 * Who is in a channel: each person once, with however many devices.
 *
 * @module
 */

import { compareBytes } from './key.js';
import { Listeners } from './listeners.js';

/** @typedef {import('./types.js').PresentPerson} PresentPerson */

/**
 * @typedef {object} PresenceChange
 * @property {PresentPerson[]} joined
 * @property {PresentPerson[]} left
 */

export class Presence {
  /** @type {Map<string, PresentPerson>} */
  #people = new Map();
  /** @type {readonly PresentPerson[] | null} */
  #sorted = null;
  /** @type {Listeners<[PresenceChange]>} */
  #listeners = new Listeners();

  /**
   * Everybody who is here, by name. While there is no connection: who was here last. The same list
   * until somebody comes or goes.
   *
   * @returns {readonly PresentPerson[]}
   */
  people() {
    this.#sorted ??= Object.freeze(
      [...this.#people.values()].sort((a, b) => compareBytes(a.name, b.name) || compareBytes(a.user, b.user)),
    );
    return this.#sorted;
  }

  /**
   * @param {(change: PresenceChange) => void} listener called after every change
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /**
   * For the channel only. A `full` list follows every subscription, so nobody is forgotten before
   * it comes, and nobody flickers.
   *
   * @param {import('./types.js').PresenceNews} news
   */
  news({ full = false, here = [], left = [] }) {
    const before = this.#people;
    const after = full ? new Map() : new Map(before);
    for (const person of here) after.set(person.user, person);
    for (const user of left) after.delete(user);
    this.#replace(after);
  }

  /** For the channel only: nobody is seen any more. */
  clear() {
    this.#replace(new Map());
  }

  /** @param {Map<string, PresentPerson>} after */
  #replace(after) {
    const before = this.#people;
    this.#people = after;
    this.#sorted = null;
    const joined = [...after.values()].filter(({ user }) => !before.has(user));
    const left = [...before.values()].filter(({ user }) => !after.has(user));
    this.#listeners.call({ joined, left });
  }
}
