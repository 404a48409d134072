/**
 * What the page says: errors, the connection, times and dates.
 *
 * @module
 */

import { wordsFor } from '/client/words.js';

/** @typedef {import('/client/types.js').ConnectionStatus} ConnectionStatus */

/** Where this page can say more than the client does. @type {Record<string, string>} */
const WORDS = {
  forbidden: 'You may not do that in this project.',
  unknown_channel: 'There is no such project, or it is not yours.',
  token_expired: 'Your session has ended. Sign in again; nothing that you made is lost.',
  close_4003: 'Your session has ended. Sign in again; nothing that you made is lost.',
  close_4500: 'Your session has ended. Sign in again; nothing that you made is lost.',
  too_large: 'That is too long.',
};

/**
 * An error in words for people.
 *
 * @param {any} error
 * @returns {string}
 */
export function errorWords(error) {
  const message = String(error?.message ?? 'Something went wrong');
  return WORDS[error?.code ?? ''] ?? sentence(error?.words ?? wordsFor(error?.code ?? '', message));
}

/** @param {string} text */
function sentence(text) {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

/** Why changes wait for longer although there is a connection. @type {Readonly<Record<string, string | undefined>>} */
const HINDRANCES = {
  storage_full: 'The disk of the server is full',
  read_only: 'The server takes no changes',
  unavailable: 'The database is away',
};

/**
 * The connection in words, with how many changes wait.
 *
 * @param {ConnectionStatus} status
 * @param {number} unsent
 * @returns {string}
 */
export function statusWords({ state, parts, reason }, unsent) {
  const waiting = unsent === 0 ? '' : ` · ${plural(unsent, 'change')} not sent yet`;
  const why = unsent === 0 ? undefined : HINDRANCES[reason?.code ?? ''];
  switch (state) {
    case 'live':
      return unsent === 0 ? 'Live' : why === undefined ? 'Saving…' : why + waiting;
    case 'connecting':
      return `Connecting…${waiting}`;
    case 'catching-up':
      return `Catching up…${waiting}`;
    case 'degraded':
      return (why ?? (parts.includes('store') ? 'The database is away' : 'Connected, with delays')) + waiting;
    case 'offline':
      return `Offline${waiting}`;
    default:
      return 'Signed out';
  }
}

/** When the connection is tried again, in words. @param {ConnectionStatus} status */
export function retryWords({ state, retryInMs }) {
  return state !== 'offline' || retryInMs === null ? '' : ` · trying again within ${Math.max(1, Math.ceil(retryInMs / 1_000))} s`;
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
