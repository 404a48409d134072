/**
 * Drag and drop with a mouse, a pen or a finger. A finger first rests on the card, so that the board can
 * still be scrolled.
 *
 * @module
 */

import { h } from '../ui/dom.js';

/** How far a mouse moves before it drags, pixels. */
const SLACK = 5;
/** How long a finger rests, and how far it may slip meanwhile. */
const REST_MS = 260;
const SLIP = 10;
/** How near to an edge things scroll, and how fast at most, pixels per frame. */
const EDGE = 56;
const SPEED = 16;

/**
 * @typedef {object} DragHost
 * @property {() => boolean} allowed
 * @property {() => import('./column.js').Column[]} columns
 * @property {(id: string, status: string, before: string | null) => void} drop
 * @property {(id: string | null) => void} dragging
 * @property {(x: number, y: number) => void} hover the pointer is at this place while dragging
 */

/** @typedef {{ card: HTMLElement, id: string, x: number, y: number, touch: boolean }} Press */

export class Drag {
  #host;
  #board;
  /** @type {Press | null} */
  #press = null;
  #timer = 0;
  /** @type {HTMLElement | null} */
  #ghost = null;
  #line = h('div', { class: 'drop-line' });
  /** @type {{ status: string, before: string | null } | null} */
  #target = null;
  #at = { x: 0, y: 0 };
  #justDropped = false;

  /**
   * @param {HTMLElement} board
   * @param {DragHost} host
   */
  constructor(board, host) {
    this.#board = board;
    this.#host = host;
    board.addEventListener('pointerdown', (event) => this.#down(event));
    board.addEventListener('dragstart', (event) => event.preventDefault());
    board.addEventListener('contextmenu', (event) => (this.#press?.touch || this.#ghost) && event.preventDefault());
    board.addEventListener('touchmove', (event) => this.#ghost && event.preventDefault(), { passive: false });
    board.addEventListener('click', (event) => this.#click(event), { capture: true });
  }

  /** Whether something is being dragged. */
  get active() {
    return this.#ghost !== null;
  }

  /** @param {PointerEvent} event */
  #down(event) {
    this.#justDropped = false;
    const card = event.target instanceof Element ? event.target.closest('.card') : null;
    const plain = event.button === 0 && event.isPrimary && !event.ctrlKey && !event.metaKey && !event.shiftKey;
    if (!(card instanceof HTMLElement) || !plain || !this.#host.allowed()) return;
    const { clientX: x, clientY: y } = event;
    this.#press = { card, id: card.dataset.id ?? '', x, y, touch: event.pointerType === 'touch' };
    this.#at = { x, y };
    if (this.#press.touch) this.#timer = window.setTimeout(() => this.#start(), REST_MS);
    this.#listen(true);
  }

  /** @param {boolean} on */
  #listen(on) {
    const change = /** @type {'addEventListener'} */ (on ? 'addEventListener' : 'removeEventListener');
    window[change]('pointermove', this.#moved);
    window[change]('pointerup', this.#up);
    window[change]('pointercancel', this.#cancel);
    window[change]('keydown', /** @type {any} */ (this.#key), true);
  }

  #moved = (/** @type {PointerEvent} */ event) => {
    const press = this.#press;
    if (!press || !event.isPrimary) return;
    this.#at = { x: event.clientX, y: event.clientY };
    const far = Math.hypot(event.clientX - press.x, event.clientY - press.y);
    if (this.#ghost) return void this.#follow();
    if (press.touch) return far > SLIP ? this.#end() : undefined;
    if (far > SLACK) this.#start();
  };

  #up = () => {
    const { id } = this.#press ?? { id: '' };
    const target = this.#target;
    const dragged = this.#ghost !== null;
    this.#end();
    this.#justDropped = dragged;
    if (dragged && target) this.#host.drop(id, target.status, target.before);
  };

  #cancel = () => this.#end();

  #key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape' || !this.#ghost) return;
    event.stopPropagation();
    this.#end();
    this.#justDropped = true;
  };

  #start() {
    const { card, id, touch } = /** @type {Press} */ (this.#press);
    const box = card.getBoundingClientRect();
    const ghost = /** @type {HTMLElement} */ (card.cloneNode(true));
    ghost.classList.add('ghost');
    ghost.removeAttribute('href');
    ghost.setAttribute('aria-hidden', 'true');
    Object.assign(ghost.style, { width: `${box.width}px`, left: `${box.left}px`, top: `${box.top}px` });
    document.body.append(ghost);
    this.#ghost = ghost;
    this.#board.classList.add('dragging');
    card.classList.add('lifted');
    if (touch) navigator.vibrate?.(10);
    this.#host.dragging(id);
    this.#follow();
    this.#scrollAtEdges();
  }

  /** The ghost goes with the pointer, and the line shows where it would land. */
  #follow() {
    const { x, y } = this.#at;
    const press = /** @type {Press} */ (this.#press);
    if (this.#ghost) this.#ghost.style.transform = `translate(${x - press.x}px, ${y - press.y}px) rotate(1.5deg)`;
    this.#host.hover(x, y);
    const column = this.#host.columns().find(({ element }) => {
      const box = element.getBoundingClientRect();
      return x >= box.left && x <= box.right && y >= box.top - EDGE && y <= box.bottom + EDGE;
    });
    if (!column) return this.#aim(null);
    const { before, top } = column.slotAt(y);
    this.#line.style.top = `${Math.max(0, top)}px`;
    this.#aim({ status: column.status, before }, column.scroller.parentElement);
  }

  /**
   * @param {{ status: string, before: string | null } | null} target
   * @param {Element | null} [frame]
   */
  #aim(target, frame) {
    this.#target = target;
    if (!target || !frame) return this.#line.remove();
    if (this.#line.parentElement !== frame) frame.append(this.#line);
  }

  #scrollAtEdges() {
    if (!this.#ghost) return;
    const { x, y } = this.#at;
    const column = this.#host.columns().find(({ status }) => status === this.#target?.status);
    const box = column?.scroller.getBoundingClientRect();
    const around = this.#board.getBoundingClientRect();
    const [down, right] = [box ? push(y, box.top, box.bottom) : 0, push(x, around.left, around.right)];
    if (column && down !== 0) column.scroller.scrollTop += down;
    if (right !== 0) this.#board.scrollLeft += right;
    if (down !== 0 || right !== 0) this.#follow();
    requestAnimationFrame(() => this.#scrollAtEdges());
  }

  #end() {
    clearTimeout(this.#timer);
    this.#listen(false);
    if (this.#ghost) this.#host.dragging(null);
    this.#ghost?.remove();
    this.#ghost = null;
    this.#line.remove();
    this.#board.classList.remove('dragging');
    for (const lifted of this.#board.querySelectorAll('.lifted')) lifted.classList.remove('lifted');
    this.#press = null;
    this.#target = null;
  }

  /** What follows a drop is no click. @param {Event} event */
  #click(event) {
    if (!this.#justDropped) return;
    this.#justDropped = false;
    event.preventDefault();
    event.stopPropagation();
  }
}

/**
 * How far to scroll for a pointer at `at` between two edges.
 *
 * @param {number} at
 * @param {number} low
 * @param {number} high
 */
function push(at, low, high) {
  if (at < low + EDGE) return -Math.min(SPEED, Math.ceil((low + EDGE - at) / 4));
  if (at > high - EDGE) return Math.min(SPEED, Math.ceil((at - high + EDGE) / 4));
  return 0;
}
