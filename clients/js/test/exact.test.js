/** Numbers in JSON that no double holds keep their value, whatever is done to the rows that hold them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExactNumber, Misuse, api, memoryStorage } from '../src/index.js';
import { json } from '../src/codec.js';
import { fromJson, toJson } from '../src/exact.js';
import { msgpack } from '../src/msgpack.js';
import { SchemaBook } from '../src/schema.js';
import { Tabs } from '../src/tabs.js';
import { readJson, readMsgpack, writeJson, writeMsgpack } from './exact-json.js';
import { FakeLocks } from './fake-locks.js';
import { APOLLO, aClient, aHub, aPerson, inserted, until } from './helper.js';

const LEDGER = '{"big":1e400,"deep":[[{"a":9007199254740993}]],"list":[-1e-400,18446744073709551615,-9223372036854775807,0.1],"wei":123456789012345678901234}';

/** Somebody who sees a row with a ledger. @param {import('node:test').TestContext} t @param {Partial<import('../src/client.js').ConnectOptions>} options */
async function adaWithLedger(t, options) {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { labels: readJson(LEDGER), photo: 'MWU0MDA=' })]);
  return { hub, ...(await aPerson(t, hub, 'ada', options)) };
}

/** What the hub has in a row, as JSON text. @param {any} hub @param {string} id */
const atHub = (hub, id) => writeJson(hub.log(APOLLO).rows('tasks').get(id)?.labels);

/** @param {any} project @param {any} hub */
const caughtUp = (project, hub) => until(project, () => project.unsent === 0 && project.position?.seq === hub.log(APOLLO).head);

for (const codec of [json, msgpack]) {
  const over = `over ${codec === json ? 'JSON' : 'MessagePack'}`;

  test(`${over}, undo of a change and of a delete puts the same numbers back`, async (t) => {
    const { hub, project, tasks } = await adaWithLedger(t, { codec });
    await tasks.update('a', { labels: [] });
    assert.equal(atHub(hub, 'a'), '[]');
    assert.deepEqual((await project.undo()).skipped, []);
    await caughtUp(project, hub);
    assert.equal(atHub(hub, 'a'), LEDGER);
    await tasks.delete('a');
    await caughtUp(project, hub);
    assert.deepEqual(await project.undo(), { done: true, channel: APOLLO, skipped: [] });
    await caughtUp(project, hub);
    assert.equal(atHub(hub, 'a'), LEDGER);
    await project.redo();
    assert.equal(atHub(hub, 'a'), undefined);
  });

  test(`${over}, a guard with the row's own value holds, also for undo, and one with its neighbour does not`, async (t) => {
    const { hub, project, tasks } = await adaWithLedger(t, { codec });
    const own = tasks.get('a')?.labels;
    const near = { ...own, wei: new ExactNumber('123456789012345678901235') };
    const refused = tasks.change('a', { set: { title: 'no' }, if: { labels: near } });
    assert.equal(tasks.get('a')?.title, 'task a', 'it does not show');
    const error = await refused.ack.then(() => null, (reason) => reason);
    assert.equal(error.code, 'guard_failed');
    assert.deepEqual(error.row.labels, own);
    assert.equal(error.row.photo, 'MWU0MDA=');
    await tasks.change('a', { set: { title: 'yes' }, if: { labels: own } });
    await tasks.change('a', { set: { labels: near }, if: { labels: own } });
    await caughtUp(project, hub);
    assert.equal(atHub(hub, 'a'), LEDGER.replace('1234}', '1235}'));
    assert.deepEqual((await project.undo()).skipped, []);
    await caughtUp(project, hub);
    assert.equal(atHub(hub, 'a'), LEDGER);
  });

  test(`${over}, a row's own value goes back unchanged, and items are found by value`, async (t) => {
    const { hub, project, tasks } = await adaWithLedger(t, { codec });
    const { head } = hub.log(APOLLO);
    await tasks.update('a', { labels: tasks.get('a')?.labels });
    assert.equal(hub.log(APOLLO).head, head, 'nothing has changed');
    await tasks.insert({ id: 'b', labels: [tasks.get('a')?.labels.wei, 1] });
    assert.equal(atHub(hub, 'b'), '[123456789012345678901234,1]');
    tasks.change('b', { add: { labels: [new ExactNumber('123456789012345678901234.0'), new ExactNumber('1e401')] } }).catch(() => {});
    assert.deepEqual(tasks.get('b')?.labels.map(String), ['123456789012345678901234', '1', '1e401']);
    await caughtUp(project, hub);
  });

  test(`${over}, numbers of 64 bits and digits of any length come and go as they are, and bytes stay base64`, () => {
    const numbers = ['1e400', '18446744073709551615', '18446744073709551616', '-9223372036854775807', '-9223372036854775809', `0.${'123456789'.repeat(40)}`, `1${'0'.repeat(70_000)}1`];
    const text = `{"type":"snapshot","table":"tasks","rows":[{"photo":"MWU0MDA=","labels":[${numbers}]}]}`;
    const known = { typeOf: (/** @type {string} */ _, /** @type {string} */ column) => (column === 'labels' ? 'json' : 'bytes'), tableOf: () => undefined };
    const message = codec.decode(codec === json ? text : writeMsgpack(readJson(text)), known);
    assert.deepEqual(message.rows[0].labels.map(String), numbers);
    assert(message.rows[0].labels.every((/** @type {any} */ number) => number instanceof ExactNumber));
    assert.equal(message.rows[0].photo, 'MWU0MDA=');
    const frame = /** @type {any} */ (codec.encode(message));
    assert.equal(writeJson(codec === json ? readJson(frame) : readMsgpack(frame)), text);
  });

  test(`${over}, kept rows and a waiting edit hold the same numbers after a reload`, async (t) => {
    const storage = memoryStorage();
    const { hub, client, project, tasks } = await adaWithLedger(t, { codec, storage, user: 'ada' });
    const url = { url: `ws://127.0.0.1:${hub.port}/socket` };
    hub.refuseHello = () => ({ code: 'unavailable', retry: true });
    hub.cut();
    await until(client, () => client.state.name === 'offline');
    tasks.insert({ id: 'b', title: 'waits', labels: tasks.get('a')?.labels }).catch(() => {});
    await until(client, () => project.unsent === 1);
    while ((await storage.load(JSON.stringify([hub.url, 'ada']))).length < 1) await new Promise(setImmediate);
    client.close();
    const next = aClient(t, hub, 'ada', { codec, storage, user: 'ada', ...url });
    const again = next.channel(APOLLO).table('tasks');
    await until(again, () => again.size === 2);
    assert.deepEqual(['a', 'b'].map((id) => toJson(again.get(id)?.labels)), [LEDGER, LEDGER]);
    assert(again.get('a')?.labels.wei instanceof ExactNumber);
    hub.refuseHello = () => undefined;
    next.reconnect();
    await until(next, () => next.state.unsent === 0 && next.state.name === 'live');
    assert.deepEqual([atHub(hub, 'a'), atHub(hub, 'b')], [LEDGER, LEDGER]);
  });

  test(`${over}, the past of a row and states tell such numbers too`, async (t) => {
    const hub = await aHub(t);
    hub.outgoing = (message) => (message.code === 'unknown_type' ? { type: 'history_page', ref: message.ref, channel: APOLLO, more: false, changes: [{ seq: 1, op: 'update', old: readJson(`{"labels":${LEDGER},"photo":null}`), new: { photo: 'MWU0MDA=', labels: readJson('1e400') } }] } : message);
    const { project } = await aPerson(t, hub, 'ada', { codec });
    const { changes } = await project.history('tasks', 'a');
    assert.deepEqual([toJson(changes[0]?.old?.labels), toJson(changes[0]?.new)], [LEDGER, '{"photo":"MWU0MDA=","labels":1e400}']);
    project.state.set('sum', { wei: new ExactNumber('123456789012345678901234') });
    await until(project.state, () => project.state.of('sum').length === 1);
    assert.equal(String(project.state.of('sum')[0]?.value.wei), '123456789012345678901234');
  });
}

test('bytes of MessagePack are read by the type of the column, or of the items of its lists', () => {
  const book = new SchemaBook();
  const columns = [{ name: 'sums', type: 'list', items: 'json' }, { name: 'photos', type: 'list', items: 'bytes' }, { name: 'sum', type: 'json' }, { name: 'photo', type: 'bytes' }];
  book.learn({ hash: 'h', tables: [{ name: 'tasks', channel: 'project:{id}', key: ['id'], columns }] });
  const bin = new TextEncoder().encode('1e400');
  const row = { sums: [bin, [bin], { a: bin }], photos: [bin, [bin]], sum: bin, photo: bin };
  const set = writeMsgpack({ type: 'entries', entries: [{ seq: 1, changes: [{ op: 'update', table: 'tasks', key: [bin], set: row }] }] });
  const known = { typeOf: book.valueType.bind(book), tableOf: () => undefined };
  const [{ changes }] = msgpack.decode(set, known).entries;
  assert.equal(toJson(changes[0].set), '{"sums":[1e400,[1e400],{"a":1e400}],"photos":["MWU0MDA=",["MWU0MDA="]],"sum":1e400,"photo":"MWU0MDA="}');
  assert.deepEqual(changes[0].key, ['MWU0MDA=']);
  assert.equal(msgpack.decode(set).entries[0].changes[0].set.sum, 'MWU0MDA=', 'nothing is known of the column');
});

test('rows that an older version kept with rounded numbers are not shown, and come from the hub', async (t) => {
  const storage = memoryStorage();
  const { hub, client } = await adaWithLedger(t, { storage, user: 'ada' });
  client.close();
  const url = `ws://127.0.0.1:${hub.port}/socket`;
  const scope = JSON.stringify([url, 'ada']);
  const kept = await storage.rows?.load(scope, APOLLO);
  assert.equal(kept?.tables['tasks']?.length, 1);
  const { form: _, ...older } = { ...kept, tables: { tasks: [{ ...inserted('a').row, labels: JSON.parse(LEDGER) }] } };
  await storage.rows?.put(scope, APOLLO, /** @type {any} */ (older));
  const next = aClient(t, hub, 'ada', { storage, user: 'ada', url }).channel(APOLLO);
  await until(next, () => next.status === 'live');
  assert.equal(toJson(next.table('tasks').get('a')?.labels), LEDGER);
});

test('another tab shows a waiting edit with the same numbers', async (t) => {
  const [hub, storage, locks] = [await aHub(t), memoryStorage(), new FakeLocks()];
  hub.refuseHello = () => ({ code: 'unavailable', retry: true });
  const url = { url: `ws://127.0.0.1:${hub.port}/socket` };
  const [one, other] = [0, 1].map(() => {
    const tabs = new Tabs({ locks: locks.tab(), BroadcastChannel });
    return aClient(t, hub, 'ada', { storage, tabs, user: 'ada', ...url }).channel(APOLLO).table('tasks');
  });
  if (!one || !other) return;
  one.insert({ id: 'b', labels: fromJson(LEDGER) }).catch(() => {});
  await until(other, () => other.size === 1);
  assert.equal(toJson(other.get('b')?.labels), LEDGER);
  assert.deepEqual(other.get('b')?.labels, one.get('b')?.labels);
});

test('live queries tell such numbers apart', async (t) => {
  const { tasks } = await adaWithLedger(t, {});
  const { labels } = /** @type {any} */ (tasks.get('a'));
  const size = (/** @type {any} */ wanted) => tasks.find({ where: { labels: wanted } }).rows().length;
  assert.equal(size({ eq: { ...labels } }), 1);
  assert.equal(size({ eq: { ...labels, wei: new ExactNumber('123456789012345678901235') } }), 0);
  assert.equal(size({ ne: { ...labels, wei: Number(labels.wei) } }), 1);
  assert.equal(size(labels.wei), 0, 'a number is a value, not conditions');
});

test('REST answers and requests hold such numbers', async () => {
  /** @type {any} */
  let sent;
  const fetch = async (/** @type {any} */ _, /** @type {any} */ { body }) => {
    sent = body;
    return new Response(`{"ledger":${LEDGER}}`);
  };
  const { ledger } = await api({ url: 'http://hub.example', fetch: /** @type {any} */ (fetch) }).post('/tasks', { at: new Date(0), ledger: new ExactNumber('1e400') });
  assert.equal(sent, '{"at":"1970-01-01T00:00:00.000Z","ledger":1e400}');
  assert.equal(toJson(ledger), LEDGER);
});

test('what JavaScript writes with the same value stays a plain number, and texts are left alone', () => {
  const plain = ['0', '-1', '9007199254740991', '9007199254740992', '0.1', '0.30000000000000004', '1e21', '1.5E+3', '5e-324', '1.7976931348623157e308', '1.000000000000000000', '-0.000000000000000000'];
  const value = fromJson(`[${plain}]`);
  assert.deepEqual(value, JSON.parse(`[${plain}]`));
  const exact = ['9007199254740993', '0.1000000000000000055', '1e309', '-1e-325', '9223372036854775808', '1.7976931348623158e308'];
  const held = fromJson(` {"a": [\n${exact.join(' ,\n ')}], "__proto__": 1e400, "1": 2e400, "0": 3}`);
  assert.deepEqual(held.a.map(String), exact);
  assert.equal(toJson(held), `{"0":3,"1":2e400,"a":[${exact}],"__proto__":1e400}`);
  const texts = ['[1e400', ',1e400]', '\\":1e400,"', '\u0000:1e400', 'x'.repeat(100_000), '\\\\"'.repeat(50_000)];
  assert.deepEqual(fromJson(JSON.stringify([texts, 0]).replace(/0]$/, '1e400]')), [texts, new ExactNumber('1e400')]);
  for (const broken of ['[01e400]', '[1e400', '{1e400:1}', '["a"1e400]', '[1.e400]', '[+1e400]']) assert.throws(() => fromJson(broken), SyntaxError);
});

test('an exact number shows its digits, calculates as the nearest double, and cannot be changed', () => {
  const wei = new ExactNumber('123456789012345678901234');
  assert.equal(`${wei}`, '123456789012345678901234');
  assert.deepEqual([Number(wei), /** @type {any} */ (wei) > 5, Number(new ExactNumber('1e400'))], [1.2345678901234568e23, true, Infinity]);
  const native = /** @type {any} */ (JSON).rawJSON !== undefined;
  assert.equal(JSON.stringify([wei]), native ? '[123456789012345678901234]' : '["123456789012345678901234"]');
  assert.throws(() => /** @type {any} */ (wei).digits = '1', TypeError);
  for (const none of ['', '1 ', '0x1', '01', '.5', '1.', 'NaN', '1e', null, 5]) assert.throws(() => new ExactNumber(/** @type {any} */ (none)), Misuse);
});
