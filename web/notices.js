/**
 * Tells people what went wrong, until they close it or some time has passed.
 *
 * @module
 */

import { byId, textElement } from './dom.js';

/** How many notices stand at once. */
const MOST = 4;
/** How long a notice stands. */
const STAYS_MS = 15_000;

/** @param {string} text */
export function notify(text) {
  const box = byId('notices');
  const notice = document.createElement('p');
  notice.append(textElement('span', '', text), closeButton(notice));
  box.append(notice);
  while (box.children.length > MOST) box.firstElementChild?.remove();
  setTimeout(() => notice.remove(), STAYS_MS);
}

/** @param {HTMLElement} notice */
function closeButton(notice) {
  const button = textElement('button', '', '×');
  button.setAttribute('type', 'button');
  button.setAttribute('aria-label', 'Close this notice');
  button.addEventListener('click', () => notice.remove());
  return button;
}
