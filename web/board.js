/**
 * The board: tasks in three columns, in the order that people gave them.
 *
 * @module
 */

import { Card } from './card.js';
import { byId, fromTemplate, keepingFocus, setChildren, setText, within } from './dom.js';
import { notify } from './notices.js';
import { errorWords } from './words.js';

/** @typedef {import('/client/index.js').Channel} Channel */
/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {import('/client/types.js').Person} Person */
/** @typedef {import('/client/types.js').Place} Place */

/** The columns: a status and its name. */
export const COLUMNS = [
  { status: 'todo', name: 'To do' },
  { status: 'doing', name: 'Doing' },
  { status: 'done', name: 'Done' },
];

export class Board {
  #project;
  #me;
  #tasks;
  /** @type {Map<string, Card>} */
  #cards = new Map();
  /** @type {Map<string, HTMLElement>} */
  #columns = new Map();
  #waiting = false;

  /**
   * @param {Channel} project
   * @param {() => Person | null} me
   */
  constructor(project, me) {
    this.#project = project;
    this.#me = me;
    this.#tasks = project.table('tasks');
    for (const column of COLUMNS) this.#columns.set(column.status, this.#makeColumn(column));
    setChildren(byId('columns'), [...this.#columns.values()]);
    byId('add').addEventListener('submit', (event) => this.#add(event));
    for (const table of ['tasks', 'comments', 'members']) project.table(table).subscribe(() => this.#soon());
    project.subscribe(() => this.#soon());
    this.#show();
  }

  /** Who this is. */
  get me() {
    return this.#me();
  }

  /** Whether this person may change anything. */
  get mayEdit() {
    return this.#project.role !== 'viewer';
  }

  /**
   * What others call a person.
   *
   * @param {string} user
   * @returns {string}
   */
  nameOf(user) {
    const member = this.#project.table('members').rows().find((row) => row.user_id === user);
    return member?.name || user;
  }

  /**
   * The comments on a task: ids sort them by their age.
   *
   * @param {string} task
   * @returns {{ author: string, body: string }[]}
   */
  commentsOn(task) {
    const comments = this.#project.table('comments');
    const own = comments.rows().filter((row) => row.task_id === task);
    return own.map(({ id, author, body }) => ({ author: this.#authorName(author, comments.isPending(id)), body }));
  }

  /**
   * The hub fills the author in: until then it is whoever sits here.
   *
   * @param {string | null} author
   * @param {boolean} pending
   */
  #authorName(author, pending) {
    if (author != null) return this.nameOf(author);
    return pending && this.me ? this.me.name : 'Somebody';
  }

  /** Whether a task shows something that the hub has not confirmed. @param {string} id */
  isPending(id) {
    return this.#tasks.isPending(id);
  }

  /**
   * Changes fields of a task.
   *
   * @param {string} id
   * @param {import('/client/types.js').Fields} set
   */
  update(id, set) {
    this.#report(this.#tasks.update(id, set));
  }

  /** @param {string} id */
  delete(id) {
    this.#report(this.#tasks.delete(id));
  }

  /**
   * @param {string} task
   * @param {string} body
   */
  comment(task, body) {
    this.#report(this.#project.table('comments').insert({ task_id: task, body }));
  }

  /**
   * Moves a task to the next column on one side.
   *
   * @param {Row} task
   * @param {-1 | 1} step
   */
  shift(task, step) {
    const at = COLUMNS.findIndex(({ status }) => status === task.status);
    const to = COLUMNS[at + step];
    if (to) this.update(task.id, { status: to.status });
  }

  /**
   * Moves a task past its neighbour in the column.
   *
   * @param {Row} task
   * @param {-1 | 1} step
   */
  nudge(task, step) {
    const column = this.#tasks.rows().filter((row) => row.status === task.status);
    const neighbour = column[column.findIndex((row) => row.id === task.id) + step];
    if (!neighbour) return;
    this.#report(this.#tasks.place(task.id, step < 0 ? { before: neighbour.id } : { after: neighbour.id }));
  }

  /** @param {{ status: string, name: string }} column */
  #makeColumn({ status, name }) {
    const column = fromTemplate('column-template');
    column.dataset.status = status;
    column.setAttribute('aria-label', name);
    setText(within(column, '.name'), name);
    column.addEventListener('dragover', (event) => event.preventDefault());
    column.addEventListener('drop', (event) => this.#drop(event, status));
    return column;
  }

  /**
   * @param {DragEvent} event
   * @param {string} status
   */
  #drop(event, status) {
    event.preventDefault();
    const id = event.dataTransfer?.getData('text/plain') ?? '';
    if (this.#tasks.get(id) === undefined || !this.mayEdit) return;
    const before = cardUnder(event);
    if (before === id) return;
    const place = before === undefined ? undefined : { before };
    this.#report(this.#tasks.change(id, { set: { status }, place }));
  }

  /** @param {Event} event */
  #add(event) {
    event.preventDefault();
    const input = /** @type {HTMLInputElement} */ (byId('new-title'));
    const title = input.value.trim();
    if (title === '') return;
    input.value = '';
    const row = { title, status: 'todo', priority: 'medium' };
    this.#report(this.#tasks.insert(row, { place: 'last' }));
  }

  /** @param {Promise<unknown>} edit */
  #report(edit) {
    edit.catch((error) => notify(`A change was undone. ${errorWords(error)}`));
  }

  /** Shows the board anew before the next frame, however much changed. */
  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    queueMicrotask(() => {
      this.#waiting = false;
      this.#show();
    });
  }

  #show() {
    const tasks = this.#tasks.rows();
    const shown = new Set(tasks.map((task) => task.id));
    for (const id of this.#cards.keys()) if (!shown.has(id)) this.#cards.delete(id);
    for (const task of tasks) this.#cardOf(task).show(task);
    keepingFocus(() => {
      for (const [status, column] of this.#columns) this.#showColumn(status, column, tasks);
    });
    byId('add').toggleAttribute('inert', !this.mayEdit);
  }

  /**
   * @param {string} status
   * @param {HTMLElement} column
   * @param {readonly Row[]} tasks
   */
  #showColumn(status, column, tasks) {
    const own = tasks.filter((task) => task.status === status);
    setText(within(column, '.count'), String(own.length));
    setChildren(within(column, '.cards'), own.map((task) => this.#cardOf(task).element));
  }

  /** @param {Row} task */
  #cardOf(task) {
    let card = this.#cards.get(task.id);
    if (!card) this.#cards.set(task.id, (card = new Card(task, this)));
    return card;
  }
}

/** The task onto whose upper half something was dropped, if any. @param {DragEvent} event */
function cardUnder(event) {
  const card = event.target instanceof Element ? event.target.closest('.card') : null;
  return card instanceof HTMLElement ? card.dataset.id : undefined;
}
