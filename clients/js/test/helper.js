/** Verbs for the tests: a hub, people with clients, and waiting for what they see. */

import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { WebSocket } from 'ws';
import { connect } from '../src/index.js';
import { FakeHub } from './fake-hub.js';

/** @typedef {import('../src/client.js').Client} Client */
/** @typedef {import('../src/channel.js').Channel} Channel */

// Node 18 has it, but not under its usual name.
if (globalThis.crypto === undefined) Object.assign(globalThis, { crypto: webcrypto });

export const APOLLO = 'project:apollo';

/** Waits short enough for tests; none of them decides whether a test passes. */
export const FAST = {
  firstRetryMs: 8,
  maxRetryMs: 40,
  settledMs: 60_000,
  greetingMs: 5_000,
  idleMs: 60_000,
  waitingMs: 60_000,
  pongMs: 5_000,
  renewFloorMs: 5,
  resetSpreadMs: 1,
  stateMs: 5,
  editRetryMs: 5,
  editRetryMaxMs: 20,
};

/** A hub that is stopped when the test ends. @param {import('node:test').TestContext} t */
export async function aHub(t) {
  const hub = await new FakeHub().listen();
  t.after(() => hub.stop());
  return hub;
}

/**
 * A client that is closed when the test ends.
 *
 * @param {import('node:test').TestContext} t
 * @param {FakeHub} hub
 * @param {string} user
 * @param {Partial<import('../src/client.js').ConnectOptions>} [options]
 */
export function aClient(t, hub, user, options = {}) {
  const client = connect({ url: hub.url, token: `${user}.token`, WebSocket, ...options, timing: { ...FAST, ...options.timing } });
  t.after(() => client.close());
  return client;
}

/**
 * Somebody who follows the project and sees its rows.
 *
 * @param {import('node:test').TestContext} t
 * @param {FakeHub} hub
 * @param {string} user
 * @param {Partial<import('../src/client.js').ConnectOptions>} [options]
 */
export async function aPerson(t, hub, user, options) {
  const client = aClient(t, hub, user, options);
  const project = client.channel(APOLLO, { presence: 'join' });
  await project.ready;
  return { client, project, tasks: project.table('tasks') };
}

/**
 * Waits until something holds, looking again whenever the source tells of a change.
 *
 * @param {{ subscribe: (listener: () => void) => () => void }} source
 * @param {() => unknown} holds
 * @param {string} [what] for the failure
 * @returns {Promise<void>}
 */
export function until(source, holds, what = holds.toString()) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(() => reject(new Error(`never came true: ${what}`))), 10_000);
    const stop = source.subscribe(() => holds() && finish(resolve));
    /** @param {() => void} settle */
    function finish(settle) {
      clearTimeout(timer);
      stop();
      settle();
    }
    if (holds()) finish(resolve);
  });
}

/** @param {string} id @param {object} [fields] */
export function task(id, fields = {}) {
  return { id, project_id: 'apollo', title: `task ${id}`, status: 'todo', votes: 0, labels: [], position: null, ...fields };
}

/** @param {string} id @param {object} [fields] */
export function inserted(id, fields) {
  return { op: 'insert', table: 'tasks', key: id, row: task(id, fields) };
}

/** @param {string} id @param {object} set */
export function updated(id, set) {
  return { op: 'update', table: 'tasks', key: id, set };
}

/** @param {string} id */
export function deleted(id) {
  return { op: /** @type {'delete'} */ ('delete'), table: 'tasks', key: id };
}

/**
 * Everything a person looking at one value of a row would see, without repetitions.
 *
 * @param {import('../src/collection.js').Collection} table
 * @param {() => unknown} look
 */
export function watched(table, look) {
  const seen = [look()];
  table.subscribe(() => {
    const value = look();
    if (JSON.stringify(value) !== JSON.stringify(seen.at(-1))) seen.push(value);
  });
  return seen;
}

/** @param {import('../src/collection.js').Collection} table */
export function titles(table) {
  return table.rows().map((row) => row.title);
}

/**
 * That a client's rows are the hub's.
 *
 * @param {FakeHub} hub
 * @param {Channel} channel
 */
export function assertEqualToHub(hub, channel) {
  for (const name of ['tasks', 'comments']) {
    const there = [...hub.log(channel.name).rows(name).values()];
    const here = channel.table(name).rows();
    assert.deepEqual(byId(here), byId(there), `${name} of the client and of the hub`);
  }
}

/** @param {readonly any[]} rows */
function byId(rows) {
  return [...rows].map((row) => ({ ...row })).sort((a, b) => (a.id < b.id ? -1 : 1));
}
