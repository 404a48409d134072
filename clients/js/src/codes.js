/**
 * What the codes of PROTOCOL.md's two closed tables say about trying again.
 *
 * @module
 */

/**
 * - `backoff`: with backoff and jitter
 * - `drain`: after the time that `drain` named
 * - `token`: once there is a new token
 * - `never`: not before the program or its configuration has changed
 *
 * @typedef {'backoff' | 'drain' | 'token' | 'never'} Reconnect
 */

/** @type {Readonly<Record<number, { rule: Reconnect, words: string }>>} */
const CODES = Object.freeze({
  1000: { rule: 'backoff', words: 'the connection was closed' },
  1002: { rule: 'never', words: 'the hub did not understand this client' },
  1003: { rule: 'never', words: 'the hub did not understand this client' },
  1007: { rule: 'never', words: 'the hub did not understand this client' },
  1009: { rule: 'never', words: 'a message was too big for the hub' },
  1011: { rule: 'backoff', words: 'the hub had an internal error' },
  4000: { rule: 'drain', words: 'the hub is restarting' },
  4001: { rule: 'backoff', words: 'the hub got no greeting in time' },
  4002: { rule: 'backoff', words: 'the hub got no answer from here' },
  4003: { rule: 'token', words: 'the login has expired' },
  4004: { rule: 'backoff', words: 'too many connections' },
  4005: { rule: 'backoff', words: 'the hub got only half a message' },
  4006: { rule: 'backoff', words: 'too many requests' },
  4500: { rule: 'token', words: 'the login is not valid' },
  4501: { rule: 'never', words: 'the hub did not understand this client' },
});

/**
 * The rule for a code. Unknown ones from 4500 to 4999 ask for a new token; all others, such as 1006
 * for a connection that broke, allow connecting again with backoff.
 *
 * @param {number} code
 * @returns {Reconnect}
 */
export function reconnectRule(code) {
  const known = CODES[code];
  if (known) return known.rule;
  return code >= 4500 && code <= 4999 ? 'token' : 'backoff';
}

/**
 * What happened, for people.
 *
 * @param {number} code
 * @returns {string}
 */
export function closeWords(code) {
  return CODES[code]?.words ?? 'the connection was lost';
}

const RETRYABLE = new Set([
  'rate_limited',
  'busy',
  'unavailable',
  'read_only',
  'storage_full',
  'draining',
  'internal',
]);

/**
 * Whether a request that failed with this code may succeed later without being changed; for messages
 * that carry the code alone.
 *
 * @param {string} code
 */
export function isRetryable(code) {
  return RETRYABLE.has(code);
}
