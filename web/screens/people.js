/**
 * Members of a project, and invitations to it.
 *
 * @module
 */

import { boardLink, go } from '../routes.js';
import { avatar } from '../ui/avatar.js';
import { confirmed } from '../ui/dialog.js';
import { announce, clipped, h, said, setChildren } from '../ui/dom.js';
import { form } from '../ui/form.js';
import { icon } from '../ui/icons.js';
import { notify } from '../ui/notices.js';
import { ago, dateWords, errorWords } from '../ui/words.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {{ user: { id: string, name: string }, role: string }} Member */

const ROLES = /** @type {[string, string][]} */ ([['owner', 'Owner'], ['editor', 'Editor'], ['viewer', 'Viewer']]);

/** @type {import('../app.js').Screen} */
export function people(app, outlet, route) {
  const screen = new People(app, outlet, route.project ?? '');
  return { close: () => screen.close() };
}

class People {
  #app;
  #id;
  #path;
  #project;
  #members = h('ul', { class: 'rows', role: 'list', 'aria-label': 'Members' });
  #invitations = h('ul', { class: 'rows', role: 'list', 'aria-label': 'Invitations' });
  #owned = h('div', { class: 'stack' });
  #stop;
  /** @type {string | null} */
  #shownRole = null;

  /**
   * @param {App} app
   * @param {HTMLElement} outlet
   * @param {string} id
   */
  constructor(app, outlet, id) {
    this.#app = app;
    this.#id = id;
    this.#path = `/projects/${encodeURIComponent(id)}`;
    this.#project = app.live.project(id);
    const back = h('a', { class: 'button', href: boardLink(id) }, icon('board'), 'Board');
    const { bar } = app.frame.bar('Members', back);
    outlet.append(bar, h('div', { class: 'page narrow' }, h('section', { class: 'panel' }, h('h2', {}, 'Members'), this.#members), this.#owned));
    const table = this.#project.table('members');
    const stops = [table.subscribe(() => this.#show()), this.#project.subscribe(() => this.#show())];
    this.#stop = () => stops.forEach((stop) => stop());
    document.title = 'Members · Rowcast';
    this.#show();
  }

  close() {
    this.#stop();
    this.#app.live.leave(this.#project);
  }

  get #isOwner() {
    return this.#project.role === 'owner';
  }

  /** Members are a live table: whoever looks sees them come and go. */
  #show() {
    if (this.#project.status === 'removed') return this.#gone();
    const rows = this.#project.table('members').rows();
    const members = rows.map((row) => ({ user: { id: String(row.user_id), name: String(row.name || row.user_id) }, role: String(row.role) }));
    members.sort((a, b) => a.user.name.localeCompare(b.user.name));
    const shown = JSON.stringify([members, this.#project.role]);
    if (this.#members.dataset.shown !== shown) {
      this.#members.dataset.shown = shown;
      setChildren(this.#members, members.map((member) => this.#member(member)));
    }
    this.#showOwned();
  }

  #gone() {
    this.#app.projects.forget(this.#id);
    notify(errorWords(this.#project.error ?? { code: 'unknown_channel' }));
    go('#/');
  }

  /** What only owners see, made when the role is known or changes. */
  #showOwned() {
    const { role } = this.#project;
    if (role === this.#shownRole) return;
    this.#shownRole = role;
    if (!this.#isOwner) return setChildren(this.#owned, []);
    setChildren(this.#owned, [this.#addForm(), this.#inviteForm()]);
    void this.#readInvitations();
  }

  /** @param {Member} member */
  #member({ user, role }) {
    const me = user.id === this.#app.session.user?.id;
    const choice = h('select', { 'aria-label': `Role of ${clipped(user.name, 60)}`, disabled: !this.#isOwner, onchange: () => void this.#setRole(user.id, choice) }, ...ROLES.map(([value, name]) => h('option', { value, selected: value === role }, name)));
    choice.dataset.role = role;
    const words = me ? 'Leave' : 'Remove';
    const remove = me || this.#isOwner ? h('button', { type: 'button', class: 'bare', 'aria-label': `${words} ${clipped(user.name, 60)}`, onclick: () => void this.#remove(user, me) }, words) : null;
    return h('li', { class: 'row', data: { user: user.id } }, avatar(user.id, user.name, ''), said(clipped(user.name, 80), 'grow clip'), me && h('small', {}, 'you'), choice, remove);
  }

  /** @param {string} user @param {HTMLSelectElement} choice */
  async #setRole(user, choice) {
    try {
      await this.#app.session.call('PATCH', `${this.#path}/members/${encodeURIComponent(user)}`, { role: choice.value });
      announce('The role was changed');
    } catch (error) {
      choice.value = choice.dataset.role ?? '';
      notify(`The role was not changed. ${errorWords(error)}`);
    }
  }

  /** @param {Member['user']} user @param {boolean} me */
  async #remove(user, me) {
    const title = me ? 'Leave this project?' : `Remove ${clipped(user.name, 60)}?`;
    const words = me ? 'You will not see it any more until somebody adds you again.' : 'They lose the project at once, also where they have it open.';
    if (!(await confirmed({ title, words, yes: me ? 'Leave' : 'Remove' }))) return;
    try {
      await this.#app.session.call('DELETE', `${this.#path}/members/${encodeURIComponent(user.id)}`);
    } catch (error) {
      notify(`${me ? 'You are still a member' : 'Not removed'}. ${errorWords(error)}`);
    }
  }

  #addForm() {
    const add = form({
      className: 'inline',
      fields: [{ name: 'email', label: 'E-mail', type: 'email', hint: 'For your list alone; nothing is sent.' }, { name: 'role', label: 'Role', options: ROLES, value: 'editor' }],
      submit: 'Invite this person',
      action: async ({ email, role }) => {
        const made = await this.#app.session.call('POST', `${this.#path}/members`, { email, role });
        add.reset();
        await this.#readInvitations();
        this.#showLink(add, made.url ?? `${location.origin}/#join=${made.code}`);
      },
    });
    const words = 'You get a link for this one person, and send it yourself. It works once, with whatever account they use.';
    return h('section', { class: 'panel' }, h('h2', {}, 'Invite one person'), h('p', { class: 'faint' }, words), add);
  }

  #inviteForm() {
    const invite = form({
      className: 'inline',
      fields: [{ name: 'role', label: 'They become', options: ROLES, value: 'editor', hint: 'Editors change the board, viewers look, owners also choose the members.' }, { name: 'days', label: 'Good for', options: [['1', 'A day'], ['7', 'A week'], ['30', 'A month']], value: '7' }],
      submit: 'Make a link',
      action: async ({ role, days }) => {
        const made = await this.#app.session.call('POST', `${this.#path}/invitations`, { role, days: Number(days) });
        await this.#readInvitations();
        this.#showLink(invite, made.url ?? `${location.origin}/#join=${made.code}`);
      },
    });
    return h('section', { class: 'panel' }, h('h2', {}, 'Invite by link'), h('p', { class: 'faint' }, 'Whoever has the link can join until it ends or you withdraw it.'), invite, this.#invitations);
  }

  /** The link is shown once: only its hash is kept. @param {HTMLElement} after @param {string} url */
  #showLink(after, url) {
    after.parentElement?.querySelector('.link-box')?.remove();
    const field = h('input', { readOnly: true, value: url, 'aria-label': 'The invitation’s link' });
    const copy = h('button', { type: 'button', onclick: () => void copied(field) }, icon('link'), 'Copy');
    after.after(h('div', { class: 'link-box' }, field, copy, h('small', {}, 'Copy it now: it is not shown again.')));
    field.select();
  }

  async #readInvitations() {
    try {
      const { items } = await this.#app.session.call('GET', `${this.#path}/invitations`);
      setChildren(this.#invitations, items.map((/** @type {any} */ item) => this.#invitation(item)));
    } catch (error) {
      setChildren(this.#invitations, [h('li', { class: 'error' }, errorWords(error))]);
    }
  }

  /** @param {{ id: string, role: string, email?: string | null, expires_at: string, created_at?: string }} invitation */
  #invitation({ id, role, email, expires_at, created_at }) {
    const words = `${email ? `${clipped(email, 60)}: ` : ''}${role}, until ${dateWords(expires_at.slice(0, 10))}${created_at ? ` · made ${ago(created_at)}` : ''}`;
    const withdraw = async () => {
      await this.#app.session.call('DELETE', `${this.#path}/invitations/${encodeURIComponent(id)}`).catch((error) => notify(errorWords(error)));
      await this.#readInvitations();
    };
    return h('li', { class: 'row' }, icon('link'), h('span', { class: 'grow' }, words), h('button', { type: 'button', class: 'bare', onclick: () => void withdraw() }, 'Withdraw'));
  }
}

/** @param {HTMLInputElement} field */
async function copied(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    notify('Copied.', { kind: 'info' });
  } catch {
    notify('Press Ctrl+C to copy the link.', { kind: 'info' });
  }
}
