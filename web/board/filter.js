/**
 * Which tasks are shown: search and filters. They stand in the address, so that a reload keeps them.
 *
 * @module
 */

import { h } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { daysUntil } from '../ui/words.js';
import { PRIORITIES, capital, labelsOf } from './data.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {{ q: string, who: string, label: string, priority: string, due: string }} Filter */

const NAMES = /** @type {(keyof Filter)[]} */ (['q', 'who', 'label', 'priority', 'due']);
const DUE = [
  ['overdue', 'Overdue'],
  ['week', 'Within a week'],
  ['none', 'No date'],
];

/** @param {URLSearchParams} query @returns {Filter} */
export function filterOf(query) {
  return /** @type {Filter} */ (Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ''])));
}

/** @param {Filter} filter */
export function queryOf(filter) {
  return new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ''));
}

/** @param {Filter} filter */
export function isFiltering(filter) {
  return NAMES.some((name) => filter[name].trim() !== '');
}

/** The text that is searched, made once per version of a task. @type {WeakMap<Row, string>} */
const searched = new WeakMap();

/** @param {Row} row */
function searchText(row) {
  let text = searched.get(row);
  if (text === undefined) {
    text = [row.title, row.description, ...labelsOf(row)].join('\n').toLowerCase();
    searched.set(row, text);
  }
  return text;
}

/**
 * The tasks that fit.
 *
 * @param {readonly Row[]} rows
 * @param {Filter} filter
 * @returns {readonly Row[]}
 */
export function matching(rows, filter) {
  if (!isFiltering(filter)) return rows;
  const words = filter.q.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => fits(row, filter) && words.every((word) => searchText(row).includes(word)));
}

/**
 * @param {Row} row
 * @param {Filter} filter
 */
function fits(row, { who, label, priority, due }) {
  if (who === 'nobody' ? row.assignee != null : who !== '' && row.assignee !== who) return false;
  if (priority !== '' && row.priority !== priority) return false;
  if (label !== '' && !labelsOf(row).includes(label)) return false;
  return due === '' || fitsDate(row, due);
}

/**
 * @param {Row} row
 * @param {string} due
 */
function fitsDate(row, due) {
  if (row.due_date == null || due === 'none') return (row.due_date == null) === (due === 'none');
  const days = daysUntil(row.due_date);
  return due === 'overdue' ? days < 0 && row.status !== 'done' : days <= 7;
}

export class FilterBar {
  #data;
  #changed;
  #search = h('input', { type: 'search', id: 'search', placeholder: 'Search', 'aria-label': 'Search tasks', autocomplete: 'off', spellcheck: 'false' });
  #who = choice('Assignee');
  #label = choice('Label');
  #priority = choice('Priority');
  #due = choice('Due');
  #clear = h('button', { type: 'button', class: 'bare', hidden: true }, 'Clear');
  #known = '';

  /**
   * @param {import('./data.js').BoardData} data
   * @param {Filter} filter
   * @param {(filter: Filter) => void} changed
   */
  constructor(data, filter, changed) {
    this.#data = data;
    this.#changed = changed;
    const search = h('div', { class: 'search' }, icon('search'), this.#search, h('kbd', { 'aria-hidden': 'true' }, '/'));
    const more = h('div', { class: 'choices', id: 'filters' }, this.#who, this.#label, this.#priority, this.#due, this.#clear);
    this.element = h('div', { class: 'filters', role: 'search' }, search, more);
    this.element.addEventListener('input', () => this.#read());
    this.#clear.addEventListener('click', () => this.reset());
    this.#search.addEventListener('keydown', (event) => event.key === 'Escape' && this.#escape(event));
    this.refresh(filter);
    this.set(filter);
  }

  /** Puts the cursor into the search. */
  focus() {
    this.#search.focus();
    this.#search.select();
  }

  reset() {
    this.set(filterOf(new URLSearchParams()));
    this.#read();
  }

  /** @param {Filter} filter */
  set(filter) {
    if (this.#search.value !== filter.q) this.#search.value = filter.q;
    for (const [select, value] of this.#selects(filter)) select.value = value;
    this.#mark(filter);
  }

  /** Offers the people and labels that there are now. @param {Filter} filter what is chosen stays */
  refresh(filter) {
    const people = this.#data.members().map(({ id, name }) => [id, name]);
    const labels = this.#data.labels().map((label) => [label, label]);
    const known = JSON.stringify([people, labels]);
    if (known === this.#known) return;
    this.#known = known;
    fill(this.#who, 'Assignee', [...people, ['nobody', 'Nobody']], filter.who);
    fill(this.#label, 'Label', labels, filter.label);
    fill(this.#priority, 'Priority', [...PRIORITIES].reverse().map((name) => [name, capital(name)]), filter.priority);
    fill(this.#due, 'Due', DUE, filter.due);
  }

  #read() {
    const [who, label, priority, due] = [this.#who, this.#label, this.#priority, this.#due].map(({ value }) => value);
    const filter = /** @type {Filter} */ ({ q: this.#search.value, who, label, priority, due });
    this.#mark(filter);
    this.#changed(filter);
  }

  /** @param {Filter} filter */
  #mark(filter) {
    this.#clear.hidden = !isFiltering(filter);
    for (const [select, value] of this.#selects(filter)) select.classList.toggle('set', value !== '');
  }

  /** @param {Filter} filter @returns {[HTMLSelectElement, string][]} */
  #selects({ who, label, priority, due }) {
    return [[this.#who, who], [this.#label, label], [this.#priority, priority], [this.#due, due]];
  }

  /** @param {KeyboardEvent} event */
  #escape(event) {
    event.stopPropagation();
    if (this.#search.value !== '') this.reset();
    this.#search.blur();
  }
}

/** @param {string} name */
function choice(name) {
  return h('select', { class: 'choice', 'aria-label': `Filter by ${name.toLowerCase()}` });
}

/**
 * @param {HTMLSelectElement} select
 * @param {string} name
 * @param {string[][]} options
 * @param {string} value
 */
function fill(select, name, options, value) {
  const all = options.map(([id, words]) => h('option', { value: id ?? '' }, (words ?? '').slice(0, 60)));
  select.replaceChildren(h('option', { value: '' }, name), ...all);
  select.value = value;
}
