/**
 * The person's projects: open, make, rename, delete.
 *
 * @module
 */

import { boardLink, go } from '../routes.js';
import { hueOf } from '../ui/avatar.js';
import { confirmed, dialog } from '../ui/dialog.js';
import { clipped, h, keepingFocus, said, setChildren } from '../ui/dom.js';
import { form } from '../ui/form.js';
import { icon } from '../ui/icons.js';
import { notify } from '../ui/notices.js';
import { ago, errorWords } from '../ui/words.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {import('../projects.js').Project} Project */

/** @type {import('../app.js').Screen} */
export function projects(app, outlet) {
  const list = h('ul', { class: 'tiles', role: 'list' });
  const create = h('button', { type: 'button', class: 'primary', onclick: () => askForName(app) }, icon('add'), 'New project');
  const { bar } = app.frame.bar('Projects', create);
  outlet.append(bar, h('div', { class: 'page' }, list));
  const show = () => {
    if (app.projects.items === null && app.projects.error === null) return setChildren(list, [1, 2, 3].map(() => h('li', { class: 'tile skeleton-tile', 'aria-hidden': 'true' })));
    const items = app.projects.items ?? [];
    const tiles = items.map((project) => tile(app, project));
    keepingFocus(() => setChildren(list, tiles.length > 0 ? tiles : [nothing(app)]));
  };
  const stop = app.projects.subscribe(show);
  show();
  void app.projects.refresh();
  document.title = 'Projects · Rowcast';
  return { close: stop };
}

/** @param {App} app */
function nothing(app) {
  const { error } = app.projects;
  if (error) return h('li', { class: 'empty', role: 'alert' }, h('h2', {}, 'Your projects could not be read'), h('p', {}, errorWords(error)), h('button', { type: 'button', onclick: () => void app.projects.refresh() }, 'Try again'));
  const start = h('button', { type: 'button', class: 'primary', onclick: () => askForName(app) }, 'Make the first one');
  return h('li', { class: 'empty' }, h('h2', {}, 'No projects yet'), h('p', {}, 'A project is a board and the people who work on it.'), start);
}

/** @param {App} app @param {Project} project */
function tile(app, project) {
  const { id, name, role, created_at } = project;
  const mark = h('span', { class: 'tile-mark', 'aria-hidden': 'true' }, [...name.trim()][0]?.toUpperCase() ?? '');
  mark.style.setProperty('--hue', String(hueOf(id)));
  const words = created_at ? `${role} · made ${ago(created_at)}` : role;
  const link = h('a', { class: 'tile-link', href: boardLink(id) }, mark, h('span', { class: 'tile-text' }, said(clipped(name, 120), 'tile-name'), h('small', {}, words)));
  const owned = role === 'owner';
  const rename = h('button', { type: 'button', class: 'bare', onclick: () => askForName(app, project) }, 'Rename');
  const remove = h('button', { type: 'button', class: 'bare', onclick: () => void askToDelete(app, project) }, 'Delete');
  const members = h('a', { class: 'bare button', href: `#/p/${encodeURIComponent(id)}/people` }, 'Members');
  return h('li', { class: 'tile', data: { id } }, link, h('div', { class: 'tile-tools' }, members, owned && rename, owned && remove));
}

/** Makes or renames a project. @param {App} app @param {Project} [project] */
function askForName(app, project) {
  dialog(project ? 'Rename the project' : 'New project', (close) => [
    form({
      fields: [{ name: 'name', label: 'Name', value: project?.name ?? '' }],
      submit: project ? 'Rename' : 'Make it',
      action: async ({ name = '' }) => {
        if (project) await app.projects.rename(project.id, name.trim());
        else go(boardLink((await app.projects.create(name.trim())).id));
        close();
      },
    }),
  ]);
}

/** @param {App} app @param {Project} project */
async function askToDelete(app, { id, name }) {
  const words = 'Its tasks and comments go with it, for everybody. This cannot be undone.';
  if (!(await confirmed({ title: `Delete “${clipped(name, 60)}”?`, words, yes: 'Delete the project' }))) return;
  try {
    await app.projects.delete(id);
  } catch (error) {
    notify(`Not deleted. ${errorWords(error)}`);
  }
}
