/**
 * How long to wait before trying again: full jitter, so that many clients spread evenly.
 *
 * @module
 */

/**
 * A random wait below `first · 2^attempt`, and below `max`.
 *
 * @param {number} attempt failed attempts before this one; 0 for the first retry
 * @param {number} first the bound of the first wait, milliseconds
 * @param {number} max the bound of all waits, milliseconds
 * @param {() => number} random in [0, 1)
 * @returns {number} milliseconds
 */
export function jitteredDelay(attempt, first, max, random) {
  return random() * Math.min(max, first * 2 ** Math.min(attempt, 30));
}
