/**
 * The JavaScript client in Node against the real hub: several devices of two people edit at random while
 * their networks break and the hub is killed. In the end all have the same rows, and every edit that was
 * acknowledged is there once.
 *
 * `ROWCAST_SEED=7 node --test client.test.mjs` runs one plan again; `ROWCAST_STEPS` makes it longer.
 */

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { after, before, test } from 'node:test';
import { WebSocket } from 'ws';
import { EditError, connect } from '../../clients/js/src/index.js';
import { Hub } from './hub.mjs';
import { Network } from './network.mjs';
import { Postgres } from './postgres.mjs';

// Node 18 has it, but not under its usual name.
globalThis.crypto ??= webcrypto;

const SEEDS = process.env.ROWCAST_SEED ? [Number(process.env.ROWCAST_SEED)] : [1, 2, 3];
const LONG = { timeout: 240_000 };
const STEPS = Number(process.env.ROWCAST_STEPS ?? 400);

/** Everything a person waits for here takes milliseconds in the test. */
const TIMING = { firstRetryMs: 20, maxRetryMs: 200, waitingMs: 300, pongMs: 300, editRetryMs: 10, resetSpreadMs: 5 };

/** Runs while the file's tests do; null where PostgreSQL is not installed. */
let postgres = null;

before(async () => {
  postgres = await Postgres.start();
});

after(() => postgres?.stop());

for (const seed of SEEDS) {
  test(`plan ${seed} on SQLite: every device ends equal, every acknowledged edit is there once`, LONG, (t) => {
    return plan(t, seed, null);
  });
  test(`plan ${seed} on PostgreSQL: the same`, LONG, (t) => {
    return postgres === null ? t.skip('PostgreSQL is not installed') : plan(t, seed, postgres);
  });
}

async function plan(t, seed, database) {
  const random = generator(seed);
  const hub = await Hub.start(t, database);
  const devices = await fourDevices(t, hub);
  const [first] = devices;
  const { key: ledger } = await first.tasks.insert({ title: 'Ledger', status: 'todo' });
  for (const device of devices) await until(device.project, () => device.tasks.get(ledger) !== undefined);
  const made = [];
  for (let step = 0; step < STEPS; step += 1) {
    const device = devices[Math.floor(random() * devices.length)];
    made.push(randomEdit(random, device, ledger, `n${step}`));
    if (random() < 0.08) device.network.cut();
    if (random() < 0.04) device.network.deafen();
    if (random() < 0.15) for (const { network } of devices) network.restore();
    if (step % 150 === 149) await hub.kill().then(() => hub.restart());
    await new Promise((resolve) => setTimeout(resolve, random() * 6));
  }
  for (const { network } of devices) network.restore();
  const outcomes = await Promise.all(made);
  await settled(devices);
  const late = await aDevice(t, hub, first.login);
  for (const { tasks, project } of devices) {
    assert.deepEqual(tasks.rows(), late.tasks.rows());
    assert.deepEqual(project.table('comments').rows(), late.project.table('comments').rows());
  }
  const labels = late.tasks.get(ledger).labels;
  assert.deepEqual([...labels].sort(), outcomes.filter((label) => label !== null).sort());
}

/** Two people with two devices each, every device with a network of its own. */
async function fourDevices(t, hub) {
  const devices = [];
  for (const code of hub.links) {
    const login = await signIn(hub, code);
    devices.push(await aDevice(t, hub, login), await aDevice(t, hub, login));
  }
  return devices;
}

async function signIn(hub, code) {
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ code });
  const response = await fetch(`http://127.0.0.1:${hub.port}/api/v1/demo/session`, { method: 'POST', headers, body });
  assert.equal(response.status, 200);
  return response.json();
}

async function aDevice(t, hub, login) {
  const network = await Network.to(t, hub);
  const url = `${network.address.replace('http', 'ws')}/socket`;
  const client = connect({ url, token: login.access_token, WebSocket, timing: TIMING });
  t.after(() => client.close());
  const project = client.channel(`project:${login.project}`, { presence: 'join' });
  await project.ready;
  return { login, network, client, project, tasks: project.table('tasks') };
}

/** @returns the label that the edit added to the ledger, if it did and was not refused */
function randomEdit(random, { project, tasks }, ledger, name) {
  const others = tasks.rows().filter((row) => row.id !== ledger);
  const some = others[Math.floor(random() * others.length)]?.id;
  const kind = Math.floor(random() * 7);
  if (kind === 0 || some === undefined) return outcome(tasks.insert({ title: name, status: 'todo' }, { place: random() < 0.5 ? 'first' : 'last' }), null);
  if (kind === 1) return outcome(tasks.update(some, { title: name }), null);
  if (kind === 2) return outcome(tasks.place(some, { after: others[0].id }), null);
  if (kind === 3) return outcome(random() < 0.3 ? tasks.delete(some) : tasks.update(some, { status: 'nonsense' }), null);
  if (kind === 4) return outcome(project.table('comments').insert({ task_id: some, body: name }), null);
  return outcome(tasks.change(ledger, { add: { labels: [name] } }), name);
}

function outcome(edit, label) {
  return edit.then(
    () => label,
    (error) => {
      if (error instanceof EditError) return null;
      throw error;
    },
  );
}

/** Waits until all devices are live and stand at the same place. */
async function settled(devices) {
  for (const { client, project } of devices) {
    await until(client, () => client.status.state === 'live' && client.unsent === 0);
    await until(project, () => devices.every((other) => other.project.position.seq <= project.position.seq) && project.status === 'live');
  }
}

/** Waits until something holds, looking again whenever the source tells of a change. */
function until(source, holds) {
  return new Promise((resolve) => {
    const stop = source.subscribe(() => holds() && finish());
    function finish() {
      stop();
      resolve();
    }
    if (holds()) finish();
  });
}

/** Numbers in [0, 1) that depend on the seed alone. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
