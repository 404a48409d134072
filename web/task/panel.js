/**
 * The open task: everything about it, at the side of the board.
 *
 * @module
 */

import { columnName } from '../board/data.js';
import { avatar } from '../ui/avatar.js';
import { clipped, h, said, setChildren, setText } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { ago } from '../ui/words.js';
import { Comments } from './comments.js';
import { Facts } from './facts.js';
import { Links } from './links.js';
import { Steps } from './steps.js';
import { TextField } from './text.js';

/** @typedef {import('/client/types.js').Row} Row */

/**
 * What the parts of the panel work with.
 *
 * @typedef {object} TaskContext
 * @property {import('../app.js').App} app
 * @property {import('/client/index.js').Channel} project
 * @property {import('../board/data.js').BoardData} data
 * @property {import('../board/actions.js').Actions} actions
 * @property {() => void} close
 * @property {(id: string) => void} open
 */

/** A part of the panel. @typedef {{ element: HTMLElement, show: (task: Row) => void, close?: () => void }} Part */

export class TaskPanel {
  #context;
  /** @type {string | null} */
  #id = null;
  /** @type {Part[]} */
  #parts = [];
  #where = h('span', { class: 'where' });
  #others = h('span', { class: 'others' });
  #content = h('div', { class: 'task-content' });

  /** @param {TaskContext} context */
  constructor(context) {
    this.#context = context;
    const away = h('button', { type: 'button', class: 'bare', 'aria-label': 'Close the task', title: 'Close (Escape)', onclick: context.close }, icon('close'));
    const remove = h('button', { type: 'button', class: 'bare edits', 'aria-label': 'Delete the task', title: 'Delete', onclick: () => this.#remove() }, icon('trash'));
    const head = h('header', { class: 'task-head' }, this.#where, this.#others, h('span', { class: 'grow' }), remove, away);
    this.element = h('aside', { class: 'task', 'aria-label': 'Task', hidden: true, tabindex: '-1' }, head, this.#content);
    this.element.addEventListener('focusin', (event) => this.#touch(event));
    this.element.addEventListener('focusout', () => this.#touch(null));
    this.element.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Shows a task, or nothing. @param {string | null} id */
  show(id) {
    if (id !== this.#id) this.#change(id);
    if (id === null) return;
    const task = this.#context.data.tasks.get(id);
    if (!task) return this.#missing();
    // It may have been away, and have come back.
    if (this.#parts.length === 0) this.#build(id);
    this.#showHead(task);
    for (const part of this.#parts) part.show(task);
  }

  /** Puts the cursor into the title. */
  edit() {
    /** @type {HTMLTextAreaElement | null} */ (this.element.querySelector('.text-title'))?.focus();
  }

  close() {
    for (const part of this.#parts) part.close?.();
    this.#parts = [];
    this.#id = null;
    this.element.hidden = true;
  }

  /** @param {string | null} id */
  #change(id) {
    const had = this.#id !== null;
    for (const part of this.#parts) part.close?.();
    this.#parts = [];
    this.#id = id;
    this.element.hidden = id === null;
    if (id === null) return had ? this.#touch(null) : undefined;
    this.#build(id);
    this.#touch(null);
    // Not into the title: whoever only looks is not at it, and their keys are not text.
    queueMicrotask(() => this.element.focus({ preventScroll: true }));
  }

  /** @param {string} id */
  #build(id) {
    const context = this.#context;
    const title = new TextField(context, id, { field: 'title', label: 'Title', oneLine: true });
    const description = new TextField(context, id, { field: 'description', label: 'Description', placeholder: 'Add a description' });
    this.#parts = [title, new Facts(context, id), description, new Steps(context, id), new Links(context, id), new Comments(context, id), pastOf(context, id)];
    setChildren(this.#content, this.#parts.map(({ element }) => element));
    this.#content.scrollTop = 0;
  }

  #missing() {
    if (this.#content.querySelector('.empty')) return;
    for (const part of this.#parts) part.close?.();
    this.#parts = [];
    setText(this.#where, '');
    setChildren(this.#others, []);
    const back = h('button', { type: 'button', onclick: this.#context.close }, 'Back to the board');
    setChildren(this.#content, [h('div', { class: 'empty' }, h('h2', {}, 'This task is not there any more'), h('p', {}, 'Somebody deleted it, or the link is wrong.'), back)]);
  }

  /** @param {Row} task */
  #showHead(task) {
    const { data } = this.#context;
    const parent = task.parent_id == null ? undefined : data.tasks.get(task.parent_id);
    if (parent) {
      const up = h('button', { type: 'button', class: 'bare up', onclick: () => this.#context.open(parent.id) }, said(clipped(parent.title, 60), 'clip'));
      setChildren(this.#where, ['Step of ', up]);
    } else {
      const created = ago(task.created_at);
      setText(this.#where, `${columnName(task.status)}${created ? ` · created ${created}` : ''}`);
    }
    const faces = data.touching(task.id).map(({ user, field }) => {
      const name = data.nameOf(user);
      return avatar(user, name, field ? `${name} is at ${field.replace('_', ' ')}` : `${name} is looking at this`);
    });
    setChildren(this.#others, faces);
    for (const label of this.#content.querySelectorAll('[data-field]')) this.#mark(/** @type {HTMLElement} */ (label), task.id);
  }

  /** Shows who else is at a field. @param {HTMLElement} box @param {string} id */
  #mark(box, id) {
    const { data } = this.#context;
    const here = data.touching(id).filter(({ field }) => field === box.dataset.field);
    const words = here.map(({ user }) => clipped(data.nameOf(user), 30)).join(', ');
    if (words === '') delete box.dataset.with;
    else box.dataset.with = words;
  }

  /** Tells the others what this person is at. @param {FocusEvent | null} event */
  #touch(event) {
    const box = event?.target instanceof Element ? event.target.closest('[data-field]') : null;
    const field = box instanceof HTMLElement ? (box.dataset.field ?? null) : null;
    this.#context.project.state.set('at', this.#id === null ? null : { task: this.#id, field });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    event.preventDefault();
    this.#context.close();
  }

  #remove() {
    const task = this.#id === null ? undefined : this.#context.data.tasks.get(this.#id);
    if (!task) return;
    this.#context.actions.remove(task);
    this.#context.close();
  }
}

/**
 * The past of a task: the hub tells it, so its part of the page comes when it is opened.
 *
 * @param {TaskContext} context
 * @param {string} id
 * @returns {Part}
 */
function pastOf(context, id) {
  const words = h('p', { class: 'error', hidden: true }, 'The history could not be fetched.');
  const element = h('details', { class: 'part' }, h('summary', {}, h('h3', {}, 'History')), words);
  /** @type {Row | null} */
  let shown = null;
  /** @type {import('./history.js').History | null} */
  let past = null;
  const open = async () => {
    if (!element.open) return;
    try {
      const { History } = await import('./history.js');
      if (past === null) element.append((past = new History(context, id)).element);
      words.hidden = true;
      if (shown) past.show(shown);
      void past.fetch();
    } catch {
      words.hidden = false;
    }
  };
  element.addEventListener('toggle', () => void open());
  return { element, show: (task) => ((shown = task), element.open && past?.show(task)) };
}
