/**
 * Short notices at the edge of the page: what went wrong, or what was just done with a way to undo it.
 *
 * @module
 */

import { announce, byId, h, said } from './dom.js';
import { icon } from './icons.js';

/** How many notices stand at once. */
const MOST = 4;
/** How long a notice stands. */
const STAYS_MS = 12_000;

/**
 * @typedef {object} NoticeOptions
 * @property {'error' | 'info'} [kind]
 * @property {{ label: string, run: () => void }} [action] something to do about it
 */

/**
 * @param {string} text
 * @param {NoticeOptions} [options]
 * @returns {() => void} takes it away
 */
export function notify(text, { kind = 'error', action } = {}) {
  const box = byId('notices');
  const away = () => notice.remove();
  const act = action && h('button', { type: 'button', class: 'act', onclick: () => (away(), action.run()) }, action.label);
  const close = h('button', { type: 'button', class: 'bare', 'aria-label': 'Close this notice', onclick: away }, icon('close'));
  const notice = h('div', { class: 'notice', data: { kind } }, said(text), act, close);
  box.append(notice);
  while (box.children.length > MOST) box.firstElementChild?.remove();
  announce(text);
  staysAWhile(notice);
  return away;
}

/** Goes after some time, but not from under a hand. @param {HTMLElement} notice */
function staysAWhile(notice) {
  const later = () => setTimeout(() => (notice.matches(':hover, :focus-within') ? later() : notice.remove()), STAYS_MS);
  later();
}
