import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APOLLO, aClient, aHub, aPerson, assertEqualToHub, deleted, inserted, task, titles, until, updated, watched } from './helper.js';

test('a new client gets a snapshot and then follows', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a'), inserted('b'), inserted('c')]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  assert.deepEqual(titles(tasks), ['task a', 'task b', 'task c']);
  assert.equal(project.role, 'editor');
  hub.outside(APOLLO, [updated('b', { title: 'new' }), deleted('c')]);
  await until(tasks, () => tasks.size === 2);
  assert.deepEqual(titles(tasks), ['task a', 'new']);
  assert.equal(project.status, 'live');
});

test('an entry is applied as a whole: nobody sees half of it', async (t) => {
  const hub = await aHub(t);
  const { tasks } = await aPerson(t, hub, 'ada');
  const sizes = watched(tasks, () => tasks.size);
  hub.outside(APOLLO, [inserted('a'), inserted('b'), inserted('c')]);
  await until(tasks, () => tasks.size === 3);
  assert.deepEqual(sizes, [0, 3]);
});

test('a snapshot read while edits go on is shown only when it is whole', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, ['a', 'b', 'c', 'd', 'e'].map((id) => inserted(id)));
  hub.betweenPages = (page) => {
    if (page === 0) hub.log(APOLLO).append({ changes: [updated('a', { title: 'late' }), deleted('e')] });
    if (page === 1) hub.log(APOLLO).append({ changes: [inserted('f')] });
  };
  const client = aClient(t, hub, 'ada');
  const project = client.channel(APOLLO);
  const tasks = project.table('tasks');
  const seen = watched(tasks, () => titles(tasks));
  await project.ready;
  assertEqualToHub(hub, project);
  assert.deepEqual(seen, [[], ['late', 'task b', 'task c', 'task d', 'task f']]);
});

test('a client that comes back continues from its cursor', async (t) => {
  const hub = await aHub(t);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  hub.cut();
  await until(client, () => client.status.state !== 'live');
  hub.outside(APOLLO, [inserted('a')]);
  hub.outside(APOLLO, [inserted('b')]);
  const again = await hub.request('subscribe', 2);
  assert.equal(again.cursor, hub.log(APOLLO).cursor(0));
  await until(tasks, () => tasks.size === 2);
  await until(project, () => project.status === 'live');
  assertEqualToHub(hub, project);
});

test('a gap makes the client subscribe again from its last good cursor', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  hub.outside(APOLLO, [inserted('a')]);
  await until(tasks, () => tasks.size === 1);
  hub.outgoing = (message) => (message.type === 'entries' ? void (hub.outgoing = (m) => m) : message);
  hub.outside(APOLLO, [inserted('b')]);
  hub.outside(APOLLO, [inserted('c')]);
  const again = await hub.request('subscribe', 2);
  assert.equal(again.cursor, hub.log(APOLLO).cursor(1));
  await until(tasks, () => tasks.size === 3);
  assertEqualToHub(hub, project);
});

test('entries that come twice are applied once', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  hub.outside(APOLLO, [inserted('a', { title: 'one' })]);
  await until(tasks, () => tasks.size === 1);
  const first = { type: 'entries', channel: APOLLO, entries: hub.log(APOLLO).entries.slice(), cursor: hub.log(APOLLO).cursor() };
  hub.outside(APOLLO, [updated('a', { title: 'two' })]);
  hub.tellAll(first);
  hub.outside(APOLLO, [inserted('b')]);
  await until(tasks, () => tasks.size === 2);
  assert.equal(tasks.get('a')?.title, 'two');
  assert.equal(hub.count('subscribe'), 1);
  assertEqualToHub(hub, project);
});

test('a message with known and new entries applies the new ones', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const log = hub.log(APOLLO);
  hub.outside(APOLLO, [inserted('a', { title: 'one' })]);
  await until(tasks, () => tasks.size === 1);
  log.append({ changes: [updated('a', { title: 'two' })] });
  hub.tellAll({ type: 'entries', channel: APOLLO, entries: log.entries, cursor: log.cursor() });
  await until(tasks, () => tasks.get('a')?.title === 'two');
  assert.deepEqual(project.position, { epoch: log.epoch, seq: 2 });
});

test('changes of unknown rows are ignored, inserts of known ones replace them', async (t) => {
  const hub = await aHub(t);
  const { tasks } = await aPerson(t, hub, 'ada');
  hub.outside(APOLLO, [inserted('a'), { op: 'leave', table: 'tasks', key: 'x' }, deleted('y')]);
  hub.tellAll({ type: 'news_of_later', channel: APOLLO });
  hub.outside(APOLLO, [{ op: 'enter', table: 'tasks', key: 'a', row: task('a', { title: 'moved in' }) }]);
  await until(tasks, () => tasks.get('a')?.title === 'moved in');
  assert.equal(tasks.size, 1);
});

test('a reset asks for a fresh snapshot and keeps showing the old rows until it is whole', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a'), inserted('b')]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const sizes = watched(tasks, () => tasks.size);
  for (let n = 0; n < 9; n += 1) hub.log(APOLLO).rows('tasks').set(`n${n}`, task(`n${n}`));
  hub.reset(APOLLO, ['tasks']);
  const again = await hub.request('subscribe', 2);
  assert.equal(again.cursor, undefined);
  await until(tasks, () => tasks.size === 11);
  assert.deepEqual(sizes, [2, 11]);
  assertEqualToHub(hub, project);
});

test('a change of an unknown kind is treated like a reset', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  hub.tellAll({ type: 'entries', channel: APOLLO, cursor: 'c', entries: [{ seq: 1, at: '', changes: [{ op: 'merge', table: 'tasks', key: 'a' }] }] });
  hub.outside(APOLLO, [inserted('a')]);
  assert.equal((await hub.request('subscribe', 2)).cursor, undefined);
  await until(tasks, () => tasks.size === 1);
  assertEqualToHub(hub, project);
});

test('a history that is not the one the client knew gives a snapshot, and nothing of the old remains', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a'), inserted('b')]);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  hub.cut();
  await until(client, () => client.status.state === 'offline');
  hub.log(APOLLO).newEpoch(1);
  hub.log(APOLLO).rows('tasks').delete('b');
  await until(tasks, () => tasks.size === 1);
  assert.deepEqual(titles(tasks), ['task a']);
  assert.equal(project.position?.epoch, hub.log(APOLLO).epoch);
});

test('a snapshot may come unasked, in the middle of a live subscription', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a'), inserted('b'), inserted('c')]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const sizes = watched(tasks, () => tasks.size);
  hub.log(APOLLO).rows('tasks').delete('a');
  hub.resnapshot(APOLLO, 'far_behind');
  await until(tasks, () => tasks.size === 2);
  assert.deepEqual(sizes, [3, 2]);
  hub.outside(APOLLO, [inserted('d')]);
  await until(tasks, () => tasks.size === 3);
  assertEqualToHub(hub, project);
});

test('a snapshot that breaks off is forgotten: a whole new one is asked for', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, ['a', 'b', 'c'].map((id) => inserted(id)));
  let cut = false;
  hub.outgoing = (message, session) => {
    if (message.type !== 'snapshot_end' || cut) return message;
    cut = true;
    return void session.socket.terminate();
  };
  const { project } = await aPerson(t, hub, 'ada');
  assert.equal(hub.received.filter((m) => m.type === 'subscribe').every((m) => m.cursor === undefined), true);
  assertEqualToHub(hub, project);
});

test('a snapshot not yet shown is forgotten too, when the connection is lost', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, ['a', 'b', 'c'].map((id) => inserted(id)));
  hub.betweenPages = () => hub.log(APOLLO).append({ changes: [updated('a', { title: 'late' })] });
  hub.outgoing = (message, session) => {
    if (message.type !== 'entries') return message;
    hub.outgoing = (m) => m;
    return void session.socket.terminate();
  };
  const { project } = await aPerson(t, hub, 'ada');
  assert.equal(hub.count('subscribe'), 2);
  assert.equal((await hub.request('subscribe', 2)).cursor, undefined);
  assertEqualToHub(hub, project);
});

test('what is too long for a frame comes in parts, whatever it is', async (t) => {
  const hub = await aHub(t);
  hub.partBytes = 200;
  hub.outside(APOLLO, [inserted('a', { title: 'x'.repeat(1_000) }), inserted('b')]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  assert.equal(tasks.get('a')?.title.length, 1_000);
  hub.outside(APOLLO, [updated('a', { title: 'y'.repeat(2_000) }), deleted('b')]);
  await until(tasks, () => tasks.size === 1);
  assert.equal(tasks.get('a')?.title.length, 2_000);
  assertEqualToHub(hub, project);
});

test('a part that is missing costs the connection, and nothing else', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  hub.partBytes = 200;
  hub.losePart = 2;
  hub.outside(APOLLO, [inserted('a', { title: 'x'.repeat(1_000) })]);
  await until(tasks, () => tasks.size === 1);
  assert.equal(hub.count('hello'), 2);
  assertEqualToHub(hub, project);
});

test('who watches and is alone sees nobody, whoever was there before', async (t) => {
  const hub = await aHub(t);
  const client = aClient(t, hub, 'ada');
  const project = client.channel(APOLLO, { presence: 'watch' });
  await project.ready;
  hub.tellAll({ type: 'presence', channel: APOLLO, full: true, here: [{ user: 'ben', name: 'Ben', devices: 1 }] });
  await until(project.presence, () => project.presence.people().length === 1);
  hub.cut();
  await until(project.presence, () => project.presence.people().length === 0);
});

test('somebody who was removed sees nothing any more and does not come back by itself', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  hub.tellAll({ type: 'removed', channel: APOLLO, code: 'forbidden', message: 'no longer a member' });
  await until(project, () => project.status === 'removed');
  assert.deepEqual(titles(tasks), []);
  assert.deepEqual(project.presence.people(), []);
  assert.equal(project.error?.message, 'no longer a member');
  await assert.rejects(tasks.update('a', { title: 'x' }), { code: 'forbidden' });
  hub.cut();
  await hub.request('hello', 2);
  await until(client, () => client.status.state === 'live');
  assert.equal(hub.count('subscribe'), 1);
});

test('a subscription that ended for now loses its rows, is taken up again, and edits under way go on', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const shown = watched(tasks, () => tasks.rows().map((row) => row.title));
  hub.refuseEdit = () => ({ code: 'busy', retry: true });
  const edit = tasks.update('a', { title: 'mine' });
  await until(tasks, () => tasks.get('a')?.title === 'mine');
  hub.tellAll({ type: 'removed', channel: APOLLO, code: 'unavailable', message: 'no database' });
  const again = await hub.request('subscribe', 2);
  assert.equal(again.cursor, undefined);
  await until(project, () => project.status === 'live');
  hub.refuseEdit = () => undefined;
  await edit;
  assert.deepEqual(shown, [['task a'], ['mine'], [], ['mine']]);
});

test('a channel that is refused rejects `ready`, one that fails for now is tried again', async (t) => {
  const hub = await aHub(t);
  hub.refuseSubscribe = () => ({ code: 'unknown_channel' });
  const client = aClient(t, hub, 'ada');
  await assert.rejects(client.channel('project:none').ready, { code: 'unknown_channel' });
  let times = 0;
  hub.refuseSubscribe = () => (times++ < 3 ? { code: 'unavailable', retry: true } : undefined);
  await client.channel(APOLLO).ready;
  assert.equal(times, 4);
});

test('a cursor that the hub does not know is dropped', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const { project } = await aPerson(t, hub, 'ada');
  hub.refuseSubscribe = (request) => (request.cursor ? { code: 'bad_cursor' } : undefined);
  hub.cut();
  assert.equal((await hub.request('subscribe', 3)).cursor, undefined);
  await until(project, () => project.status === 'live');
});

test('news of a channel that was closed is nobody’s', async (t) => {
  const hub = await aHub(t);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  project.close();
  await hub.request('unsubscribe');
  hub.tellAll({ type: 'entries', channel: APOLLO, cursor: 'c', entries: [{ seq: 1, at: '', changes: [inserted('a')] }] });
  const again = client.channel(APOLLO);
  assert.notEqual(again, project);
  await again.ready;
  assert.equal(tasks.size, 0);
  await assert.rejects(project.edit([deleted('a')]), { code: 'closed' });
});

test('who did what is heard as it comes, each entry once, but not what a snapshot stands for', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  const { tasks: bens } = await aPerson(t, hub, 'ben');
  /** @type {unknown[]} */
  const heard = [];
  project.onEntries((entries) => heard.push(...entries.map(({ seq, edits }) => [seq, edits?.[0]?.user, titles(tasks)])));
  await bens.update('a', { title: 'by ben' });
  await until(project, () => heard.length === 1);
  hub.cut();
  await until(client, () => client.status.state !== 'live');
  hub.outside(APOLLO, [inserted('b')]);
  await until(tasks, () => tasks.size === 2);
  await until(project, () => heard.length === 2);
  assert.deepEqual(heard, [[2, 'ben', ['by ben']], [3, undefined, ['by ben', 'task b']]]);
});
