/**
 * Many people edit at random while everything that can go wrong with a connection does. In the end
 * all are equal to the hub, every edit is in the log once, and nobody saw anything go back.
 *
 * `ROWCAST_SEED=7 node --test test/random.test.js` runs one plan again.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EditError } from '../src/index.js';
import { APOLLO, aHub, aPerson, assertEqualToHub, inserted, until } from './helper.js';

const SEEDS = process.env.ROWCAST_SEED ? [Number(process.env.ROWCAST_SEED)] : [1, 2, 3, 4, 5, 6, 7, 8];
const PEOPLE = ['ada', 'ben', 'cyd'];
const STEPS = 200;

for (const seed of SEEDS) {
  test(`plan ${seed}: all end equal to the hub, nothing is lost, doubled or seen to go back`, async (t) => {
    const random = generator(seed);
    const hub = await aHub(t);
    hub.outside(APOLLO, [inserted('counter'), ...PEOPLE.map((user) => inserted(`of-${user}`))]);
    hub.partBytes = 400;
    const people = await Promise.all(PEOPLE.map((user) => aPerson(t, hub, user)));
    const eyes = people.map((person, at) => watchOwnCounter(person, `of-${PEOPLE[at]}`));
    const made = [];
    for (let step = 0; step < STEPS; step += 1) {
      const at = Math.floor(random() * people.length);
      made.push(randomEdit(random, at, /** @type {any} */ (people[at])));
      if (random() < 0.15) randomFault(random, hub);
      if (random() < 0.5) await new Promise(setImmediate);
    }
    calm(hub);
    const outcomes = await Promise.all(made);
    await settled(hub, people);
    for (const { project } of people) assertEqualToHub(hub, project);
    assertCounted(hub, outcomes);
    for (const check of eyes) check();
  });
}

/**
 * Nobody else edits this row: its number may only grow.
 *
 * @param {any} person
 * @param {string} id
 */
function watchOwnCounter({ tasks }, id) {
  /** @type {number[]} */
  const seen = [];
  tasks.subscribe(() => seen.push(tasks.get(id)?.votes));
  return () => assert.deepEqual(seen, [...seen].sort((a, b) => a - b), `${id} never goes back`);
}

/**
 * @param {() => number} random
 * @param {number} at
 * @param {any} person
 * @returns {Promise<string | null>} the row whose number was raised, if it was
 */
function randomEdit(random, at, { project, tasks }) {
  const rows = tasks.rows().filter((/** @type {any} */ row) => row.id.length > 20);
  const some = rows[Math.floor(random() * rows.length)]?.id;
  const kind = Math.floor(random() * 8);
  if (kind === 0 || some === undefined) return outcome(tasks.insert({ title: `by ${at}` }, { place: random() < 0.5 ? 'first' : 'last' }), null);
  if (kind === 1) return outcome(tasks.delete(some), null);
  if (kind === 2) return outcome(tasks.place(some, { after: rows[0].id }), null);
  if (kind === 3) return outcome(tasks.update(some, { title: random() < 0.3 ? '' : `x${random()}` }), null);
  if (kind === 4) return outcome(project.table('comments').insert({ task_id: some, body: 'hm' }), null);
  const id = kind === 5 ? 'counter' : `of-${PEOPLE[at]}`;
  return outcome(tasks.change(id, { inc: { votes: 1 } }), id);
}

/**
 * @param {Promise<unknown>} edit
 * @param {string | null} id
 */
function outcome(edit, id) {
  return edit.then(
    () => id,
    (error) => {
      if (error instanceof EditError) return null;
      throw error;
    },
  );
}

/**
 * @param {() => number} random
 * @param {import('./fake-hub.js').FakeHub} hub
 */
function randomFault(random, hub) {
  const faults = [
    () => hub.cut(),
    () => hub.closeAll(4000),
    () => hub.reset(APOLLO, ['tasks']),
    () => hub.resnapshot(APOLLO, 'far_behind'),
    () => void (hub.ackFirst = !hub.ackFirst),
    () => void (hub.outgoing = lose(random, ['entries'], false)),
    () => void (hub.outgoing = lose(random, ['ack', 'error'], true)),
    () => void (hub.refuseEdit = () => (random() < 0.3 ? { code: 'busy', retry: true } : undefined)),
    () => calm(hub),
  ];
  faults[Math.floor(random() * faults.length)]?.();
}

/**
 * Loses some messages; with `end` their connection too, as a network would.
 *
 * @param {() => number} random
 * @param {string[]} types
 * @param {boolean} end
 */
function lose(random, types, end) {
  return (/** @type {any} */ message, /** @type {any} */ session) => {
    if (!types.includes(message.type) || random() > 0.2) return message;
    return end ? void session.socket.terminate() : undefined;
  };
}

/** @param {import('./fake-hub.js').FakeHub} hub */
function calm(hub) {
  hub.outgoing = (message) => message;
  hub.refuseEdit = () => undefined;
}

/**
 * @param {import('./fake-hub.js').FakeHub} hub
 * @param {any[]} people
 */
async function settled(hub, people) {
  // One more entry: whoever missed the last one sees the gap.
  hub.outside(APOLLO, [inserted('last')]);
  const head = hub.log(APOLLO).head;
  for (const { project } of people) await until(project, () => project.status === 'live' && project.position.seq === head);
}

/**
 * @param {import('./fake-hub.js').FakeHub} hub
 * @param {(string | null)[]} outcomes
 */
function assertCounted(hub, outcomes) {
  const rows = hub.log(APOLLO).rows('tasks');
  for (const id of ['counter', ...PEOPLE.map((user) => `of-${user}`)]) {
    assert.equal(rows.get(id).votes, outcomes.filter((raised) => raised === id).length, id);
  }
}

/** Numbers in [0, 1) that depend on the seed alone. @param {number} seed */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
