/**
 * What becomes of an edit: whether it has taken its place, may wait, or is over.
 *
 * @module
 */

import { EditError, HubError, Misuse } from './errors.js';
import { EDITS_KEPT, INTERNAL_RETRIES, OLDEST_EDIT_MS } from './timing.js';

/** @typedef {import('./types.js').Ack} Ack */
/** @typedef {import('./types.js').Position} Position */
/** @typedef {import('./pending.js').PendingEdit} PendingEdit */

/**
 * Whether the rows that are shown contain an edit, or never will: its log is not theirs any more.
 *
 * @param {Ack | null} ack
 * @param {Position} position
 * @param {boolean} renewed
 * @param {boolean} assembling
 */
export function isSettled(ack, position, renewed, assembling) {
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
export function canWait(edit, error) {
  if (error.code === 'internal') edit.faults += 1;
  return (error.retry && edit.faults <= INTERNAL_RETRIES) || error.code === 'token_expired';
}

/** More edits wait than are kept. */
export function tooManyKept() {
  return new Misuse(`${EDITS_KEPT} changes wait for the hub already: no more are kept`);
}

/** Throws if the hub may have forgotten whether it made the edit. @param {PendingEdit} edit */
export function refuseIfTooOld(edit) {
  if (!edit.uncertain || Date.now() - edit.madeAt < OLDEST_EDIT_MS) return;
  const message = 'this change waited for so long that the hub may have forgotten whether it was made';
  throw new HubError({ code: 'edit_expired', message, retry: false });
}

/**
 * The refusal of a request as that of an edit.
 *
 * @param {HubError} error
 */
export function refusalOf(error) {
  const { code, message, retry, retryAfterMs: retry_after_ms } = error;
  const { path, op, table, field, constraint, key, row, limit, channel } = error;
  return new EditError({ code, message, retry, retry_after_ms, path, op, table, field, constraint, key, row, limit, channel });
}
