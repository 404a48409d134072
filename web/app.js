/**
 * The page: finds out who is there and where they want to be, and shows that screen.
 *
 * @module
 */

import { fetchPanel } from './board/side.js';
import { Frame } from './frame.js';
import { Live } from './live.js';
import { tellOverruled } from './overruled.js';
import { Projects } from './projects.js';
import { boardLink, go, parseRoute, replaceRoute, takeCode } from './routes.js';
import { boardScreen } from './screens/board.js';
import { projects } from './screens/projects.js';
import { Session } from './session.js';
import { byId, h } from './ui/dom.js';
import { Drafts } from './ui/drafts.js';
import { notify } from './ui/notices.js';
import { errorWords } from './ui/words.js';

/** @typedef {import('./routes.js').Route} Route */

/**
 * What a screen gets.
 *
 * @typedef {object} App
 * @property {Session} session
 * @property {Live} live
 * @property {Projects} projects
 * @property {Drafts} drafts
 * @property {Frame} frame
 * @property {() => void} entered somebody signed in
 * @property {(everywhere: boolean) => Promise<void>} leave signs out
 * @property {() => void} settled what is seen first stands
 */

/** @typedef {{ update?: (route: Route) => void, close?: () => void }} Shown */
/** @typedef {(app: App, outlet: HTMLElement, route: Route) => Shown | void} Screen */

/** What is not seen first waits so long for what is, milliseconds. */
const CALM_MS = 4_000;
/** @type {Record<string, Screen>} */
const OUTSIDE = {};
/** @type {Record<string, Screen>} */
const INSIDE = { projects, board: boardScreen, nowhere };
/** @typedef {'login' | 'register' | 'forgot' | 'join' | 'reset'} Entry */
for (const name of /** @type {Entry[]} */ (['login', 'register', 'forgot', 'join', 'reset'])) OUTSIDE[name] = loaded(async () => (await import('./screens/entry.js'))[name]);
/** Fetched when they are opened for the first time: not what is seen first, and they need the hub anyway. @type {Record<string, () => Promise<Screen>>} */
const SELDOM = {
  notifications: async () => (await import('./screens/notifications.js')).notifications,
  account: async () => (await import('./screens/account.js')).account,
  people: async () => (await import('./screens/people.js')).people,
  admin: async () => (await import('./screens/admin.js')).admin,
  connect: async () => (await import('./screens/connect.js')).connect,
};
for (const [name, load] of Object.entries(SELDOM)) INSIDE[name] = loaded(load);

/** @type {{ key: string, shown: Shown | void } | null} */
let current = null;
/** Where to go after signing in. */
let wanted = '';

const session = new Session();
/** @type {App} */
const app = /** @type {any} */ ({ session, entered, leave });
/** What is seen first stands, or there is nothing to wait for. @type {Promise<void>} */
const calm = new Promise((resolve) => {
  app.settled = resolve;
  setTimeout(resolve, CALM_MS);
});

/** @type {Screen} */
function nowhere(_, outlet) {
  outlet.append(h('div', { class: 'empty' }, h('h1', {}, 'There is nothing here'), h('a', { class: 'button', href: '#/' }, 'Your projects')));
}

/** A screen that is fetched first. @param {() => Promise<Screen>} load @returns {Screen} */
function loaded(load) {
  return (of, outlet, route) => {
    let closed = false;
    /** @type {Shown | void} */
    let shown;
    load().then(
      (screen) => closed || (shown = screen(of, outlet, route)),
      () => closed || notify('This screen could not be fetched. Reload the page once the hub can be reached.'),
    );
    return {
      close: () => {
        closed = true;
        shown?.close?.();
      },
    };
  };
}

async function start() {
  app.frame = new Frame(byId('app'), app);
  const code = takeCode();
  if (code?.kind !== 'code' || !(await redeem(code.code))) await session.restore();
  session.onended = (error) => ended(error);
  if (session.user) begin();
  addEventListener('hashchange', () => void moved());
  show();
}

/** The address changed; a one-time link may have been opened in a tab that is open already. */
async function moved() {
  const code = takeCode();
  const before = session.user;
  if (code?.kind === 'code' && (await redeem(code.code))) {
    if (before) stop();
    begin();
  }
  show();
}

/**
 * Exchanges a demo link's code; whoever was signed in stays so if it is used up.
 *
 * @param {string} code
 * @returns {Promise<boolean>} whether it signed somebody in
 */
async function redeem(code) {
  try {
    const { project } = await session.change('/demo/session', { code });
    if (project) history.replaceState(null, '', boardLink(typeof project === 'string' ? project : project.id));
    return true;
  } catch (error) {
    const used = /** @type {any} */ (error).status === 401;
    notify(used ? 'This link was used already, or has ended. The hub prints new ones when it is started again.' : errorWords(error));
    return false;
  }
}

/** Somebody is signed in: their connection and what they have. */
function begin() {
  app.drafts = new Drafts(session.user?.id ?? '');
  app.projects = new Projects(session);
  app.live = new Live(session);
  app.frame.begin();
  app.projects.follow();
  const { client, own } = app.live;
  own.table('notifications').subscribe(({ inserted }) => {
    if (inserted.some(({ kind }) => kind === 'added')) void app.projects.refresh();
  });
  client.onFailed(refused);
  client.subscribe(({ state, reason }) => state === 'closed' && app.live.client === client && session.user && ended(reason));
}

/**
 * An edit was refused, perhaps one from before a reload.
 *
 * @param {import('/client/outbox.js').FailedEdit} edit
 */
function refused(edit) {
  const { code } = edit.error;
  const overruled = code === 'guard_failed' || code === 'closed';
  const told = (overruled || code === 'not_found') && tellOverruled(app, edit);
  if (!told && !overruled) notify(`A change was undone. ${errorWords(edit.error)}`);
}

function entered() {
  const to = wanted;
  wanted = '';
  begin();
  const { name } = parseRoute(location.hash);
  if (name === 'join' || !(name in OUTSIDE)) show();
  else replaceRoute(to || '#/');
}

/** The session is over: says why, and comes back here after signing in again. @param {any} reason */
function ended(reason) {
  wanted = location.hash;
  session.forget();
  forgetRows();
  stop();
  notify(errorWords(reason ?? { code: 'token_expired' }));
  replaceRoute('#/login');
}

/** @param {boolean} everywhere */
async function leave(everywhere) {
  await session.signOut(everywhere);
  forgetRows();
  stop();
  app.drafts.clear();
  forgetTab();
  go('#/login');
}

/** What this tab remembers: where somebody was, which projects they have. */
function forgetTab() {
  for (const name of Object.keys(sessionStorage)) if (name.startsWith('rowcast.')) sessionStorage.removeItem(name);
}

/** Nothing that somebody read stays in the browser when they are gone. */
function forgetRows() {
  app.live?.client.forget().catch(() => {});
}

function stop() {
  current?.shown?.close?.();
  current = null;
  app.projects?.close();
  app.live?.close();
  app.frame.end();
}

/** Shows the screen that the address names. */
function show() {
  const route = parseRoute(location.hash);
  const inside = session.user !== null;
  if (!inside && !(route.name in OUTSIDE)) return askToSignIn();
  if (inside && route.name !== 'join' && route.name !== 'reset' && route.name in OUTSIDE) return replaceRoute('#/');
  const key = [route.name, route.project].join('/');
  if (current?.key === key && current.shown?.update) return current.shown.update(route);
  current?.shown?.close?.();
  const outlet = app.frame.outlet(route, inside);
  const screen = (inside ? INSIDE : OUTSIDE)[route.name] ?? OUTSIDE[route.name] ?? nowhere;
  current = { key, shown: screen(app, outlet, route) };
}

function askToSignIn() {
  if (location.hash.length > 2) wanted = location.hash;
  replaceRoute('#/login');
}

/** The page's files are kept for when there is no network; see `sw.js`. */
async function keepFiles() {
  if (!navigator.serviceWorker) return;
  await navigator.serviceWorker.register('/sw.js', { type: 'module' });
  await calm;
  await fetchPanel();
  const loaded = performance.getEntriesByType('resource').map(({ name }) => new URL(name));
  const ours = loaded.filter(({ origin, pathname }) => origin === location.origin && !pathname.startsWith('/api/'));
  const files = ['/', ...new Set(ours.map(({ pathname }) => pathname))];
  const cache = await caches.open('rowcast');
  const known = await Promise.all(files.map((file) => cache.match(file)));
  // What the browser has just fetched it need not fetch again.
  const missing = files.filter((_, at) => !known[at]);
  await cache.addAll(missing.map((file) => new Request(file, { cache: file.startsWith('/v/') ? 'force-cache' : 'default' })));
  await forgetVersions(cache, files);
  document.documentElement.dataset.kept = 'true';
}

/** Files of versions before this one go. @param {Cache} cache @param {string[]} files */
async function forgetVersions(cache, files) {
  const version = /^\/v\/[^/]+\//.exec(files.find((file) => file.startsWith('/v/')) ?? '')?.[0];
  if (version === undefined) return;
  for (const request of await cache.keys()) {
    const { pathname } = new URL(request.url);
    if (pathname.startsWith('/v/') && !pathname.startsWith(version)) await cache.delete(request);
  }
}

document.querySelector('.skip')?.addEventListener('click', (event) => {
  event.preventDefault();
  byId('main').focus();
});
addEventListener('load', () => void keepFiles().catch(() => {}));
start().catch((error) => notify(errorWords(error)));
