/**
 * What others did since somebody was here, by task: fetched when there is something to tell.
 *
 * @module
 */

import { announce, clipped, h, said } from '../ui/dom.js';
import { icon } from '../ui/icons.js';
import { plural } from '../ui/words.js';
import { columnName } from './data.js';

/** @typedef {import('./news.js').Deed} Deed */

/** Lines shown at once. */
const MOST = 6;
/** @type {Readonly<Record<string, string>>} */
const OPS = { insert: 'added', enter: 'added', delete: 'deleted', leave: 'moved away', comment: 'commented on' };
/** @type {Readonly<Record<string, string>>} */
const FIELDS = { title: 'renamed', description: 'rewrote', assignee: 'assigned', position: 'moved', dependencies: 'linked' };

/**
 * @param {Deed[]} deeds
 * @param {import('./data.js').BoardData} data
 * @param {(task: string) => string} address
 * @returns {HTMLElement}
 */
export function summary(deeds, data, address) {
  const lines = linesOf(deeds);
  const shown = lines.slice(-MOST).reverse().map((line) => lineItem(line, data, address));
  const more = lines.length > MOST ? h('li', { class: 'faint' }, `and ${lines.length - MOST} more`) : null;
  const away = () => box.remove();
  const close = h('button', { type: 'button', class: 'bare', 'aria-label': 'Close the summary', onclick: away }, icon('close'));
  const head = h('header', {}, h('h2', {}, 'Since you were away'), close);
  const box = h('section', { class: 'away', 'aria-label': 'Since you were away' }, head, h('ul', { role: 'list' }, ...shown, more));
  announce(`Since you were away, others changed ${plural(new Set(deeds.map(({ task }) => task)).size, 'task')}.`);
  return box;
}

/** @typedef {{ user: string, task: string, title: string, words: Set<string> }} Line what one person did to one task */

/** The newest last. @param {Deed[]} deeds @returns {Line[]} */
function linesOf(deeds) {
  /** @type {Map<string, Line>} */
  const lines = new Map();
  for (const deed of deeds) {
    const id = `${deed.user} ${deed.task}`;
    const line = lines.get(id) ?? { user: deed.user, task: deed.task, title: '', words: new Set() };
    line.title ||= deed.title;
    for (const word of wordsOf(deed)) line.words.add(word);
    lines.delete(id);
    lines.set(id, line);
  }
  return [...lines.values()];
}

/** @param {Pick<Deed, 'op' | 'fields' | 'status'>} deed @returns {string[]} */
function wordsOf({ op, fields, status }) {
  if (op !== 'update') return [OPS[op] ?? 'changed'];
  if (fields.includes('status')) return [`moved to ${columnName(String(status))}`, ...wordsOf({ op, status, fields: fields.filter((name) => name !== 'status' && name !== 'position') })];
  return fields.map((name) => FIELDS[name] ?? 'changed');
}

/**
 * @param {Line} line
 * @param {import('./data.js').BoardData} data
 * @param {(task: string) => string} address
 */
function lineItem({ user, task, title, words }, data, address) {
  const row = data.tasks.get(task);
  const who = said(user === '' ? 'A program' : clipped(data.nameOf(user), 40), 'who');
  const what = row ? h('a', { href: address(task) }, said(clipped(row.title, 80))) : said(clipped(title || 'a task', 80));
  return h('li', {}, who, ` ${words.has('deleted') ? 'deleted' : [...words].join(', ')}: `, what);
}
