/**
 * One column of the board. Only the cards in sight exist as elements, however many tasks there are.
 *
 * @module
 */

import { h, oncePerFrame, setChildren, setText } from '../ui/dom.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {{ element: HTMLElement, show: () => void }} Shown */

/** How far beyond the edges cards are made, pixels. */
const BEYOND = 400;
/** Between two cards, pixels; also in board.css. */
const GAP = 8;
/** How high a card is until it was measured. */
const GUESS = 74;

export class Column {
  /** @type {readonly Row[]} */
  #rows = [];
  #cardOf;
  /** @type {Map<string, number>} */
  #heights = new Map();
  #above = h('div', { class: 'space', 'aria-hidden': 'true' });
  #below = h('div', { class: 'space', 'aria-hidden': 'true' });
  #count = h('span', { class: 'count' });
  #nothing = h('p', { class: 'nothing', hidden: true });
  #width = 0;
  #printing = false;

  /**
   * @param {{ status: string, name: string }} column
   * @param {(row: Row) => Shown} cardOf makes or finds the card of a task
   * @param {Node} foot what stands below the cards
   */
  constructor({ status, name }, cardOf, foot) {
    this.status = status;
    this.#cardOf = cardOf;
    this.scroller = h('div', { class: 'cards', role: 'list', 'aria-label': name }, this.#above, this.#below);
    const head = h('h2', { id: `column-${status}` }, h('span', { class: `dot ${status}` }), name, ' ', this.#count);
    const body = h('div', { class: 'cards-frame' }, this.scroller, this.#nothing);
    this.element = h('section', { class: 'column', data: { status }, 'aria-labelledby': `column-${status}` }, head, body, foot);
    const soon = oncePerFrame(() => this.render());
    this.scroller.addEventListener('scroll', soon, { passive: true });
    new ResizeObserver(() => this.#resized()).observe(this.scroller);
  }

  /** The tasks shown, in their order. */
  get rows() {
    return this.#rows;
  }

  /**
   * @param {readonly Row[]} rows
   * @param {number} total how many there are without the filter
   */
  set(rows, total) {
    this.#rows = rows;
    setText(this.#count, rows.length === total ? String(total) : `${rows.length} of ${total}`);
    this.#nothing.hidden = rows.length > 0;
    setText(this.#nothing, total === 0 ? 'No tasks here yet' : 'Nothing here fits the filter');
    this.render();
  }

  /** Paper has no sight: all cards exist while it is printed. @param {boolean} printing */
  print(printing) {
    this.#printing = printing;
    this.render();
  }

  /** Makes the cards in sight, and no others. */
  render() {
    const [from, to] = this.#inSight();
    const shown = this.#rows.slice(from, to).map((row, at) => this.#item(row, from + at));
    this.#above.style.height = `${this.#heightOf(0, from)}px`;
    this.#below.style.height = `${this.#heightOf(to, this.#rows.length)}px`;
    setChildren(this.scroller, [this.#above, ...shown, this.#below]);
    if (this.#measure(shown)) this.#below.style.height = `${this.#heightOf(to, this.#rows.length)}px`;
  }

  /**
   * Scrolls so that a task is in sight.
   *
   * @param {string} id
   * @returns {boolean} whether it is here
   */
  reveal(id) {
    const at = this.#rows.findIndex((row) => row.id === id);
    if (at < 0) return false;
    const top = this.#heightOf(0, at);
    const height = this.#heights.get(id) ?? GUESS;
    const { scrollTop, clientHeight } = this.scroller;
    if (top < scrollTop) this.scroller.scrollTop = top - GAP;
    else if (top + height > scrollTop + clientHeight) this.scroller.scrollTop = top + height - clientHeight + GAP;
    this.render();
    return true;
  }

  /**
   * Where something that is dropped at a height of the window would go.
   *
   * @param {number} y
   * @returns {{ before: string | null, top: number }} the task it comes before, null at the end; and
   *   where the gap is, below the upper edge of the cards' frame
   */
  slotAt(y) {
    const edge = this.scroller.getBoundingClientRect().top;
    let end = GAP;
    for (const item of this.scroller.querySelectorAll('.item')) {
      const { top, height, bottom } = item.getBoundingClientRect();
      const id = /** @type {HTMLElement} */ (item).dataset.id ?? null;
      if (y < top + height / 2) return { before: id, top: top - edge - GAP / 2 };
      end = bottom - edge + GAP / 2;
    }
    return { before: null, top: end };
  }

  /** @param {Row} row @param {number} at */
  #item(row, at) {
    const card = this.#cardOf(row);
    card.show();
    card.element.setAttribute('aria-setsize', String(this.#rows.length));
    card.element.setAttribute('aria-posinset', String(at + 1));
    return card.element;
  }

  /** @returns {[number, number]} the first card in sight, and the one after the last */
  #inSight() {
    if (this.#printing) return [0, this.#rows.length];
    const top = this.scroller.scrollTop - BEYOND;
    const bottom = this.scroller.scrollTop + (this.scroller.clientHeight || innerHeight) + BEYOND;
    let y = 0;
    let from = -1;
    for (const [at, row] of this.#rows.entries()) {
      const next = y + (this.#heights.get(row.id) ?? GUESS) + GAP;
      if (from < 0 && next > top) from = at;
      if (y > bottom) return [Math.max(from, 0), at];
      y = next;
    }
    return [from < 0 ? Math.max(0, this.#rows.length - 10) : from, this.#rows.length];
  }

  /** The height of some rows with their gaps. @param {number} from @param {number} to */
  #heightOf(from, to) {
    let sum = 0;
    for (let at = from; at < to; at += 1) sum += (this.#heights.get(this.#rows[at]?.id) ?? GUESS) + GAP;
    return sum;
  }

  /** @param {HTMLElement[]} items @returns {boolean} whether one has another height than was thought */
  #measure(items) {
    let differs = false;
    for (const item of items) {
      const { id = '' } = item.dataset;
      const height = item.offsetHeight;
      if (height === 0 || this.#heights.get(id) === height) continue;
      this.#heights.set(id, height);
      differs = true;
    }
    return differs;
  }

  /** Text breaks elsewhere now. */
  #resized() {
    const { clientWidth } = this.scroller;
    if (clientWidth !== this.#width) this.#heights.clear();
    this.#width = clientWidth;
    this.render();
  }
}
