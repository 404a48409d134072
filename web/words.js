/**
 * What the page says when something goes wrong.
 *
 * @module
 */

/** @typedef {import('/client/index.js').RowcastError} RowcastError */
/** @typedef {import('/client/types.js').ConnectionStatus} ConnectionStatus */

/** @type {Record<string, string>} */
const WORDS = {
  forbidden: 'You may not do that in this project.',
  unknown_channel: 'There is no such project, or it is not yours.',
  not_found: 'Somebody deleted it in the meantime.',
  guard_failed: 'Somebody changed it in the meantime.',
  too_large: 'That is too long.',
  not_null: 'Something that is needed was left empty.',
  unauthorized: 'The login is not valid any more.',
  token_expired: 'The login has expired.',
  no_token: 'The login has expired.',
  close_4003: 'The login has expired.',
  close_4500: 'The login is not valid any more.',
  unavailable: 'The database cannot be reached.',
  read_only: 'The database takes no changes at present.',
  storage_full: 'The database’s disk is full.',
  busy: 'Somebody is holding a lock on it.',
  rate_limited: 'Too many changes at once.',
};

/**
 * An error in words for people.
 *
 * @param {Error & { code?: string }} error
 * @returns {string}
 */
export function errorWords(error) {
  return WORDS[error.code ?? ''] ?? sentence(error.message);
}

/** @param {string} text */
function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/**
 * The connection in words.
 *
 * @param {ConnectionStatus} status
 * @returns {string}
 */
export function statusWords({ state, parts, reason, retryInMs }) {
  switch (state) {
    case 'live':
      return 'Live';
    case 'connecting':
      return 'Connecting…';
    case 'catching-up':
      return 'Catching up…';
    case 'degraded':
      return degradedWords(parts);
    case 'offline':
      return `Offline: ${lower(reason?.message ?? 'the connection was lost')}${retryWords(retryInMs)}`;
    default:
      return `Closed: ${lower(reason ? errorWords(reason) : 'signed out')}`;
  }
}

/** @param {string[]} parts */
function degradedWords(parts) {
  return parts.includes('store') ? 'The database is away: changes wait' : 'Connected, with delays';
}

/** @param {number | null} ms */
function retryWords(ms) {
  return ms === null ? '' : `, trying again within ${Math.max(1, Math.ceil(ms / 1_000))} s`;
}

/** @param {string} text */
function lower(text) {
  return text.charAt(0).toLowerCase() + text.slice(1).replace(/\.$/, '');
}
