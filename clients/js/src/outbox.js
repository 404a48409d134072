/**
 * The edits of one channel that are not in the log yet: sent in order, sent again with the same id
 * after a loss, shown as the optimistic layer until the client has applied the entry they stand in.
 *
 * Several edits are on their way at once, but never two of which one names a row that the other
 * changes: should the hub put the first one off, the second must not overtake it.
 *
 * @module
 */

import { jitteredDelay } from './backoff.js';
import { ConnectionLost, EditError, HubError, Misuse } from './errors.js';
import { PendingEdit } from './pending.js';
import { EDITS_IN_FLIGHT, EDITS_KEPT, INTERNAL_RETRIES, OLDEST_EDIT_MS } from './timing.js';

/** @typedef {import('./types.js').Ack} Ack */
/** @typedef {import('./types.js').Position} Position */
/** @typedef {import('./pending.js').EditPosition} EditPosition */
/** @typedef {import('./errors.js').RowcastError} RowcastError */

/** How many waiting edits are looked at for one that can be sent. */
const LOOK_AHEAD = 4 * EDITS_IN_FLIGHT;

/**
 * @typedef {object} OutboxHooks
 * @property {() => void} changed the edits shown, or what is known of them, changed
 * @property {() => void} tokenExpired the hub wants a new token first
 */

export class Outbox {
  #channel;
  #schema;
  #options;
  #hooks;
  /** @type {PendingEdit[]} */
  #edits = [];
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  /** Why edits wait although the hub is there; null if they do not. @type {HubError | null} */
  hindrance = null;

  /**
   * @param {string} channel
   * @param {import('./schema.js').SchemaBook} schema
   * @param {{ timing: import('./timing.js').Timing, random: () => number }} options
   * @param {OutboxHooks} hooks
   */
  constructor(channel, schema, options, hooks) {
    this.#channel = channel;
    this.#schema = schema;
    this.#options = options;
    this.#hooks = hooks;
  }

  /** How many edits are not known to be durable. */
  get unsent() {
    return this.#edits.filter((edit) => edit.phase !== 'acked').length;
  }

  /** Whether there are edits that may or may not stand in the log. */
  get uncertain() {
    return this.#edits.some((edit) => edit.uncertain);
  }

  /** What the edits do, in order. */
  get ops() {
    return this.#edits.map((edit) => edit.ops);
  }

  /**
   * Takes an edit.
   *
   * @param {readonly import('./types.js').Op[]} ops
   * @returns {Promise<EditPosition>} resolved once it is durable, rejected with `EditError` if it was
   *   refused
   */
  add(ops) {
    if (this.#edits.length >= EDITS_KEPT) return Promise.reject(tooManyKept());
    const edit = new PendingEdit(ops, this.#schema);
    this.#edits.push(edit);
    this.#send();
    this.#hooks.changed();
    return edit.outcome.promise;
  }

  /** @param {import('./socket.js').Socket} socket a greeted one */
  attach(socket) {
    this.#socket = socket;
    this.#resume();
  }

  /** The connection was lost: what was not answered will be sent again. */
  detach() {
    this.#socket = null;
    this.#stopPause();
    for (const edit of this.#edits) {
      if (edit.phase !== 'sent') continue;
      edit.phase = 'queued';
      edit.uncertain = true;
    }
  }

  /**
   * Lets go of the edits that the shown rows contain.
   *
   * @param {Position | null} position where the shown rows stand
   * @param {ReadonlyMap<string, number>} named edits named in entries that were applied
   * @param {boolean} renewed whether a snapshot has just taken the rows' place
   * @param {boolean} assembling whether a snapshot is on its way
   */
  settle(position, named, renewed, assembling) {
    if (position === null) return;
    this.#edits = this.#edits.filter((edit) => {
      const seq = named.get(edit.id);
      if (seq === undefined) return !isSettled(edit.ack, position, renewed, assembling);
      edit.outcome.resolve(this.#positionOf(edit.id, position.epoch, seq));
      return false;
    });
    this.#send();
  }

  /**
   * Gives all edits up.
   *
   * @param {RowcastError} error
   */
  fail(error) {
    this.#stopPause();
    const edits = this.#edits;
    this.#edits = [];
    for (const edit of edits) edit.outcome.reject(error);
  }

  #send() {
    if (this.#socket === null || this.#pause !== undefined) return;
    let inFlight = this.#edits.filter((edit) => edit.phase === 'sent').length;
    /** @type {PendingEdit[]} */
    const earlier = [];
    for (const edit of this.#edits.slice(0, LOOK_AHEAD)) {
      if (edit.phase === 'acked') continue;
      const free = inFlight < EDITS_IN_FLIGHT && !earlier.some((other) => edit.touches(other));
      if (edit.phase === 'queued' && free && this.#transmit(edit)) inFlight += 1;
      earlier.push(edit);
    }
  }

  /** @param {PendingEdit} edit @returns {boolean} whether it is on its way */
  #transmit(edit) {
    const { id, ops } = edit;
    try {
      refuseIfTooOld(edit);
      this.#socket?.ask({ type: 'edit', id, channel: this.#channel, ops }, (error, ack) =>
        this.#answered(edit, error, ack),
      );
      edit.phase = 'sent';
      return true;
    } catch (error) {
      if (error instanceof HubError) this.#refused(edit, error);
      return false;
    }
  }

  /**
   * @param {PendingEdit} edit
   * @param {HubError | ConnectionLost | null} error
   * @param {Ack} ack
   */
  #answered(edit, error, ack) {
    // The entry may have come first, and the connection's end is told by `detach`.
    if (!this.#edits.includes(edit) || error instanceof ConnectionLost) return this.#send();
    edit.uncertain = false;
    if (error === null) this.#acked(edit, ack);
    else if (canWait(edit, error)) this.#putOff(edit, error);
    else this.#refused(edit, error);
    this.#send();
    this.#hooks.changed();
  }

  /**
   * @param {PendingEdit} edit
   * @param {Ack} ack
   */
  #acked(edit, ack) {
    edit.phase = 'acked';
    edit.ack = ack;
    this.#failures = 0;
    this.hindrance = null;
    edit.outcome.resolve(this.#positionOf(edit.id, ack.epoch, ack.seq));
  }

  /**
   * @param {PendingEdit} edit
   * @param {HubError} error
   */
  #refused(edit, error) {
    this.#edits = this.#edits.filter((other) => other !== edit);
    edit.outcome.reject(new EditError(replyOf(error)));
    queueMicrotask(() => this.#hooks.changed());
  }

  /**
   * @param {PendingEdit} edit
   * @param {HubError} error
   */
  #putOff(edit, error) {
    edit.phase = 'queued';
    this.hindrance = error;
    if (error.code === 'token_expired') this.#hooks.tokenExpired();
    const { editRetryMs, editRetryMaxMs } = this.#options.timing;
    const delay = jitteredDelay(this.#failures, editRetryMs, editRetryMaxMs, this.#options.random);
    this.#failures += 1;
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.#resume(), error.retryAfterMs ?? delay);
  }

  #resume() {
    this.#stopPause();
    this.#send();
  }

  #stopPause() {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    this.hindrance = null;
  }

  /**
   * @param {string} id
   * @param {string} epoch
   * @param {number} seq
   * @returns {EditPosition}
   */
  #positionOf(id, epoch, seq) {
    return { id, channel: this.#channel, epoch, seq };
  }
}

/**
 * Whether the rows that are shown contain an edit, or never will: its log is not theirs any more.
 *
 * @param {Ack | null} ack
 * @param {Position} position
 * @param {boolean} renewed
 * @param {boolean} assembling
 */
function isSettled(ack, position, renewed, assembling) {
  if (ack === null) return false;
  if (ack.epoch === position.epoch) return ack.seq <= position.seq;
  return renewed || (ack.replayed === true && !assembling);
}

/**
 * Whether the same edit may succeed later.
 *
 * @param {PendingEdit} edit
 * @param {HubError} error
 */
function canWait(edit, error) {
  if (error.code === 'internal') edit.faults += 1;
  return (error.retry && edit.faults <= INTERNAL_RETRIES) || error.code === 'token_expired';
}

function tooManyKept() {
  return new Misuse(`${EDITS_KEPT} changes wait for the hub already: no more are kept`);
}

/** @param {PendingEdit} edit */
function refuseIfTooOld(edit) {
  if (!edit.uncertain || Date.now() - edit.madeAt < OLDEST_EDIT_MS) return;
  const message = 'this change waited for so long that the hub may have forgotten whether it was made';
  throw new HubError({ code: 'edit_conflict', message, retry: false });
}

/**
 * @param {HubError} error
 * @returns {import('./types.js').ErrorReply}
 */
function replyOf(error) {
  const { code, message, retry, retryAfterMs: retry_after_ms } = error;
  const { path, op, table, field, constraint, key, row, limit, channel } = error;
  return { type: 'error', code, message, retry, retry_after_ms, path, op, table, field, constraint, key, row, limit, channel };
}
