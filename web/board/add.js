/**
 * Quick adding at the foot of a column: Enter adds and stays, several pasted lines become several tasks.
 *
 * @module
 */

import { h } from '../ui/dom.js';
import { icon } from '../ui/icons.js';

export class QuickAdd {
  #open;
  #input;
  #form;

  /**
   * @param {string} column the column's name
   * @param {string} draft what its draft is called
   * @param {import('../ui/drafts.js').Drafts} drafts
   * @param {(title: string) => Promise<unknown>} add resolved with null if it was refused
   */
  constructor(column, draft, drafts, add) {
    const label = `New task in ${column}`;
    this.#open = h('button', { type: 'button', class: 'bare add-open', 'aria-label': `Add task to ${column}` }, icon('add'), 'Add task');
    this.#input = h('textarea', { rows: '1', class: 'add-input', 'aria-label': label, placeholder: 'What is to be done?', autocomplete: 'off', enterkeyhint: 'done' });
    this.#form = h('form', { class: 'add-form', hidden: true }, this.#input, h('small', {}, 'Enter adds, Escape closes'));
    this.element = h('footer', { class: 'add' }, this.#open, this.#form);
    drafts.follow(draft, this.#input);
    this.#show(this.#input.value !== '');
    const back = (/** @type {string} */ title) => {
      this.#input.value ||= title;
      drafts.set(draft, this.#input.value);
      this.#show(true);
    };
    const submit = () => {
      for (const title of this.#input.value.split('\n')) if (title.trim() !== '') void add(title.trim()).then((done) => done ?? back(title));
      this.#input.value = '';
      drafts.set(draft, null);
    };
    this.#open.addEventListener('click', () => this.focus());
    this.#form.addEventListener('submit', (event) => (event.preventDefault(), submit()));
    this.#input.addEventListener('keydown', (event) => this.#key(event, submit));
    this.#input.addEventListener('blur', () => this.#show(this.#input.value !== ''));
  }

  /** Opens it. */
  focus() {
    this.#show(true);
    this.#input.focus();
  }

  /** @param {boolean} allowed */
  set allowed(allowed) {
    this.element.hidden = !allowed;
  }

  /** @param {boolean} open */
  #show(open) {
    this.#form.hidden = !open;
    this.#open.hidden = open;
  }

  /** @param {KeyboardEvent} event @param {() => void} submit */
  #key(event, submit) {
    if (event.isComposing) return;
    if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      this.#show(false);
      this.#open.hidden = false;
      this.#open.focus();
    }
  }
}
