/**
 * The person's account: name, password, sessions.
 *
 * @module
 */

import { announce, clipped, h, said, setChildren } from '../ui/dom.js';
import { form } from '../ui/form.js';
import { notify } from '../ui/notices.js';
import { ago, errorWords } from '../ui/words.js';

/** @typedef {import('../app.js').App} App */

/** @type {import('../app.js').Screen} */
export function account(app, outlet) {
  const { bar } = app.frame.bar('Account');
  const sessions = h('ul', { class: 'rows', role: 'list', 'aria-label': 'Sessions' });
  outlet.append(bar, h('div', { class: 'page narrow' }, nameForm(app), passwordForm(app, sessions, app.session.user?.has_password === false), sessionsPanel(app, sessions)));
  document.title = 'Account · Rowcast';
  void showSessions(app, sessions);
}

/** @param {App} app */
function nameForm(app) {
  const { user } = app.session;
  const fields = form({
    className: 'inline',
    fields: [{ name: 'name', label: 'Name', value: user?.name ?? '', hint: user?.email ?? '', autocomplete: 'name' }],
    submit: 'Save',
    action: async ({ name = '' }) => {
      await app.live.own.ready;
      await app.live.own.table('users').update(user?.id ?? '', { name: name.trim() });
      app.session.rename(name.trim());
      app.frame.end();
      app.frame.begin();
      notify('Your name was changed.', { kind: 'info' });
    },
  });
  return h('section', { class: 'panel' }, h('h2', {}, 'You'), fields);
}

/** Whoever came in by a link has no password yet. @param {App} app @param {HTMLElement} sessions @param {boolean} first */
function passwordForm(app, sessions, first) {
  const fields = form({
    fields: [
      ...(first ? [] : [{ name: 'current', label: 'Current password', type: 'password', autocomplete: 'current-password' }]),
      { name: 'new', label: 'New password', type: 'password', autocomplete: 'new-password', hint: 'At least 8 characters. Your other sessions end.' },
    ],
    submit: first ? 'Set a password' : 'Change the password',
    action: async (values) => {
      const answer = await app.session.call('POST', '/auth/password', { ...(first ? {} : { current: values.current }), new: values.new });
      app.session.replace(answer);
      fields.reset();
      notify(first ? 'You have a password now.' : 'The password was changed.', { kind: 'info' });
      if (first) panel.replaceWith(passwordForm(app, sessions, false));
      await showSessions(app, sessions);
    },
  });
  const panel = h('section', { class: 'panel' }, h('h2', {}, 'Password'), fields);
  return panel;
}

/** @param {App} app @param {HTMLElement} sessions */
function sessionsPanel(app, sessions) {
  const here = h('button', { type: 'button', onclick: () => void app.leave(false) }, 'Sign out here');
  const everywhere = h('button', { type: 'button', class: 'danger', onclick: () => void app.leave(true) }, 'Sign out everywhere');
  return h('section', { class: 'panel' }, h('h2', {}, 'Where you are signed in'), sessions, h('div', { class: 'buttons' }, here, everywhere));
}

/** @param {App} app @param {HTMLElement} list */
async function showSessions(app, list) {
  try {
    const { items } = await app.session.call('GET', '/auth/sessions');
    setChildren(list, items.map((/** @type {any} */ item) => sessionRow(app, list, item)));
  } catch (error) {
    setChildren(list, [h('li', { class: 'faint' }, errorWords(error))]);
  }
}

/**
 * @param {App} app
 * @param {HTMLElement} list
 * @param {{ id: string, created_at: string, used_at: string, address?: string, agent?: string, current: boolean }} session
 */
function sessionRow(app, list, { id, used_at, address, agent, current }) {
  const end = async () => {
    await app.session.call('DELETE', `/auth/sessions/${encodeURIComponent(id)}`).catch((error) => notify(errorWords(error)));
    announce('The session was ended');
    await showSessions(app, list);
  };
  const button = current ? h('small', {}, 'this one') : h('button', { type: 'button', class: 'bare', onclick: () => void end() }, 'End');
  const words = h('span', { class: 'grow' }, said(device(agent ?? ''), 'who'), h('small', {}, ` ${clipped(address ?? '', 60)} · used ${ago(used_at)}`));
  return h('li', { class: 'row' }, words, button);
}

/** What a browser calls itself, in few words. @param {string} agent */
function device(agent) {
  const browser = [['Edg/', 'Edge'], ['Firefox/', 'Firefox'], ['Chrome/', 'Chrome'], ['Safari/', 'Safari']].find(([mark]) => agent.includes(mark ?? ''));
  const system = ['Android', 'iPhone', 'iPad', 'Windows', 'Mac OS', 'Linux'].find((mark) => agent.includes(mark));
  if (!browser) return clipped(agent, 60) || 'A program';
  return system ? `${browser[1]} on ${system}` : String(browser[1]);
}
