/**
 * The small steps of a task: tasks of their own below it, in an order made by hand.
 *
 * @module
 */

import { clipped, h, keepingFocus, said, setChildren, setText } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { grip, sortable } from '../ui/sortable.js';

/** @typedef {import('/client/types.js').Row} Row */

export class Steps {
  #context;
  #id;
  #count = h('span', { class: 'count' });
  #bar = h('progress', { max: '1', value: 0, 'aria-label': 'Steps done' });
  #list = h('ul', { class: 'steps', role: 'list' });
  #input;
  /** @type {Map<string, { row: Row | null, element: HTMLElement }>} */
  #items = new Map();

  /**
   * @param {import('./panel.js').TaskContext} context
   * @param {string} id
   */
  constructor(context, id) {
    this.#context = context;
    this.#id = id;
    this.#input = h('input', { class: 'quiet edits', placeholder: 'Add a step', 'aria-label': 'Add a step', autocomplete: 'off', enterkeyhint: 'done' });
    context.app.drafts.follow(`step.${id}`, this.#input);
    this.#input.addEventListener('keydown', (event) => this.#key(event));
    sortable(this.#list, {
      allowed: () => context.data.mayEdit,
      drop: (step, before) => this.#put(step, before),
      nudge: (step, by) => this.#nudge(step, by),
    });
    const head = h('h3', {}, 'Steps ', this.#count, this.#bar);
    this.element = h('section', { class: 'part', data: { field: 'steps' } }, head, this.#list, this.#input);
  }

  /** @param {Row} task */
  show(task) {
    const steps = this.#steps;
    const done = steps.filter(({ status }) => status === 'done').length;
    setText(this.#count, steps.length === 0 ? '' : `${done} of ${steps.length}`);
    this.#bar.hidden = steps.length === 0;
    this.#bar.value = steps.length === 0 ? 0 : done / steps.length;
    this.element.hidden = task.parent_id != null && steps.length === 0;
    keepingFocus(() => setChildren(this.#list, steps.map((step) => this.#item(step))));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    const title = this.#input.value.trim();
    if (title === '') return;
    this.#input.value = '';
    this.#context.app.drafts.set(`step.${this.#id}`, null);
    void this.#context.actions.add(title, 'todo', { parent_id: this.#id });
  }

  get #steps() {
    return this.#context.data.stepsOf(this.#id);
  }

  /** @param {string} id @param {string | null} before */
  #put(id, before) {
    const last = this.#steps.findLast((step) => step.id !== id);
    const row = this.#steps.find((step) => step.id === id);
    if (row && last) this.#context.actions.move(row, row.status, before === null ? { after: last.id } : { before });
  }

  /** @param {string} id @param {-1 | 1} by */
  #nudge(id, by) {
    const row = this.#steps.find((step) => step.id === id);
    if (row) this.#context.actions.nudge(row, by, this.#steps);
  }

  /** @param {Row} step */
  #item(step) {
    const known = this.#items.get(step.id) ?? { row: null, element: h('li', { class: 'step', data: { id: step.id } }) };
    this.#items.set(step.id, known);
    if (known.row !== step) this.#draw(known.element, step);
    known.row = step;
    return known.element;
  }

  /** @param {HTMLElement} element @param {Row} step */
  #draw(element, step) {
    const { actions, data, open } = this.#context;
    const done = step.status === 'done';
    const title = clipped(step.title, 200);
    element.classList.toggle('done', done);
    const box = h('input', { type: 'checkbox', checked: done, disabled: !data.mayEdit, 'aria-label': `Done: ${title}` });
    box.addEventListener('change', () => actions.move(step, box.checked ? 'done' : 'todo'));
    const link = h('button', { type: 'button', class: 'bare step-title', onclick: () => open(step.id) }, said(title, 'clip'));
    const remove = h('button', { type: 'button', class: 'bare edits reveal', 'aria-label': `Delete the step ${title}`, onclick: () => actions.remove(step) }, icon('trash'));
    const focused = [...element.children].findIndex((child) => child === document.activeElement);
    setChildren(element, [grip(), box, link, remove]);
    [null, box, link, remove][focused]?.focus();
  }
}
