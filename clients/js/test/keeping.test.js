/** Edits that survive a reload, and several tabs of one person: what is made is sent once, by one of them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryStorage, uuidv7 } from '../src/index.js';
import { Tabs } from '../src/tabs.js';
import { APOLLO, aClient, aHub, assertEqualToHub, deleted, inserted, titles, until } from './helper.js';
import { FakeLocks } from './fake-locks.js';

/** A browser: what its tabs share. */
function aBrowser() {
  return { storage: memoryStorage(), locks: new FakeLocks() };
}

/**
 * A tab that can die.
 *
 * @param {import('node:test').TestContext} t
 * @param {any} hub
 * @param {ReturnType<typeof aBrowser>} browser
 * @param {Partial<import('../src/client.js').ConnectOptions> & { person?: string }} [options]
 */
function aTab(t, hub, { storage, locks }, { person = 'ada', ...options } = {}) {
  const own = locks.tab();
  const tabs = new Tabs({ locks: own, BroadcastChannel });
  const url = { url: `ws://127.0.0.1:${hub.port}/socket` };
  const client = aClient(t, hub, person, { storage, tabs, ...url, ...options });
  const project = client.channel(APOLLO);
  const die = () => {
    client.close();
    own.die();
  };
  return { client, project, tasks: project.table('tasks'), die };
}

/** @param {any} hub @param {string[]} cutOff people who get no connection */
function cutOff(hub, ...cutOff) {
  hub.refuseHello = (/** @type {any} */ { token }) => (cutOff.includes(token.split('.')[0]) ? { code: 'unavailable', retry: true } : undefined);
}

/** @param {any} storage @param {any} hub @param {string} [user] */
const kept = async (storage, hub, user = 'ada') => (await storage.load(JSON.stringify([hub.url, user]))).length;

test('an edit made without a connection survives a reload, shows at once, and is sent once with its id', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  cutOff(hub, 'ada');
  const first = aTab(t, hub, browser, { user: 'ada' });
  const made = first.tasks.insert({ id: uuidv7(), title: 'kept' });
  const update = first.tasks.update('a', { title: 'also kept' });
  made.catch(() => {});
  update.catch(() => {});
  while ((await kept(browser.storage, hub)) < 2) await new Promise(setImmediate);
  assert.deepEqual([first.client.state.unsent, first.client.state.storage], [2, 'kept']);
  first.die();
  const second = aTab(t, hub, browser, { user: 'ada' });
  await until(second.client, () => second.client.state.unsent === 2);
  assert.deepEqual(titles(second.tasks), ['kept'], 'the new row shows before there is a connection');
  cutOff(hub);
  second.client.reconnect();
  await second.project.ready;
  assert.deepEqual(titles(second.tasks).sort(), ['also kept', 'kept']);
  await until(second.project, () => second.client.state.unsent === 0 && second.project.position?.seq === hub.log(APOLLO).head);
  assert.deepEqual(hub.received.filter(({ type }) => type === 'edit').map(({ id }) => id), [made.id, update.id]);
  assertEqualToHub(hub, second.project);
  while ((await kept(browser.storage, hub)) > 0) await new Promise(setImmediate);
});

test('an edit whose answer was lost in the crash counts once', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  const first = aTab(t, hub, browser);
  await first.project.ready;
  hub.outgoing = (message) => (message.type === 'ack' || message.type === 'entries' ? undefined : message);
  first.tasks.change('a', { inc: { votes: 1 } }).catch(() => {});
  await hub.request('edit');
  first.die();
  hub.outgoing = (message) => message;
  const second = aTab(t, hub, browser);
  /** @type {number[]} */
  const seen = [];
  second.tasks.subscribe(() => seen.push(second.tasks.get('a')?.votes));
  await until(second.project, () => second.client.state.unsent === 0 && second.project.status === 'live');
  assert.deepEqual([...new Set(seen)], [1], 'never 0, never 2');
  assert.equal(hub.log(APOLLO).rows('tasks').get('a').votes, 1);
});

test('nobody sees or sends what somebody else has left', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  cutOff(hub, 'ada');
  const ada = aTab(t, hub, browser, { user: 'ada' });
  ada.tasks.update('a', { title: 'of ada' }).catch(() => {});
  while ((await kept(browser.storage, hub)) === 0) await new Promise(setImmediate);
  ada.die();
  const ben = aTab(t, hub, browser, { person: 'ben', user: 'ada' });
  await ben.project.ready;
  assert.deepEqual([titles(ben.tasks), ben.client.state.unsent], [['task a'], 0]);
  await ben.tasks.update('a', { title: 'of ben' });
  assert.equal(hub.count('edit'), 1);
  ben.die();
  cutOff(hub);
  const again = aTab(t, hub, browser);
  await until(again.project, () => again.tasks.get('a')?.title === 'of ada' && again.client.state.unsent === 0);
});

test('one tab shows what another is about to send, does not send it, and takes over when that tab dies', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  const [one, two] = [aTab(t, hub, browser, { user: 'ada' }), aTab(t, hub, browser, { user: 'ada' })];
  await Promise.all([one.project.ready, two.project.ready]);
  hub.refuseEdit = () => ({ code: 'read_only', retry: true, retry_after_ms: 60_000 });
  const key = uuidv7();
  const made = one.tasks.insert({ id: key, title: 'by one' });
  made.catch(() => {});
  await until(two.tasks, () => two.tasks.get(key)?.title === 'by one');
  await hub.request('edit');
  const built = two.tasks.update(key, { title: 'by two' });
  assert.equal(two.tasks.get(key)?.title, 'by two');
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(hub.count('edit'), 1, 'the second waits for what it builds upon');
  hub.refuseEdit = () => undefined;
  one.die();
  await built;
  await until(two.project, () => two.client.state.unsent === 0 && two.tasks.get(key)?.title === 'by two');
  const sent = hub.received.filter(({ type }) => type === 'edit').map(({ id }) => id);
  assert.deepEqual(sent, [made.id, made.id, built.id]);
  assertEqualToHub(hub, two.project);
  while ((await kept(browser.storage, hub)) > 0) await new Promise(setImmediate);
});

test('of several tabs one takes over', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  cutOff(hub, 'ada');
  const dying = aTab(t, hub, browser, { user: 'ada' });
  const others = [1, 2, 3].map(() => aTab(t, hub, browser, { user: 'ada' }));
  for (let n = 0; n < 5; n += 1) dying.tasks.change('a', { inc: { votes: 1 } }).catch(() => {});
  for (const { client } of others) await until(client, () => client.state.unsent === 5);
  dying.die();
  cutOff(hub);
  for (const { client, project } of others) await until(project, () => client.state.unsent === 0 && project.status === 'live');
  assert.equal(hub.log(APOLLO).rows('tasks').get('a').votes, 5);
  assert.equal(hub.count('edit'), 5);
  for (const { tasks, project } of others) await until(project, () => tasks.get('a')?.votes === 5);
});

test('a storage that is full or forbidden is said, and edits go on without it', async (t) => {
  const hub = await aHub(t);
  const browser = aBrowser();
  const working = { ...browser.storage };
  browser.storage.put = () => Promise.reject(new Error('QuotaExceededError'));
  const tab = aTab(t, hub, browser);
  await tab.project.ready;
  await tab.tasks.insert({ title: 'sent anyway' });
  assert.deepEqual([tab.client.state.storage, tab.client.state.storageError?.message], ['failing', 'QuotaExceededError']);
  browser.storage.put = working.put;
  await tab.tasks.insert({ title: 'kept again' });
  assert.equal(tab.client.state.storage, 'kept');
});

test('a change that waited longer than the hub remembers is given back and not sent', async (t) => {
  const hub = await aHub(t);
  const browser = aBrowser();
  const old = Date.now() - 30 * 24 * 3_600_000;
  const ops = [{ op: /** @type {'insert'} */ ('insert'), table: 'tasks', row: { id: uuidv7(), title: 'ancient' } }];
  const record = { id: uuidv7(old), channel: APOLLO, ops, madeAt: old, tab: 'gone' };
  await browser.storage.put(JSON.stringify([hub.url, 'ada']), [record]);
  const tab = aTab(t, hub, browser);
  /** @type {any[]} */
  const failed = [];
  tab.client.onFailed((edit) => failed.push(edit));
  await tab.project.ready;
  await until(tab.project, () => failed.length === 1);
  assert.deepEqual([failed[0].id, failed[0].ops, failed[0].error.code], [record.id, ops, 'edit_expired']);
  assert.equal(hub.count('edit'), 0);
  while ((await kept(browser.storage, hub)) > 0) await new Promise(setImmediate);
});

test('what was made is sent though nobody follows its channel any more', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  const tab = aTab(t, hub, browser);
  await tab.project.ready;
  cutOff(hub, 'ada');
  hub.cut();
  await until(tab.client, () => tab.client.state.name === 'offline');
  const made = tab.tasks.update('a', { title: 'closed' });
  tab.project.close();
  while ((await kept(browser.storage, hub)) === 0) await new Promise(setImmediate);
  tab.die();
  await assert.rejects(made.ack, { code: 'closed' });
  cutOff(hub);
  const next = aClient(t, hub, 'ada', { storage: browser.storage, tabs: new Tabs({ locks: browser.locks.tab() }) });
  await hub.request('edit');
  await until(next, () => next.state.unsent === 0 && next.state.name === 'live');
  assert.equal(hub.log(APOLLO).rows('tasks').get('a').title, 'closed');
});

test('a client whose token becomes somebody else’s does not send the first person’s edits', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  let person = 'ada';
  const browser = aBrowser();
  const tab = aTab(t, hub, browser, { token: () => `${person}.${Math.random()}` });
  await tab.project.ready;
  cutOff(hub, 'ada');
  hub.cut();
  await until(tab.client, () => tab.client.state.name === 'offline');
  const made = tab.tasks.update('a', { title: 'of ada' });
  made.catch(() => {});
  while ((await kept(browser.storage, hub)) === 0) await new Promise(setImmediate);
  person = 'ben';
  hub.refuseHello = ({ token }) => (token.startsWith('ada') ? { code: 'unauthorized' } : undefined);
  tab.client.reconnect();
  await assert.rejects(made.ack, { code: 'other_person' });
  await until(tab.client, () => tab.client.state.name === 'live');
  assert.deepEqual([hub.count('edit'), titles(tab.tasks), await kept(browser.storage, hub)], [0, ['task a'], 1]);
});

test('the rows show again after a reload, without a connection, and the hub sends only what came since', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a'), inserted('b')]);
  const browser = aBrowser();
  const first = aTab(t, hub, browser);
  await first.project.ready;
  await first.tasks.update('a', { title: 'changed' });
  await until(first.project, () => first.project.position?.seq === hub.log(APOLLO).head);
  first.die();
  cutOff(hub, 'ada');
  const second = aTab(t, hub, browser, { user: 'ada' });
  await second.project.ready;
  assert.deepEqual([titles(second.tasks).sort(), second.project.status], [['changed', 'task b'], 'waiting']);
  hub.outside(APOLLO, [inserted('c'), deleted('b')]);
  const snapshots = hub.count('subscribe');
  cutOff(hub);
  second.client.reconnect();
  await until(second.project, () => second.project.status === 'live');
  assertEqualToHub(hub, second.project);
  const asked = hub.received.filter(({ type }) => type === 'subscribe').slice(snapshots);
  assert.deepEqual(asked.map(({ cursor }) => typeof cursor), ['string']);
});

test('a storage that is slow to answer is waited for without a connection, and not with one', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  const first = aTab(t, hub, browser);
  await first.project.ready;
  first.die();
  const rows = /** @type {import('../src/shelf.js').RowStorage} */ (browser.storage.rows);
  const slow = (/** @type {Promise<any>} */ answers) => ({ ...browser.storage, rows: { ...rows, load: (/** @type {string} */ scope, /** @type {string} */ channel) => answers.then(() => rows.load(scope, channel)) } });
  cutOff(hub, 'ada');
  const answers = new Promise((resolve) => setTimeout(resolve, 1_300));
  const second = aTab(t, hub, browser, { user: 'ada', storage: slow(answers) });
  await second.project.ready;
  assert.deepEqual([titles(second.tasks), second.project.status], [['task a'], 'waiting']);
  cutOff(hub);
  const third = aTab(t, hub, browser, { user: 'ada', storage: slow(new Promise(() => {})) });
  await until(third.project, () => third.project.status === 'live');
  assertEqualToHub(hub, third.project);
});

test('kept rows of other tables than the hub has now give way to a snapshot', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  const first = aTab(t, hub, browser);
  await first.project.ready;
  first.die();
  const scope = JSON.stringify([hub.url, 'ada']);
  const left = await browser.storage.rows?.load(scope, APOLLO);
  assert.ok(left, 'something was kept');
  await browser.storage.rows?.put(scope, APOLLO, { ...left, schema: { ...left.schema, hash: 'older' } });
  const second = aTab(t, hub, browser, { user: 'ada' });
  await until(second.project, () => second.project.status === 'live');
  assertEqualToHub(hub, second.project);
  const asked = hub.received.filter(({ type }) => type === 'subscribe').map(({ cursor }) => cursor);
  assert.deepEqual(asked, [undefined, undefined]);
});

test('rows are kept no more once the person has signed out, or was removed', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  const scope = JSON.stringify([hub.url, 'ada']);
  const keptRows = () => browser.storage.rows?.load(scope, APOLLO);
  const first = aTab(t, hub, browser);
  await first.project.ready;
  await first.client.forget();
  first.die();
  assert.equal(await keptRows(), undefined);
  const second = aTab(t, hub, browser);
  await second.project.ready;
  second.die();
  assert.notEqual(await keptRows(), undefined);
  hub.refuseSubscribe = () => ({ code: 'forbidden' });
  const third = aTab(t, hub, browser);
  await until(third.project, () => third.project.status === 'removed');
  assert.deepEqual(titles(third.tasks), []);
  third.die();
  assert.equal(await keptRows(), undefined);
});

test('kept rows go when the token turns out to be somebody else’s', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const browser = aBrowser();
  const ada = aTab(t, hub, browser);
  await ada.project.ready;
  ada.die();
  hub.refuseSubscribe = () => ({ code: 'unavailable', retry: true });
  const ben = aTab(t, hub, browser, { person: 'ben', user: 'ada' });
  await ben.project.ready;
  await until(ben.client, () => ben.client.me?.id === 'ben');
  assert.deepEqual(titles(ben.tasks), []);
  hub.refuseSubscribe = () => undefined;
  await until(ben.project, () => ben.project.status === 'live');
  assertEqualToHub(hub, ben.project);
  const asked = hub.received.filter(({ type }) => type === 'subscribe').map(({ cursor }) => cursor);
  assert.deepEqual([...new Set(asked)], [undefined], 'nobody goes on from where somebody else stood');
});
