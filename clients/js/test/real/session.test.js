/** Sign-in at the real hub. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { ApiError, connect, session } from '../../src/index.js';
import { Hub } from './hub.js';
import { QUICK } from './people.js';
import { until } from '../helper.js';

const EVE = { email: 'eve@example.net', password: 'a horse that is quite correct', name: 'Eve' };

/** Somebody with an account of their own. @param {import('node:test').TestContext} t @param {Hub} hub */
async function registered(t, hub) {
  /** @type {string | null} */
  let text = null;
  const memory = { get: () => text, set: (/** @type {string | null} */ now) => void (text = now) };
  const me = session({ url: hub.url, memory });
  t.after(() => me.close());
  await me.register(EVE);
  return { me, memory };
}

test('somebody registers, makes a project, and works in it with their own login', async (t) => {
  const hub = await Hub.start(t);
  const { me } = await registered(t, hub);
  assert.equal((await me.me()).name, 'Eve');
  const { id } = await me.api.post('/projects', { name: 'Garden' });
  const rc = connect({ session: me, WebSocket, timing: QUICK });
  t.after(() => rc.close());
  const project = rc.channel(`project:${id}`);
  await project.ready;
  assert.equal(project.role, 'owner');
  await project.table('tasks').insert({ title: 'Plant beans' });
  const before = rc.session;
  await me.logout();
  await until(rc, () => rc.state.name === 'closed');
  assert.notEqual(before, null);
  await assert.rejects(me.token(), { code: 'no_token' });
});

test('refusals say which field and why', async (t) => {
  const hub = await Hub.start(t);
  await registered(t, hub);
  const other = session({ url: hub.url });
  await assert.rejects(other.register(EVE), (error) => error instanceof ApiError && error.code === 'email_taken');
  await assert.rejects(other.register({ ...EVE, email: 'ben@example.org', password: 'x' }), (error) => {
    return error instanceof ApiError && error.field === 'password';
  });
  await assert.rejects(other.login({ email: EVE.email, password: 'wrong' }), (error) => error instanceof ApiError && error.status === 401);
  await other.login(EVE);
  assert.equal(other.user?.name, 'Eve');
});

test('two programs with one login refresh at once, and the login lives on', async (t) => {
  const hub = await Hub.start(t);
  const { me, memory } = await registered(t, hub);
  const other = session({ url: hub.url, memory });
  const stale = await me.token();
  // Two tokens of one second are the same text.
  const second = Math.floor(Date.now() / 1000);
  while (Math.floor(Date.now() / 1000) === second) await new Promise((resolve) => setTimeout(resolve, 20));
  const fresh = await Promise.all([me.token({ not: stale }), other.token({ not: stale }), me.token({ not: stale })]);
  assert(fresh.every((token) => token !== stale));
  assert.equal((await other.me()).name, 'Eve');
  assert.equal((await me.me()).name, 'Eve');
});

test('a login that ends elsewhere ends here too, within moments', async (t) => {
  const hub = await Hub.start(t);
  const { me, memory } = await registered(t, hub);
  const rc = connect({ session: me, WebSocket, timing: QUICK });
  t.after(() => rc.close());
  await until(rc, () => rc.state.name === 'live');
  await me.api.post('/auth/logout', { everywhere: true });
  await until(rc, () => rc.state.name === 'closed');
  assert.equal(me.user, null);
  assert.match(String(rc.state.reason?.words), /[Ss]ign/);
  assert.equal(memory.get(), null);
});
