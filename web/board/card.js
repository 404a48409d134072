/**
 * One task on the board: a link to its details, and nothing to press inside.
 *
 * @module
 */

import { avatar, hueOf } from '../ui/avatar.js';
import { clipped, h, said, setChildren } from '../ui/dom.js';
import { icon, priorityIcon } from '../ui/icons.js';
import { dateWords, daysUntil, plural } from '../ui/words.js';
import { capital, labelsOf } from './data.js';

/** @typedef {import('/client/types.js').Row} Row */

/**
 * What a card shows beside the task's own fields.
 *
 * @typedef {object} Around
 * @property {string | null} assignee
 * @property {{ done: number, of: number }} steps
 * @property {number} comments
 * @property {number} blocked by how many tasks
 * @property {boolean} pending
 * @property {boolean} overruled a text of this person waits to be decided
 * @property {string[][]} others who else is at it: ids and names
 * @property {string[] | null} changed who has just changed it: id and name
 */

/** Labels shown on a card. */
const LABELS = 4;

export class Card {
  #data;
  #link;
  /** @type {Row | null} */
  #row = null;
  #seen = '';

  /**
   * @param {string} id
   * @param {import('./data.js').BoardData} data
   */
  constructor(id, data) {
    this.id = id;
    this.#data = data;
    this.#link = h('a', { class: 'card', draggable: 'false', data: { id } });
    this.element = h('div', { class: 'item', role: 'listitem', data: { id } }, this.#link);
  }

  get link() {
    return this.#link;
  }

  /** @param {boolean} isOpen @param {string} address where its details are */
  mark(isOpen, address) {
    if (this.#link.getAttribute('href') !== address) this.#link.setAttribute('href', address);
    if (isOpen) this.#link.setAttribute('aria-current', 'true');
    else this.#link.removeAttribute('aria-current');
  }

  /** Shows the task as it is now; nothing is touched if it looks the same. */
  show() {
    const row = this.#data.tasks.get(this.id);
    if (!row) return;
    const around = this.#around(row);
    const seen = JSON.stringify(around);
    if (row === this.#row && seen === this.#seen) return;
    this.#row = row;
    this.#seen = seen;
    this.#draw(row, around);
  }

  /** @param {Row} row @returns {Around} */
  #around(row) {
    const steps = this.#data.stepsOf(row.id);
    return {
      assignee: row.assignee == null ? null : this.#data.nameOf(row.assignee),
      steps: { done: steps.filter(({ status }) => status === 'done').length, of: steps.length },
      comments: this.#data.commentsOn(row.id).length,
      blocked: row.status === 'done' ? 0 : this.#data.blockers(row).length,
      pending: this.#data.tasks.isPending(row.id),
      overruled: this.#data.isOverruled(row),
      others: this.#data.touching(row.id).map(({ user }) => [user, this.#data.nameOf(user)]),
      changed: this.#changed(row.id),
    };
  }

  /** @param {string} id */
  #changed(id) {
    const user = this.#data.changed.get(id);
    return user === undefined ? null : [user, user === '' ? 'A program' : this.#data.nameOf(user)];
  }

  /**
   * @param {Row} row
   * @param {Around} around
   */
  #draw(row, around) {
    const link = this.#link;
    link.classList.toggle('pending', around.pending);
    link.dataset.priority = String(row.priority ?? '');
    link.classList.toggle('touched', around.others.length > 0);
    link.classList.toggle('changed', around.changed !== null);
    const first = around.changed ?? around.others[0];
    if (first) link.style.setProperty('--hue', String(hueOf(first[0] || 'a program')));
    const face = around.assignee === null ? null : avatar(String(row.assignee), around.assignee, `Assigned to ${around.assignee}`);
    const title = h('span', { class: 'title', dir: 'auto' }, clipped(row.title));
    setChildren(link, [touchers(around), h('span', { class: 'card-top' }, title, face), labels(row), facts(row, around)]);
  }
}

/** @param {Around} around */
function touchers({ others, changed }) {
  if (changed) return h('span', { class: 'touchers' }, said(clipped(changed[1], 30)), h('span', { class: 'unseen' }, ' changed this'));
  if (others.length === 0) return null;
  const names = others.map(([, name]) => clipped(name, 30)).join(', ');
  return h('span', { class: 'touchers' }, said(names), h('span', { class: 'unseen' }, ' is here'));
}

/** @param {Row} row */
function labels(row) {
  const all = labelsOf(row);
  if (all.length === 0) return null;
  const shown = all.slice(0, LABELS).map(labelChip);
  const more = all.length > LABELS ? h('span', { class: 'fact' }, `+${all.length - LABELS}`) : null;
  return h('span', { class: 'labels' }, ...shown, more);
}

/** @param {string} label */
export function labelChip(label) {
  const chip = h('span', { class: 'label' }, said(clipped(label, 40), 'clip'));
  chip.style.setProperty('--hue', String(hueOf(label)));
  return chip;
}

/**
 * @param {Row} row
 * @param {Around} around
 */
function facts(row, { steps, comments, blocked, overruled }) {
  const priority = String(row.priority ?? '');
  const name = h('span', { class: priority === 'urgent' || priority === 'high' ? '' : 'unseen' }, capital(priority));
  const all = [
    h('span', { class: 'fact priority-fact', data: { priority }, title: `${capital(priority)} priority` }, priorityIcon(priority), name),
    overruled ? h('span', { class: 'fact warn', title: 'Your text was replaced; open the task to decide' }, icon('undo'), 'Your text was replaced') : null,
    row.due_date == null ? null : dueFact(row),
    blocked ? fact('blocked', `Blocked by ${plural(blocked, 'task')}`, String(blocked), 'bad') : null,
    steps.of > 0 ? fact('steps', `${steps.done} of ${steps.of} steps done`, `${steps.done}/${steps.of}`, steps.done === steps.of ? 'good' : '') : null,
    comments > 0 ? fact('chat', plural(comments, 'comment'), String(comments)) : null,
  ];
  return h('span', { class: 'facts' }, ...all);
}

/** @param {Row} row */
function dueFact(row) {
  const days = daysUntil(row.due_date);
  const mood = row.status === 'done' || days > 1 ? '' : days < 0 ? 'bad' : 'warn';
  return fact('clock', `Due ${dateWords(row.due_date)}`, dateWords(row.due_date), mood);
}

/**
 * @param {import('../ui/icons.js').IconName} picture
 * @param {string} words for those who do not see the picture
 * @param {string} shown
 * @param {string} [mood]
 */
function fact(picture, words, shown, mood = '') {
  const plain = h('span', { 'aria-hidden': 'true' }, shown);
  return h('span', { class: `fact ${mood}`.trim(), title: words }, icon(picture), plain, h('span', { class: 'unseen' }, words));
}
