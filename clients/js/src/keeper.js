/**
 * Writes edits down before they are sent, so that they survive a reload, and gives each to exactly one
 * tab to send. Whoever signs in sees only edits of their own.
 *
 * @module
 */

import { cloneable, fromClone } from './exact.js';
import { Deferred, within } from './wait.js';

/** @typedef {import('./types.js').Op} Op */

/**
 * An edit to be written down.
 *
 * @typedef {object} EditRecord
 * @property {string} id
 * @property {string} channel
 * @property {readonly Op[]} ops
 * @property {number} madeAt milliseconds since 1970
 */
/**
 * An edit as it is written down and told to other tabs: operations with exact numbers in them are JSON text.
 *
 * @typedef {Omit<EditRecord, 'ops'> & { ops: readonly Op[] | string }} WrittenEdit
 */
/** @typedef {WrittenEdit & { tab: string }} StoredEdit with the name of the tab that sends it */

/**
 * Where edits are kept. `scope` names a hub and a person; what is kept under one is never given out
 * under another.
 *
 * @typedef {object} EditStorage
 * @property {(scope: string) => Promise<StoredEdit[]>} load in no order
 * @property {(scope: string, edits: StoredEdit[]) => Promise<void>} put resolved once a reload would
 *   find them
 * @property {(scope: string, ids: string[]) => Promise<void>} drop
 * @property {(scope: string) => boolean} [any] whether there may be some; nobody waits for `load` if not
 * @property {import('./shelf.js').RowStorage} [rows] where rows survive a reload too
 */

/**
 * - `memory`: a reload forgets edits that are not sent, as the caller wanted or because there is no
 *   storage here
 * - `kept`: they survive a reload
 * - `failing`: they should, but the storage is full or forbidden; they go on in memory
 *
 * @typedef {'memory' | 'kept' | 'failing'} StorageState
 */

/**
 * What a keeper needs of the client.
 *
 * @typedef {object} KeeperHooks
 * @property {(records: EditRecord[], elsewhere: boolean) => void} restore
 * @property {(ids: ReadonlySet<string>) => void} goneElsewhere
 * @property {() => void} changed the state is another
 */

/**
 * What of a hub and a person is kept under.
 *
 * @param {string} hub
 * @param {string} user
 */
export const scopeOf = (hub, user) => JSON.stringify([hub, user]);

/** How long the storage may take before the client goes on without it. */
const PATIENCE_MS = 3_000;

export class Keeper {
  #storage;
  #tabs;
  #hub;
  #hooks;
  /** @type {string | null} */
  #scope = null;
  /** Edits that are not written down yet. @type {{ record: WrittenEdit, done: () => void }[]} */
  #waiting = [];
  #writing = false;
  #opened = /** @type {Deferred<void> | null} */ (null);
  /** The storage does one thing after the other. @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @type {StorageState} */
  state;
  /** Why the storage fails. @type {Error | null} */
  error = null;

  /**
   * @param {EditStorage | null} storage null: in memory only
   * @param {import('./tabs.js').Tabs} tabs
   * @param {string} hub
   * @param {KeeperHooks} hooks
   */
  constructor(storage, tabs, hub, hooks) {
    this.#storage = storage;
    this.#tabs = tabs;
    this.#hub = hub;
    this.#hooks = hooks;
    this.state = storage === null ? 'memory' : 'kept';
  }

  /** Whether it is known who this is, and what they left behind. */
  get #isOpen() {
    return this.#storage === null || (this.#scope !== null && this.#opened === null);
  }

  /** Whether it is open for this person. @param {string} user */
  isOpenFor(user) {
    return this.#storage === null || (this.#isOpen && this.#scope === scopeOf(this.#hub, user));
  }

  /** Whether this person may have left something that must be shown from the beginning. @param {string} user */
  mayHaveLeft(user) {
    return this.#storage !== null && this.#storage.any?.(scopeOf(this.#hub, user)) !== false;
  }

  /**
   * Says who this is, and takes up the edits they left behind.
   *
   * @param {string} user
   * @returns {Promise<void>} resolved once edits that no living tab sends are taken up
   */
  async open(user) {
    const scope = scopeOf(this.#hub, user);
    if (this.#storage === null) return;
    if (scope === this.#scope) return this.#opened?.promise;
    this.#scope = scope;
    const opened = (this.#opened = new Deferred());
    await this.#tabs.enter(scope, {
      died: (tab) => this.#adopt(scope, tab),
      edits: (records) => this.#restore(records, true),
      gone: (ids) => this.#hooks.goneElsewhere(new Set(ids)),
    });
    await this.#try(() => this.#takeUp(scope));
    opened.resolve();
    if (this.#opened !== opened) return;
    this.#opened = null;
    void this.#write();
  }

  /**
   * Writes an edit down.
   *
   * @param {EditRecord} record
   * @param {() => void} done it may be sent; called at once where nothing is kept
   */
  keep(record, done) {
    if (this.#storage === null) return done();
    this.#waiting.push({ record: { ...record, ops: cloneable(record.ops) }, done });
    if (this.#isOpen) void this.#write();
  }

  /** An edit is in the log, or was refused. @param {string} id */
  drop(id) {
    const [storage, scope] = [this.#storage, this.#scope];
    if (storage === null || scope === null) return;
    this.#tabs.tellGone([id]);
    const written = this.#waiting.length;
    this.#waiting = this.#waiting.filter(({ record }) => record.id !== id);
    if (this.#waiting.length === written) void this.#try(() => storage.drop(scope, [id]));
  }

  /** This tab sends nothing any more; another may. */
  close() {
    this.#tabs.leave();
    this.#scope = null;
  }

  /**
   * @param {WrittenEdit[]} written
   * @param {boolean} elsewhere
   */
  #restore(written, elsewhere) {
    this.#hooks.restore(written.map((edit) => ({ ...edit, ops: fromClone(edit.ops) })), elsewhere);
  }

  /** @param {string} scope */
  async #takeUp(scope) {
    const found = (await this.#storage?.load(scope)) ?? [];
    const tabs = new Set(found.map(({ tab }) => tab));
    /** @type {string[]} */
    const dead = [];
    for (const tab of tabs) if (await this.#tabs.isDead(tab)) dead.push(tab);
    for (const tab of dead) await this.#adopt(scope, tab);
    const elsewhere = found.filter(({ tab }) => !dead.includes(tab) && tab !== this.#tabs.name);
    if (elsewhere.length > 0 && scope === this.#scope) this.#restore(elsewhere, true);
    for (const { tab } of elsewhere) this.#tabs.watch(tab);
  }

  /**
   * Takes over what a tab left that is gone. Only one tab at a time is let do this.
   *
   * @param {string} scope
   * @param {string} tab
   */
  async #adopt(scope, tab) {
    await this.#tabs.alone(async () => {
      const left = ((await this.#storage?.load(scope)) ?? []).filter((edit) => edit.tab === tab);
      if (left.length === 0 || scope !== this.#scope) return;
      await this.#storage?.put(scope, left.map((edit) => ({ ...edit, tab: this.#tabs.name })));
      this.#restore(left, false);
    });
  }

  /** Writes down what waits, several at once; then they may be sent, written or not. */
  async #write() {
    if (this.#writing) return;
    this.#writing = true;
    while (this.#waiting.length > 0 && this.#isOpen) {
      const batch = this.#waiting;
      this.#waiting = [];
      const records = batch.map(({ record }) => record);
      await this.#put(records);
      this.#tabs.tellEdits(records);
      for (const { done } of batch) done();
    }
    this.#writing = false;
  }

  /** @param {WrittenEdit[]} records */
  async #put(records) {
    const [storage, scope] = [this.#storage, this.#scope];
    if (storage === null || scope === null) return;
    const stored = records.map((record) => ({ ...record, tab: this.#tabs.name }));
    await this.#try(() => storage.put(scope, stored), true);
  }

  /**
   * Does something with the storage. If that fails or hangs, the client goes on in memory and says so.
   *
   * @param {() => Promise<void>} act
   * @param {boolean} [heals] whether its success means that the storage works again
   */
  async #try(act, heals = false) {
    try {
      const turn = (this.#last = this.#last.then(act, act));
      await within(turn, PATIENCE_MS, () => new Error('the storage does not answer'));
      if (heals) this.#enter('kept', null);
    } catch (error) {
      this.#enter('failing', error instanceof Error ? error : new Error(String(error)));
    }
  }

  /**
   * @param {StorageState} state
   * @param {Error | null} error
   */
  #enter(state, error) {
    if (state === this.state) return;
    this.state = state;
    this.error = error;
    this.#hooks.changed();
  }
}
