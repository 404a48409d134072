/**
 * What concerns the person. Read once on one device is read on all.
 *
 * @module
 */

import { boardLink } from '../routes.js';
import { avatar } from '../ui/avatar.js';
import { clipped, h, keepingFocus, said, setChildren } from '../ui/dom.js';
import { notify } from '../ui/notices.js';
import { ago, errorWords } from '../ui/words.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('/client/types.js').Row} Row */

/** Shown at once. */
const MOST = 200;
/** @type {Record<string, string>} */
const WORDS = { assigned: 'assigned you', mentioned: 'mentioned you', commented: 'commented', added: 'added you to' };

/** @type {import('../app.js').Screen} */
export function notifications(app, outlet) {
  const list = h('ul', { class: 'rows notes', role: 'list', 'aria-label': 'Notifications' });
  const all = h('button', { type: 'button', onclick: () => void readAll(app) }, 'Mark all as read');
  const { bar } = app.frame.bar('Notifications', all);
  outlet.append(bar, h('div', { class: 'page narrow' }, h('section', { class: 'panel' }, list)));
  document.title = 'Notifications · Rowcast';
  const table = app.live.own.table('notifications');
  const show = () => {
    const rows = [...table.rows()].sort(newestFirst).slice(0, MOST);
    all.disabled = !rows.some((row) => row.read_at == null);
    const nothing = h('li', { class: 'empty' }, h('h2', {}, 'Nothing new'), h('p', {}, 'You hear here when somebody gives you a task, mentions you or adds you to a project.'));
    keepingFocus(() => setChildren(list, rows.length > 0 ? rows.map((row) => note(app, row)) : [nothing]));
  };
  const stops = [table.subscribe(show), app.live.own.subscribe(show), app.projects.subscribe(show)];
  show();
  return { close: () => stops.forEach((stop) => stop()) };
}

/** @param {Row} a @param {Row} b */
function newestFirst(a, b) {
  return String(b.created_at).localeCompare(String(a.created_at));
}

/** @param {App} app @param {Row} row */
function note(app, row) {
  const { id, kind, project_id, task_id, actor, body, created_at, read_at } = row;
  const project = project_id ? app.projects.get(project_id)?.name : undefined;
  const who = said(actor == null ? 'Somebody' : '…', 'who');
  const what = kind === 'added' ? said(clipped(body || project || 'a project', 120)) : said(clipped(body, 120), 'faint');
  const face = h('span', { class: 'face' }, avatar(String(actor ?? ''), '?', ''));
  if (actor != null && project_id) void app.projects.names(project_id).then((names) => name(names, row, { who, what, face }));
  const where = project && kind !== 'added' ? h('small', {}, said(clipped(project, 60)), ' · ') : null;
  const words = h('span', { class: 'grow' }, who, ` ${WORDS[String(kind)] ?? String(kind)} `, what, h('br'), where, h('small', {}, ago(created_at)));
  const read = () => void markRead(app, [row]);
  const link = h('a', { class: 'note-link', href: project_id ? boardLink(project_id, task_id ?? undefined) : '#/', onclick: read }, face, words);
  const mark = read_at == null ? h('button', { type: 'button', class: 'bare', 'aria-label': 'Mark as read', title: 'Mark as read', onclick: read }, h('span', { class: 'unread-dot' })) : null;
  return h('li', { class: `row note ${read_at == null ? 'unread' : ''}`, data: { id } }, link, mark);
}

/**
 * Names come a moment later than the notification.
 *
 * @param {Map<string, string>} names
 * @param {Row} row
 * @param {{ who: HTMLElement, what: HTMLElement, face: HTMLElement }} shown
 */
function name(names, { actor, kind, body }, { who, what, face }) {
  const known = names.get(String(actor)) ?? 'Somebody';
  who.textContent = clipped(known, 60);
  face.replaceChildren(avatar(String(actor), known, ''));
  if (kind !== 'mentioned' && kind !== 'commented') return;
  const text = String(body ?? '').replace(/@([A-Za-z0-9_~+|=/-]+)/g, (mention, id) => (names.has(id) ? `@${names.get(id)}` : mention));
  what.textContent = clipped(text, 120);
}

/** @param {App} app */
function readAll(app) {
  return markRead(app, app.live.own.table('notifications').rows());
}

/** @param {App} app @param {readonly Row[]} rows */
async function markRead(app, rows) {
  const unread = rows.filter((row) => row.read_at == null).slice(0, 400);
  const set = { read_at: new Date().toISOString() };
  const ops = unread.map((row) => ({ op: /** @type {const} */ ('update'), table: 'notifications', key: row.id, set }));
  if (ops.length > 0) await app.live.own.edit(ops).catch((error) => notify(errorWords(error)));
}
