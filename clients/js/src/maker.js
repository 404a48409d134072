/**
 * Makes edits for one channel: shows and sends them, and keeps what they do for undo.
 *
 * @module
 */

import { Edit } from './edit.js';
import { Closed, EditError, Misuse } from './errors.js';
import { keyOf, keyText } from './key.js';
import { sendableOps } from './sendable.js';
import { Traces } from './trace.js';
import { uuidv7 } from './uuid.js';

/** @typedef {import('./types.js').Op} Op */
/** @typedef {import('./edit.js').EditOptions} EditOptions */
/** @typedef {import('./undo.js').Made} Made */

/**
 * @typedef {object} MakerSide
 * @property {string} channel
 * @property {import('./outbox.js').Outbox} outbox
 * @property {import('./view.js').View} view
 * @property {(table: string) => import('./collection.js').Collection} table
 * @property {import('./schema.js').SchemaBook} schema
 * @property {import('./undo.js').History} history
 * @property {() => boolean} hearsFailures
 * @property {(refused: import('./outbox.js').FailedEdit) => void} failed
 * @property {import('./api.js').Api} api
 * @property {() => number} messageBytes the hub's limit for one message
 */

/** How many edits wait for the log to tell what they did. */
const TRACED = 10_000;
/** What a message holds beside the operations of its edit, bytes. */
const ENVELOPE = 512;

export class Maker {
  #side;
  #ground;

  /** Edits of which the log has not told yet what they did. @type {Map<string, Traces>} */
  traced = new Map();

  /** @param {MakerSide} side */
  constructor(side) {
    this.#side = side;
    /** @type {import('./undo.js').Ground} */
    this.#ground = {
      name: side.channel,
      around: () => this.#around(),
      make: (/** @type {Op[]} */ ops) => this.#made(ops),
      fits: (/** @type {Op[]} */ ops) => this.#fits(ops),
      undoAtHub: (/** @type {Made} */ undone, /** @type {Op[]} */ ops) => this.#undoAtHub(undone, ops),
    };
  }

  /**
   * @param {Op[]} ops
   * @param {EditOptions} options
   * @param {Error | null} error why none can be made
   * @returns {Edit}
   */
  edit(ops, options, error) {
    if (error) return this.refuse(error, ops);
    /** @type {Op[]} */
    let taken;
    try {
      taken = sendableOps(ops, this.#side.schema);
    } catch (unfit) {
      return this.refuse(/** @type {Error} */ (unfit), ops);
    }
    const undoable = options.undo !== false && taken.every(({ op }) => op !== 'move');
    const made = this.#made(taken, undoable);
    if (undoable) this.#side.history.record(this.#ground, made, options);
    const undo = () => this.#undo(made, undoable);
    const what = { id: made.id, channel: this.#side.channel, ops };
    return new Edit(what, made.outcome, undo, (error) => error instanceof Closed || this.#side.hearsFailures());
  }

  /**
   * @param {Made} made
   * @param {boolean} undoable
   */
  #undo(made, undoable) {
    if (undoable) return this.#side.history.reverseOne(this.#ground, made);
    return Promise.reject(new Misuse('this edit is not kept for undo'));
  }

  /**
   * @param {readonly Op[]} ops
   * @param {boolean} [traced] whether it may be taken back
   * @returns {Made & { outcome: Promise<import('./pending.js').EditPosition> }}
   */
  #made(ops, traced = true) {
    const look = this.#look();
    const traces = traced ? Traces.before(ops, look) : new Traces();
    const { edit, outcome } = this.#side.outbox.add(ops);
    outcome.catch(() => {});
    traces.after(look);
    if (edit && traced) this.#trace(edit.id, traces, outcome);
    return { id: edit?.id ?? '', outcome, traces };
  }

  /** Whether an edit goes into one message. @param {Op[]} ops */
  #fits(ops) {
    return new TextEncoder().encode(JSON.stringify(ops)).length + ENVELOPE <= this.#side.messageBytes();
  }

  /**
   * Has the hub take an edit back, by an edit that it makes of what it knows.
   *
   * @param {Made} undone
   * @param {Op[]} ops what that does
   * @returns {Promise<Made>}
   */
  async #undoAtHub(undone, ops) {
    const { seq } = await undone.outcome;
    const id = uuidv7();
    const traces = Traces.before(ops, this.#look());
    const path = `/channels/${encodeURIComponent(this.#side.channel)}/entries/${seq}/undo`;
    const outcome = this.#side.api.post(path, undefined, { query: { edit: undone.id }, headers: { 'idempotency-key': id } });
    this.#trace(id, traces, outcome);
    return { id, outcome: Promise.resolve(await outcome), traces };
  }

  /**
   * @param {string} id
   * @param {Traces} traces
   * @param {Promise<unknown>} outcome
   */
  #trace(id, traces, outcome) {
    if (this.traced.size >= TRACED) return;
    this.traced.set(id, traces);
    outcome.catch(() => this.traced.delete(id));
  }

  /**
   * An edit that never was one: nothing of it was shown, kept or sent.
   *
   * @param {Error} error
   * @param {readonly Op[]} [ops]
   * @returns {Edit}
   */
  refuse(error, ops = []) {
    const { channel, failed, hearsFailures } = this.#side;
    const heard = error instanceof EditError;
    if (heard) queueMicrotask(() => failed({ id: '', channel, ops, madeAt: Date.now(), error }));
    return new Edit({ id: '', channel, ops }, Promise.reject(error), () => Promise.reject(error), () => heard && hearsFailures());
  }

  /** @returns {import('./trace.js').Looker} */
  #look() {
    const { schema, view } = this.#side;
    return {
      schema,
      get: (table, key) => view.table(table).get(key),
      neighbours: (table, key) => this.#neighbours(table, key),
    };
  }

  /**
   * @param {string} table
   * @param {string} key
   */
  #neighbours(table, key) {
    const columns = this.#side.schema.keyColumns(table);
    const rows = this.#side.table(table).rows();
    const at = rows.findIndex((row) => keyText(keyOf(row, columns)) === key);
    const keyAt = (/** @type {number} */ place) => {
      const row = at < 0 ? undefined : rows[place];
      return row && keyOf(row, columns);
    };
    return { after: keyAt(at - 1), before: keyAt(at + 1) };
  }

  #around() {
    const { schema, view, channel } = this.#side;
    const all = () => [...view.tables].map((table) => /** @type {[string, Iterable<any>]} */ ([table, view.table(table).values()]));
    return { schema, channel, get: (/** @type {string} */ table, /** @type {string} */ key) => view.table(table).get(key), all };
  }
}
