/**
 * Every wait of the client in one place. `connect({ timing: {…} })` may change them; tests do.
 *
 * @module
 */

/**
 * @typedef {object} Timing
 * @property {number} firstRetryMs a first retry waits a random time up to this, so that the clients
 *   of a node that fell do not come back at once
 * @property {number} maxRetryMs later retries wait a random time up to the double each, up to this
 * @property {number} settledMs a connection that held for this long begins with `firstRetryMs` again
 * @property {number} greetingMs from the first byte of a connection to `welcome`
 * @property {number} idleMs after this long without a message the client asks whether the hub lives
 * @property {number} waitingMs the same while an answer is awaited
 * @property {number} pongMs how long the hub may take to say anything then
 * @property {number} requestMs a connection on which a request has no answer for this long is given up
 * @property {number} renewLeadMs a token is renewed this long before it expires, or after three quarters
 *   of its life if that is shorter
 * @property {number} renewFloorMs at least this long between renewals of a token
 * @property {number} resetSpreadMs before the fresh snapshot that a `reset` asks for, a random time up to
 *   this
 * @property {number} stateMs at most one message per state and this time
 * @property {number} editRetryMs the first retry of an edit that failed for now; doubles each time
 * @property {number} editRetryMaxMs the longest wait between retries of an edit
 */

/** @type {Readonly<Timing>} */
export const TIMING = Object.freeze({
  firstRetryMs: 4_000,
  maxRetryMs: 30_000,
  settledMs: 10_000,
  greetingMs: 10_000,
  idleMs: 25_000,
  waitingMs: 5_000,
  pongMs: 5_000,
  requestMs: 60_000,
  renewLeadMs: 60_000,
  renewFloorMs: 1_000,
  resetSpreadMs: 1_000,
  stateMs: 50,
  editRetryMs: 500,
  editRetryMaxMs: 15_000,
});

/** How many edits of one channel may be on their way at once. */
export const EDITS_IN_FLIGHT = 32;

/** How many edits of one channel wait for the hub at most. */
export const EDITS_KEPT = 10_000;

/** How often an edit is tried again when the hub itself is at fault. */
export const INTERNAL_RETRIES = 8;

/** An edit older than this is not sent again: the hub keeps outcomes for 30 days. */
export const OLDEST_EDIT_MS = 29 * 24 * 3_600_000;

/** No timer of a browser or of Node waits longer than this. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;
