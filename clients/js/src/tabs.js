/**
 * The tabs of one person at one hub: which of them live, what each has to send. Each tab holds a Web
 * Lock as long as it lives; whoever gets that lock knows that the tab is gone.
 *
 * @module
 */

import { uuidv7 } from './uuid.js';

/** @typedef {import('./keeper.js').WrittenEdit} WrittenEdit */

/**
 * @typedef {object} TabHooks
 * @property {(tab: string) => Promise<void>} died another tab is gone
 * @property {(records: WrittenEdit[]) => void} edits another tab is about to send these
 * @property {(ids: string[]) => void} gone another tab has nothing more to do for these
 */

/** @typedef {Pick<LockManager, 'request'>} Locks */

export class Tabs {
  /** This tab. */
  name = uuidv7();
  #locks;
  #Channel;
  /** @type {BroadcastChannel | null} */
  #channel = null;
  /** @type {AbortController | null} */
  #life = null;
  /** @type {TabHooks | null} */
  #hooks = null;
  #scope = '';
  /** @type {Set<string>} */
  #watched = new Set();

  /**
   * @param {object} [platform] what the browser has
   * @param {Locks | undefined} [platform.locks]
   * @param {typeof BroadcastChannel | undefined} [platform.BroadcastChannel]
   */
  constructor({ locks, BroadcastChannel } = {}) {
    this.#locks = locks;
    this.#Channel = BroadcastChannel;
  }

  /**
   * Begins to live for a person.
   *
   * @param {string} scope
   * @param {TabHooks} hooks
   * @returns {Promise<void>} resolved once others can see that this tab lives
   */
  async enter(scope, hooks) {
    this.leave();
    this.#scope = scope;
    this.#hooks = hooks;
    const life = (this.#life = new AbortController());
    await this.#hold(life.signal);
    // Not before: whoever hears of a tab that holds no lock yet takes it for dead.
    if (!life.signal.aborted) this.#meet();
  }

  /** Says to the other tabs that this one is here. */
  #meet() {
    const scope = this.#scope;
    if (this.#Channel === undefined) return;
    const channel = (this.#channel = new this.#Channel(`rowcast ${scope}`));
    channel.onmessage = ({ data }) => this.#hear(data);
    /** @type {any} */ (channel).unref?.();
    this.#say({ type: 'hello' });
  }

  /** Lives no more: others take over what is left. */
  leave() {
    this.#life?.abort();
    this.#channel?.close();
    this.#life = this.#channel = this.#hooks = null;
    this.#watched.clear();
    this.name = uuidv7();
  }

  /**
   * Whether a tab is gone. Where there are no locks nobody knows: it is taken for gone, and what it
   * sends too counts once at the hub.
   *
   * @param {string} tab
   * @returns {Promise<boolean>}
   */
  async isDead(tab) {
    if (tab === this.name) return false;
    if (this.#locks === undefined) return true;
    return this.#locks.request(this.#lockOf(tab), { ifAvailable: true }, (lock) => lock !== null);
  }

  /** Waits in the background for a tab's end. @param {string} tab */
  watch(tab) {
    const [hooks, life] = [this.#hooks, this.#life];
    if (this.#locks === undefined || hooks === null || life === null || tab === this.name || this.#watched.has(tab)) return;
    this.#watched.add(tab);
    const died = () => {
      this.#watched.delete(tab);
      return hooks.died(tab);
    };
    this.#locks.request(this.#lockOf(tab), { signal: life.signal }, died).catch(() => {});
  }

  /**
   * Does something while no other tab of this person does.
   *
   * @param {() => Promise<void>} work
   */
  async alone(work) {
    if (this.#locks === undefined) return work();
    await this.#locks.request(`rowcast adopt ${this.#scope}`, work);
  }

  /** @param {WrittenEdit[]} edits */
  tellEdits(edits) {
    this.#say({ type: 'edits', edits });
  }

  /** @param {string[]} ids */
  tellGone(ids) {
    this.#say({ type: 'gone', ids });
  }

  /**
   * Holds this tab's lock until it leaves.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<void>} resolved once it has the lock
   */
  #hold(signal) {
    const locks = this.#locks;
    if (locks === undefined) return Promise.resolve();
    const gone = new Promise((resolve) => signal.addEventListener('abort', resolve));
    return new Promise((resolve) => {
      const held = () => {
        resolve();
        return gone;
      };
      locks.request(this.#lockOf(this.name), held).catch(() => resolve());
    });
  }

  /** @param {string} tab */
  #lockOf(tab) {
    return `rowcast tab ${tab}`;
  }

  /** @param {object} message */
  #say(message) {
    try {
      this.#channel?.postMessage({ ...message, tab: this.name });
    } catch {
      // Other tabs would only have shown it.
    }
  }

  /** @param {any} message */
  #hear(message) {
    if (message.type === 'hello') this.#say({ type: 'here' });
    if (message.type === 'hello' || message.type === 'here') this.watch(message.tab);
    if (message.type === 'edits') this.#hooks?.edits(message.edits);
    if (message.type === 'gone') this.#hooks?.gone(message.ids);
  }
}

/** The tabs of this browser. */
export function browserTabs() {
  const { navigator, BroadcastChannel } = globalThis;
  return new Tabs({ locks: navigator?.locks, BroadcastChannel });
}
