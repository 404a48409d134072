/**
 * The edits of one channel that are not in the log yet: sent in order, sent again with the same id
 * after a loss, shown as the optimistic layer until the client has applied the entry they stand in.
 *
 * Several edits are on their way at once, but never two of which one names a row that the other
 * changes: should the hub put the first one off, the second must not overtake it.
 *
 * It outlives the channel that people look at: what was made is sent, followed or not.
 *
 * @module
 */

import { jitteredDelay } from './backoff.js';
import { ConnectionLost, HubError } from './errors.js';
import { PendingEdit } from './pending.js';
import { sendableOps } from './sendable.js';
import { EDITS_IN_FLIGHT, EDITS_KEPT } from './timing.js';
import { canWait, isSettled, refusalOf, refuseIfTooOld, tooManyKept } from './verdict.js';

/** @typedef {import('./types.js').Ack} Ack */
/** @typedef {import('./types.js').Position} Position */
/** @typedef {import('./pending.js').EditPosition} EditPosition */
/** @typedef {import('./errors.js').RowcastError} RowcastError */

/** How many waiting edits are looked at for one that can be sent. */
const LOOK_AHEAD = 4 * EDITS_IN_FLIGHT;

/**
 * What an outbox needs of the client.
 *
 * @typedef {object} OutboxSide
 * @property {import('./schema.js').SchemaBook} schema
 * @property {import('./timing.js').Timing} timing
 * @property {() => number} random
 * @property {import('./keeper.js').Keeper} keeper where edits are written down
 * @property {(refused: FailedEdit) => void} failed
 * @property {() => void} changed the number of unsent edits changed
 * @property {() => void} tokenExpired the hub wants a new token first
 */

/**
 * An edit that was refused, or is too old to be sent again: what the person made, to give it back.
 *
 * @typedef {object} FailedEdit
 * @property {string} id
 * @property {string} channel
 * @property {readonly import('./types.js').Op[]} ops
 * @property {number} madeAt milliseconds since 1970
 * @property {RowcastError} error
 */

export class Outbox {
  #channel;
  #client;
  /** Tells the channel that follows. @type {(() => void) | null} */
  #follower = null;
  /** @type {PendingEdit[]} */
  #edits = [];
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #pause;

  /** @type {HubError | null} */
  #hindrance = null;

  /**
   * @param {string} channel
   * @param {OutboxSide} client
   */
  constructor(channel, client) {
    this.#channel = channel;
    this.#client = client;
  }

  /**
   * A channel shows these edits from now on.
   *
   * @param {() => void} changed called when the edits shown, or what is known of them, changed
   */
  follow(changed) {
    this.#follower = changed;
  }

  /** No channel shows them any more; they are sent all the same. */
  unfollow() {
    this.#follower = null;
    this.#edits = this.#edits.filter((edit) => edit.phase !== 'acked' || this.#drop(edit));
  }

  /** How many edits are not known to be durable. */
  get unsent() {
    return this.#edits.filter((edit) => edit.phase !== 'acked').length;
  }

  /** Why edits wait although the hub is there; null if they do not. @returns {HubError | null} */
  get hindrance() {
    return this.unsent > 0 ? this.#hindrance : null;
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
   * @returns {{ edit: PendingEdit | null, outcome: Promise<EditPosition> }} the outcome is resolved once
   *   it is durable, rejected with `EditError` if it was refused
   */
  add(ops) {
    if (this.#edits.length >= EDITS_KEPT) return { edit: null, outcome: Promise.reject(tooManyKept()) };
    const edit = new PendingEdit(ops, this.#client.schema);
    this.#edits.push(edit);
    edit.phase = 'storing';
    this.#client.keeper.keep(this.#recordOf(edit), () => this.#stored(edit));
    this.#changed();
    return { edit, outcome: edit.outcome.promise };
  }

  /**
   * Takes edits that were written down earlier, by this tab or one that is gone, or by an older version
   * of this program, which may have written down what cannot be sent: that is given back at once. Whether
   * they were sent is not known.
   *
   * @param {import('./keeper.js').EditRecord[]} records
   * @param {boolean} elsewhere another tab sends them; this one only shows them
   */
  restore(records, elsewhere) {
    const known = new Map(this.#edits.map((edit) => [edit.id, edit]));
    for (const record of records) {
      const edit = known.get(record.id) ?? this.#restored(record, elsewhere);
      if (edit === null) continue;
      if (edit.phase !== 'elsewhere' && known.has(record.id)) continue;
      edit.phase = elsewhere ? 'elsewhere' : 'queued';
      edit.uncertain = !elsewhere;
      if (!known.has(record.id)) this.#edits.push(edit);
    }
    this.#edits.sort((a, b) => (a.id < b.id ? -1 : 1));
    this.#send();
    this.#changed();
  }

  /**
   * @param {import('./keeper.js').EditRecord} record
   * @param {boolean} elsewhere
   * @returns {PendingEdit | null} null: it can never be sent
   */
  #restored(record, elsewhere) {
    const { schema, keeper, failed } = this.#client;
    try {
      // As JSON would have sent it: the hub may have it already, under this id.
      return new PendingEdit(sendableOps(record.ops, schema, { gaps: true }), schema, record);
    } catch (error) {
      if (!elsewhere) {
        keeper.drop(record.id);
        failed({ ...record, error: /** @type {RowcastError} */ (error) });
      }
      return null;
    }
  }

  /** Another tab has nothing more to do for these edits. @param {ReadonlySet<string>} ids */
  goneElsewhere(ids) {
    const left = this.#edits.filter((edit) => edit.phase !== 'elsewhere' || !ids.has(edit.id));
    if (left.length === this.#edits.length) return;
    this.#edits = left;
    this.#send();
    this.#changed();
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
    this.#hindrance = null;
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
      if (seq === undefined) return !isSettled(edit.ack, position, renewed, assembling) || this.#drop(edit);
      edit.outcome.resolve(this.#positionOf(edit.id, position.epoch, seq));
      return this.#drop(edit);
    });
    this.#send();
  }

  /**
   * Gives all edits up: the hub would refuse them.
   *
   * @param {RowcastError} error
   */
  refuseAll(error) {
    const edits = this.#edits.filter((edit) => edit.phase !== 'elsewhere');
    this.fail(error);
    for (const edit of edits) this.#gaveUp(edit, error);
  }

  /**
   * Gives all edits up here; what was written down stays for another time.
   *
   * @param {RowcastError} error
   */
  fail(error) {
    this.#stopPause();
    const edits = this.#edits;
    this.#edits = [];
    for (const edit of edits) edit.outcome.reject(error);
  }

  /** @param {PendingEdit} edit */
  #stored(edit) {
    if (edit.phase !== 'storing') return;
    edit.phase = 'queued';
    this.#send();
  }

  /** Nothing more is to be done for an edit. @param {PendingEdit} edit @returns {false} */
  #drop(edit) {
    if (edit.phase !== 'elsewhere') this.#client.keeper.drop(edit.id);
    return false;
  }

  /**
   * @param {PendingEdit} edit
   * @param {RowcastError} error
   */
  #gaveUp(edit, error) {
    this.#drop(edit);
    const { id, ops, madeAt } = edit;
    if (edit.phase !== 'acked') this.#client.failed({ id, channel: this.#channel, ops, madeAt, error });
  }

  /** @param {PendingEdit} edit */
  #recordOf({ id, ops, madeAt }) {
    return { id, channel: this.#channel, ops, madeAt };
  }

  #changed() {
    this.#follower?.();
    this.#client.changed();
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
      if (!(error instanceof ConnectionLost)) this.#refused(edit, asHubError(error));
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
    this.#changed();
  }

  /**
   * @param {PendingEdit} edit
   * @param {Ack} ack
   */
  #acked(edit, ack) {
    edit.phase = 'acked';
    edit.ack = ack;
    this.#failures = 0;
    this.#hindrance = null;
    edit.outcome.resolve(this.#positionOf(edit.id, ack.epoch, ack.seq));
    if (this.#follower !== null) return;
    this.#edits = this.#edits.filter((other) => other !== edit);
    this.#drop(edit);
  }

  /**
   * @param {PendingEdit} edit
   * @param {HubError} error
   */
  #refused(edit, error) {
    this.#edits = this.#edits.filter((other) => other !== edit);
    const refusal = refusalOf(error);
    edit.outcome.reject(refusal);
    this.#gaveUp(edit, refusal);
    queueMicrotask(() => this.#changed());
  }

  /**
   * @param {PendingEdit} edit
   * @param {HubError} error
   */
  #putOff(edit, error) {
    edit.phase = 'queued';
    this.#hindrance = error;
    if (error.code === 'token_expired') this.#client.tokenExpired();
    const { editRetryMs, editRetryMaxMs } = this.#client.timing;
    const delay = jitteredDelay(this.#failures, editRetryMs, editRetryMaxMs, this.#client.random);
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
 * Whatever keeps an edit from being sent is said of this edit, and the others go on.
 *
 * @param {unknown} error
 * @returns {HubError}
 */
function asHubError(error) {
  if (error instanceof HubError) return error;
  return new HubError({ code: 'bad_message', message: `this edit cannot be sent: ${error}`, retry: false });
}
