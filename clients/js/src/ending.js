/**
 * Why a connection ended, and what that means for the next one.
 *
 * @module
 */

import { closeWords, reconnectRule } from './codes.js';
import { Closed, ConnectionLost, HubError, RowcastError } from './errors.js';

/**
 * @typedef {object} Ending
 * @property {import('./codes.js').Reconnect} rule
 * @property {RowcastError} error
 * @property {number} [afterMs] when to come back, if the hub said so
 */

/** The client itself wanted it. @returns {Ending} */
export function stopped() {
  return { rule: 'never', error: new Closed() };
}

/**
 * There was no token to greet with.
 *
 * @param {unknown} error of the token source
 * @returns {Ending}
 */
export function withoutToken(error) {
  const none = error instanceof RowcastError && error.code === 'no_token';
  return { rule: none ? 'never' : 'backoff', error: asError(error, 'token_failed') };
}

/**
 * There could be no connection, whatever is tried.
 *
 * @param {string} url
 * @param {unknown} error
 * @returns {Ending}
 */
export function badUrl(url, error) {
  const { message } = asError(error, 'bad_url');
  return { rule: 'never', error: new RowcastError('bad_url', `cannot connect to ${url}: ${message}`) };
}

/**
 * The greeting failed.
 *
 * @param {unknown} error
 * @returns {Ending | undefined} undefined if the connection just ended: its own end says why
 */
export function refused(error) {
  if (error instanceof ConnectionLost) return undefined;
  if (!(error instanceof HubError)) return { rule: 'backoff', error: asError(error, 'greeting_failed') };
  const byToken = error.code === 'unauthorized' || error.code === 'token_expired';
  const rule = byToken ? 'token' : error.retry ? 'backoff' : 'never';
  return { rule, error, afterMs: error.retryAfterMs };
}

/** The hub understood too little of what it was sent. */
const NOT_UNDERSTOOD = 4501;

/**
 * The connection was closed or broke.
 *
 * @param {import('./socket.js').SocketEnd} end
 * @param {number | undefined} drainMs what `drain` said, if it came
 * @param {boolean} refused the hub refused single messages before
 * @returns {Ending}
 */
export function closed({ code, error }, drainMs, refused) {
  // What was not understood has been refused by then, each by itself: everything else goes on.
  const rule = refused && code === NOT_UNDERSTOOD ? 'backoff' : reconnectRule(code);
  const reason = rule === 'backoff' ? error : new RowcastError(`close_${code}`, closeWords(code));
  return { rule, error: reason, afterMs: rule === 'never' ? undefined : drainMs };
}

/**
 * @param {unknown} error
 * @param {string} code for an error that is not ours
 */
function asError(error, code) {
  if (error instanceof RowcastError) return error;
  return new RowcastError(code, error instanceof Error ? error.message : String(error));
}
