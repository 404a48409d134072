/**
 * One task on the board.
 *
 * @module
 */

import { Comments } from './comments.js';
import { fromTemplate, isRearranging, setText, within } from './dom.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {import('./board.js').Board} Board */

export class Card {
  #board;
  #task;
  #comments;
  #title;
  /** @type {HTMLInputElement} */
  #input;

  /**
   * @param {Row} task
   * @param {Board} board
   */
  constructor(task, board) {
    this.#task = task;
    this.#board = board;
    /** The card itself. */
    this.element = fromTemplate('card-template');
    this.element.dataset.id = task.id;
    this.#title = within(this.element, '.title');
    this.#input = within(this.element, '.title-input');
    this.#comments = new Comments(this.element, (body) => board.comment(task.id, body));
    this.#listen();
  }

  /** Shows the task as it is now. @param {Row} task */
  show(task) {
    this.#task = task;
    const { element } = this;
    setText(this.#title, task.title);
    this.#title.setAttribute('aria-label', `${task.title}: edit the title`);
    setText(within(element, '.priority'), task.priority ?? '');
    element.dataset.priority = task.priority ?? '';
    setText(within(element, '.assignee'), task.assignee ? this.#board.nameOf(task.assignee) : 'nobody');
    within(element, '.saving').hidden = !this.#board.isPending(task.id);
    this.#showActions();
    this.#comments.show(this.#board.commentsOn(task.id));
  }

  #showActions() {
    const { element } = this;
    const { status, title } = this.#task;
    for (const part of ['.actions', '.facts']) within(element, part).inert = !this.#board.mayEdit;
    element.draggable = this.#board.mayEdit && this.#input.hidden;
    label(element, '.left', `Move “${title}” to the column on the left`, status === 'todo');
    label(element, '.right', `Move “${title}” to the column on the right`, status === 'done');
    label(element, '.up', `Move “${title}” up`, false);
    label(element, '.down', `Move “${title}” down`, false);
    label(element, '.delete', `Delete “${title}”`, false);
    setText(within(element, '.assign'), this.#isMine() ? 'Not me' : 'Assign to me');
  }

  #isMine() {
    return this.#task.assignee != null && this.#task.assignee === this.#board.me?.id;
  }

  #listen() {
    const board = this.#board;
    this.#click('.left', () => board.shift(this.#task, -1));
    this.#click('.right', () => board.shift(this.#task, 1));
    this.#click('.up', () => board.nudge(this.#task, -1));
    this.#click('.down', () => board.nudge(this.#task, 1));
    this.#click('.delete', () => board.delete(this.#task.id));
    this.#click('.assign', () => this.#assign());
    this.#click('.title', () => this.#beginEdit());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    this.#input.addEventListener('blur', () => isRearranging() || this.#endEdit(true));
    this.element.addEventListener('dragstart', (event) => {
      event.dataTransfer?.setData('text/plain', this.#task.id);
    });
  }

  /**
   * @param {string} selector
   * @param {() => void} action
   */
  #click(selector, action) {
    within(this.element, selector).addEventListener('click', action);
  }

  #assign() {
    const assignee = this.#isMine() ? null : (this.#board.me?.id ?? null);
    this.#board.update(this.#task.id, { assignee });
  }

  #beginEdit() {
    if (!this.#board.mayEdit) return;
    this.#input.value = this.#task.title;
    this.#input.hidden = false;
    this.#title.hidden = true;
    this.element.draggable = false;
    this.#input.focus();
    this.#input.select();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Enter' && event.key !== 'Escape') return;
    // Else the same press of Enter would press the title's button, which gets the focus.
    event.preventDefault();
    this.#endEdit(event.key === 'Enter');
    this.#title.focus();
  }

  /** @param {boolean} keep */
  #endEdit(keep) {
    if (this.#input.hidden) return;
    this.#input.hidden = true;
    this.#title.hidden = false;
    this.element.draggable = this.#board.mayEdit;
    const title = this.#input.value.trim();
    if (keep && title !== '' && title !== this.#task.title) this.#board.update(this.#task.id, { title });
  }
}

/**
 * @param {HTMLElement} card
 * @param {string} selector
 * @param {string} words
 * @param {boolean} disabled
 */
function label(card, selector, words, disabled) {
  /** @type {HTMLButtonElement} */
  const button = within(card, selector);
  button.setAttribute('aria-label', words);
  button.disabled = disabled;
}
