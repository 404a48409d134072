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
 * @property {{ label: string, run: () => void }} [other] something else to do about it
 * @property {boolean} [stays] until it is closed
 */

/**
 * @param {string} text
 * @param {NoticeOptions} [options]
 * @returns {() => void} takes it away
 */
export function notify(text, { kind = 'error', action, other, stays = false } = {}) {
  const box = byId('notices');
  const away = () => notice.remove();
  const acts = [action, other].flatMap((one) => (one ? h('button', { type: 'button', class: 'act', onclick: () => (away(), one.run()) }, one.label) : []));
  const close = h('button', { type: 'button', class: 'bare', 'aria-label': 'Close this notice', onclick: away }, icon('close'));
  const notice = h('div', { class: 'notice', data: { kind } }, said(text), ...acts, close);
  box.append(notice);
  while (box.children.length > MOST) (box.querySelector('.notice:not([data-stays])') ?? box.firstElementChild)?.remove();
  announce(text);
  if (stays) notice.dataset.stays = 'true';
  else staysAWhile(notice);
  return away;
}

/** Goes after some time, but not from under a hand. @param {HTMLElement} notice */
function staysAWhile(notice) {
  const later = () => setTimeout(() => (notice.matches(':hover, :focus-within') ? later() : notice.remove()), STAYS_MS);
  later();
}
