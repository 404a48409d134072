/**
 * Keeps channels followed while components show them. React renders components that it then throws
 * away, and mounts them twice when it is strict: so a channel that nobody holds lives on for a moment.
 *
 * @module
 */

/** @typedef {import('./client.js').Client} Client */
/** @typedef {import('./channel.js').Channel} Channel */
/** @typedef {import('./channel.js').ChannelOptions} ChannelOptions */

/** How long a channel stays when nobody holds it. */
const LINGER_MS = 1_000;

/** @type {WeakMap<Client, Holder>} */
const HOLDERS = new WeakMap();

/** The holder of a client. @param {Client} client */
export function holder(client) {
  const known = HOLDERS.get(client);
  if (known) return known;
  const made = new Holder(client);
  HOLDERS.set(client, made);
  return made;
}

/** @typedef {{ channel: Channel, count: number, timer?: ReturnType<typeof setTimeout> }} Held */

class Holder {
  #client;
  /** @type {Map<string, Held>} */
  #held = new Map();

  /** @param {Client} client */
  constructor(client) {
    this.#client = client;
  }

  /**
   * @param {string} name
   * @param {ChannelOptions} [options]
   * @returns {Channel}
   */
  get(name, options) {
    return this.#item(name, options).channel;
  }

  /**
   * @param {string} name
   * @param {ChannelOptions} [options]
   * @returns {() => void} lets go
   */
  hold(name, options) {
    const item = this.#item(name, options);
    clearTimeout(item.timer);
    item.count += 1;
    return () => {
      item.count -= 1;
      if (item.count === 0) this.#linger(name);
    };
  }

  /**
   * @param {string} name
   * @param {ChannelOptions} [options]
   * @returns {Held}
   */
  #item(name, options) {
    const known = this.#held.get(name);
    if (known && known.channel.status !== 'closed') return known;
    /** @type {Held} */
    const item = { channel: this.#client.channel(name, options), count: known?.count ?? 0 };
    this.#held.set(name, item);
    if (item.count === 0) this.#linger(name);
    return item;
  }

  /** @param {string} name */
  #linger(name) {
    const item = this.#held.get(name);
    if (item === undefined) return;
    clearTimeout(item.timer);
    item.timer = setTimeout(() => this.#letGo(name), LINGER_MS);
    /** @type {any} */ (item.timer).unref?.();
  }

  /** @param {string} name */
  #letGo(name) {
    const item = this.#held.get(name);
    if (item === undefined || item.count > 0) return;
    this.#held.delete(name);
    item.channel.close();
  }
}
