/**
 * Keeps the last rows of each channel where a reload finds them: they show at once, also without a
 * network, and the hub only sends what came since. Nothing depends on it: what cannot be kept or read
 * comes from the hub.
 *
 * @module
 */

import { cloneable, fromClone } from './exact.js';
import { scopeOf } from './keeper.js';

/** @typedef {import('./types.js').Fields} Fields */
/** @typedef {import('./types.js').Position} Position */

/**
 * The rows of a channel, at a place in its log.
 *
 * @typedef {object} ChannelRows
 * @property {Position} position
 * @property {import('./types.js').Schema} schema that they follow
 * @property {Record<string, Fields[]>} tables
 */
/**
 * The same as they are kept: a row with exact numbers in it is JSON text. `form` says so: rows that an older
 * version of the client kept have rounded numbers in their place, and are of no use.
 *
 * @typedef {Omit<ChannelRows, 'tables'> & { tables: Record<string, (Fields | string)[]>, form: number }} KeptRows
 */

/**
 * Where rows are kept. `scope` names a hub and a person; what is kept under one is never given out under
 * another.
 *
 * @typedef {object} RowStorage
 * @property {(scope: string, channel: string) => Promise<KeptRows | undefined>} load
 * @property {(scope: string, channel: string, rows: KeptRows) => Promise<void>} put in the place of what
 *   is kept of this channel
 * @property {(scope: string, channel?: string) => Promise<void>} drop without a channel: all of the scope
 */

/** How rows are kept. */
const FORM = 2;
/** What is larger is not kept. */
const MOST_ROWS = 20_000;
/** How long after a change it is kept, and how much longer for each row, milliseconds. */
const CALM_MS = 500;
const CALM_MS_PER_ROW = 2;

export class Shelf {
  #storage;
  #any;
  #hub;
  #unwatch;
  /** @type {string | null} */
  #scope = null;
  /** Channels that changed since they were kept. @type {Map<string, { rows: () => ChannelRows | null, timer: ReturnType<typeof setTimeout> }>} */
  #changed = new Map();

  /**
   * @param {import('./keeper.js').EditStorage | null} storage
   * @param {string} hub
   */
  constructor(storage, hub) {
    this.#storage = storage?.rows;
    this.#any = storage?.any;
    this.#hub = hub;
    this.#unwatch = this.#storage ? watchLeaving(() => this.#keepAll()) : () => {};
  }

  /** Says who this is. @param {string} user */
  open(user) {
    const scope = scopeOf(this.#hub, user);
    if (scope !== this.#scope) this.#forgetChanges();
    this.#scope = scope;
  }

  /**
   * The rows kept of a channel.
   *
   * @param {string} channel
   * @returns {Promise<ChannelRows | undefined> | null} null: there can be none
   */
  load(channel) {
    const [storage, scope] = [this.#storage, this.#scope];
    if (!storage || scope === null || this.#any?.(scope) === false) return null;
    const loading = storage.load(scope, channel).then((rows) => (rows?.form === FORM && scope === this.#scope ? changedRows(rows, fromClone) : undefined));
    return loading.catch(() => undefined);
  }

  /**
   * A channel's rows are others now; they are kept a little later.
   *
   * @param {string} channel
   * @param {number} size how many there are
   * @param {() => ChannelRows | null} rows null: there are none any more
   */
  changed(channel, size, rows) {
    if (!this.#storage || this.#scope === null || this.#changed.has(channel) || size > MOST_ROWS) return;
    const timer = setTimeout(() => this.keep(channel), CALM_MS + size * CALM_MS_PER_ROW);
    /** @type {any} */ (timer).unref?.();
    this.#changed.set(channel, { rows, timer });
  }

  /** Nothing of a channel is kept any more. @param {string} channel */
  drop(channel) {
    clearTimeout(this.#changed.get(channel)?.timer);
    this.#changed.delete(channel);
    if (this.#scope !== null) this.#storage?.drop(this.#scope, channel).catch(() => {});
  }

  /** Nothing of this person is kept any more, and nothing will be. @returns {Promise<void>} */
  async forget() {
    const scope = this.#scope;
    this.#forgetChanges();
    this.#scope = null;
    if (scope !== null) await this.#storage?.drop(scope);
  }

  /** Keeps what changed, and then nothing more. */
  close() {
    this.#keepAll();
    this.#unwatch();
    this.#scope = null;
  }

  #keepAll() {
    for (const channel of this.#changed.keys()) this.keep(channel);
  }

  /** Keeps a channel's rows now, if they changed. @param {string} channel */
  keep(channel) {
    const changed = this.#changed.get(channel);
    clearTimeout(changed?.timer);
    this.#changed.delete(channel);
    const rows = changed?.rows();
    if (rows && this.#scope !== null) this.#storage?.put(this.#scope, channel, { ...changedRows(rows, cloneable), form: FORM }).catch(() => {});
  }

  #forgetChanges() {
    for (const { timer } of this.#changed.values()) clearTimeout(timer);
    this.#changed.clear();
  }
}

/**
 * @template {ChannelRows | KeptRows} From
 * @template To
 * @param {From} kept
 * @param {(row: From['tables'][string][number]) => To} change
 */
function changedRows(kept, change) {
  const tables = Object.entries(kept.tables).map(([name, rows]) => [name, rows.map(change)]);
  return { ...kept, tables: Object.fromEntries(tables) };
}

/**
 * The page may be gone soon: the last moment to keep something.
 *
 * @param {() => void} leaving
 * @returns {() => void} stops it
 */
function watchLeaving(leaving) {
  const page = globalThis.document;
  if (page === undefined) return () => {};
  const hidden = () => page.visibilityState === 'hidden' && leaving();
  page.addEventListener('visibilitychange', hidden);
  globalThis.addEventListener('pagehide', leaving);
  return () => {
    page.removeEventListener('visibilitychange', hidden);
    globalThis.removeEventListener('pagehide', leaving);
  };
}
