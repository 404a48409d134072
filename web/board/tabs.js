/**
 * The tabs by which one column is chosen where only one has room.
 *
 * @module
 */

import { h, setText } from '../ui/dom.js';

/** How long a card is held over a tab until its column opens. */
const HELD_MS = 350;
const KEPT = 'rowcast.column';

export class Tabs {
  element = h('div', { class: 'tabs', role: 'group', 'aria-label': 'Columns' });
  #box;
  #columns;
  #timer = 0;

  /**
   * @param {HTMLElement} box around the columns
   * @param {Map<string, import('./column.js').Column>} columns by status
   */
  constructor(box, columns) {
    this.#box = box;
    this.#columns = columns;
  }

  /** The status of the chosen column. */
  get chosen() {
    return this.#box.dataset.shown ?? 'todo';
  }

  /** @param {{ status: string, name: string }} column */
  add({ status, name }) {
    const tab = h('button', { type: 'button', class: 'tab', data: { status }, onclick: () => this.select(status) }, name, ' ', h('span', { class: 'count' }));
    this.element.append(tab);
  }

  /** The column that was chosen before a reload. */
  restore() {
    this.select(sessionStorage.getItem(KEPT) ?? 'todo');
  }

  /** @param {string} status */
  select(status) {
    const chosen = this.#columns.has(status) ? status : 'todo';
    sessionStorage.setItem(KEPT, chosen);
    this.#box.dataset.shown = chosen;
    for (const tab of this.element.querySelectorAll('button')) tab.setAttribute('aria-pressed', String(tab.dataset.status === chosen));
    this.#columns.get(chosen)?.render();
  }

  /** @param {string} status @param {number} count */
  count(status, count) {
    const shown = this.element.querySelector(`[data-status=${status}] .count`);
    if (shown) setText(shown, String(count));
  }

  /** A card that is held over a tab opens its column. @param {number} x @param {number} y */
  hover(x, y) {
    const tab = document.elementFromPoint(x, y)?.closest('.tab');
    if (!(tab instanceof HTMLElement)) {
      clearTimeout(this.#timer);
      this.#timer = 0;
    } else if (this.#timer === 0) {
      this.#timer = window.setTimeout(() => this.select(tab.dataset.status ?? ''), HELD_MS);
    }
  }
}
