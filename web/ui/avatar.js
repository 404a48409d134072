/**
 * People as small discs with their initials, always in the same colour.
 *
 * @module
 */

import { h, visible } from './dom.js';

/** A hue from 0 to 359 for any text. @param {string} text */
export function hueOf(text) {
  let hash = 7;
  for (let at = 0; at < Math.min(text.length, 64); at += 1) hash = (hash * 31 + text.charCodeAt(at)) >>> 0;
  return hash % 360;
}

/** @param {string} name */
function initials(name) {
  const words = visible(name).trim().split(/\s+/).slice(0, 2);
  return words.map((word) => [...word][0] ?? '').join('').toUpperCase() || '?';
}

/**
 * @param {string} id
 * @param {string} name
 * @param {string} [words] what it says to those who do not see it, or point at it; empty where the name stands beside it
 */
export function avatar(id, name, words = name) {
  const named = words === '' ? { 'aria-hidden': 'true' } : { role: 'img', 'aria-label': words, title: words };
  const disc = h('span', { class: 'avatar', ...named }, initials(name));
  disc.style.setProperty('--hue', String(hueOf(id)));
  return disc;
}
