/**
 * The past of a task, with a way back to it.
 *
 * @module
 */

import { capital, columnName } from '../board/data.js';
import { clipped, h, said, setChildren } from '../ui/dom.js';
import { ago, dateWords, errorWords } from '../ui/words.js';

/** @typedef {import('/client/types.js').Row} Row */
/** @typedef {import('/client/types.js').PastChange} PastChange */

/** Changes fetched at once. */
const PAGE = 30;
/** Pages of what nobody wants to read that are passed by at once. */
const SILENT_PAGES = 10;
/** What nobody wants to read. */
const SILENT = new Set(['position', 'updated_by', 'completed_at', 'metadata']);

export class History {
  #context;
  #id;
  #list = h('ol', { class: 'history', role: 'list' });
  #more = h('button', { type: 'button', class: 'bare', hidden: true, onclick: () => void this.fetch(this.#next) }, 'Show older changes');
  /** From where older changes are fetched. @type {number | undefined} */
  #next;
  /** @type {Row | null} */
  #row = null;

  /**
   * @param {import('./panel.js').TaskContext} context
   * @param {string} id
   */
  constructor(context, id) {
    this.#context = context;
    this.#id = id;
    this.element = h('div', {}, this.#list, this.#more);
  }

  /** @param {Row} task */
  show(task) {
    const changed = this.#row !== null && this.#row !== task;
    this.#row = task;
    if (changed && !this.#context.data.tasks.isPending(this.#id)) void this.fetch();
  }

  /**
   * @param {number} [before] the newest, if left out
   * @param {number} [pages] how many may be passed by that hold nothing worth telling
   */
  async fetch(before, pages = SILENT_PAGES) {
    try {
      const page = await this.#context.project.history('tasks', this.#id, { limit: PAGE, ...(before ? { before } : {}) });
      const items = page.changes.flatMap((change) => this.#item(change) ?? []);
      setChildren(this.#list, before ? [...this.#list.children, ...items] : items);
      this.#next = page.next;
      this.#more.hidden = !page.more;
      // A page may hold nothing that is worth telling, and more lies behind it.
      if (items.length === 0 && page.more && pages > 0) await this.fetch(page.next, pages - 1);
    } catch (error) {
      setChildren(this.#list, [h('li', { class: 'error' }, errorWords(error))]);
    }
  }

  /** @param {PastChange} change */
  #item(change) {
    const fields = Object.keys(change.new ?? {}).filter((name) => !SILENT.has(name));
    if (change.op === 'update' && fields.length === 0) return null;
    const who = change.user ? this.#context.data.nameOf(change.user) : 'Somebody';
    const words = change.op === 'insert' ? ['created it'] : change.op === 'update' ? fields.map((name) => this.#words(name, change)) : [`${change.op}d it`];
    const restore = change.op === 'update' && this.#context.data.mayEdit ? this.#restore(change, fields) : null;
    return h('li', {}, h('div', {}, said(clipped(who, 40), 'who'), ' ', ...join(words)), h('time', { datetime: change.at }, ago(change.at)), restore);
  }

  /** @param {string} name @param {PastChange} change @returns {Node} */
  #words(name, change) {
    const value = this.#value(name, change.new?.[name]);
    const old = this.#value(name, change.old?.[name]);
    const words = { title: 'renamed it', description: 'changed the description', status: 'moved it' }[name] ?? `set ${name.replace('_', ' ')}`;
    if (name === 'description') return h('span', {}, words);
    return h('span', {}, `${words} from `, said(clipped(old, 80), 'was'), ' to ', said(clipped(value, 80), 'is'));
  }

  /** @param {string} name @param {any} value @returns {string} */
  #value(name, value) {
    if (value == null || value === '' || (Array.isArray(value) && value.length === 0)) return 'nothing';
    if (name === 'assignee') return this.#context.data.nameOf(value);
    if (name === 'status') return columnName(value);
    if (name === 'priority') return capital(String(value));
    if (name === 'due_date') return dateWords(value);
    if (name === 'dependencies') return value.map((/** @type {any} */ id) => this.#context.data.tasks.get(id)?.title ?? 'a task that is gone').join(', ');
    return Array.isArray(value) ? value.join(', ') : String(typeof value === 'object' ? JSON.stringify(value) : value);
  }

  /** @param {PastChange} change @param {string[]} fields */
  #restore(change, fields) {
    const old = Object.fromEntries(fields.map((name) => [name, change.old?.[name] ?? null]));
    const restore = () => void this.#context.actions.update(this.#id, old);
    return h('button', { type: 'button', class: 'bare', title: 'Make it as it was before this change', onclick: restore }, 'Restore');
  }
}

/** @param {(Node | string)[]} words */
function join(words) {
  return words.flatMap((word, at) => (at === 0 ? [word] : [', ', word]));
}
