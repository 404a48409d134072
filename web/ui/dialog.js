/**
 * Questions that must be answered first: the browser's own modal dialog, which keeps the focus inside
 * and gives it back.
 *
 * @module
 */

import { h } from './dom.js';
import { icon } from './icons.js';

let count = 0;

/**
 * Shows a dialog until it is closed.
 *
 * @param {string} title
 * @param {(close: () => void) => (Node | string)[]} content
 * @returns {HTMLDialogElement}
 */
export function dialog(title, content) {
  const id = `dialog-${(count += 1)}`;
  const close = () => box.close();
  const box = h('dialog', { class: 'dialog', 'aria-labelledby': id });
  const closer = h('button', { type: 'button', class: 'bare', 'aria-label': 'Close', onclick: close }, icon('close'));
  box.append(h('header', {}, h('h2', { id }, title), closer), ...content(close));
  box.addEventListener('close', () => box.remove());
  closesOutside(box, close);
  document.body.append(box);
  box.showModal();
  // What is asked for first, not the way out: keys are text at once.
  /** @type {HTMLElement | null} */ (box.querySelector('input, select, textarea, .buttons > :last-child'))?.focus();
  return box;
}

/**
 * A press beside the dialog closes it, if it also began there.
 *
 * @param {HTMLDialogElement} box
 * @param {() => void} close
 */
function closesOutside(box, close) {
  const isBeside = (/** @type {MouseEvent} */ { target, clientX: x, clientY: y }) => {
    const { left, right, top, bottom } = box.getBoundingClientRect();
    return target === box && (x < left || x > right || y < top || y > bottom);
  };
  let began = false;
  box.addEventListener('pointerdown', (event) => (began = isBeside(event)));
  box.addEventListener('click', (event) => began && isBeside(event) && close());
}

/**
 * Asks whether something that cannot be undone is meant.
 *
 * @param {{ title: string, words: string, yes: string }} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, words, yes }) {
  return new Promise((resolve) => {
    const box = dialog(title, (close) => [
      h('p', {}, words),
      h(
        'div',
        { class: 'buttons' },
        h('button', { type: 'button', class: 'danger', onclick: () => (resolve(true), close()) }, yes),
        h('button', { type: 'button', onclick: close }, 'Cancel'),
      ),
    ]);
    box.addEventListener('close', () => resolve(false));
  });
}
