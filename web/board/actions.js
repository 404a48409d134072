/**
 * What people do to tasks. Everything shows at once; what the hub refuses is undone, with words.
 *
 * @module
 */

import { announce, clipped } from '../ui/dom.js';
import { notify } from '../ui/notices.js';
import { errorWords } from '../ui/words.js';
import { COLUMNS, columnName } from './data.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {import('/client/types.js').Fields} Fields */
/** @typedef {import('/client/types.js').Place} Place */

/** What fields are called where that is not their name. @type {Readonly<Record<string, string>>} */
const FIELDS = { completed_at: 'status', dependencies: 'what comes before' };

/** How many tasks are given places at once, in how many edits at most. */
const BATCH = 400;
const BATCHES = 5;

export class Actions {
  #project;
  #data;

  /**
   * @param {import('/client/index.js').Channel} project
   * @param {import('./data.js').BoardData} data
   */
  constructor(project, data) {
    this.#project = project;
    this.#data = data;
  }

  get #tasks() {
    return this.#data.tasks;
  }

  /**
   * Adds a task at the end of a column.
   *
   * @param {string} title
   * @param {string} status
   * @param {Fields} [more]
   * @returns {{ id: string, done: Promise<unknown> }} `done` resolves with null if it was refused
   */
  add(title, status, more = {}) {
    this.#settle();
    const edit = this.#tasks.insert({ title, status, priority: 'medium', ...more }, { place: 'last' });
    this.#data.placing([String(edit.key)]);
    return { id: String(edit.key), done: this.#done(edit) };
  }

  /**
   * Changes fields of a task.
   *
   * @param {string} id
   * @param {Fields} set
   */
  update(id, set) {
    return this.#done(this.#tasks.update(id, set));
  }

  /**
   * Changes a text that was edited for a while: not over somebody else's newer text.
   *
   * @param {string} id
   * @param {string} field
   * @param {string} text
   * @param {string} base what it was when editing began
   * @returns {Promise<'saved' | 'changed' | 'failed'>} `changed`: by somebody else in the meantime
   */
  async write(id, field, text, base) {
    try {
      await this.#tasks.update(id, { [field]: text }, { if: { [field]: base } });
      return 'saved';
    } catch (error) {
      return /** @type {any} */ (error).code === 'guard_failed' ? 'changed' : 'failed';
    }
  }

  /**
   * @param {string} id
   * @param {'labels' | 'dependencies'} field
   * @param {{ add?: string[], remove?: string[] }} how
   */
  changeSet(id, field, { add, remove }) {
    const change = { ...(add ? { add: { [field]: add } } : {}), ...(remove ? { remove: { [field]: remove } } : {}) };
    return this.#done(this.#tasks.change(id, change));
  }

  /**
   * Puts a task into a column, at a place in the order.
   *
   * @param {Row} task
   * @param {string} status
   * @param {Place} [place]
   */
  move(task, status, place) {
    const set = status === task.status ? undefined : statusFields(status);
    if (!set && !place) return undefined;
    announce(`“${clipped(task.title, 60)}” ${set ? `is in ${columnName(status)} now` : 'was moved'}`);
    if (place) this.#settle();
    const edit = this.#tasks.change(task.id, { ...(set ? { set } : {}), ...(place ? { place } : {}) });
    if (place) this.#data.placing([task.id]);
    return this.#done(edit);
  }

  /** Tasks that nobody has put anywhere get the place where they are shown: others may stand beside them then. */
  #settle() {
    const ids = this.#data.unplaced.map(({ id }) => String(id)).slice(0, BATCH * BATCHES);
    for (let at = 0; at < ids.length; at += BATCH) {
      const batch = ids.slice(at, at + BATCH);
      const ops = batch.map((key) => ({ op: /** @type {const} */ ('update'), table: 'tasks', key, place: /** @type {const} */ ('last') }));
      void this.#done(this.#project.edit(ops, { undo: false }));
      this.#data.placing(batch);
    }
  }

  /**
   * Moves a task to the next column on one side.
   *
   * @param {Row} task
   * @param {-1 | 1} step
   */
  shift(task, step) {
    const to = COLUMNS[COLUMNS.findIndex(({ status }) => status === task.status) + step];
    if (to) this.move(task, to.status);
  }

  /**
   * Moves a task past its neighbour among those shown in its column.
   *
   * @param {Row} task
   * @param {-1 | 1} step
   * @param {readonly Row[]} column
   */
  nudge(task, step, column) {
    const neighbour = column[column.findIndex((row) => row.id === task.id) + step];
    if (neighbour) this.move(task, task.status, step < 0 ? { before: neighbour.id } : { after: neighbour.id });
  }

  /**
   * Deletes a task; there is a moment to undo it.
   *
   * @param {Row} task
   */
  remove(task) {
    const edit = this.#tasks.delete(task.id);
    void this.#done(edit);
    this.#offerUndo(`Deleted “${clipped(task.title, 60)}”.`, edit);
  }

  /**
   * @param {string} task
   * @param {string} body
   */
  comment(task, body) {
    // What was said was said: undo does not take it back, its author may delete it.
    return this.#done(this.#project.table('comments').insert({ task_id: task, body }, { undo: false }));
  }

  /**
   * Writes a comment anew: not over what was written elsewhere since.
   *
   * @param {Row} comment
   * @param {string} body
   * @returns {Promise<boolean>} whether it was
   */
  async editComment({ id, body: old }, body) {
    try {
      await this.#project.table('comments').update(id, { body }, { if: { body: old }, undo: false });
      return true;
    } catch (error) {
      // Other refusals are told wherever the person is.
      if (/** @type {any} */ (error).code === 'guard_failed') notify('This comment was changed elsewhere meanwhile. Yours is not saved.');
      return false;
    }
  }

  /** @param {string} id */
  removeComment(id) {
    const edit = this.#project.table('comments').delete(id);
    void this.#done(edit);
    this.#offerUndo('Deleted a comment.', edit);
  }

  /** Takes back what this person did last here, and says what became of it. @param {'undo' | 'redo'} way */
  async back(way) {
    try {
      this.#tell(way, await this.#project[way]());
    } catch (error) {
      this.#failed(error);
    }
  }

  /**
   * Says what was done, with a way back.
   *
   * @param {string} words
   * @param {import('/client/index.js').Edit} edit
   */
  #offerUndo(words, edit) {
    const run = () => void edit.undo().then((result) => this.#tell('undo', result), (error) => this.#failed(error));
    notify(words, { kind: 'info', action: { label: 'Undo', run } });
  }

  /** The page hears of refused edits in one place, and says so there. @param {any} error */
  #failed(error) {
    if (error?.name !== 'EditError') notify(`Nothing was changed. ${errorWords(error)}`);
  }

  /**
   * @param {'undo' | 'redo'} way
   * @param {import('/client/undo.js').UndoResult} result
   */
  #tell(way, { done, skipped, ops = [] }) {
    const words = !done ? `There is nothing to ${way}.` : `${way === 'undo' ? 'Undone' : 'Done again'}: ${this.#said(ops)}.`;
    const left = skipped.length === 0 ? '' : done ? ' Not what somebody else has changed since.' : 'Left as it is: somebody else has changed it since.';
    notify(done || left === '' ? words + left : left, { kind: 'info' });
  }

  /** What operations do, in words. @param {readonly import('/client/types.js').Op[]} ops */
  #said(ops) {
    const op = ops.find(({ table }) => table === 'tasks') ?? ops[0];
    if (op === undefined) return 'nothing';
    if (op.table === 'comments') return op.op === 'insert' ? 'a comment is back' : 'a comment is gone';
    const key = op.op === 'insert' ? op.row.id : op.key;
    const row = op.op === 'insert' ? op.row : this.#data.tasks.get(key);
    const name = row ? `“${clipped(row.title, 60)}”` : 'a task';
    if (op.op === 'insert') return `${name} is back`;
    if (op.op !== 'update') return `${name} is gone`;
    const fields = [op.set, op.inc, op.add, op.remove].flatMap((how) => Object.keys(how ?? {})).map((field) => FIELDS[field] ?? field.replace('_', ' '));
    return fields.length > 0 ? `${[...new Set(fields)].join(', ')} of ${name}` : `the place of ${name}`;
  }

  /**
   * The page hears of every refusal in one place; here it only matters that there was one.
   *
   * @template T
   * @param {PromiseLike<T>} edit
   * @returns {Promise<T | null>} null if it was refused
   */
  async #done(edit) {
    try {
      return await edit;
    } catch {
      return null;
    }
  }
}

/** @param {string} status @returns {Fields} */
function statusFields(status) {
  return { status, completed_at: status === 'done' ? new Date().toISOString() : null };
}
