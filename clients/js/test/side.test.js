import assert from 'node:assert/strict';
import { test } from 'node:test';
import { APOLLO, aHub, aPerson, until } from './helper.js';

/** @param {import('../src/channel.js').Channel} project */
function here(project) {
  return project.presence.people().map(({ user, devices }) => `${user} ${devices}`);
}

test('people see each other once, with however many devices', async (t) => {
  const hub = await aHub(t);
  const ada = await aPerson(t, hub, 'ada');
  const ben = await aPerson(t, hub, 'ben');
  const phone = await aPerson(t, hub, 'ben');
  await until(ada.project.presence, () => here(ada.project).join() === 'ada 1,ben 2');
  /** @type {string[]} */
  const told = [];
  ada.project.presence.subscribe(({ joined, left }) => told.push(...joined.map(({ user }) => `+${user}`), ...left.map(({ user }) => `-${user}`)));
  phone.client.close();
  await until(ada.project.presence, () => here(ada.project).join() === 'ada 1,ben 1');
  ben.client.close();
  await until(ada.project.presence, () => here(ada.project).join() === 'ada 1');
  assert.deepEqual(told, ['-ben']);
});

test('after a reconnect the people are those of the new list', async (t) => {
  const hub = await aHub(t);
  const ada = await aPerson(t, hub, 'ada');
  const ben = await aPerson(t, hub, 'ben');
  await until(ada.project.presence, () => here(ada.project).length === 2);
  hub.cut();
  ben.client.close();
  await until(ada.project.presence, () => here(ada.project).join() === 'ada 1');
});

test('a state reaches the others, the latest value only, and comes again after a reconnect', async (t) => {
  const hub = await aHub(t);
  const ada = await aPerson(t, hub, 'ada');
  const ben = await aPerson(t, hub, 'ben');
  for (let x = 0; x <= 50; x += 1) ada.project.state.set('pointer', { x });
  const pointer = () => ben.project.state.of('pointer').map(({ user, value }) => [user, value.x]);
  await until(ben.project.state, () => JSON.stringify(pointer()) === '[["ada",50]]');
  assert(hub.count('state') < 10, 'states are throttled');
  hub.cut();
  await until(ben.client, () => ben.client.status.state === 'live');
  await until(ada.client, () => ada.client.status.state === 'live');
  ada.project.state.set('pointer', { x: 51 });
  await until(ben.project.state, () => pointer().some(([, x]) => x === 51));
  ada.project.state.set('pointer', null);
  await until(ben.project.state, () => pointer().every(([, x]) => x !== 51));
});

test('at a new subscription the states of the old one are gone', async (t) => {
  const hub = await aHub(t);
  const ada = await aPerson(t, hub, 'ada');
  const item = { session: 's', user: 'ben', key: 'k', value: 1 };
  hub.tellAll({ type: 'states', channel: APOLLO, full: true, states: [item] });
  await until(ada.project.state, () => ada.project.state.all().length === 1);
  hub.tellAll({ type: 'states', channel: APOLLO, full: true, states: [{ ...item, key: 'l' }] });
  await until(ada.project.state, () => ada.project.state.of('l').length === 1);
  assert.deepEqual(ada.project.state.of('k'), []);
  hub.cut();
  await until(ada.project.state, () => ada.project.state.all().length === 0);
});

test('a signal reaches whoever is there, in order, and the sender too', async (t) => {
  const hub = await aHub(t);
  const ada = await aPerson(t, hub, 'ada');
  const ben = await aPerson(t, hub, 'ben');
  /** @type {string[]} */
  const heard = [];
  ben.project.signals.subscribe(({ user, name, body }) => heard.push(`${user} ${name} ${body}`));
  const own = new Promise((resolve) => ada.project.signals.subscribe(resolve));
  await ada.project.signals.send('wave', 1);
  await ada.project.signals.send('wave', 2);
  await until(ben.project.signals, () => heard.length === 2);
  assert.deepEqual(heard, ['ada wave 1', 'ada wave 2']);
  assert.equal(/** @type {any} */ (await own).session, ada.client.session);
});

test('missed signals are told, and without a connection none can be sent', async (t) => {
  const hub = await aHub(t);
  const ada = await aPerson(t, hub, 'ada');
  const missed = new Promise((resolve) => ada.project.signals.onMissed(resolve));
  hub.tellAll({ type: 'missed', channel: APOLLO, signals: 12 });
  assert.equal(await missed, 12);
  hub.refuseHello = () => ({ code: 'unavailable', retry: true });
  hub.cut();
  await until(ada.client, () => ada.client.status.state === 'offline');
  await assert.rejects(ada.project.signals.send('wave'), { code: 'connection_lost' });
  await assert.rejects(ada.project.history('tasks', 'a'), { code: 'connection_lost' });
});
