/**
 * Texts to copy.
 *
 * @module
 */

import { h } from './dom.js';
import { notify } from './notices.js';

/** A button that copies a text. @param {string} text */
export function copyButton(text) {
  return h('button', { type: 'button', class: 'copy', onclick: () => void copyText(text) }, 'Copy');
}

/**
 * A text in a field of its own, with a button that copies it.
 *
 * @param {string} label
 * @param {string} text
 */
export function copyField(label, text) {
  const field = h('input', { readOnly: true, value: text, 'aria-label': label, onfocus: () => field.select() });
  return h('div', { class: 'copy-field' }, h('span', { class: 'faint', 'aria-hidden': 'true' }, label), field, copyButton(text));
}

/** @param {string} text */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify('Copied.', { kind: 'info' });
  } catch {
    // Without a secure origin a browser gives no clipboard.
    notify('Select the text and press Ctrl+C to copy it.', { kind: 'info' });
  }
}
