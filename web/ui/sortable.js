/**
 * A list that people put in order: by its grips with a mouse, a pen or a finger, or with Shift and the arrows.
 *
 * @module
 */

import { h } from './dom.js';
import { icon } from './icons.js';

/**
 * @typedef {object} SortableHost
 * @property {() => boolean} allowed
 * @property {(id: string, before: string | null) => void} drop null: at the end
 * @property {(id: string, step: -1 | 1) => void} nudge
 */

/** What an item is taken by. */
export function grip() {
  return h('span', { class: 'grip edits reveal', 'aria-hidden': 'true' }, icon('grip'));
}

/**
 * Its items have `data-id`.
 *
 * @param {HTMLElement} list
 * @param {SortableHost} host
 */
export function sortable(list, host) {
  list.addEventListener('keydown', (event) => {
    const step = { ArrowUp: /** @type {const} */ (-1), ArrowDown: /** @type {const} */ (1) }[event.key];
    const item = itemAt(event.target);
    if (!event.shiftKey || step === undefined || item === null || !host.allowed()) return;
    event.preventDefault();
    host.nudge(item.dataset.id ?? '', step);
  });
  list.addEventListener('pointerdown', (event) => {
    const item = itemAt(event.target);
    const held = event.target instanceof Element && event.target.closest('.grip');
    if (!held || item === null || event.button !== 0 || !event.isPrimary || !host.allowed()) return;
    event.preventDefault();
    carry(list, item, host);
  });
}

/**
 * Follows the pointer until it is let go; Escape leaves everything as it was.
 *
 * @param {HTMLElement} list
 * @param {HTMLElement} item
 * @param {SortableHost} host
 */
function carry(list, item, host) {
  const line = h('li', { class: 'drop-line', role: 'presentation', 'aria-hidden': 'true' });
  const life = new AbortController();
  /** @type {string | null | undefined} */
  let before;
  const end = () => {
    life.abort();
    line.remove();
    item.classList.remove('lifted');
  };
  const follow = (/** @type {PointerEvent} */ { clientY }) => {
    const items = /** @type {HTMLElement[]} */ ([...list.querySelectorAll('[data-id]')]);
    const next = items.find((other) => middle(other) > clientY);
    before = next?.dataset.id ?? null;
    const box = (next ?? items.at(-1) ?? item).getBoundingClientRect();
    line.style.top = `${(next ? box.top : box.bottom) - list.getBoundingClientRect().top}px`;
    if (!line.isConnected) list.append(line);
  };
  const drop = () => {
    end();
    const stays = before === undefined || before === item.dataset.id || item.nextElementSibling === itemOf(list, before);
    if (!stays) host.drop(item.dataset.id ?? '', before ?? null);
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    event.stopPropagation();
    end();
  };
  item.classList.add('lifted');
  const { signal } = life;
  window.addEventListener('pointermove', follow, { signal });
  window.addEventListener('pointerup', drop, { signal });
  window.addEventListener('pointercancel', end, { signal });
  window.addEventListener('keydown', key, { signal, capture: true });
}

/** @param {EventTarget | null} target @returns {HTMLElement | null} */
function itemAt(target) {
  return target instanceof Element ? target.closest('[data-id]') : null;
}

/** @param {HTMLElement} list @param {string | null | undefined} id */
function itemOf(list, id) {
  return [...list.children].find((child) => child instanceof HTMLElement && child.dataset.id === id) ?? null;
}

/** @param {HTMLElement} element */
function middle(element) {
  const { top, height } = element.getBoundingClientRect();
  return top + height / 2;
}
