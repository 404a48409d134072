import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EditError } from '../src/index.js';
import { APOLLO, aHub, aPerson, assertEqualToHub, deleted, inserted, titles, until, updated, watched } from './helper.js';

test('an edit shows at once, is sent once, and says where it stands', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const done = tasks.insert({ title: 'Buy milk' });
  assert.deepEqual(titles(tasks), ['Buy milk']);
  const { key, seq, epoch } = await done;
  assert.match(String(key), /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.deepEqual({ seq, epoch }, { seq: 1, epoch: hub.log(APOLLO).epoch });
  await until(project, () => project.position?.seq === 1);
  assert.equal(tasks.isPending(key), false);
  assertEqualToHub(hub, project);
});

for (const ackFirst of [true, false]) {
  test(`nothing flickers when the ack comes ${ackFirst ? 'before' : 'after'} the entry`, async (t) => {
    const hub = await aHub(t);
    hub.ackFirst = ackFirst;
    hub.outside(APOLLO, [inserted('a', { votes: 5 })]);
    const { project, tasks } = await aPerson(t, hub, 'ada');
    const votes = watched(tasks, () => tasks.get('a')?.votes);
    for (let n = 0; n < 20; n += 1) await tasks.change('a', { inc: { votes: 1 } });
    await until(project, () => project.position?.seq === 21);
    assert.deepEqual(votes, Array.from({ length: 21 }, (_, n) => 5 + n));
    assertEqualToHub(hub, project);
  });
}

test('nothing flickers when entries come long after the acks, and edits pile up', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { votes: 0, title: 'T0' })]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  /** @type {any[]} */
  const held = [];
  hub.outgoing = (message, session) => (message.type === 'entries' ? void held.push([session, message]) : message);
  const votes = watched(tasks, () => [tasks.get('a')?.votes, tasks.get('a')?.title]);
  const edits = [];
  for (let n = 1; n <= 10; n += 1) edits.push(tasks.change('a', { inc: { votes: 1 }, set: { title: `T${n}` } }));
  await Promise.all(edits);
  assert.equal(project.unsent, 0);
  assert.equal(tasks.isPending('a'), true);
  for (const [session, message] of held) session.socket.send(JSON.stringify(message));
  await until(project, () => project.position?.seq === 11);
  assert.deepEqual(votes, Array.from({ length: 11 }, (_, n) => [n, `T${n}`]));
  assert.equal(tasks.isPending('a'), false);
});

test('somebody else’s edit of another field merges with one’s own that is under way', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const ada = await aPerson(t, hub, 'ada');
  hub.deaf = true;
  const done = ada.tasks.update('a', { title: 'mine' });
  await hub.request('edit');
  hub.outside(APOLLO, [updated('a', { status: 'done', title: 'theirs' })]);
  await until(ada.tasks, () => ada.tasks.get('a')?.status === 'done');
  assert.equal(ada.tasks.get('a')?.title, 'mine');
  hub.deaf = false;
  hub.cut();
  await done;
  await until(ada.project, () => ada.project.position?.seq === 3);
  assertEqualToHub(hub, ada.project);
});

test('edits made without a connection show at once and are sent in order when it is back', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { position: '000000001' })]);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  hub.refuseHello = () => ({ code: 'unavailable', retry: true });
  hub.cut();
  await until(client, () => client.status.state === 'offline');
  const edits = [tasks.insert({ title: 'first' }), tasks.update('a', { title: 'x' }), tasks.update('a', { title: 'y' }), tasks.insert({ title: 'second' })];
  assert.deepEqual(titles(tasks), ['y', 'first', 'second']);
  assert.equal(client.unsent, 4);
  hub.refuseHello = () => undefined;
  await Promise.all(edits);
  assert.equal(client.unsent, 0);
  await until(project, () => project.position?.seq === 5);
  assert.deepEqual(titles(tasks), ['y', 'first', 'second']);
  assertEqualToHub(hub, project);
});

test('an edit whose ack was lost is sent again with its id, and counts once', async (t) => {
  const hub = await aHub(t);
  hub.ackFirst = true;
  hub.outside(APOLLO, [inserted('a', { votes: 5 })]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const votes = watched(tasks, () => tasks.get('a')?.votes);
  hub.outgoing = (message, session) => {
    if (message.type !== 'ack') return message;
    hub.outgoing = (m) => m;
    return void session.socket.terminate();
  };
  const { id } = await tasks.change('a', { inc: { votes: 1 } });
  await until(project, () => project.position?.seq === 2 && project.status === 'live');
  assert.equal(hub.log(APOLLO).head, 2);
  assert.equal(hub.received.filter((m) => m.type === 'edit').every((m) => m.id === id), true);
  assert.deepEqual(votes, [5, 6]);
});

test('an edit that may stand in a fresh snapshot is not counted twice while that is found out', async (t) => {
  const hub = await aHub(t);
  hub.ackFirst = true;
  hub.outside(APOLLO, [inserted('a', { votes: 5 })]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const votes = watched(tasks, () => tasks.get('a')?.votes);
  hub.outgoing = (message, session) => {
    if (message.type !== 'ack') return message;
    hub.outgoing = (m) => m;
    hub.reset(APOLLO, ['tasks']);
    return void session.socket.terminate();
  };
  await tasks.change('a', { inc: { votes: 1 } });
  await until(project, () => project.status === 'live' && project.position?.seq === hub.log(APOLLO).head);
  assert.deepEqual(votes, [5, 6]);
  assertEqualToHub(hub, project);
});

test('an edit acked in a history that is gone does not show for ever', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { title: 'old' })]);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  hub.outgoing = (message) => (message.type === 'entries' ? undefined : message);
  await tasks.update('a', { title: 'lost' });
  hub.cut();
  await until(client, () => client.status.state === 'offline');
  hub.outgoing = (message) => message;
  hub.log(APOLLO).newEpoch(1);
  hub.log(APOLLO).rows('tasks').set('a', { ...hub.log(APOLLO).rows('tasks').get('a'), title: 'restored' });
  await until(tasks, () => tasks.get('a')?.title === 'restored');
  assert.equal(tasks.isPending('a'), false);
  assertEqualToHub(hub, project);
});

test('an edit that the hub refuses is rolled back and says why', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { title: 'good' })]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const seen = watched(tasks, () => titles(tasks));
  const refused = project.edit([
    { op: 'update', table: 'tasks', key: 'a', set: { status: 'done' } },
    { op: 'update', table: 'tasks', key: 'a', set: { title: '' } },
  ]);
  const kept = tasks.update('a', { votes: 7 });
  await assert.rejects(refused, (error) => {
    assert(error instanceof EditError);
    assert.deepEqual([error.code, error.op, error.field, error.constraint], ['check', 1, 'title', 'tasks_title_check']);
    return true;
  });
  await kept;
  await until(project, () => project.position?.seq === 2);
  assert.deepEqual(seen, [['good'], [''], ['good']]);
  assertEqualToHub(hub, project);
});

test('a guard that fails returns the row as it is', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { title: 'old' })]);
  const { tasks } = await aPerson(t, hub, 'ada');
  hub.log(APOLLO).append({ changes: [updated('a', { title: 'theirs' })] });
  const refused = tasks.update('a', { title: 'mine' }, { if: { title: 'old' } });
  assert.equal(tasks.get('a')?.title, 'mine');
  await assert.rejects(refused, (/** @type {any} */ error) => error.code === 'guard_failed' && error.row.title === 'theirs');
});

test('an edit whose guard does not fit what is seen shows nothing', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { title: 'now' })]);
  const { tasks } = await aPerson(t, hub, 'ada');
  const refused = tasks.update('a', { title: 'mine' }, { if: { title: 'before' } });
  assert.equal(tasks.get('a')?.title, 'now');
  await assert.rejects(refused, { code: 'guard_failed' });
});

test('an edit that fails for now is sent again with the same id until it is done', async (t) => {
  const hub = await aHub(t);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  let times = 0;
  hub.refuseEdit = () => (times++ < 4 ? { code: 'storage_full', retry: true } : undefined);
  const done = tasks.insert({ title: 'patient' });
  await until(project, () => project.hindrance?.code === 'storage_full');
  assert.equal(client.status.reason?.code, 'storage_full');
  assert.deepEqual(titles(tasks), ['patient']);
  await done;
  assert.equal(project.hindrance, null);
  assert.equal(client.status.reason, null);
  assert.equal(new Set(hub.received.filter((m) => m.type === 'edit').map((m) => m.id)).size, 1);
  assert.equal(hub.log(APOLLO).head, 1);
});

test('a fault of the hub is borne a few times, not for ever', async (t) => {
  const hub = await aHub(t);
  const { tasks } = await aPerson(t, hub, 'ada');
  hub.refuseEdit = () => ({ code: 'internal', retry: true });
  await assert.rejects(tasks.insert({ title: 'poison' }), { code: 'internal' });
  assert.equal(tasks.size, 0);
});

test('an edit that is put off is not overtaken by one that builds on it', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  let first = true;
  hub.refuseEdit = () => {
    const refuse = first;
    first = false;
    return refuse ? { code: 'rate_limited', retry: true, retry_after_ms: 3 } : undefined;
  };
  const id = '0199f0a2-7c11-7e52-b8a4-1f6c1b0f9a01';
  await Promise.all([
    tasks.insert({ id, title: 'one' }),
    project.table('comments').insert({ task_id: id, body: 'about it' }),
    tasks.update(id, { title: 'two' }),
    tasks.insert({ title: 'beside' }, { place: { before: id } }),
  ]);
  await until(project, () => project.position?.seq === 4);
  assert.deepEqual(titles(tasks), ['beside', 'two']);
  assertEqualToHub(hub, project);
});

test('many edits of different rows go out without waiting for each other', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  hub.deaf = true;
  const edits = Array.from({ length: 100 }, (_, n) => tasks.insert({ title: `${n}` }));
  await hub.request('edit', 32);
  hub.deaf = false;
  hub.cut();
  await Promise.all(edits);
  await until(project, () => project.position?.seq === 100);
  assert.deepEqual(titles(tasks), Array.from({ length: 100 }, (_, n) => `${n}`));
  assertEqualToHub(hub, project);
});

test('an edit too large for a message is refused without being sent', async (t) => {
  const hub = await aHub(t);
  const { client, tasks } = await aPerson(t, hub, 'ada');
  await assert.rejects(tasks.insert({ title: 'ü'.repeat(40_000) }), { code: 'too_large' });
  assert.equal(hub.count('edit'), 0);
  assert.equal(tasks.size, 0);
  assert.equal(client.status.state, 'live');
});

test('what the caller does to an edit afterwards does not matter', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const row = { title: 'mine', labels: ['a'] };
  const done = tasks.insert(row);
  row.labels.push('b');
  await done;
  await until(project, () => project.position?.seq === 1);
  assert.deepEqual(tasks.rows()[0]?.labels, ['a']);
  assert.throws(() => Object.assign(/** @type {any} */ (tasks.rows()[0]), { title: 'x' }), TypeError);
});

test('a hand-made order shows at once and stays when the hub has made it', async (t) => {
  const hub = await aHub(t);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  for (const title of ['a', 'b', 'c', 'd']) await tasks.insert({ title });
  await until(project, () => project.position?.seq === 4);
  const orders = watched(tasks, () => titles(tasks).join(''));
  const [a, b, c, d] = tasks.rows().map((row) => row.id);
  await Promise.all([tasks.place(d, 'first'), tasks.place(a, { after: c }), tasks.place(b, { before: d })]);
  await until(project, () => project.position?.seq === 7);
  assert.deepEqual(orders, ['abcd', 'dabc', 'dbca', 'bdca']);
  assert.equal(tasks.isPending(a), false);
});

test('sets, increments and deletes are folded as the hub does it', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a', { labels: ['x'], votes: 1 }), inserted('b')]);
  const { project, tasks } = await aPerson(t, hub, 'ada');
  const seen = watched(tasks, () => tasks.rows().map((row) => [row.id, row.votes, row.labels.join()]));
  await project.edit([
    { op: 'update', table: 'tasks', key: 'a', inc: { votes: 2 }, add: { labels: ['y', 'x'] } },
    { op: 'update', table: 'tasks', key: 'a', remove: { labels: ['x'] } },
    deleted('b'),
  ]);
  await until(project, () => project.position?.seq === 2);
  assert.deepEqual(seen, [[['a', 1, 'x'], ['b', 0, '']], [['a', 3, 'y']]]);
});

test('closing the client rejects the edits that have no answer', async (t) => {
  const hub = await aHub(t);
  const { client, tasks } = await aPerson(t, hub, 'ada');
  hub.deaf = true;
  const edit = tasks.insert({ title: 'never' });
  await hub.request('edit');
  client.close();
  await assert.rejects(edit, { code: 'closed' });
  await assert.rejects(tasks.insert({ title: 'later' }), { code: 'closed' });
  assert.equal(client.status.state, 'closed');
});

test('a token that expired in the middle of an edit costs no edit', async (t) => {
  const hub = await aHub(t);
  let asked = 0;
  const { tasks } = await aPerson(t, hub, 'ada', { token: () => `ada.${(asked += 1)}` });
  hub.refuseEdit = () => (hub.count('renew') === 0 ? { code: 'token_expired' } : undefined);
  await tasks.insert({ title: 'kept' });
  assert.equal(hub.count('renew'), 1);
});
