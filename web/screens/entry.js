/**
 * Getting in: sign in, sign up, an invitation, a forgotten password.
 *
 * @module
 */

import { request } from '../api.js';
import { boardLink, go, keepCode, keptCode, replaceRoute } from '../routes.js';
import { h, said } from '../ui/dom.js';
import { form } from '../ui/form.js';
import { dateWords, errorWords } from '../ui/words.js';

/** @typedef {import('../app.js').App} App */

const EMAIL = { name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username' };
const PASSWORD = { name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password' };
const NEW_PASSWORD = { ...PASSWORD, autocomplete: 'new-password', hint: 'At least 8 characters.' };

/** @type {import('../app.js').Screen} */
export function login(app, outlet) {
  const joining = keptCode('join') !== null;
  const fields = form({
    fields: [EMAIL, PASSWORD],
    submit: 'Sign in',
    action: async ({ email, password }) => {
      await app.session.signIn('/auth/login', { email, password }).catch(wrongPerson);
      enter(app);
    },
  });
  const more = h('p', { class: 'more' }, link('#/register', 'Make an account'), link('#/forgot', 'Forgot your password?'));
  card(outlet, 'Sign in', joining ? 'Sign in to accept the invitation.' : 'A board that everybody edits at once.', fields, more);
}

/** The hub does not say which of the two was wrong, and neither does the page. @param {any} error */
function wrongPerson(error) {
  if (error.status === 401) throw new Error('This e-mail and password do not belong together.');
  throw error;
}

/** @type {import('../app.js').Screen} */
export function register(app, outlet) {
  const invitation = keptCode('join');
  const fields = form({
    fields: [{ name: 'name', label: 'Your name', autocomplete: 'name', hint: 'As the others see it.' }, EMAIL, NEW_PASSWORD],
    submit: 'Make the account',
    action: async ({ name, email, password }) => {
      const invited = invitation === null ? {} : { invitation };
      await app.session.signIn('/auth/register', { name: name?.trim(), email: email?.trim(), password, ...invited });
      if (invitation !== null) await joined(app);
      enter(app);
    },
  });
  card(outlet, 'Make an account', invitation ? 'Then the invitation is yours to accept.' : '', fields, h('p', { class: 'more' }, link('#/login', 'I have an account')));
}

/** @type {import('../app.js').Screen} */
export function forgot(_, outlet) {
  const words = [
    h('p', {}, 'Ask whoever runs this hub for a new start. They run'),
    h('pre', {}, 'rowcast account reset you@example.org'),
    h('p', {}, 'and send you the code or the link that it prints. Both work once, for a day.'),
  ];
  const fields = form({
    fields: [{ name: 'code', label: 'Code' }],
    submit: 'Go on',
    action: async ({ code = '' }) => {
      keepCode('reset', (code.split('reset=').at(-1) ?? '').trim());
      go('#/reset');
    },
  });
  card(outlet, 'A new password', '', ...words, fields, h('p', { class: 'more' }, link('#/login', 'Back to sign in')));
}

/** @type {import('../app.js').Screen} */
export function reset(app, outlet) {
  const code = keptCode('reset');
  if (code === null) return card(outlet, 'This link is not complete', 'Open it again, as it was sent to you.', link('#/forgot', 'Give the code'));
  const fields = form({
    fields: [{ ...NEW_PASSWORD, label: 'New password' }],
    submit: 'Set the password',
    action: async ({ password }) => {
      await app.session.signIn('/auth/reset', { code, password });
      keepCode('reset', null);
      enter(app);
    },
  });
  card(outlet, 'A new password', 'It signs you in here, and out everywhere else.', fields);
}

/** @type {import('../app.js').Screen} */
export function join(app, outlet) {
  const code = keptCode('join');
  if (code === null) return lost(outlet, 'Open the invitation’s link again, as it was sent to you.');
  const place = h('div', { class: 'entry', 'aria-busy': 'true' }, h('div', { class: 'skeleton-line' }));
  outlet.append(place);
  request('POST', '/invitations/look', { body: { code } }).then(
    (invitation) => (place.remove(), offer(app, outlet, code, invitation)),
    (error) => {
      place.remove();
      if (error.code === 'link_expired') keepCode('join', null);
      lost(outlet, errorWords(error));
    },
  );
}

/** @param {HTMLElement} outlet @param {string} words */
function lost(outlet, words) {
  card(outlet, 'This invitation cannot be used', words, h('a', { class: 'button', href: '#/' }, 'Go to your projects'));
}

/**
 * @param {App} app
 * @param {HTMLElement} outlet
 * @param {string} code
 * @param {any} invitation
 */
function offer(app, outlet, code, { project, role, by, expires_at }) {
  const words = h('p', {}, by ? said(by) : 'Somebody', ' invites you to ', h('b', {}, said(project.name)), ` as ${role === 'viewer' ? 'a viewer' : `an ${role}`}. Good until ${dateWords(String(expires_at).slice(0, 10))}.`);
  const inside = app.session.user !== null;
  const accept = form({ fields: [], submit: 'Join the project', action: () => accepted(app, code) });
  const ways = h('div', { class: 'buttons' }, h('a', { class: 'button primary', href: '#/register' }, 'Make an account'), h('a', { class: 'button', href: '#/login' }, 'Sign in'));
  card(outlet, 'An invitation', '', words, inside ? accept : ways);
}

/** @param {App} app @param {string} code */
async function accepted(app, code) {
  const { project, role } = await app.session.call('POST', '/invitations/accept', { code });
  keepCode('join', null);
  app.projects.learn({ id: project.id, name: project.name, role });
  replaceRoute(boardLink(project.id));
}

/** Whoever signed up with an invitation is a member already. @param {App} app */
async function joined(app) {
  keepCode('join', null);
  const { items } = await app.session.call('GET', '/projects');
  if (items.length > 0) history.replaceState(null, '', boardLink(items[0].id));
}

/** Signed in: on to the invitation that led here, or to where the person wanted. @param {App} app */
function enter(app) {
  if (keptCode('join') !== null) history.replaceState(null, '', '#/join');
  app.entered();
}

/**
 * @param {HTMLElement} outlet
 * @param {string} title
 * @param {string} words
 * @param {...Node} content
 */
function card(outlet, title, words, ...content) {
  const brand = h('div', { class: 'entry-brand' }, h('img', { src: '/icon.svg', alt: '', width: '36', height: '36' }), 'Rowcast');
  outlet.append(h('div', { class: 'entry' }, brand, h('h1', {}, title), words ? h('p', { class: 'faint' }, words) : '', ...content));
  outlet.querySelector('input')?.focus();
  document.title = `${title} · Rowcast`;
}

/** @param {string} href @param {string} words */
function link(href, words) {
  return h('a', { href }, words);
}
