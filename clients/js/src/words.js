/**
 * What happened and what to do, in words for people, for every code that an error may carry.
 *
 * @module
 */

/** @type {Readonly<Record<string, string>>} */
const WORDS = Object.freeze({
  bad_message: 'This program and the server do not understand each other. Reload the page.',
  unknown_type: 'The server does not know this yet. Try again later.',
  too_large: 'This is too long. Shorten it and try again.',
  too_deep: 'This is nested too deeply.',
  too_many: 'This is too much at once. Try with less.',
  unauthorized: 'You are signed out. Sign in again; nothing that you made is lost.',
  token_expired: 'You are signed out. Sign in again; nothing that you made is lost.',
  no_token: 'You are signed out. Sign in again; nothing that you made is lost.',
  forbidden: 'You are not allowed to do this. Ask an owner of the project.',
  unknown_channel: 'This does not exist any more, or it is not shared with you.',
  unknown_table: 'This program is older than the server. Reload the page.',
  unknown_field: 'This program is older than the server. Reload the page.',
  wrong_type: 'This value does not fit here.',
  readonly_field: 'This cannot be changed by hand.',
  not_null: 'This must not be empty.',
  unique: 'There is one like this already.',
  foreign_key: 'This belongs to something that does not exist any more.',
  check: 'This value is not allowed here.',
  refused: 'The server refused the change.',
  not_found: 'Somebody has deleted this in the meantime.',
  guard_failed: 'Somebody else has changed this in the meantime.',
  edit_conflict: 'This change was sent twice with different content.',
  edit_expired: 'This change waited for so long that nobody knows whether it was made. Look, and make it again if needed.',
  rate_limited: 'Too much at once. It goes on in a moment by itself.',
  busy: 'Somebody else is changing this just now. It is tried again by itself.',
  unavailable: 'The server cannot reach its database. It goes on by itself.',
  read_only: 'The server takes no changes at present. Yours are kept, and sent later.',
  storage_full: 'The disk of the server is full. Your changes are kept, and sent when there is room.',
  draining: 'The server is restarting. It goes on by itself.',
  internal: 'The server made a mistake. Try again; if it stays like this, tell who runs it.',
  connection_lost: 'There is no connection. It goes on by itself.',
  closed: 'The connection was closed.',
  other_person: 'Somebody else has signed in here.',
  token_late: 'The sign-in does not answer. It goes on by itself.',
  token_failed: 'The sign-in does not answer. It goes on by itself.',
  network: 'There is no connection. Try again.',
  method_not_allowed: 'The server does not know this. Reload the page.',
  unsupported_media_type: 'The server does not know this. Reload the page.',
  email_taken: 'There is an account with this address already. Sign in instead.',
  weak_password: 'This password is too easy to guess. Take a longer one.',
  wrong_password: 'The password is not right.',
  last_owner: 'A project needs at least one owner. Make somebody else an owner first.',
  refresh_reused: 'For your safety you were signed out everywhere. Sign in again.',
  refresh_raced: 'Another window is signing in. Try again.',
  link_expired: 'This link does not work any more. Ask for a new one.',
});

/**
 * @param {string} code
 * @param {string} message what the hub or the client said itself
 * @returns {string} a sentence or two
 */
export function wordsFor(code, message) {
  return Object.hasOwn(WORDS, code) ? /** @type {string} */ (WORDS[code]) : message;
}
