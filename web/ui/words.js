/**
 * What the page says: errors, the connection, times and dates.
 *
 * @module
 */

/** @typedef {import('/client/types.js').ConnectionStatus} ConnectionStatus */

/** @type {Record<string, string>} */
const WORDS = {
  forbidden: 'You may not do that in this project.',
  unknown_channel: 'There is no such project, or it is not yours.',
  not_found: 'It is not there any more: somebody deleted it in the meantime.',
  guard_failed: 'Somebody changed it in the meantime.',
  too_large: 'That is too long.',
  too_many: 'That is too much at once.',
  not_null: 'Something that is needed was left empty.',
  foreign_key: 'It refers to something that is gone.',
  unauthorized: 'Please sign in again.',
  token_expired: 'Your session has ended. Please sign in again.',
  no_token: 'Your session has ended. Please sign in again.',
  close_4003: 'Your session has ended. Please sign in again.',
  close_4500: 'Your session has ended. Please sign in again.',
  refresh_reused: 'This session was ended because its key was used twice. Please sign in again.',
  unavailable: 'The database cannot be reached at present.',
  read_only: 'The database takes no changes at present.',
  storage_full: 'The database’s disk is full. Changes wait here until there is room.',
  busy: 'Somebody is holding a lock on it.',
  rate_limited: 'That was too often. Wait a moment and try again.',
  last_owner: 'A project needs an owner. Make somebody else an owner first.',
  link_expired: 'This link has expired or was withdrawn. Ask for a new one.',
  offline: 'The hub cannot be reached. Check the network and try again.',
  connection_lost: 'The connection broke off. Try again when it is back.',
};

/**
 * An error in words for people.
 *
 * @param {any} error
 * @returns {string}
 */
export function errorWords(error) {
  return WORDS[error?.code ?? ''] ?? sentence(String(error?.detail ?? error?.message ?? 'Something went wrong'));
}

/** @param {string} text */
function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/**
 * The connection in words, with how many changes wait.
 *
 * @param {ConnectionStatus} status
 * @param {number} unsent
 * @returns {string}
 */
export function statusWords({ state, parts, retryInMs }, unsent) {
  const waiting = unsent === 0 ? '' : ` · ${plural(unsent, 'change')} not sent yet`;
  switch (state) {
    case 'live':
      return unsent > 0 ? 'Saving…' : 'Live';
    case 'connecting':
      return `Connecting…${waiting}`;
    case 'catching-up':
      return `Catching up…${waiting}`;
    case 'degraded':
      return (parts.includes('store') ? 'The database is away' : 'Connected, with delays') + waiting;
    case 'offline':
      return `Offline${waiting}${retryWords(retryInMs)}`;
    default:
      return 'Signed out';
  }
}

/** @param {number | null} ms */
function retryWords(ms) {
  return ms === null ? '' : ` · trying again within ${Math.max(1, Math.ceil(ms / 1_000))} s`;
}

/**
 * @param {number} count
 * @param {string} noun
 */
export function plural(count, noun) {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** @type {[number, Intl.RelativeTimeFormatUnit][]} */
const UNITS = [
  [60, 'second'],
  [60, 'minute'],
  [24, 'hour'],
  [30, 'day'],
  [12, 'month'],
  [Infinity, 'year'],
];
const RELATIVE = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

/** How long ago, in words. @param {string | undefined | null} time */
export function ago(time) {
  const at = Date.parse(time ?? '');
  if (Number.isNaN(at)) return '';
  let amount = Math.min(0, (at - Date.now()) / 1_000);
  if (amount > -45) return 'just now';
  for (const [size, unit] of UNITS) {
    if (Math.abs(amount) < size) return RELATIVE.format(Math.round(amount), unit);
    amount /= size;
  }
  return '';
}

/** Today where the person is, as the wire writes dates. */
export function today() {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}

/** Days from today to a date. @param {string} date */
export function daysUntil(date) {
  return Math.round((Date.parse(date) - Date.parse(today())) / 86_400_000);
}

/** A date in words. @param {string} date */
export function dateWords(date) {
  const days = daysUntil(date);
  if (Number.isNaN(days)) return date;
  if (Math.abs(days) <= 1) return ['Yesterday', 'Today', 'Tomorrow'][days + 1] ?? date;
  const sameYear = date.slice(0, 4) === today().slice(0, 4);
  const how = { day: 'numeric', month: 'short', timeZone: 'UTC', ...(sameYear ? {} : { year: 'numeric' }) };
  return new Date(`${date}T00:00:00Z`).toLocaleDateString('en-GB', /** @type {Intl.DateTimeFormatOptions} */ (how));
}
