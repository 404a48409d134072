import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APOLLO, aHub, aPerson, deleted, inserted, until, updated } from './helper.js';

/** A project with some tasks. @param {import('node:test').TestContext} t @param {[string, object][]} tasks */
async function aProject(t, tasks) {
  const hub = await aHub(t);
  hub.outside(APOLLO, tasks.map(([id, fields]) => inserted(id, fields)));
  return { hub, ...(await aPerson(t, hub, 'ada')) };
}

/** @type {[string, object][]} */
const FIVE = [
  ['a', { title: 'Apple pie', votes: 3, status: 'todo', labels: ['food'] }],
  ['b', { title: 'Bread', votes: 1, status: 'done', labels: ['food', 'daily'] }],
  ['c', { title: 'Call Ben', votes: 2, status: 'todo' }],
  ['d', { title: 'dark bread', votes: 5, status: 'doing' }],
  ['e', { title: 'Eggs', votes: 4, status: 'todo', position: '000000001' }],
];

/** @param {import('../src/query.js').Query} query */
const ids = (query) => query.rows().map((row) => row.id).join('');

test('a query gives the rows that fit, in the order asked for', async (t) => {
  const { tasks } = await aProject(t, FIVE);
  assert.equal(ids(tasks.query()), 'eabcd');
  assert.equal(ids(tasks.query({ where: { status: 'todo' } })), 'eac');
  assert.equal(ids(tasks.query({ sort: '-votes' })), 'deacb');
  assert.equal(ids(tasks.query({ sort: ['status', '-votes'] })), 'dbeac');
  assert.equal(ids(tasks.query({ sort: (a, b) => a.title.localeCompare(b.title), limit: 2, offset: 1 })), 'bc');
  assert.equal(ids(tasks.query({ where: { title: { contains: 'BREAD' } } })), 'bd');
  assert.equal(ids(tasks.query({ where: { labels: { contains: 'food' }, votes: { gt: 1 } } })), 'a');
  assert.equal(ids(tasks.query({ where: { votes: { gte: 2, lt: 4 } }, sort: 'votes' })), 'ca');
  assert.equal(ids(tasks.query({ where: { status: { in: ['done', 'doing'] } } })), 'bd');
  assert.equal(ids(tasks.query({ where: { status: { ne: 'todo' } } })), 'bd');
  assert.equal(ids(tasks.query({ where: { position: { null: false } } })), 'e');
  assert.equal(ids(tasks.query({ where: [{ id: 'a' }, (row) => row.votes === 5] })), 'ad');
  assert.equal(tasks.find({ where: { status: 'done' } }).first()?.title, 'Bread');
  assert.throws(() => tasks.query({ where: { votes: { above: 1 } } }).rows(), { code: 'misuse' });
});

test('a query follows what changes, and tells only what concerns it', async (t) => {
  const { hub, tasks, project } = await aProject(t, FIVE);
  const query = tasks.query({ where: { status: 'todo' }, sort: 'title' });
  /** @type {string[]} */
  const told = [];
  const stop = query.subscribe((rows, changes) => {
    const { inserted, updated, removed } = changes;
    told.push(`${rows.map((row) => row.id).join('')} +${inserted.length} ~${updated.length} -${removed.length}`);
  });
  const [apple] = query.rows();
  hub.outside(APOLLO, [updated('d', { votes: 9 })]);
  hub.outside(APOLLO, [updated('c', { title: 'Zucchini' }), updated('b', { status: 'todo' }), deleted('e')]);
  hub.outside(APOLLO, [updated('a', { title: 'Apple pie' })]);
  await until(project, () => project.position?.seq === 4);
  assert.deepEqual(told, ['abc +1 ~1 -1']);
  assert.equal(query.rows()[0], apple, 'rows that did not change are the same objects');
  stop();
  hub.outside(APOLLO, [deleted('a')]);
  await until(project, () => project.position?.seq === 5);
  assert.equal(told.length, 1);
  assert.equal(ids(query), 'bc', 'it is right also when nobody listens');
});

test('a query with a limit is told when the rows within it change, and not otherwise', async (t) => {
  const { hub, tasks, project } = await aProject(t, FIVE);
  const query = tasks.query({ sort: '-votes', limit: 2 });
  /** @type {string[]} */
  const told = [];
  query.subscribe(() => told.push(ids(query)));
  hub.outside(APOLLO, [updated('b', { votes: 2 })]);
  hub.outside(APOLLO, [updated('a', { votes: 8 })]);
  hub.outside(APOLLO, [deleted('a')]);
  await until(project, () => project.position?.seq === 4);
  assert.deepEqual(told, ['ad', 'de']);
  assert.equal(query.total, 4);
});

test('a query can be asked for something else', async (t) => {
  const { tasks } = await aProject(t, FIVE);
  const query = tasks.query({ where: { title: { contains: 'b' } }, sort: 'title' });
  let times = 0;
  query.subscribe(() => (times += 1));
  assert.equal(ids(query), 'bcd');
  query.set({ where: { title: { contains: 'br' } } });
  assert.equal(ids(query), 'bd');
  query.set({ where: { title: { contains: 'bre' } } });
  assert.equal(times, 1, 'the same rows are no news');
});

test('rows that are being placed stand at their anchors in queries too', async (t) => {
  const { hub, tasks } = await aProject(t, FIVE.map(([id, fields], at) => [id, { ...fields, position: `00000000${at}` }]));
  const query = tasks.query({ where: { status: 'todo' } });
  /** @type {string[]} */
  const told = [];
  query.subscribe(() => told.push(ids(query)));
  hub.deaf = true;
  void tasks.place('e', 'first').catch(() => {});
  assert.equal(ids(query), 'eac');
  void tasks.place('b', 'last').catch(() => {});
  assert.deepEqual(told, ['eac'], 'a row outside of the query is no news');
});

test('whoever watches a row hears of that row alone', async (t) => {
  const { hub, tasks, project } = await aProject(t, FIVE);
  const row = tasks.row('a');
  /** @type {(string | undefined)[]} */
  const told = [];
  const stop = row.subscribe((now) => told.push(now?.title));
  hub.outside(APOLLO, [updated('b', { title: 'B' })]);
  hub.outside(APOLLO, [updated('a', { title: 'A' })]);
  hub.outside(APOLLO, [deleted('a')]);
  await until(project, () => project.position?.seq === 4);
  assert.deepEqual(told, ['A', undefined]);
  assert.equal(row.get(), undefined);
  stop();
});

test('tables and queries agree after many random changes', async (t) => {
  const { hub, tasks, project } = await aProject(t, Array.from({ length: 60 }, (_, n) => [`t${n}`, { votes: n % 7, title: `x${n % 11}` }]));
  const live = tasks.query({ where: { votes: { lt: 4 } }, sort: ['-votes', 'title'] });
  live.subscribe(() => {});
  let seed = 7;
  const random = (/** @type {number} */ below) => (seed = (seed * 48271) % 2147483647) % below;
  for (let step = 0; step < 200; step += 1) {
    const id = `t${random(60)}`;
    const known = hub.log(APOLLO).rows('tasks').has(id);
    const kind = random(3);
    const change = !known ? inserted(id, { votes: random(7) }) : kind === 0 ? deleted(id) : updated(id, { votes: random(7), title: `x${random(11)}` });
    hub.outside(APOLLO, [change]);
  }
  await until(project, () => project.position?.seq === 201);
  const fresh = tasks.query({ where: { votes: { lt: 4 } }, sort: ['-votes', 'title'] });
  assert.deepEqual(live.rows(), fresh.rows());
  assert.equal(live.total, [...hub.log(APOLLO).rows('tasks').values()].filter((row) => row.votes < 4).length);
  assert.deepEqual([...tasks.rows()].sort((a, b) => (a.id < b.id ? -1 : 1)).length, tasks.size);
});

test('a change of one row among thousands looks at that row alone', async (t) => {
  const many = /** @type {[string, object][]} */ (Array.from({ length: 5_000 }, (_, n) => [`t${n}`, { title: `Task ${n}`, votes: n }]));
  const hub = await aHub(t);
  hub.pageRows = 500;
  hub.outside(APOLLO, many.map(([id, fields]) => inserted(id, fields)));
  const { tasks } = await aPerson(t, hub, 'ada');
  let tests = 0;
  const query = tasks.query({ where: (row) => ++tests > 0 && row.votes >= 10, sort: 'title' });
  query.subscribe(() => query.rows());
  tests = 0;
  hub.deaf = true;
  for (let n = 0; n < 50; n += 1) void tasks.update('t2500', { title: `Task ${n} typed` }, { group: 'typing' }).catch(() => {});
  assert(tests <= 100, `${tests} rows were tested for 50 keystrokes`);
  assert.equal(query.rows().find((row) => row.id === 't2500')?.title, 'Task 49 typed');
});
