/**
 * What stands around every screen: the person's projects at the side, and how the connection is.
 *
 * @module
 */

import { boardLink } from './routes.js';
import { avatar } from './ui/avatar.js';
import { h, keepingFocus, said, setChildren, setText } from './ui/dom.js';
import { icon } from './ui/icons.js';
import { retryWords, statusWords } from './ui/words.js';

/** @typedef {import('./app.js').App} App */
/** @typedef {import('./routes.js').Route} Route */

/** As in frame.css. */
const NARROW = matchMedia('(max-width: 860px)');

export class Frame {
  #app;
  #root;
  #side = h('nav', { class: 'side', id: 'side', 'aria-label': 'Rowcast', hidden: true });
  #backdrop = h('div', { class: 'backdrop' });
  #list = h('ul', { class: 'side-projects', role: 'list' });
  #main = h('main', { id: 'main', class: 'main', tabindex: '-1' });
  #words = h('span');
  #later = h('span', { class: 'later' });
  #status = h('span', { class: 'status', id: 'status', role: 'status', hidden: true }, this.#words, this.#later);
  #retry = h('button', { type: 'button', class: 'retry', hidden: true, onclick: () => this.#app.live.client.reconnect() }, 'Try now');
  #unread = h('span', { class: 'badge', hidden: true });
  #adminLink = sideLink('#/admin', 'chart', 'Statistics');
  #connection = h('div', { class: 'connection' }, this.#retry, this.#status);
  /** @type {Route | null} */
  #route = null;
  /** @type {(() => void)[]} */
  #stops = [];

  /**
   * @param {HTMLElement} root
   * @param {App} app
   */
  constructor(root, app) {
    this.#app = app;
    this.#root = root;
    root.replaceChildren(this.#side, this.#backdrop, this.#main);
    addEventListener('beforeunload', (event) => {
      if (app.session.user && app.live?.client.unsent > 0 && app.live.client.state.storage !== 'kept') event.preventDefault();
    });
    document.addEventListener('click', (event) => this.#pressed(event));
    document.addEventListener('keydown', (event) => this.#key(event), { capture: true });
    NARROW.addEventListener('change', () => this.#setDrawer(false));
  }

  /** Somebody signed in. */
  begin() {
    const { live, projects } = this.#app;
    this.#fillSide();
    const show = () => this.#showStatus();
    const unread = () => this.#showUnread();
    const list = () => this.#showProjects();
    const notices = live.own.table('notifications');
    this.#stops = [live.client.subscribe(show), live.own.subscribe(show), notices.subscribe(unread), projects.subscribe(list)];
    show();
    unread();
    list();
  }

  /** Somebody signed out. */
  end() {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#side.hidden = true;
    this.#status.hidden = true;
    this.#retry.hidden = true;
    document.title = 'Rowcast';
  }

  /**
   * An empty place for a screen.
   *
   * @param {Route} route
   * @param {boolean} inside whether somebody is signed in
   */
  outlet(route, inside) {
    this.#route = route;
    this.#side.hidden = !inside;
    this.#root.dataset.inside = String(inside);
    this.#setDrawer(false);
    if (inside) this.#showProjects();
    this.#main.replaceChildren();
    this.#main.className = `main screen-${route.name}`;
    document.title = 'Rowcast';
    return this.#main;
  }

  /**
   * The bar above a screen.
   *
   * @param {string} title
   * @param {...Node} more
   */
  bar(title, ...more) {
    const heading = h('h1', { class: 'bar-title' }, title);
    const menu = h('button', { type: 'button', class: 'bare menu', 'aria-label': 'Menu', 'aria-controls': 'side', 'aria-expanded': 'false', onclick: () => this.#setDrawer(true) }, icon('menu'));
    const bar = h('header', { class: 'bar' }, menu, heading, ...more, this.#connection);
    return { bar, heading };
  }

  /** Where there is little room the side is a drawer, and nothing else can be reached while it is open. @param {boolean} open */
  #setDrawer(open) {
    if (open === this.#root.classList.contains('drawer')) return;
    this.#root.classList.toggle('drawer', open);
    this.#main.inert = open;
    const menu = /** @type {HTMLElement | null} */ (this.#main.querySelector('.menu'));
    menu?.setAttribute('aria-expanded', String(open));
    if (open) this.#side.querySelector('a')?.focus();
    else if (this.#side.contains(document.activeElement)) menu?.focus();
  }

  /** @param {Event} event */
  #pressed(event) {
    const on = event.target instanceof Element ? event.target : null;
    if (on?.closest('.backdrop') || on?.closest('.side a')) this.#setDrawer(false);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Escape' || !this.#root.classList.contains('drawer')) return;
    event.preventDefault();
    event.stopPropagation();
    this.#setDrawer(false);
  }

  #fillSide() {
    const { user } = this.#app.session;
    const bell = sideLink('#/notifications', 'bell', 'Notifications');
    bell.append(this.#unread);
    const me = h('a', { class: 'side-link', href: '#/account' }, avatar(user?.id ?? '', user?.name ?? '', ''), said(user?.name ?? '', 'grow clip'), h('span', { class: 'unseen' }, 'Your account'));
    this.#adminLink.hidden = user?.admin !== true;
    const head = h('a', { class: 'side-brand', href: '#/' }, h('img', { src: '/icon.svg', alt: '', width: '22', height: '22' }), 'Rowcast');
    const all = h('a', { class: 'side-heading', href: '#/' }, 'Projects');
    setChildren(this.#side, [head, bell, all, this.#list, h('div', { class: 'grow' }), this.#adminLink, themeButton(), me]);
  }

  #showProjects() {
    const items = (this.#app.projects?.items ?? []).map(({ id, name }) => {
      const here = this.#route?.project === id;
      return h('li', {}, h('a', { class: 'side-link', href: boardLink(id), 'aria-current': here ? 'page' : null }, icon('board'), said(name, 'grow clip')));
    });
    keepingFocus(() => this.#list.replaceChildren(...items));
    for (const link of this.#side.querySelectorAll(':scope > .side-link')) {
      if (link.getAttribute('href') === location.hash) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
  }

  #showUnread() {
    const count = this.#app.live.own.table('notifications').rows().filter((row) => row.read_at == null).length;
    this.#unread.hidden = count === 0;
    setText(this.#unread, count > 99 ? '99+' : String(count));
    this.#unread.setAttribute('aria-label', `${count} unread`);
  }

  #showStatus() {
    const { client } = this.#app.live;
    const { status, unsent } = client;
    this.#status.hidden = false;
    this.#status.dataset.state = status.state;
    this.#status.dataset.unsent = String(unsent);
    setText(this.#words, statusWords(status, unsent));
    setText(this.#later, retryWords(status));
    this.#retry.hidden = status.state !== 'offline';
    this.#root.classList.toggle('cut-off', status.state === 'offline' || status.state === 'closed');
  }
}

/**
 * @param {string} href
 * @param {import('./ui/icons.js').IconName} picture
 * @param {string} words
 */
function sideLink(href, picture, words) {
  return h('a', { class: 'side-link', href }, icon(picture), h('span', { class: 'grow' }, words));
}

/** Switches between light and dark, whatever the system says. */
function themeButton() {
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches);
  const words = h('span', { class: 'grow' });
  const button = h('button', { type: 'button', class: 'side-link theme' });
  const show = () => {
    setText(words, isDark() ? 'Light' : 'Dark');
    setChildren(button, [icon(isDark() ? 'sun' : 'moon'), words]);
  };
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    try {
      localStorage.setItem('rowcast.theme', root.dataset.theme);
    } catch {
      // Until the next reload, then.
    }
    show();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
  show();
  return button;
}
