/**
 * The client at the real hub: the network cut, the token expired, the program frozen, the hub drained
 * and killed. `ROWCAST_BIN` names the hub's program.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { api, connect, memoryStorage, uuidv7 } from '../../src/index.js';
import { json } from '../../src/codec.js';
import { msgpack } from '../../src/msgpack.js';
import { Hub } from './hub.js';
import { aDevice, settled, twoPeople } from './people.js';
import { until } from '../helper.js';

test('both encodings give the same rows, also those too long for a frame, and the same bytes to the log', async (t) => {
  const hub = await Hub.start(t);
  const login = await hub.demo(0);
  const one = await aDevice(t, hub, login);
  const other = await aDevice(t, hub, login, { codec: msgpack });
  const key = uuidv7();
  const fields = { labels: ['ä', '😀'], metadata: { a: [1, 2.5, null, 'x'], big: 2 ** 40 }, due_date: '2026-11-20' };
  await other.tasks.insert({ id: key, title: 'packed', ...fields });
  await one.tasks.update(key, { title: 't'.repeat(50_000) });
  await other.tasks.update(key, { description: 'd'.repeat(50_000) });
  await settled(one, other);
  const [late, packed] = [await aDevice(t, hub, login), await aDevice(t, hub, login, { codec: msgpack })];
  for (const { tasks } of [other, late, packed]) assert.deepEqual(tasks.rows(), one.tasks.rows());
  assert.equal(packed.tasks.get(key)?.description.length, 50_000);
  assert.deepEqual(packed.tasks.get(key)?.metadata, fields.metadata);
  await assert.rejects(packed.tasks.update(key, { title: 'x'.repeat(70_000) }).ack, { code: 'too_large' });
});

for (const codec of [json, msgpack]) {
  test(`numbers that no double holds are the same digits in the database after undo, ${codec.subprotocol}`, async (t) => {
    const hub = await Hub.start(t);
    const login = await hub.demo(0);
    const { project, tasks, client } = await aDevice(t, hub, login, { codec });
    const { key } = await tasks.insert({ title: 'ledger', metadata: {} });
    const ledger = '{"big":1e400,"list":[18446744073709551615,-9223372036854775807,0.12345678901234567891],"tiny":1e-400,"wei":123456789012345678901234}';
    const stored = () => hub.sql(`SELECT metadata FROM tasks WHERE id = '${key}'`);
    await hub.sql(`UPDATE tasks SET metadata = '${ledger}' WHERE id = '${key}'`);
    await until(tasks, () => tasks.get(key)?.metadata.wei);
    const { metadata } = /** @type {any} */ (tasks.get(key));
    assert.deepEqual([metadata.wei, metadata.big, ...metadata.list].map(String), ['123456789012345678901234', '1e400', '18446744073709551615', '-9223372036854775807', '0.12345678901234567891']);
    await tasks.change(key, { set: { metadata: {} }, if: { metadata } });
    assert.equal(await stored(), '{}');
    assert.deepEqual((await project.undo()).skipped, []);
    assert.equal(await stored(), ledger);
    await tasks.delete(key);
    assert.equal(await stored(), '');
    assert.deepEqual((await project.undo()).skipped, []);
    assert.equal(await stored(), ledger);
    await tasks.update(key, { metadata });
    assert.equal(await stored(), ledger);
    const rest = api({ url: hub.url, token: login.token });
    const path = `/channels/project:${login.project}/tasks/${key}`;
    const row = await rest.get(path);
    assert.deepEqual(row.metadata, metadata);
    await rest.patch(path, { metadata: { copy: row.metadata.wei } });
    assert.equal(await stored(), '{"copy":123456789012345678901234}');
    await until(tasks, () => String(tasks.get(key)?.metadata.copy) === '123456789012345678901234');
    assert.equal(client.state.unsent, 0);
  });
}

test('who is cut off goes on working, and afterwards nothing is lost or doubled', async (t) => {
  const hub = await Hub.start(t);
  const { ada, bob } = await twoPeople(t, hub);
  const { key } = await ada.tasks.insert({ title: 'shared' });
  await until(bob.tasks, () => bob.tasks.get(key));
  bob.network.cut();
  await until(bob.client, () => bob.client.state.name === 'offline');
  const made = [bob.tasks.insert({ title: 'from the tunnel' }), bob.tasks.update(key, { status: 'doing' }), bob.tasks.change(key, { add: { labels: ['tunnel'] } })];
  assert.equal(bob.client.state.unsent, 3);
  await ada.tasks.update(key, { title: 'renamed' });
  bob.network.restore();
  await Promise.all(made);
  await settled(ada, bob);
  assert.deepEqual(bob.tasks.rows(), ada.tasks.rows());
  const { title, status, labels } = /** @type {any} */ (ada.tasks.get(key));
  assert.deepEqual([title, status, labels], ['renamed', 'doing', ['tunnel']]);
});

test('edits that the hub took while its answers were lost count once after it was killed and the program reloaded', async (t) => {
  const hub = await Hub.start(t);
  const login = await hub.demo(0);
  const storage = memoryStorage();
  const before = await aDevice(t, hub, login, { storage, user: 'ada' });
  const { key } = await before.tasks.insert({ title: 'ledger' });
  before.network.deafen();
  const lost = before.tasks.change(key, { add: { labels: ['answer lost'] } });
  lost.catch(() => {});
  const watcher = await aDevice(t, hub, login);
  await until(watcher.tasks, () => watcher.tasks.get(key)?.labels.length === 1);
  await hub.kill();
  const offline = before.tasks.change(key, { set: { title: 'made while the hub was down' } });
  offline.catch(() => {});
  while ((await storage.load(JSON.stringify([before.network.socket, 'ada']))).length < 2) await new Promise(setImmediate);
  before.client.close();
  await hub.restart();
  before.network.restore();
  const url = before.network.socket;
  const client = connect({ url, token: login.token, WebSocket, storage, user: 'ada', timing: { firstRetryMs: 20 } });
  t.after(() => client.close());
  const project = client.channel(`project:${login.project}`);
  await until(client, () => client.state.unsent === 2);
  await until(project, () => client.state.unsent === 0 && project.status === 'live');
  const { title, labels } = /** @type {any} */ (project.table('tasks').get(key));
  assert.deepEqual([title, labels], ['made while the hub was down', ['answer lost']]);
  const past = await project.history('tasks', key);
  assert.deepEqual(past.changes.map(({ edit }) => edit).filter((id) => id === lost.id || id === offline.id), [offline.id, lost.id]);
});

test('a hub that is drained and started again interrupts nothing', async (t) => {
  const hub = await Hub.start(t, { ROWCAST_SERVER__DRAIN_SECONDS: '1' });
  const { ada, bob } = await twoPeople(t, hub);
  const { key } = await ada.tasks.insert({ title: 'ledger' });
  await until(bob.tasks, () => bob.tasks.get(key));
  let stop = false;
  /** @type {string[]} */
  const made = [];
  const writing = (async () => {
    for (let n = 0; !stop; n += 1) {
      await ada.tasks.change(key, { add: { labels: [`n${n}`] } });
      made.push(`n${n}`);
    }
  })();
  await hub.drain();
  assert.notEqual(bob.client.state.name, 'closed');
  await hub.restart();
  await until(bob.client, () => bob.client.state.name === 'live');
  stop = true;
  await writing;
  await settled(ada, bob);
  assert.deepEqual([...bob.tasks.get(key)?.labels].sort(), made.sort());
});

test('tokens that expire are renewed in place; when there is none for a while, edits wait for it', async (t) => {
  const hub = await Hub.start(t, { ROWCAST_AUTH__GRACE_SECONDS: '1', ROWCAST_AUTH__LEEWAY_SECONDS: '0' });
  const login = await hub.demo(0);
  let broken = false;
  let asked = 0;
  const token = async () => {
    asked += 1;
    if (broken) throw new Error('the login does not answer');
    return hub.tokenFor(login.token, 3 + (asked % 2));
  };
  const ada = await aDevice(t, hub, { ...login }, { token, timing: { renewLeadMs: 1_000, renewFloorMs: 100 } });
  const before = ada.client.session;
  await until({ subscribe: every(50) }, () => asked >= 3);
  assert.equal(ada.client.session, before, 'the connection was never lost');
  broken = true;
  await until(ada.client, () => ada.client.state.name === 'offline');
  const made = ada.tasks.insert({ title: 'waits for a token' });
  broken = false;
  await made;
  assert.notEqual(ada.client.session, before);
  await settled(ada);
});

test('a program that was frozen catches up when it thaws', async (t) => {
  const hub = await Hub.start(t, { ROWCAST_LIMITS__PING_SECONDS: '1', ROWCAST_LIMITS__PONG_SECONDS: '1' });
  const { ada, bob, logins } = await twoPeople(t, hub);
  bob.client.close();
  const program = fileURLToPath(new URL('frozen.js', import.meta.url));
  const child = spawn(process.execPath, [program, hub.socket, String(logins[1]?.token), String(logins[1]?.project)], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const says = async (/** @type {string} */ what) => {
    for (let line = await lines.next(); !line.done; line = await lines.next()) if (line.value.includes(what)) return;
    assert.fail(`it never said ${what}`);
  };
  await says('live');
  await ada.tasks.insert({ title: 'before the frost' });
  await says('before the frost');
  child.kill('SIGSTOP');
  await until(ada.project.presence, () => ada.project.presence.people().length === 1, 'the hub gave the frozen one up');
  await ada.tasks.insert({ title: 'during the frost' });
  child.kill('SIGCONT');
  await says('during the frost');
  await until(ada.project.presence, () => ada.project.presence.people().length === 2);
  child.kill('SIGKILL');
  await once(child, 'exit');
});

test('a task that was deleted comes back with the comments on it', async (t) => {
  const hub = await Hub.start(t);
  const { ada, bob } = await twoPeople(t, hub);
  const first = await ada.tasks.insert({ title: 'parent', labels: ['x'], priority: 'high' }, { place: 'first' });
  const child = await ada.tasks.insert({ title: 'step', parent_id: first.key });
  const comment = await ada.comments.insert({ task_id: child.key, body: 'hm' });
  await settled(ada, bob);
  const before = ada.tasks.rows().map(({ id, title, labels, priority, parent_id }) => ({ id, title, labels, priority, parent_id }));
  await ada.tasks.delete(first.key);
  await until(ada.comments, () => ada.comments.get(comment.key) === undefined);
  await settled(ada, bob);
  assert.equal((await ada.project.undo()).done, true);
  await settled(ada, bob);
  const after = bob.tasks.rows().map(({ id, title, labels, priority, parent_id }) => ({ id, title, labels, priority, parent_id }));
  assert.deepEqual(new Set(after), new Set(before));
  assert.equal(after[0]?.id, first.key, 'it stands where it stood');
  assert.equal(bob.comments.get(comment.key)?.body, 'hm');
  await bob.comments.insert({ task_id: child.key, body: 'of Bob' });
  await ada.project.redo();
  await settled(ada, bob);
  assert.equal(bob.tasks.get(first.key)?.title, undefined, 'redo deletes it again');
});

test('many undo and redo at once, and all end with the same rows', async (t) => {
  const hub = await Hub.start(t);
  const { ada, bob, logins } = await twoPeople(t, hub);
  const keys = await Promise.all([1, 2, 3].map(async (n) => (await ada.tasks.insert({ title: `t${n}` })).key));
  await settled(ada, bob);
  let seed = 3;
  const random = (/** @type {number} */ below) => (seed = (seed * 48271) % 2147483647) % below;
  /** @type {Promise<string>[]} */
  const results = [];
  const note = (/** @type {Promise<unknown>} */ result) => results.push(result.then(() => 'done', ({ code }) => code));
  for (let step = 0; step < 150; step += 1) {
    const { tasks, project, network } = random(2) === 0 ? ada : bob;
    const key = /** @type {string} */ (keys[random(3)]);
    const kind = random(6);
    if (kind === 0) note(tasks.update(key, { title: `by ${step}` }));
    else if (kind === 1) note(tasks.change(key, { add: { labels: [`l${random(4)}`] } }));
    else if (kind === 2) note(tasks.place(key, 'first'));
    else if (kind === 3) note(tasks.insert({ title: `new ${step}` }));
    else note(kind === 4 ? project.undo() : project.redo());
    if (random(20) === 0) network.cut();
    if (random(5) === 0) for (const device of [ada, bob]) device.network.restore();
    await new Promise(setImmediate);
  }
  for (const device of [ada, bob]) device.network.restore();
  const outcomes = new Set(await Promise.all(results));
  outcomes.delete('not_found');
  assert.deepEqual([...outcomes], ['done'], 'undo is never refused');
  await settled(ada, bob);
  assert.deepEqual(bob.tasks.rows(), ada.tasks.rows());
  const late = await aDevice(t, hub, /** @type {any} */ (logins[0]));
  assert.deepEqual(late.tasks.rows(), ada.tasks.rows());
});

/** Something that tells of a change every few milliseconds. @param {number} ms */
function every(ms) {
  return (/** @type {() => void} */ listener) => {
    const timer = setInterval(listener, ms);
    return () => clearInterval(timer);
  };
}

test('a row that is too long for a message is deleted, taken back and deleted again', async (t) => {
  const hub = await Hub.start(t);
  const { ada, bob } = await twoPeople(t, hub);
  const { key } = await ada.tasks.insert({ title: 'long', labels: ['x'] }, { place: 'first' });
  for (const field of ['title', 'description']) await ada.tasks.update(key, { [field]: field[0]?.repeat(50_000) });
  await ada.comments.insert({ task_id: key, body: 'goes along' });
  await settled(ada, bob);
  const { position: _, ...before } = /** @type {any} */ (bob.tasks.get(key));
  /** @type {any[]} */
  const failed = [];
  ada.client.onFailed((edit) => failed.push(edit));
  const deleted = ada.tasks.delete(key);
  await deleted;
  assert.deepEqual(await ada.project.undo(), { done: true, skipped: [], channel: ada.project.name });
  await until(bob.tasks, () => bob.tasks.get(key));
  const { position, ...after } = /** @type {any} */ (bob.tasks.get(key));
  assert.deepEqual({ ...after, created_at: 0, updated_by: 0 }, { ...before, created_at: 0, updated_by: 0 });
  assert.equal(bob.tasks.rows()[0]?.id, key, 'it stands where it stood');
  assert.deepEqual(bob.comments.rows().map(({ body }) => body), ['goes along']);
  await until(ada.tasks, () => ada.tasks.get(key));
  assert.equal((await ada.project.redo()).done, true);
  await until(bob.tasks, () => bob.tasks.get(key) === undefined);
  await until(ada.tasks, () => ada.tasks.get(key) === undefined);
  assert.equal((await ada.project.undo()).done, true);
  await until(bob.tasks, () => bob.tasks.get(key)?.description.length === 50_000);
  assert.deepEqual(failed, []);
  assert.equal(typeof position, 'string');
});
