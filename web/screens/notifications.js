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
/** Of one task. */
const LINES = 3;
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
  const titles = new Titles(app.session);
  const show = () => {
    const rows = [...table.rows()].sort(newestFirst).slice(0, MOST);
    all.disabled = !rows.some((row) => row.read_at == null);
    const nothing = h('li', { class: 'empty' }, h('h2', {}, 'Nothing new'), h('p', {}, 'You hear here when somebody gives you a task, mentions you or adds you to a project.'));
    keepingFocus(() => setChildren(list, rows.length > 0 ? byTask(rows).map((group) => note(app, titles, group)) : [nothing]));
  };
  const stops = [table.subscribe(show), app.live.own.subscribe(show), app.projects.subscribe(show)];
  show();
  return { close: () => stops.forEach((stop) => stop()) };
}

/** @param {Row} a @param {Row} b */
function newestFirst(a, b) {
  return String(b.created_at).localeCompare(String(a.created_at));
}

/** Those of one task stand together, where the newest of them does. @param {readonly Row[]} rows @returns {Row[][]} */
function byTask(rows) {
  /** @type {Map<string, Row[]>} */
  const groups = new Map();
  for (const row of rows) {
    const id = String(row.task_id ?? row.id);
    const group = groups.get(id);
    if (group) group.push(row);
    else groups.set(id, [row]);
  }
  return [...groups.values()];
}

/** @param {App} app @param {Titles} titles @param {Row[]} group the newest first */
function note(app, titles, group) {
  const [{ id, kind, project_id, task_id, actor }] = /** @type {[Row]} */ (group);
  const project = project_id ? app.projects.get(project_id)?.name : undefined;
  const face = h('span', { class: 'face' }, avatar(String(actor ?? ''), '?', ''));
  const lines = group.slice(0, LINES).map((row) => line(app, row, project));
  const more = group.length > LINES ? h('small', { class: 'line' }, `and ${group.length - LINES} more`) : null;
  const where = project && kind !== 'added' ? h('small', {}, said(clipped(project, 60))) : null;
  const title = task_id == null ? null : h('span', { class: 'line' }, titles.of(group), ' ', where);
  if (actor != null && project_id) void app.projects.names(project_id).then((names) => face.replaceChildren(avatar(String(actor), nameIn(names, actor), '')));
  const unread = group.some(({ read_at }) => read_at == null);
  const read = () => void markRead(app, group);
  const link = h('a', { class: 'note-link', href: project_id ? boardLink(project_id, task_id ?? undefined) : '#/', onclick: read }, face, h('span', { class: 'grow' }, title, ...lines, more));
  const mark = unread ? h('button', { type: 'button', class: 'bare', 'aria-label': 'Mark as read', title: 'Mark as read', onclick: read }, h('span', { class: 'unread-dot' })) : null;
  return h('li', { class: `row note ${unread ? 'unread' : ''}`, data: { id } }, link, mark);
}

/** Who did what, and when. @param {App} app @param {Row} row @param {string | undefined} project its name */
function line(app, { kind, project_id, actor, body, created_at }, project) {
  const who = said(actor == null ? 'Somebody' : '…', 'who');
  const what = kind === 'assigned' ? null : kind === 'added' ? said(clipped(body || project || 'a project', 120)) : said(clipped(body, 120), 'faint');
  // Names come a moment later than the notification.
  if (actor != null && project_id) {
    void app.projects.names(project_id).then((names) => {
      who.textContent = clipped(nameIn(names, actor), 60);
      const text = String(body ?? '').replace(/@([A-Za-z0-9_~+|=/-]+)/g, (mention, id) => (names.has(id) ? `@${names.get(id)}` : mention));
      if (what && kind !== 'added') what.textContent = clipped(text, 120);
    });
  }
  return h('span', { class: 'line' }, who, ` ${WORDS[String(kind)] ?? String(kind)} `, what, ' ', h('small', {}, ago(created_at)));
}

/** @param {Map<string, string>} names @param {unknown} user */
function nameIn(names, user) {
  return names.get(String(user)) ?? 'Somebody';
}

/** What tasks are called: asked of the hub, one after the other and each once. */
class Titles {
  #session;
  /** @type {Map<string, Promise<string | null>>} */
  #known = new Map();
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /** @param {import('../session.js').Session} session */
  constructor(session) {
    this.#session = session;
  }

  /** The title of the task of some notifications; what it was when it was assigned, until it is known. @param {Row[]} group */
  of(group) {
    const element = said(clipped(group.find(({ kind }) => kind === 'assigned')?.body || 'A task', 120), 'task-title');
    const [{ project_id, task_id }] = /** @type {[Row]} */ (group);
    void this.#title(String(project_id), String(task_id)).then((title) => title !== null && (element.textContent = clipped(title, 120)));
    return element;
  }

  /** @param {string} project @param {string} task */
  #title(project, task) {
    const path = `/channels/${encodeURIComponent(`project:${project}`)}/tasks/${encodeURIComponent(task)}`;
    const known = this.#known.get(path) ?? (this.#last = this.#last.then(() => this.#session.call('GET', path).then((row) => String(row.title), () => null)));
    this.#known.set(path, /** @type {Promise<string | null>} */ (known));
    return /** @type {Promise<string | null>} */ (known);
  }
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
