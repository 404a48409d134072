/**
 * How a program works on a project: its channel, a token, and samples to copy.
 *
 * @module
 */

import { samples } from '../connect/samples.js';
import { boardLink, go } from '../routes.js';
import { copyButton, copyField } from '../ui/copy.js';
import { clipped, h, said, setChildren } from '../ui/dom.js';
import { form } from '../ui/form.js';
import { icon } from '../ui/icons.js';
import { notify } from '../ui/notices.js';
import { dateWords, errorWords } from '../ui/words.js';

/** @typedef {import('../app.js').App} App */
/** @typedef {{ id: string, name: string, projects: { id: string, role: string }[], expires_at: string | null }} Program */

/** @type {import('../app.js').Screen} */
export function connect(app, outlet, route) {
  const screen = new Connect(app, outlet, route.project ?? '');
  return { close: () => screen.close() };
}

class Connect {
  #app;
  #id;
  #project;
  #own = h('div', { class: 'stack' });
  #service = h('div', { class: 'stack' });
  #programs = h('ul', { class: 'rows', role: 'list', 'aria-label': 'Programs' });
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
    this.#project = app.live.project(id);
    const stops = [this.#project, this.#project.table('members')].map((source) => source.subscribe(() => this.#show()));
    this.#stop = () => stops.forEach((stop) => stop());
    const back = h('a', { class: 'button', href: boardLink(id) }, icon('board'), 'Board');
    const { bar } = app.frame.bar('Connect', back);
    outlet.append(bar, h('div', { class: 'page narrow' }, this.#channelPanel(), this.#tokenPanel(), samplesPanel(id)));
    document.title = 'Connect · Rowcast';
    this.#show();
  }

  close() {
    this.#stop();
    this.#app.live.leave(this.#project);
  }

  /** As the members say now. */
  get #role() {
    const me = this.#app.session.user?.id;
    return this.#project.table('members').rows().find(({ user_id }) => user_id === me)?.role ?? this.#project.role;
  }

  #show() {
    const { status, error } = this.#project;
    if (status === 'removed') {
      this.#app.projects.forget(this.#id);
      notify(errorWords(error ?? { code: 'unknown_channel' }));
      return go('#/');
    }
    const role = this.#role;
    if (role === this.#shownRole) return;
    this.#shownRole = role;
    if (role !== 'owner') return setChildren(this.#service, [h('p', { class: 'faint' }, 'Owners of the project make tokens that last.')]);
    setChildren(this.#service, [this.#serviceForm(), this.#programs]);
    void this.#showPrograms();
  }

  async #showPrograms() {
    try {
      const { items } = await this.#app.session.call('GET', '/service-tokens');
      const here = items.filter((/** @type {Program} */ { projects }) => projects.some(({ id }) => id === this.#id));
      setChildren(this.#programs, here.map((/** @type {Program} */ program) => this.#program(program)));
    } catch (error) {
      setChildren(this.#programs, [h('li', { class: 'error' }, errorWords(error))]);
    }
  }

  /** @param {Program} program */
  #program({ id, name, projects, expires_at }) {
    const role = projects.find((project) => project.id === this.#id)?.role;
    const until = expires_at === null ? 'until you end it' : `until ${dateWords(expires_at.slice(0, 10))}`;
    const end = async () => {
      await this.#app.session.call('DELETE', `/service-tokens/${encodeURIComponent(id)}`).catch((error) => notify(errorWords(error)));
      await this.#showPrograms();
    };
    const button = h('button', { type: 'button', class: 'bare', 'aria-label': `End ${clipped(name, 60)}`, onclick: () => void end() }, 'End');
    return h('li', { class: 'row' }, icon('code'), h('span', { class: 'grow' }, said(clipped(name, 80), 'who'), h('small', {}, ` ${role}, ${until}`)), button);
  }

  #channelPanel() {
    const words = 'Everything on this board is rows of plain SQL tables. A program follows and edits them through the project’s channel, over a WebSocket or REST; whoever writes the tables with SQL is seen here too.';
    const docs = h('a', { class: 'button', href: '/api/docs', target: '_blank', rel: 'noopener' }, 'Try the API');
    return h(
      'section',
      { class: 'panel' },
      h('h2', {}, 'Work on this project from a program'),
      h('p', { class: 'faint' }, words),
      copyField('Channel', `project:${this.#id}`),
      copyField('Project', this.#id),
      h('div', { class: 'buttons' }, docs),
    );
  }

  #tokenPanel() {
    const show = h('button', { type: 'button', onclick: () => void this.#showOwn() }, 'Show my token');
    setChildren(this.#own, [show]);
    return h(
      'section',
      { class: 'panel' },
      h('h2', {}, 'A token'),
      h('p', { class: 'faint' }, 'Whoever has a token acts with its rights: keep it as you keep a password.'),
      h('h3', {}, 'Yours, for some minutes'),
      this.#own,
      h('h3', {}, 'One of a program, until you end it'),
      this.#service,
    );
  }

  async #showOwn() {
    try {
      setChildren(this.#own, [tokenBox(await this.#app.session.renewed(), 'It acts in your name and ends by itself.')]);
    } catch (error) {
      notify(errorWords(error));
    }
  }

  #serviceForm() {
    const roles = /** @type {[string, string][]} */ ([['viewer', 'Look'], ['editor', 'Edit']]);
    const days = /** @type {[string, string][]} */ ([['never', 'Until I end it'], ['1', 'A day'], ['30', '30 days'], ['365', 'A year']]);
    const made = form({
      className: 'inline',
      fields: [
        { name: 'name', label: 'Name', hint: 'Shown beside what the program does.' },
        { name: 'role', label: 'It may', options: roles, value: 'editor' },
        { name: 'days', label: 'Good for', options: days, value: '30' },
      ],
      submit: 'Make a token',
      action: async ({ name = '', role, days: given }) => {
        const body = { name, projects: [{ id: this.#id, role }], ...(given === 'never' ? {} : { expires_in_days: Number(given) }) };
        const { token } = await this.#app.session.call('POST', '/service-tokens', body);
        made.reset();
        made.parentElement?.querySelector('.link-box')?.remove();
        await this.#showPrograms();
        made.after(tokenBox(token, 'Copy it now: it is not shown again.'));
      },
    });
    return made;
  }
}

/** @param {string} token @param {string} words */
function tokenBox(token, words) {
  return h('div', { class: 'link-box' }, copyField('In a shell', `export TOKEN=${token}`), h('small', {}, words));
}

/** @param {string} id */
function samplesPanel(id) {
  const all = samples({ origin: location.origin, project: id });
  const shown = h('div', { class: 'sample', id: 'sample', role: 'tabpanel', tabindex: '0' });
  const tabs = all.map((sample) => h('button', { type: 'button', role: 'tab', 'aria-controls': 'sample', onclick: () => select(sample.name) }, sample.name));
  /** @param {string} name */
  const select = (name) => {
    const sample = all.find((other) => other.name === name);
    if (!sample) return;
    for (const tab of tabs) {
      const chosen = tab.textContent === name;
      tab.setAttribute('aria-selected', String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    shown.setAttribute('aria-label', name);
    setChildren(shown, [h('p', { class: 'faint' }, `Needs ${sample.before}.`), h('pre', { class: 'code', tabindex: '0' }, h('code', {}, sample.code)), copyButton(sample.code)]);
  };
  const list = h('div', { class: 'tabs samples', role: 'tablist', 'aria-label': 'Languages' }, ...tabs);
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    const next = tabs.at((tabs.findIndex((tab) => tab.tabIndex === 0) + step) % tabs.length);
    select(next?.textContent ?? '');
    next?.focus();
  });
  select('curl');
  return h('section', { class: 'panel' }, h('h2', {}, 'Samples'), list, shown);
}
