/**
 * Undo and redo. Taking back is an edit of its own, guarded so that it leaves alone what others have
 * changed since; taking that back again is redo.
 *
 * @module
 */

import { HubError } from './errors.js';
import { inverse } from './inverse.js';
import { keyOf } from './key.js';
import { Listeners } from './listeners.js';
import { rowId, Traces } from './trace.js';

/** @typedef {import('./edit.js').EditOptions} EditOptions */
/** @typedef {import('./inverse.js').Skipped} Skipped */
/** @typedef {import('./types.js').Row} Row */

/**
 * What became of an undo or redo.
 *
 * @typedef {object} UndoResult
 * @property {boolean} done whether anything was taken back
 * @property {Skipped[]} skipped what was left alone, because somebody else changed it since
 * @property {string} [channel] absent: there was nothing to take back
 * @property {readonly import('./types.js').Op[]} [ops] by which it was taken back, for words about it; not
 *   enumerable
 */

/**
 * Which steps are meant; all if nothing is named.
 *
 * @typedef {{ channel?: string, scope?: string }} Which
 */

/**
 * An edit that was made.
 *
 * @typedef {object} Made
 * @property {string} id
 * @property {Promise<{ seq: number }>} outcome where it stands in the log
 * @property {Traces} traces what it did
 */

/**
 * What the history needs of a channel.
 *
 * @typedef {object} Ground
 * @property {string} name
 * @property {() => Omit<import('./inverse.js').Surroundings, 'fresh'>} around
 * @property {(ops: import('./types.js').Op[]) => Made} make an edit that is not recorded
 * @property {(ops: import('./types.js').Op[]) => boolean} fits whether these go into one message
 * @property {(undone: Made, ops: import('./types.js').Op[]) => Promise<Made>} undoAtHub has the hub take an
 *   edit back by itself, which does the same as `ops`
 */

/**
 * @typedef {object} Step what is taken back at once
 * @property {Ground} ground
 * @property {string} [scope]
 * @property {string | symbol} [group]
 * @property {Map<string, Made>} edits by their ids
 */

/** How many steps are kept. */
const STEPS_KEPT = 200;

/** How often it is tried anew when somebody else was quicker. */
const ATTEMPTS = 4;

/** What the hub says when somebody else was quicker. */
const OUTRUN = new Set(['guard_failed', 'not_found', 'unique', 'foreign_key']);

export class History {
  /** @type {Step[]} */
  #done = [];
  /** @type {Step[]} */
  #undone = [];
  /** @type {symbol | undefined} */
  #group;
  /** @type {Listeners<[]>} */
  #listeners = new Listeners();
  /** @type {Listeners<[UndoResult]>} */
  #skips = new Listeners();

  /**
   * Takes the newest step back.
   *
   * @param {Which} [which]
   * @returns {Promise<UndoResult>} resolved once it is durable; what it does shows at once
   */
  undo(which = {}) {
    return this.#turn(this.#done, this.#undone, which);
  }

  /**
   * Does again what was taken back last.
   *
   * @param {Which} [which]
   * @returns {Promise<UndoResult>}
   */
  redo(which = {}) {
    return this.#turn(this.#undone, this.#done, which);
  }

  /** @param {Which} [which] */
  canUndo(which = {}) {
    return this.#done.some((step) => fits(step, which));
  }

  /** @param {Which} [which] */
  canRedo(which = {}) {
    return this.#undone.some((step) => fits(step, which));
  }

  /**
   * All edits of one channel that `make` makes before it returns are one step.
   *
   * @template T
   * @param {() => T} make
   * @returns {T}
   */
  group(make) {
    const outer = this.#group;
    this.#group ??= Symbol('group');
    try {
      return make();
    } finally {
      this.#group = outer;
    }
  }

  /** Forgets steps. @param {Which} [which] */
  clear(which = {}) {
    this.#done = this.#done.filter((step) => !fits(step, which));
    this.#undone = this.#undone.filter((step) => !fits(step, which));
    this.#listeners.call();
  }

  /**
   * Calls `listener` when what can be undone or redone changed.
   *
   * @param {() => void} listener
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /**
   * Calls `listener` when an undo or redo left something alone because somebody else changed it.
   *
   * @param {(result: UndoResult) => void} listener
   * @returns {() => void} stops it
   */
  onSkipped(listener) {
    return this.#skips.add(listener);
  }

  /**
   * For channels only: an edit was made.
   *
   * @param {Ground} ground
   * @param {Made} made
   * @param {EditOptions} options
   */
  record(ground, made, { scope, group }) {
    const { id, outcome } = made;
    const name = group ?? this.#group;
    const top = this.#done.at(-1);
    const joins = name !== undefined && top?.group === name && top.ground === ground && top.scope === scope;
    if (joins) top.edits.set(id, made);
    else this.#push(this.#done, { ground, scope, group: name, edits: new Map([[id, made]]) });
    this.#undone = this.#undone.filter((step) => step.ground !== ground || step.scope !== scope);
    this.#listeners.call();
    outcome.catch(() => this.#forget(id));
  }

  /**
   * For edits only: takes back one edit, wherever it stands.
   *
   * @param {Ground} ground
   * @param {Made} made
   * @returns {Promise<UndoResult>}
   */
  reverseOne(ground, made) {
    const scope = this.#done.find((step) => step.edits.has(made.id))?.scope;
    this.#forget(made.id);
    return this.#reverse({ ground, scope, edits: new Map([[made.id, made]]) }, this.#undone);
  }

  /**
   * @param {Step[]} from
   * @param {Step[]} to
   * @param {Which} which
   * @returns {Promise<UndoResult>}
   */
  #turn(from, to, which) {
    const at = from.findLastIndex((step) => fits(step, which));
    const [step] = at < 0 ? [] : from.splice(at, 1);
    if (!step) return Promise.resolve({ done: false, skipped: [] });
    return this.#reverse(step, to);
  }

  /**
   * @param {Step} step
   * @param {Step[]} to
   * @returns {Promise<UndoResult>}
   */
  async #reverse(step, to) {
    /** @type {Map<string, Row | null>} */
    const fresh = new Map();
    for (let attempt = 1; ; attempt += 1) {
      const merged = Traces.merged([...step.edits.values()].map(({ traces }) => traces));
      const { ops, skipped } = inverse(merged.rows.values(), { ...step.ground.around(), fresh });
      /** @type {UndoResult} */
      const result = Object.defineProperty({ done: ops.length > 0, skipped, channel: step.ground.name }, 'ops', { value: ops });
      if (ops.length === 0) return this.#ended(result);
      if (!step.ground.fits(ops)) return this.#reverseAtHub(step, to, ops, result);
      const made = step.ground.make(ops);
      const { id } = made;
      this.#push(to, { ground: step.ground, scope: step.scope, edits: new Map([[id, made]]) });
      this.#listeners.call();
      try {
        await made.outcome;
        return this.#ended(result);
      } catch (error) {
        this.#forget(id);
        if (!(error instanceof HubError) || !OUTRUN.has(error.code)) throw error;
        const learned = learn(error, ops, step.ground.around().schema, fresh);
        if (!learned || attempt === ATTEMPTS) return this.#ended({ ...result, done: false, skipped: all(merged) });
      }
    }
  }

  /**
   * Rows that are too long for a message: the hub has them, and takes edit by edit back.
   *
   * @param {Step} step
   * @param {Step[]} to
   * @param {import('./types.js').Op[]} ops
   * @param {UndoResult} result
   * @returns {Promise<UndoResult>}
   */
  async #reverseAtHub({ ground, scope, edits }, to, ops, result) {
    /** @type {Map<string, Made>} */
    const undone = new Map();
    try {
      for (const edit of [...edits.values()].reverse()) {
        const made = await ground.undoAtHub(edit, undone.size === 0 ? ops : []);
        undone.set(made.id, made);
      }
    } catch (error) {
      if (!OUTRUN.has(/** @type {any} */ (error).code)) throw error;
      const merged = Traces.merged([...edits.values()].map(({ traces }) => traces));
      return this.#ended({ ...result, done: undone.size > 0, skipped: all(merged) });
    } finally {
      if (undone.size > 0) this.#push(to, { ground, scope, edits: undone });
    }
    return this.#ended(result);
  }

  /** @param {UndoResult} result */
  #ended(result) {
    if (result.skipped.length > 0) this.#skips.call(result);
    this.#listeners.call();
    return result;
  }

  /** @param {string} id of an edit that is not there any more */
  #forget(id) {
    for (const steps of [this.#done, this.#undone]) {
      const at = steps.findIndex(({ edits }) => edits.delete(id));
      if (at >= 0 && steps[at]?.edits.size === 0) steps.splice(at, 1);
    }
    this.#listeners.call();
  }

  /**
   * @param {Step[]} steps
   * @param {Step} step
   */
  #push(steps, step) {
    steps.push(step);
    if (steps.length > STEPS_KEPT) steps.shift();
  }
}

/**
 * @param {Step} step
 * @param {Which} which
 */
function fits(step, { channel, scope }) {
  return (channel === undefined || step.ground.name === channel) && (scope === undefined || step.scope === scope);
}

/**
 * Takes from a refusal how the row is that somebody else was quicker to change.
 *
 * @param {HubError} error
 * @param {import('./types.js').Op[]} ops
 * @param {import('./schema.js').SchemaBook} schema
 * @param {Map<string, Row | null>} fresh
 * @returns {boolean} whether that is news
 */
function learn(error, ops, schema, fresh) {
  const op = ops[error.op ?? 0];
  if (op === undefined) return false;
  const own = op.op === 'insert' ? keyOf(op.row, schema.keyColumns(op.table)) : op.key;
  // What is not found may be the row beside which this one was to stand.
  const id = rowId(op.table, error.code === 'not_found' ? (error.key ?? own) : own);
  if (fresh.has(id)) return false;
  fresh.set(id, error.code === 'not_found' ? null : (error.row ?? {}));
  return true;
}

/** @param {Traces} traces @returns {Skipped[]} */
function all({ rows }) {
  return [...rows.values()].map(({ table, key }) => ({ table, key, reason: 'changed' }));
}
