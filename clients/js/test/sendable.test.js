/** What JSON cannot hold is refused where it is made, by its name, and holds nothing else up. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EditError, memoryStorage, Misuse, uuidv7 } from '../src/index.js';
import { APOLLO, aClient, aHub, aPerson, assertEqualToHub, inserted, titles, until } from './helper.js';

/** @returns {any} */
function cyclic() {
  /** @type {any} */
  const one = { a: [] };
  one.a.push(one);
  return one;
}

/** @returns {any} */
const deep = () => Array.from({ length: 500 }).reduce((inner) => [inner], null);

/** Values that no field can hold, each with where it is to blame. @type {[string, any, string][]} */
const UNFIT = [
  ['a BigInt', 9007199254740993n, ''],
  ['NaN', NaN, ''],
  ['infinity', -Infinity, ''],
  ['a function', () => 1, ''],
  ['a symbol', Symbol('s'), ''],
  ['undefined', undefined, ''],
  ['text with U+0000', 'a\0b', ''],
  ['a Map', new Map(), ''],
  ['a Set', new Set([1]), ''],
  ['a pattern', /x/, ''],
  ['an object of a class', new (class Point {})(), ''],
  ['an invalid date', new Date(NaN), ''],
  ['bytes in a column of JSON', new Uint8Array([1]), ''],
  ['NaN inside', { a: [1, NaN] }, '.a[1]'],
  ['a BigInt inside', [[{ b: 1n }]], '[0][0].b'],
  ['undefined inside', { a: undefined }, '.a'],
  ['a hole in a list', Object.assign([1], { 2: 3 }), '[1]'],
  ['a name that is a symbol', { [Symbol('s')]: 1 }, ''],
  ['U+0000 inside', { a: ['\0'] }, '.a[0]'],
];

for (const [what, value, inside] of UNFIT) {
  test(`${what} is refused where it is made, and later edits go on`, async (t) => {
    const hub = await aHub(t);
    hub.outside(APOLLO, [inserted('a', { title: 'old' })]);
    const { client, project, tasks } = await aPerson(t, hub, 'ada');
    /** @type {any[]} */
    const failed = [];
    client.onFailed((edit) => failed.push(edit));
    const seen = titles(tasks);
    const made = tasks.change('a', { set: { title: 'new', labels: value } });
    assert.deepEqual([titles(tasks), client.unsent, project.canUndo], [seen, 0, false], 'nothing of it shows or waits');
    await assert.rejects(made.ack, (error) => {
      assert(error instanceof EditError);
      assert.deepEqual([error.code, error.op, error.table, error.field, error.path], ['wrong_type', 0, 'tasks', 'labels', `ops[0].set.labels${inside}`]);
      return true;
    });
    assert.deepEqual(failed.map(({ error }) => error.field), ['labels']);
    await tasks.update('a', { title: 'next' });
    assert.deepEqual(hub.received.filter(({ type }) => type === 'edit').map(({ ops }) => ops[0].set), [{ title: 'next' }]);
  });
}

test('what holds itself, or is nested without an end, is refused', async (t) => {
  const { tasks } = await aPerson(t, await aHub(t), 'ada');
  await assert.rejects(tasks.insert({ labels: cyclic() }).ack, { code: 'wrong_type', field: 'labels', path: 'ops[0].row.labels.a[0]' });
  await assert.rejects(tasks.insert({ labels: deep() }).ack, { code: 'too_deep', field: 'labels' });
});

test('the same holds for keys, guards, numbers and items to add, and places', async (t) => {
  const { project, tasks } = await aPerson(t, await aHub(t), 'ada');
  const key = /** @type {any} */ (5n);
  const refused = [
    [tasks.update(key, { title: 'x' }), 'id', 'key'],
    [tasks.delete(key), 'id', 'key'],
    [tasks.delete('a', { if: { votes: NaN } }), 'votes', 'if.votes'],
    [tasks.update('a', { title: 'x' }, { if: { votes: undefined } }), 'votes', 'if.votes'],
    [tasks.change('a', { inc: { votes: Infinity } }), 'votes', 'inc.votes'],
    [tasks.change('a', { inc: { votes: 1.5 } }), 'votes', 'inc.votes'],
    [tasks.change('a', { inc: { votes: 'many' } }), 'votes', 'inc.votes'],
    [tasks.change('a', { add: { labels: /** @type {any} */ ('x') } }), 'labels', 'add.labels'],
    [tasks.change('a', { remove: { labels: [NaN] } }), 'labels', 'remove.labels[0]'],
    [tasks.insert({ votes: 1n }), 'votes', 'row.votes'],
    [tasks.place('a', { after: key }), undefined, 'place.after'],
  ];
  for (const [made, field, path] of /** @type {any[]} */ (refused)) {
    await assert.rejects(made.ack, { name: 'EditError', field, path: `ops[0].${path}` });
  }
  const shapeless = [[], [null], [{ op: 'rename', table: 'tasks' }], [{ op: 'update', table: 'tasks' }], [{ op: 'update', table: 'tasks', key: 'a', sett: {} }], [{ op: 'insert', table: 'tasks', row: [] }], [{ op: 'delete', table: 5, key: 'a' }]];
  for (const ops of shapeless) await assert.rejects(project.edit(/** @type {any} */ (ops)).ack, Misuse, JSON.stringify(ops));
});

test('states, signals and what others see of somebody are held to the same', async (t) => {
  const { client, project } = await aPerson(t, await aHub(t), 'ada');
  assert.throws(() => project.state.set('pointer', { x: NaN }), /pointer\.x.*NaN/);
  assert.throws(() => project.state.set('n', /** @type {any} */ (1n)), Misuse);
  assert.throws(() => project.state.set('k'.repeat(65), 1), /1 to 64 bytes/);
  assert.throws(() => client.channel('project:gemini', { meta: { at: cyclic() } }), Misuse);
  await assert.rejects(project.signals.send('wave', { n: 1n }), Misuse);
  await assert.rejects(project.signals.send('', 1), Misuse);
  project.state.set('pointer', { x: 1 });
  await until(project.state, () => project.state.of('pointer').length === 1);
});

test('what can be sent in its own form shows and arrives in that form', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const at = new Date(Date.UTC(2026, 10, 20, 10, 15));
  const fields = { title: 'Party 🎉'.slice(0, 7), votes: -0, weight: 0.5, seen_at: at, photo: new Uint8Array([0, 255, 16]), labels: [{ ['\ud83c']: '\udf89' }] };
  const { key } = tasks.insert(fields);
  const { title, votes, weight, seen_at, photo, labels } = /** @type {any} */ (tasks.get(key));
  assert.deepEqual({ title, votes, weight, seen_at, photo, labels }, { title: 'Party \ufffd', votes: 0, weight: 0.5, seen_at: at.toISOString(), photo: 'AP8Q', labels: [{ '\ufffd': '\ufffd' }] });
  await until(project, () => project.unsent === 0 && project.position?.seq === 1);
  assertEqualToHub(hub, project);
  await assert.rejects(tasks.update(key, { due: at }).ack, { code: 'wrong_type', field: 'due' });
  assert.equal(Object.is(votes, 0), true);
});

test('what is given later does not change an edit that was made', async (t) => {
  const hub = await aHub(t);
  const { tasks } = await aPerson(t, hub, 'ada');
  const labels = ['a'];
  const made = tasks.insert({ title: 'x', labels });
  labels.push('b');
  await made;
  assert.deepEqual(tasks.get(made.key)?.labels, ['a']);
});

test('edits whose values cannot be counted with show nothing, and the hub says why', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { votes: 'seven' })]);
  hub.refuseEdit = ({ ops }) => (ops[0].inc ? { code: 'wrong_type', field: 'votes' } : undefined);
  const { tasks } = await aPerson(t, hub, 'ada');
  const made = tasks.change('a', { inc: { votes: 1 } });
  assert.equal(tasks.get('a')?.votes, 'seven');
  await assert.rejects(made.ack, { code: 'wrong_type' });
  await tasks.update('a', { title: 'goes on' });
});

test('stored edits that can never be sent are given back, and the others are sent', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { title: 'old' })]);
  const storage = memoryStorage();
  const scope = JSON.stringify([hub.url, 'ada']);
  const record = (/** @type {any} */ ops) => ({ id: uuidv7(), channel: APOLLO, ops, madeAt: Date.now(), tab: 'gone' });
  const update = (/** @type {any} */ set) => ({ op: 'update', table: 'tasks', key: 'a', set });
  const bad = [[update({ votes: 9007199254740993n })], [update({ labels: new Map() })], [update({ labels: cyclic() })], undefined, [null], []].map(record);
  const good = [[update({ title: 'kept' })], [update({ votes: 3, status: undefined })]].map(record);
  await storage.put(scope, [...bad, ...good]);
  const client = aClient(t, hub, 'ada', { storage, user: 'ada' });
  /** @type {string[]} */
  const failed = [];
  client.onFailed(({ id }) => failed.push(id));
  const project = client.channel(APOLLO);
  await project.ready;
  await until(client, () => client.unsent === 0 && client.state.name === 'live' && project.table('tasks').get('a')?.votes === 3);
  assert.equal(project.table('tasks').get('a')?.title, 'kept');
  assert.deepEqual(failed.sort(), bad.map(({ id }) => id).sort());
  assert.deepEqual(hub.received.filter(({ type }) => type === 'edit').map(({ id, ops }) => [id, ops[0].set]), [[good[0]?.id, { title: 'kept' }], [good[1]?.id, { votes: 3 }]]);
  while ((await storage.load(scope)).length > 0) await new Promise(setImmediate);
});

test('a client comes back when the hub has refused so many of its messages that it closes', async (t) => {
  const hub = await aHub(t);
  const { client, tasks } = await aPerson(t, hub, 'ada');
  hub.refuseEdit = ({ ops }) => (ops[0].row.title === 'odd' ? { code: 'bad_message' } : undefined);
  await assert.rejects(tasks.insert({ title: 'odd' }).ack, { code: 'bad_message' });
  hub.closeAll(4501);
  await until(client, () => client.state.name !== 'live');
  await until(client, () => client.state.name === 'live');
  await tasks.insert({ title: 'goes on' });
});
