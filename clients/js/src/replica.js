/**
 * The copy of one channel's rows that follows its log: entries in order, without a gap; snapshots
 * assembled out of sight and shown whole.
 *
 * @module
 */

import { keyText } from './key.js';
import { Rows, Touched } from './rows.js';

/** @typedef {import('./types.js').Entry} Entry */
/** @typedef {import('./types.js').Position} Position */

/**
 * What became of news:
 * - `ok`: applied, or nothing to do
 * - `gap`: entries are missing; subscribe again with `cursor`
 * - `reset`: subscribe again without a cursor
 *
 * @typedef {'ok' | 'gap' | 'reset'} Outcome
 */

/** A copy of the rows and the place in the log at which it stands. */
class Copy {
  rows = new Rows();
  /** @type {Position | null} */
  position = null;
  /** The hash of the schema that they follow. @type {string | undefined} */
  schema;
  /** The edits named in entries that were applied and not yet told. @type {Map<string, number>} */
  named = new Map();
}

export class Replica {
  #schema;
  #traced;
  #shown = new Copy();
  /** @type {{ copy: Copy, epoch: string, show: number } | null} */
  #building = null;
  #touched = new Touched();
  #void = true;
  #awaiting = true;

  /**
   * @param {import('./schema.js').SchemaBook} schema
   * @param {Map<string, import('./trace.js').Traces>} [traced] edits of which is kept what they do
   */
  constructor(schema, traced = new Map()) {
    this.#schema = schema;
    this.#traced = traced;
  }

  /** The rows to show. */
  get rows() {
    return this.#shown.rows;
  }

  /** The place at which the shown rows stand; null before the first snapshot was shown. */
  get position() {
    return this.#shown.position;
  }

  /** With what to subscribe; undefined: a snapshot is needed. @returns {string | undefined} */
  get cursor() {
    return this.assembling ? undefined : this.#shown.position?.cursor;
  }

  /** Whether a snapshot is whole and waits to be shown. */
  get canShow() {
    const building = this.#building;
    return building?.copy.position != null && building.copy.position.seq >= building.show;
  }

  /**
   * Whether a snapshot is being assembled or waited for; also where the tables are others than when the
   * shown rows came.
   */
  get assembling() {
    return this.#void || this.#shown.schema !== this.#schema.hash;
  }

  /** Whether the shown rows follow the log. */
  get following() {
    return !this.#awaiting && !this.assembling;
  }

  /** The hub does not know the cursor. */
  forgetCursor() {
    this.#void = true;
  }

  /** News is ignored until `subscribed`; with a half-built snapshot a whole new one is needed. */
  interrupt() {
    this.#awaiting = true;
    this.#building = null;
  }

  /** The subscription for which `interrupt` made room holds. */
  subscribed() {
    this.#awaiting = false;
  }

  /** The shown rows and their place, to be kept; null if they are not worth it. @returns {import('./shelf.js').ChannelRows | null} */
  keep() {
    const [{ position, rows }, schema] = [this.#shown, this.#schema.whole];
    return this.assembling || position === null || schema === null ? null : { position, schema, tables: rows.all() };
  }

  /**
   * Shows rows that were kept, until there are others.
   *
   * @param {import('./shelf.js').ChannelRows} kept
   * @returns {boolean} whether they are of use
   */
  restore({ position, schema, tables }) {
    if (!this.#schema.known) this.#schema.learn(schema);
    if (this.position !== null || schema.hash !== this.#schema.hash) return false;
    const copy = new Copy();
    for (const [table, rows] of Object.entries(tables)) copy.rows.load(table, rows, this.#schema);
    this.#shown = Object.assign(copy, { position, schema: schema.hash });
    this.#touched.addAll(copy.rows.keys());
    this.#void = false;
    return true;
  }

  /** Drops everything. */
  clear() {
    this.#touched.addAll(this.#shown.rows.keys());
    this.#shown = new Copy();
    this.#void = true;
    this.interrupt();
  }

  /** @param {string} epoch */
  begin(epoch) {
    if (this.#awaiting) return;
    this.#void = true;
    const copy = Object.assign(new Copy(), { schema: this.#schema.hash });
    this.#building = { copy, epoch, show: Infinity };
  }

  /**
   * @param {string} table
   * @param {import('./types.js').Fields[]} rows
   */
  page(table, rows) {
    if (!this.#awaiting) this.#building?.copy.rows.load(table, rows, this.#schema);
  }

  /** @param {{ cursor: string, seq: number, show: number }} news */
  end({ cursor, seq, show }) {
    if (this.#awaiting || !this.#building) return;
    this.#building.copy.position = { epoch: this.#building.epoch, seq, cursor };
    this.#building.show = show;
  }

  /** Shows the snapshot that is whole. */
  show() {
    if (!this.#building) return;
    this.#touched.addAll(this.#shown.rows.keys());
    this.#touched.addAll(this.#building.copy.rows.keys());
    this.#shown = this.#building.copy;
    this.#building = null;
    this.#void = false;
  }

  /**
   * Applies entries, each whole, or none of them.
   *
   * @param {Entry[]} entries
   * @param {string} cursor the place after the last of them
   * @returns {Outcome}
   */
  take(entries, cursor) {
    const copy = this.#building?.copy ?? this.#shown;
    const position = copy.position;
    if (this.#awaiting || position === null) return 'ok';
    const fresh = entries.filter((entry) => entry.seq > position.seq);
    if (fresh.some((entry, at) => entry.seq !== position.seq + 1 + at)) return 'gap';
    for (const entry of fresh) {
      if (entry.reset?.length || !this.#apply(copy, entry)) return this.#mustReset();
    }
    if (fresh.length > 0) this.#advance(copy, position, entries, cursor);
    return 'ok';
  }

  /** The rows that changed since this was last asked. @returns {Touched} */
  takeTouched() {
    const touched = this.#touched;
    this.#touched = new Touched();
    return touched;
  }

  /** The edits that the shown rows contain since this was last asked, with their entries. */
  takeNamed() {
    const named = this.#shown.named;
    this.#shown.named = new Map();
    return named;
  }

  /**
   * @param {Copy} copy
   * @param {Entry} entry
   * @returns {boolean} false if it holds a change of an unknown kind
   */
  #apply(copy, entry) {
    const touched = copy === this.#shown ? this.#touched : new Touched();
    for (const change of entry.changes ?? []) {
      this.#trace(copy, entry, change);
      if (!copy.rows.apply(change, touched)) return false;
    }
    for (const edit of entry.edits ?? []) {
      copy.named.set(edit.id, entry.seq);
      this.#traced.delete(edit.id);
    }
    return true;
  }

  /**
   * @param {Copy} copy
   * @param {Entry} entry
   * @param {import('./types.js').Change} change
   */
  #trace(copy, entry, change) {
    const edit = change.edit === undefined ? undefined : entry.edits?.[change.edit];
    const traces = edit && this.#traced.get(edit.id);
    traces?.refine(change, copy.rows.get(change.table, keyText(change.key)), this.#schema);
  }

  /**
   * @param {Copy} copy
   * @param {Position} position
   * @param {Entry[]} entries
   * @param {string} cursor
   */
  #advance(copy, position, entries, cursor) {
    const seq = entries.at(-1)?.seq ?? position.seq;
    copy.position = { epoch: position.epoch, seq, cursor };
  }

  /** @returns {Outcome} */
  #mustReset() {
    this.#void = true;
    this.interrupt();
    return 'reset';
  }
}
