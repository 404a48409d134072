/**
 * How long a token that has just come is good for, as a duration: the clock of this device may be wrong.
 *
 * @module
 */

/** Assumed where nobody says it, milliseconds: the hub refuses a token that has ended, and then another is fetched. */
const ASSUMED_MS = 300_000;
/** What seems to have ended longer ago has not: nobody waits so long for an answer. */
const LATE_MS = 30_000;

/**
 * @param {string} token a JWT tells when it was made and when it ends, both by the hub's clock
 * @param {string | undefined} expires when it ends, for a token of another kind
 * @returns {number} milliseconds from now
 */
export function lifetimeOf(token, expires) {
  const { iat, exp } = claimsOf(token);
  const told = Number(exp) > Number(iat) ? (Number(exp) - Number(iat)) * 1_000 : Date.parse(expires ?? '') - Date.now();
  if (Number.isNaN(told) || told < -LATE_MS) return ASSUMED_MS;
  return Math.max(told, 0);
}

/** @param {string} token @returns {{ iat?: number, exp?: number }} */
function claimsOf(token) {
  try {
    const [, claims = ''] = token.split('.');
    return JSON.parse(atob(claims.replaceAll('-', '+').replaceAll('_', '/'))) ?? {};
  } catch {
    return {};
  }
}
