import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APOLLO, aHub, aPerson, assertEqualToHub, deleted, inserted, titles, until, updated } from './helper.js';

/** @param {import('node:test').TestContext} t */
async function adaAndTasks(t) {
  const hub = await aHub(t);
  const tasks = ['a', 'b', 'c'].map((id, at) => inserted(id, { position: `00000${at + 1}000`, labels: ['x'] }));
  hub.outside(APOLLO, tasks);
  return { hub, ...(await aPerson(t, hub, 'ada')) };
}

/** @param {any} project @param {any} hub */
const caughtUp = (project, hub) => until(project, () => project.unsent === 0 && project.position?.seq === hub.log(APOLLO).head);

test('what was set, counted, added, removed and placed is taken back, and done again', async (t) => {
  const { hub, project, tasks } = await adaAndTasks(t);
  const before = tasks.rows().map((row) => ({ ...row, position: '' }));
  await tasks.change('b', { set: { title: 'B!' }, inc: { votes: 3 } });
  await tasks.change('b', { add: { labels: ['y', 'x'] } });
  await tasks.change('b', { remove: { labels: ['x'] } });
  await tasks.place('b', 'last');
  await caughtUp(project, hub);
  const after = tasks.rows().map((row) => ({ ...row, position: '' }));
  for (let n = 0; n < 4; n += 1) assert.equal((await project.undo()).done, true);
  await caughtUp(project, hub);
  assert.deepEqual(tasks.rows().map((row) => ({ ...row, labels: [...row.labels].sort(), position: '' })), before);
  assert.deepEqual([project.canUndo, project.canRedo], [false, true]);
  for (let n = 0; n < 4; n += 1) assert.equal((await project.redo()).done, true);
  await caughtUp(project, hub);
  assert.deepEqual(tasks.rows().map((row) => ({ ...row, position: '' })), after);
  assert.deepEqual(await project.redo(), { done: false, skipped: [] });
  assertEqualToHub(hub, project);
});

test('a row that was added goes, one that was deleted comes back where it stood', async (t) => {
  const { hub, project, tasks } = await adaAndTasks(t);
  const added = await tasks.insert({ title: 'new' }, { place: 'first' });
  await tasks.delete('b');
  await project.undo();
  assert.deepEqual(titles(tasks), ['new', 'task a', 'task b', 'task c']);
  assert.deepEqual(tasks.get('b')?.labels, ['x']);
  await project.undo();
  assert.deepEqual(titles(tasks), ['task a', 'task b', 'task c']);
  await project.redo();
  assert.equal(tasks.get(added.key)?.title, 'new');
  await project.redo();
  assert.deepEqual(titles(tasks), ['new', 'task a', 'task c']);
  await caughtUp(project, hub);
  assertEqualToHub(hub, project);
});

test('undo leaves alone what somebody else has changed since, and says so', async (t) => {
  const { hub, client, project, tasks } = await adaAndTasks(t);
  /** @type {any[]} */
  const skips = [];
  client.history.onSkipped((result) => skips.push(result.skipped));
  await tasks.change('a', { set: { title: 'mine', status: 'done' } });
  hub.outside(APOLLO, [updated('a', { title: 'theirs' })]);
  await until(tasks, () => tasks.get('a')?.title === 'theirs');
  const partly = await project.undo();
  assert.deepEqual(partly, { done: true, channel: APOLLO, skipped: [{ table: 'tasks', key: 'a', field: 'title', reason: 'changed' }] });
  assert.deepEqual([tasks.get('a')?.title, tasks.get('a')?.status], ['theirs', 'todo']);
  await tasks.update('b', { title: 'mine' });
  hub.outside(APOLLO, [deleted('b')]);
  await until(tasks, () => tasks.get('b') === undefined);
  assert.deepEqual(await project.undo(), { done: false, channel: APOLLO, skipped: [{ table: 'tasks', key: 'b', reason: 'deleted' }] });
  assert.equal(skips.length, 2);
  await caughtUp(project, hub);
  assertEqualToHub(hub, project);
});

test('a row that others have changed or commented on is not taken away', async (t) => {
  const { hub, project, tasks } = await adaAndTasks(t);
  const one = await tasks.insert({ title: 'one' });
  const two = await tasks.insert({ title: 'two' });
  await caughtUp(project, hub);
  hub.outside(APOLLO, [updated(String(one.key), { title: 'better' })]);
  hub.outside(APOLLO, [{ op: 'insert', table: 'comments', key: 'k1', row: { id: 'k1', project_id: 'apollo', task_id: two.key, body: 'hm' } }]);
  await caughtUp(project, hub);
  assert.deepEqual((await project.undo()).skipped, [{ table: 'tasks', key: two.key, reason: 'used' }]);
  assert.deepEqual((await project.undo()).skipped, [{ table: 'tasks', key: one.key, reason: 'changed' }]);
  assert.equal(tasks.size, 5);
});

test('when somebody else is quicker than the undo, theirs stays and the rest is taken back', async (t) => {
  const { hub, project, tasks } = await adaAndTasks(t);
  await tasks.change('a', { set: { title: 'mine', status: 'done' } });
  await caughtUp(project, hub);
  /** @type {any[]} */
  const held = [];
  hub.outgoing = (message, session) => (message.type === 'entries' ? void held.push([session, message]) : message);
  hub.outside(APOLLO, [updated('a', { title: 'theirs' })]);
  const result = await project.undo();
  assert.deepEqual(result.skipped, [{ table: 'tasks', key: 'a', field: 'title', reason: 'changed' }]);
  hub.outgoing = (message) => message;
  for (const [session, message] of held) session.socket.send(JSON.stringify(message));
  await caughtUp(project, hub);
  assert.deepEqual([tasks.get('a')?.title, tasks.get('a')?.status], ['theirs', 'todo']);
  assertEqualToHub(hub, project);
});

test('edits of one group, and those made together, are one step', async (t) => {
  const { hub, client, project, tasks } = await adaAndTasks(t);
  for (const title of ['t', 'ty', 'typ']) void tasks.update('a', { title }, { group: 'typing a' });
  client.history.group(() => {
    void tasks.delete('b');
    void tasks.update('c', { status: 'done' });
  });
  await project.undo();
  assert.deepEqual([tasks.get('b')?.title, tasks.get('c')?.status, tasks.get('a')?.title], ['task b', 'todo', 'typ']);
  await project.undo();
  assert.equal(tasks.get('a')?.title, 'task a');
  assert.equal(project.canUndo, false);
  await project.redo();
  assert.equal(tasks.get('a')?.title, 'typ');
  await caughtUp(project, hub);
  assertEqualToHub(hub, project);
});

test('one step may set, count and list the same field', async (t) => {
  const { hub, project, tasks } = await adaAndTasks(t);
  tasks.change('a', { add: { labels: ['y', 'z'] }, inc: { votes: 2 } }, { group: 'g' });
  tasks.change('a', { remove: { labels: ['x', 'y'] }, inc: { votes: 3 } }, { group: 'g' });
  await project.undo();
  await caughtUp(project, hub);
  assert.deepEqual([tasks.get('a')?.labels, tasks.get('a')?.votes], [['x'], 0]);
  assert(hub.received.filter(({ type }) => type === 'edit').every(({ ops }) => ops.every((/** @type {any} */ op) => !(op.add?.labels && op.remove?.labels))));
  tasks.change('b', { add: { labels: ['y'] }, inc: { votes: 2 } }, { group: 'h' });
  tasks.change('b', { set: { labels: ['w'], votes: 9 } }, { group: 'h' });
  tasks.change('b', { add: { labels: ['v'] }, inc: { votes: 1 } }, { group: 'h' });
  await caughtUp(project, hub);
  assert.deepEqual((await project.undo()).skipped, []);
  assert.deepEqual([tasks.get('b')?.labels, tasks.get('b')?.votes], [['x'], 0]);
  await project.redo();
  assert.deepEqual([tasks.get('b')?.labels, tasks.get('b')?.votes], [['w', 'v'], 10]);
  await caughtUp(project, hub);
  assertEqualToHub(hub, project);
});

test('one edit can be taken back by itself, and scopes keep apart what belongs apart', async (t) => {
  const { client, project, tasks } = await adaAndTasks(t);
  const first = tasks.update('a', { title: 'first' });
  await first;
  await tasks.update('b', { title: 'in the dialog' }, { scope: 'dialog' });
  await tasks.update('c', { title: 'silent' }, { undo: false });
  assert.equal((await client.history.undo({ scope: 'other' })).done, false);
  await client.history.undo({ scope: 'dialog' });
  assert.deepEqual(titles(tasks), ['first', 'task b', 'silent']);
  await first.undo();
  assert.deepEqual(titles(tasks), ['task a', 'task b', 'silent']);
  assert.equal(project.canUndo, false);
  await project.redo();
  assert.equal(tasks.get('a')?.title, 'first');
});

test('undo works without a connection, and a refused edit leaves nothing to undo', async (t) => {
  const { hub, client, project, tasks } = await adaAndTasks(t);
  await assert.rejects(async () => await tasks.update('a', { title: '' }), { code: 'check' });
  assert.equal(project.canUndo, false);
  hub.refuseHello = () => ({ code: 'unavailable', retry: true });
  hub.cut();
  await until(client, () => client.status.state === 'offline');
  const made = tasks.update('a', { title: 'offline' });
  const undone = project.undo();
  assert.equal(tasks.get('a')?.title, 'task a');
  assert.equal(client.state.unsent, 2);
  hub.refuseHello = () => undefined;
  await made;
  assert.equal((await undone).done, true);
  await caughtUp(project, hub);
  assertEqualToHub(hub, project);
});
