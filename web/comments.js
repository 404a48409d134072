/**
 * What people said about one task.
 *
 * @module
 */

import { setChildren, setText, textElement, within } from './dom.js';

/** @typedef {{ author: string, body: string }} Comment */

export class Comments {
  #box;
  #toggle;
  /** @type {Comment[]} */
  #comments = [];

  /**
   * @param {HTMLElement} card
   * @param {(body: string) => void} say
   */
  constructor(card, say) {
    this.#box = within(card, '.comments');
    this.#toggle = within(card, '.talk');
    this.#toggle.addEventListener('click', () => this.#flip());
    within(this.#box, 'form').addEventListener('submit', (event) => {
      event.preventDefault();
      /** @type {HTMLInputElement} */
      const input = within(this.#box, 'input');
      const body = input.value.trim();
      input.value = '';
      if (body !== '') say(body);
    });
  }

  /** @param {Comment[]} comments */
  show(comments) {
    this.#comments = comments;
    setText(this.#toggle, comments.length === 1 ? '1 comment' : `${comments.length} comments`);
    if (!this.#box.hidden) setChildren(within(this.#box, 'ul'), comments.map(commentItem));
  }

  #flip() {
    this.#box.hidden = !this.#box.hidden;
    this.#toggle.setAttribute('aria-expanded', String(!this.#box.hidden));
    this.show(this.#comments);
  }
}

/** @param {Comment} comment */
function commentItem({ author, body }) {
  const item = document.createElement('li');
  item.append(textElement('b', '', author), ` ${body}`);
  return item;
}
