/**
 * What must be done before a task.
 *
 * @module
 */

import { dependenciesOf } from '../board/data.js';
import { clipped, h, keepingFocus, said, setChildren } from '../ui/dom.js';
import { icon } from '../ui/icons.js';

/** @typedef {import('/client/types.js').Row} Row */

/** Tasks offered at once. */
const OFFERED = 8;
let count = 0;

export class Links {
  #context;
  #id;
  #list = h('ul', { class: 'links', role: 'list' });
  #input;
  #offers;
  #at = -1;

  /**
   * @param {import('./panel.js').TaskContext} context
   * @param {string} id
   */
  constructor(context, id) {
    this.#context = context;
    this.#id = id;
    const listId = `offers-${(count += 1)}`;
    this.#offers = h('ul', { class: 'offers', id: listId, role: 'listbox', 'aria-label': 'Tasks', hidden: true });
    this.#input = h('input', { class: 'quiet edits', placeholder: 'Find a task that comes first', 'aria-label': 'Add what comes first', role: 'combobox', 'aria-expanded': 'false', 'aria-controls': listId, autocomplete: 'off' });
    this.element = h('section', { class: 'part', data: { field: 'dependencies' } }, h('h3', {}, 'Comes after'), this.#list, h('div', { class: 'combo' }, this.#input, this.#offers));
    this.#input.addEventListener('input', () => this.#offer());
    this.#input.addEventListener('blur', () => this.#close());
    this.#input.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param {Row} task */
  show(task) {
    const ids = dependenciesOf(task);
    const shown = JSON.stringify(ids.map((id) => [id, this.#context.data.tasks.get(id)?.title, this.#context.data.tasks.get(id)?.status]));
    if (this.#list.dataset.shown === shown) return;
    this.#list.dataset.shown = shown;
    keepingFocus(() => setChildren(this.#list, ids.map((id) => this.#item(id))));
  }

  /** @param {string} id */
  #item(id) {
    const { data, actions, open } = this.#context;
    const task = data.tasks.get(id);
    const title = task ? clipped(task.title, 120) : 'A task that is gone';
    const link = h('button', { type: 'button', class: 'bare step-title', disabled: !task, onclick: () => open(id) }, said(title, 'clip'));
    const remove = h('button', { type: 'button', class: 'bare edits', 'aria-label': `Does not come after ${title}`, onclick: () => void actions.changeSet(this.#id, 'dependencies', { remove: [id] }) }, icon('close'));
    return h('li', { class: `step ${task?.status === 'done' ? 'done' : ''}` }, icon(task?.status === 'done' ? 'check' : 'blocked'), link, remove);
  }

  #offer() {
    const wanted = this.#input.value.trim().toLowerCase();
    const own = dependenciesOf(this.#context.data.tasks.get(this.#id) ?? {});
    const fits = (/** @type {Row} */ row) => row.id !== this.#id && !own.includes(row.id) && String(row.title).toLowerCase().includes(wanted);
    const found = wanted === '' ? [] : this.#context.data.top.filter(fits).slice(0, OFFERED);
    this.#at = found.length > 0 ? 0 : -1;
    setChildren(this.#offers, found.map((row, at) => this.#option(row, at)));
    this.#offers.hidden = found.length === 0;
    this.#input.setAttribute('aria-expanded', String(found.length > 0));
    this.#mark();
  }

  /** @param {Row} row @param {number} at */
  #option(row, at) {
    const choose = (/** @type {Event} */ event) => (event.preventDefault(), this.#choose(row.id));
    return h('li', { role: 'option', id: `${this.#offers.id}-${at}`, data: { id: row.id }, onpointerdown: choose }, said(clipped(row.title, 100)));
  }

  #mark() {
    for (const [at, option] of [...this.#offers.children].entries()) option.setAttribute('aria-selected', String(at === this.#at));
    if (this.#at < 0) this.#input.removeAttribute('aria-activedescendant');
    else this.#input.setAttribute('aria-activedescendant', `${this.#offers.id}-${this.#at}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const size = this.#offers.children.length;
    if (event.key === 'Escape' && !this.#offers.hidden) this.#close();
    else if (event.key === 'ArrowDown' && size > 0) this.#at = (this.#at + 1) % size;
    else if (event.key === 'ArrowUp' && size > 0) this.#at = (this.#at + size - 1) % size;
    else if (event.key === 'Enter') this.#choose(/** @type {HTMLElement | undefined} */ (this.#offers.children[this.#at])?.dataset.id);
    else return;
    event.preventDefault();
    this.#mark();
  }

  /** @param {string | undefined} id */
  #choose(id) {
    if (id === undefined) return;
    this.#input.value = '';
    this.#close();
    void this.#context.actions.changeSet(this.#id, 'dependencies', { add: [id] });
  }

  #close() {
    this.#at = -1;
    this.#offers.hidden = true;
    this.#offers.replaceChildren();
    this.#input.setAttribute('aria-expanded', 'false');
    this.#mark();
  }
}
