import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, RowcastError, session } from '../src/index.js';
import { APOLLO, aClient, aHub, until } from './helper.js';
import { FakeAuth } from './fake-auth.js';
import { FakeLocks } from './fake-locks.js';

const ADA = { email: 'ada@example.org', password: 'correct horse' };

/** What several tabs share: what is remembered, and locks. */
function aBrowser() {
  /** @type {string | null} */
  let text = null;
  const memory = { get: () => text, set: (/** @type {string | null} */ now) => void (text = now) };
  return { memory, locks: new FakeLocks() };
}

/**
 * @param {import('node:test').TestContext} t
 * @param {FakeAuth} auth
 * @param {Partial<import('../src/session.js').SessionOptions>} [options]
 */
function aSession(t, auth, options = {}) {
  const made = session({ url: auth.url, retryMs: 1, ...options });
  t.after(() => made.close());
  return made;
}

test('somebody signs in, has a token that is kept and renewed before it expires, and signs out', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const me = aSession(t, auth);
  /** @type {(string | undefined)[]} */
  const told = [];
  me.subscribe((user) => told.push(user?.id));
  await assert.rejects(me.token(), { code: 'no_token' });
  assert.equal((await me.login(ADA)).id, ADA.email);
  const token = await me.token();
  assert.equal(await me.token(), token);
  assert.equal(auth.count('/auth/refresh'), 0);
  const newer = await me.token({ not: token });
  assert.notEqual(newer, token);
  auth.tokenMs = 20;
  await me.token({ not: newer });
  await new Promise((resolve) => setTimeout(resolve, 20));
  auth.tokenMs = 600_000;
  await me.token();
  assert.equal(auth.count('/auth/refresh'), 3);
  await me.logout();
  assert.equal(me.user, null);
  await assert.rejects(me.token(), { code: 'no_token' });
  assert.deepEqual(told, [ADA.email, undefined]);
});

test('refusals say which field and why, in words', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const me = aSession(t, auth);
  await assert.rejects(me.login({ ...ADA, password: 'x' }), (error) => error instanceof ApiError && error.status === 401 && error.words === 'The password is not right.');
  await assert.rejects(me.register({ ...ADA, name: 'Ada', password: 'short' }), (error) => {
    assert(error instanceof ApiError);
    assert.deepEqual([error.code, error.field, error.errors], ['weak_password', 'password', [{ field: 'password', message: 'too short' }]]);
    return true;
  });
  assert.equal(me.user, null);
});

test('several questions at once share one refresh, in one tab and in many', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const { memory, locks } = aBrowser();
  const tabs = [1, 2, 3].map(() => aSession(t, auth, { memory, locks: locks.tab(), BroadcastChannel }));
  const [one] = /** @type {[import('../src/index.js').Session]} */ (tabs);
  await one.login(ADA);
  for (const tab of tabs) await until(tab, () => tab.user !== null);
  const stale = await one.token();
  const fresh = await Promise.all([...tabs, ...tabs].map((tab) => tab.token({ not: stale })));
  assert(fresh.every((token) => token !== stale));
  assert(auth.count('/auth/refresh') <= 3);
  assert.equal((await one.me()).id, ADA.email, 'no refresh token was used twice');
  await one.logout();
  for (const tab of tabs) await until(tab, () => tab.user === null);
});

test('when another program was quicker, it waits and takes what that one got', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const { memory } = aBrowser();
  const me = aSession(t, auth, { memory });
  await me.login(ADA);
  auth.races = 3;
  await me.token({ not: await me.token() });
  assert.equal(auth.count('/auth/refresh'), 4);
});

test('after a reload the person is known at once and the login goes on; when it has ended, nobody is', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const { memory } = aBrowser();
  await aSession(t, auth, { memory }).login(ADA);
  const again = aSession(t, auth, { memory });
  assert.equal(again.user?.id, ADA.email);
  assert.equal((await again.resume())?.id, ADA.email);
  auth.endAll();
  await assert.rejects(again.token({ not: await again.token() }), { code: 'no_token' });
  assert.equal(again.user, null);
  assert.equal(await aSession(t, auth, { memory }).resume(), null);
});

test('a server that fails ends no login: the token at hand is used while it holds', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const me = aSession(t, auth);
  auth.tokenMs = 400;
  await me.login(ADA);
  const token = await me.token();
  await new Promise((resolve) => setTimeout(resolve, 310));
  auth.broken = true;
  assert.equal(await me.token(), token);
  await assert.rejects(me.token({ not: token }), (error) => error instanceof ApiError && error.retry && error.retryAfterMs === 2000);
  assert.notEqual(me.user, null);
});

test('a connection follows its session: it gets new tokens, and closes when the person signs out', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const hub = await aHub(t);
  const me = aSession(t, auth);
  await me.login(ADA);
  hub.tokenMs = 40;
  const client = aClient(t, hub, 'ada', { session: me, token: me.token });
  await client.channel(APOLLO).ready;
  await hub.request('renew', 2);
  const tokens = hub.received.filter(({ type }) => type === 'renew').map(({ token }) => token);
  assert.equal(new Set(tokens).size, tokens.length);
  await me.logout();
  await until(client, () => client.state.name === 'closed');
});

test('requests carry the token, once more with a newer one, and problems become errors', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const me = aSession(t, auth);
  await me.login(ADA);
  const { api } = me;
  assert.deepEqual(await api.get('/echo', { query: { limit: 5, sort: '-a,b', none: undefined } }), { path: '/echo?limit=5&sort=-a%2Cb', body: {} });
  assert.deepEqual((await api.post('/echo', { a: 1 })).body, { a: 1 });
  await assert.rejects(api.delete('/nothing'), (error) => {
    assert(error instanceof ApiError && error instanceof RowcastError);
    assert.deepEqual([error.status, error.code, error.message, error.retry], [404, 'not_found', 'there is no such thing', false]);
    return true;
  });
  const unknown = session({ url: auth.url }).api;
  await assert.rejects(unknown.get('/auth/me'), { code: 'no_token' });
  await assert.rejects(session({ url: 'http://127.0.0.1:1' }).login(ADA), (error) => error instanceof ApiError && error.code === 'network' && error.retry);
});

test('a demo code signs in and names the project', async (t) => {
  const auth = await new FakeAuth().listen(t);
  const me = aSession(t, auth);
  assert.deepEqual(await me.demo('code'), { id: 'ada', name: 'Ada', project: 'p1' });
  await me.changePassword({ current: '', new: 'long enough' });
  assert.equal(me.user?.id, 'ada');
});

for (const signed of [true, false]) {
  for (const minutes of [-20, 20, -60 * 24 * 400]) {
    test(`a device whose clock is wrong by ${minutes} minutes keeps its token, ${signed ? 'which says how long it lives' : 'whatever it is'}`, async (t) => {
      const auth = await new FakeAuth().listen(t);
      Object.assign(auth, { clockMs: minutes * 60_000, signed, tokenMs: 900_000 });
      const me = aSession(t, auth);
      await me.login(ADA);
      const token = await me.token();
      for (let n = 0; n < 5; n += 1) assert.equal(await me.token(), token);
      await me.api.get('/auth/me');
      const newer = await me.token({ not: token });
      assert.equal(await me.token(), newer);
      assert.equal(auth.count('/auth/refresh'), 1);
    });
  }
}

test('a token that says how long it lives is renewed in time, whatever the clock', async (t) => {
  const auth = await new FakeAuth().listen(t);
  Object.assign(auth, { clockMs: 1_200_000, signed: true, tokenMs: 40 });
  const me = aSession(t, auth);
  await me.login(ADA);
  const token = await me.token();
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.notEqual(await me.token(), token);
});
