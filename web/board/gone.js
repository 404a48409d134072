/**
 * What stands in the place of a board that somebody may not see any more: words, and a way on.
 *
 * @module
 */

import { h } from '../ui/dom.js';
import { errorWords } from '../ui/words.js';

/**
 * @param {string | null} name of the project
 * @param {any} error why
 */
export function gone(name, error) {
  const words = error?.code === 'forbidden' ? 'You are no longer a member of this project.' : errorWords(error);
  const title = h('h2', { tabindex: '-1' }, name ? `“${name}” is closed to you` : 'This project is closed to you');
  const element = h('div', { class: 'empty', role: 'alert' }, title, h('p', {}, words), h('a', { class: 'button primary', href: '#/' }, 'Go to your projects'));
  return { element, title };
}
