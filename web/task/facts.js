/**
 * A task's short fields: status, priority, assignee, due date, labels.
 *
 * @module
 */

import { COLUMNS, PRIORITIES, capital, labelsOf } from '../board/data.js';
import { labelChip } from '../board/card.js';
import { h, keepingFocus, setChildren } from '../ui/dom.js';
import { icon } from '../ui/icons.js';

/** @typedef {import('/client/types.js').Row} Row */

let count = 0;

export class Facts {
  #context;
  #id;
  #status;
  #priority = select(PRIORITIES.map((name) => [name, capital(name)]).reverse());
  #assignee = select([]);
  #due = h('input', { type: 'date', max: '9999-12-31' });
  #labels = h('span', { class: 'labels' });
  #newLabel;
  #known = h('datalist', { id: `labels-${(count += 1)}` });
  #people = '';

  /**
   * @param {import('./panel.js').TaskContext} context
   * @param {string} id
   */
  constructor(context, id) {
    this.#context = context;
    this.#id = id;
    this.#status = select(COLUMNS.map(({ status, name }) => [status, name]));
    this.#newLabel = h('input', { class: 'new-label', list: this.#known.id, placeholder: 'Add label', 'aria-label': 'Add label', autocomplete: 'off', maxlength: '80' });
    this.element = h(
      'dl',
      { class: 'facts-list' },
      ...row('Status', 'status', this.#status),
      ...row('Priority', 'priority', this.#priority),
      ...row('Assignee', 'assignee', this.#assignee),
      ...row('Due', 'due_date', this.#due),
      ...row('Labels', 'labels', h('span', { class: 'label-box' }, this.#labels, this.#newLabel, this.#known)),
    );
    this.#listen();
  }

  /** @param {Row} task */
  show(task) {
    const { mayEdit } = this.#context.data;
    this.#showPeople(task);
    for (const [field, value] of /** @type {const} */ ([[this.#status, task.status], [this.#priority, task.priority], [this.#assignee, task.assignee], [this.#due, task.due_date]])) {
      const text = String(value ?? '');
      if (field.value !== text && !(field === this.#due && document.activeElement === field)) field.value = text;
      field.disabled = !mayEdit;
    }
    this.#due.classList.toggle('unset', task.due_date == null);
    this.#newLabel.hidden = !mayEdit;
    keepingFocus(() => this.#showLabels(task, mayEdit));
  }

  #listen() {
    const { actions, data } = this.#context;
    const sets = (/** @type {HTMLInputElement | HTMLSelectElement} */ field, /** @type {string} */ name) => {
      field.addEventListener('change', () => void actions.update(this.#id, { [name]: field.value === '' ? null : field.value }));
    };
    this.#status.addEventListener('change', () => {
      const task = data.tasks.get(this.#id);
      if (task) actions.move(task, this.#status.value);
    });
    sets(this.#priority, 'priority');
    sets(this.#assignee, 'assignee');
    sets(this.#due, 'due_date');
    this.#newLabel.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' && event.key !== ',') return;
      event.preventDefault();
      this.#addLabel();
    });
    this.#newLabel.addEventListener('change', () => this.#addLabel());
  }

  #addLabel() {
    const label = this.#newLabel.value.trim();
    this.#newLabel.value = '';
    if (label !== '') void this.#context.actions.changeSet(this.#id, 'labels', { add: [label] });
  }

  /** @param {Row} task */
  #showPeople(task) {
    const members = this.#context.data.members();
    const known = JSON.stringify([members, task.assignee]);
    if (known === this.#people) return;
    this.#people = known;
    const options = members.map(({ id, name }) => h('option', { value: id }, name.slice(0, 60)));
    const stranger = task.assignee != null && !members.some(({ id }) => id === task.assignee);
    const former = stranger ? h('option', { value: task.assignee }, 'A former member') : null;
    setChildren(this.#assignee, [h('option', { value: '' }, 'Nobody'), ...options, former]);
  }

  /** @param {Row} task @param {boolean} mayEdit */
  #showLabels(task, mayEdit) {
    const labels = labelsOf(task);
    if (this.#labels.dataset.shown !== JSON.stringify([labels, mayEdit])) {
      this.#labels.dataset.shown = JSON.stringify([labels, mayEdit]);
      setChildren(this.#labels, labels.map((label) => this.#chip(label, mayEdit)));
    }
    const others = this.#context.data.labels().filter((label) => !labels.includes(label)).slice(0, 50);
    if (this.#known.children.length !== others.length) setChildren(this.#known, others.map((value) => h('option', { value })));
  }

  /** @param {string} label @param {boolean} mayEdit */
  #chip(label, mayEdit) {
    const chip = labelChip(label);
    if (!mayEdit) return chip;
    const remove = () => void this.#context.actions.changeSet(this.#id, 'labels', { remove: [label] });
    chip.append(h('button', { type: 'button', class: 'bare', 'aria-label': `Remove the label ${label.slice(0, 60)}`, onclick: remove }, icon('close')));
    return chip;
  }
}

/** @param {string[][]} options */
function select(options) {
  return h('select', {}, ...options.map(([value, name]) => h('option', { value: value ?? '' }, name)));
}

/**
 * @param {string} name
 * @param {string} field
 * @param {HTMLElement} control
 */
function row(name, field, control) {
  const id = `fact-${(count += 1)}`;
  if (control.matches('select, input')) control.id = id;
  const term = control.id === id ? h('label', { for: id }, name) : name;
  return [h('dt', {}, term), h('dd', { data: { field } }, control)];
}
