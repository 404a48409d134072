/**
 * The client in a real browser at the real hub: edits in IndexedDB, several tabs, reloads, crashes, frozen
 * tabs, a full disk. `ROWCAST_BIN` names the hub's program, `CHROMIUM_BIN` the browser;
 * `ROWCAST_BROWSER=firefox` takes Firefox instead, for what it can be made to do.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub } from '../real/hub.js';
import { Site } from './site.js';
import { aBrowser, die, IN_FIREFOX, Tab } from './tab.js';

/** @type {import('playwright-core').Browser} */
let browser;

before(async () => {
  browser = await aBrowser();
});

after(() => browser.close());

/** @typedef {Awaited<ReturnType<Hub['demo']>>} Login */

/** A hub, a site before it, one browser, and who signs in. @param {import('node:test').TestContext} t */
async function aPlace(t) {
  const hub = await Hub.start(t);
  const site = await Site.start(t, hub);
  const context = await browser.newContext();
  t.after(() => context.close());
  /** @type {[Login, Login]} */
  const logins = [await hub.demo(0), await hub.demo(1)];
  return { hub, site, context, logins };
}

const INSERT = (/** @type {string} */ title) => `window.made = tasks.insert({ title: '${title}' }); window.made.catch(() => {});`;
const COUNT = (/** @type {string} */ title) => `tasks.rows().filter((row) => row.title === '${title}').length`;

/** How many edits the browser's database holds. @param {import('playwright-core').Page} page */
const kept = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        indexedDB.open('rowcast').onsuccess = (/** @type {any} */ { target }) => {
          target.result.transaction('edits').objectStore('edits').count().onsuccess = (/** @type {any} */ event) => resolve(event.target.result);
        };
      }),
  );

/** @param {() => Promise<unknown>} look @param {unknown} wanted */
async function becomes(look, wanted) {
  for (let turn = 0; turn < 500; turn += 1) {
    if ((await look()) === wanted) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(await look(), wanted);
}

test('what was made offline survives a reload and a crash, shows before there is a connection, and counts once', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const tab = await Tab.open(context, site, logins[0], 'a');
  await tab.does('await project.ready');
  site.block('a');
  await tab.sees(`rc.state.name === 'offline'`);
  await tab.does(INSERT('kept'));
  await becomes(() => kept(tab.page), 1);
  await tab.start();
  await tab.sees(`rc.state.unsent === 1 && ${COUNT('kept')} === 1 && rc.state.name !== 'live'`);
  await die(tab.page);
  site.unblock('a');
  const again = await Tab.open(context, site, logins[0], 'a');
  await again.sees(`rc.state.unsent === 0 && rc.state.name === 'live'`);
  assert.equal(await again.does(`return ${COUNT('kept')}`), 1);
  await becomes(() => kept(again.page), 0);
  assert.equal(await again.does('return rc.state.storage'), 'kept');
});

test('numbers that no double holds survive a reload, in rows and in what waits', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const tab = await Tab.open(context, site, logins[0], 'a');
  const exact = `const { ExactNumber } = await import('/client/index.js'); const wei = new ExactNumber('123456789012345678901234');`;
  const digits = (/** @type {string} */ title) => `String(tasks.rows().find((row) => row.title === '${title}')?.metadata.wei) === '123456789012345678901234'`;
  await tab.does(`await project.ready; ${exact} await tasks.insert({ title: 'sent', metadata: { wei } });`);
  site.block('a');
  await tab.sees(`rc.state.name === 'offline'`);
  await tab.does(`${exact} window.made = tasks.insert({ title: 'waits', metadata: { wei } }); window.made.catch(() => {});`);
  await becomes(() => kept(tab.page), 1);
  await tab.start();
  await tab.sees(`${digits('sent')} && ${digits('waits')} && rc.state.name !== 'live'`);
  site.unblock('a');
  await tab.sees(`rc.state.unsent === 0 && rc.state.name === 'live' && ${digits('sent')} && ${digits('waits')}`);
});

test('another tab shows what one cannot send, and sends it when that one is closed or crashes', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const [one, two] = [await Tab.open(context, site, logins[0], 'one'), await Tab.open(context, site, logins[0], 'two')];
  for (const tab of [one, two]) await tab.does('await project.ready');
  site.block('one');
  await one.sees(`rc.state.name === 'offline'`);
  await one.does(INSERT('of one'));
  await two.sees(`${COUNT('of one')} === 1 && rc.state.unsent === 1`);
  assert.equal(await two.does('return rc.state.name'), 'live');
  await one.page.close();
  await two.sees(`rc.state.unsent === 0 && ${COUNT('of one')} === 1`);
  const three = await Tab.open(context, site, logins[0], 'one');
  await three.does(INSERT('of three'));
  await two.sees(`${COUNT('of three')} === 1 && rc.state.unsent === 1`);
  await die(three.page);
  await two.sees(`rc.state.unsent === 0 && ${COUNT('of three')} === 1`);
  await becomes(() => kept(two.page), 0);
});

test('many tabs that come back at once send each edit once', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const names = ['a', 'b', 'c', 'd'];
  const tabs = await Promise.all(names.map((name) => Tab.open(context, site, logins[0], name)));
  for (const tab of tabs) await tab.does('await project.ready');
  names.forEach((name) => site.block(name));
  for (const [at, tab] of tabs.entries()) await tab.does(INSERT(`tab ${at}`));
  for (const tab of tabs) await tab.sees('rc.state.unsent === 4');
  await Promise.all(tabs.slice(1).map((tab) => tab.page.close()));
  names.forEach((name) => site.unblock(name));
  const [first] = /** @type {[Tab]} */ (tabs);
  await first.sees(`rc.state.unsent === 0 && rc.state.name === 'live'`);
  for (let at = 0; at < 4; at += 1) assert.equal(await first.does(`return ${COUNT(`tab ${at}`)}`), 1);
});

test('somebody else who signs in at the same browser neither sees nor sends what was left', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const ada = await Tab.open(context, site, logins[0], 'a');
  await ada.does('await project.ready');
  site.block('a');
  await ada.does(INSERT('of ada'));
  await becomes(() => kept(ada.page), 1);
  await ada.page.close();
  const bob = await Tab.open(context, site, logins[1], 'b');
  await bob.does('await project.ready');
  await bob.does(`await tasks.insert({ title: 'of bob' })`);
  assert.deepEqual(await bob.does(`return [rc.state.unsent, ${COUNT('of ada')}]`), [0, 0]);
  await becomes(() => kept(bob.page), 1);
});

test('a browser that keeps nothing, or has no room, is said so, and edits go on', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const init = `indexedDB.open = () => { throw new DOMException('not in private windows', 'SecurityError'); }`;
  const hidden = await Tab.open(context, site, logins[0], 'hidden', { init });
  await hidden.does('await project.ready');
  await hidden.does(`await tasks.insert({ title: 'sent' })`);
  assert.equal(await hidden.does('return rc.state.storage'), 'failing');
  if (IN_FIREFOX) return;
  const full = await Tab.open(context, site, logins[0], 'full');
  await full.does('await project.ready');
  const chrome = await context.newCDPSession(full.page);
  await chrome.send('Storage.overrideQuotaForOrigin', { origin: site.url, quotaSize: 1 });
  await full.does(`await tasks.insert({ title: 'sent too', description: 'x'.repeat(50_000) })`);
  assert.deepEqual(await full.does('return [rc.state.storage, rc.state.storageError.name]'), ['failing', 'QuotaExceededError']);
});

test('a tab that was frozen catches up when somebody looks at it again', { skip: IN_FIREFOX }, async (t) => {
  const { site, context, logins } = await aPlace(t);
  const [frozen, other] = [await Tab.open(context, site, logins[0], 'frozen'), await Tab.open(context, site, logins[1], 'other')];
  for (const tab of [frozen, other]) await tab.does('await project.ready');
  const chrome = await context.newCDPSession(frozen.page);
  await chrome.send('Page.setWebLifecycleState', { state: 'frozen' });
  site.block('frozen');
  await other.does(`await tasks.insert({ title: 'meanwhile' })`);
  site.unblock('frozen');
  await chrome.send('Page.setWebLifecycleState', { state: 'active' });
  await frozen.sees(`${COUNT('meanwhile')} === 1 && rc.state.name === 'live'`);
});

test('two tabs share one login by a cookie that no script can read, and sign out together', async (t) => {
  const { site, context } = await aPlace(t);
  const pages = [await context.newPage(), await context.newPage()];
  for (const page of pages) {
    await page.goto(site.url);
    await page.evaluate(async () => {
      const path = '/client/index.js';
      const { session } = await import(path);
      Object.assign(window, { me: session({ url: location.origin }) });
    });
  }
  const [one, two] = /** @type {[import('playwright-core').Page, import('playwright-core').Page]} */ (pages);
  const does = (/** @type {import('playwright-core').Page} */ page, /** @type {string} */ code) => page.evaluate(`(async () => { ${code} })()`);
  const eve = `{ email: 'eve@example.net', password: 'a horse that is quite correct', name: 'Eve' }`;
  await does(one, `await me.register(${eve}); window.first = await me.token()`);
  assert.equal(await does(one, 'return document.cookie'), '');
  assert.equal(await does(one, `return JSON.stringify(localStorage).includes('refresh_token')`), false);
  await becomes(() => does(two, 'return me.user?.name'), 'Eve');
  await becomes(() => does(one, 'return Math.floor(Date.now() / 1000) > JSON.parse(atob(first.split(".")[1])).iat'), true);
  const refresh = 'return (await Promise.all([1, 2, 3].map(() => me.token({ not: window.first })))).length';
  assert.deepEqual(await Promise.all([does(one, refresh), does(two, refresh)]), [3, 3]);
  for (const page of pages) assert.equal(await does(page, 'return (await me.me()).name'), 'Eve');
  await two.reload();
  await does(two, `const { session } = await import('/client/index.js'); window.me = session({ url: location.origin }); return me.user.name`);
  assert.equal(await does(two, 'return (await me.resume()).name'), 'Eve');
  await does(one, 'await me.logout()');
  await becomes(() => does(two, 'return me.user'), null);
});

test('MessagePack in a browser shows the same rows', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const [plain, packed] = [await Tab.open(context, site, logins[0], 'a'), await Tab.open(context, site, logins[1], 'b', { codec: 'msgpack' })];
  await packed.does(`await project.ready; await tasks.insert({ title: 'packed', labels: ['ä', '😀'] })`);
  await plain.sees(`${COUNT('packed')} === 1`);
  assert.deepEqual(await packed.does('return tasks.rows()'), await plain.does('return tasks.rows()'));
});

test('five thousand rows: a keystroke and a search cost milliseconds', async (t) => {
  const { site, context, logins } = await aPlace(t);
  const tab = await Tab.open(context, site, logins[0], 'a');
  const figures = await tab.does(`
    await project.ready;
    for (let from = 0; from < 5000; from += 250) {
      const row = (n) => ({ op: 'insert', table: 'tasks', row: { id: crypto.randomUUID(), title: 'Task ' + n, status: ['todo', 'doing', 'done'][n % 3] } });
      await project.edit(Array.from({ length: 250 }, (_, n) => row(from + n)), { undo: false });
    }
    await eventually(() => tasks.size >= 5000 && rc.state.unsent === 0, 'all are there');
    const columns = ['todo', 'doing', 'done'].map((status) => tasks.query({ where: { status } }));
    const search = tasks.query({ where: { title: { contains: 'task 4' } } });
    for (const query of [...columns, search]) query.subscribe((rows) => rows.length);
    tasks.subscribe(() => {});
    const key = tasks.rows()[2500].id;
    const timed = (work) => { const at = performance.now(); work(); return performance.now() - at; };
    const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
    const typing = [], searching = [];
    for (let n = 0; n < 50; n += 1) {
      typing.push(timed(() => tasks.update(key, { title: 'Typed ' + n }, { group: 'typing' })));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (let n = 0; n < 50; n += 1) searching.push(timed(() => search.set({ where: { title: { contains: 'task ' + n } } })));
    return { keystroke: median(typing), search: median(searching) };
  `);
  t.diagnostic(`5,000 rows, 4 live queries: keystroke ${figures.keystroke.toFixed(2)} ms, new search ${figures.search.toFixed(2)} ms`);
  assert(figures.keystroke < 20 && figures.search < 100, JSON.stringify(figures));
});
