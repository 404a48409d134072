import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeWords, isRetryable, reconnectRule } from '../src/codes.js';
import { jitteredDelay } from '../src/backoff.js';
import { Misuse, connect } from '../src/index.js';
import { TIMING } from '../src/timing.js';
import { APOLLO, aClient, aHub, aPerson, inserted, until, watched } from './helper.js';

test('a first retry waits 0–4 s, later ones up to the double each, at most 30 s', () => {
  const longest = (/** @type {number} */ attempt) => jitteredDelay(attempt, TIMING.firstRetryMs, TIMING.maxRetryMs, () => 1);
  assert.deepEqual([0, 1, 2, 3, 4, 1_000].map(longest), [4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  assert.equal(jitteredDelay(5, 4_000, 30_000, () => 0), 0);
});

test('every close code says whether to come back', () => {
  const rules = [1000, 1002, 1006, 1009, 1011, 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4321, 4500, 4501, 4777].map(reconnectRule);
  const [b, n, d, k] = ['backoff', 'never', 'drain', 'token'];
  assert.deepEqual(rules, [b, n, b, n, b, d, b, b, k, b, b, b, b, k, n, k]);
  assert.match(closeWords(4000), /restarting/);
  assert.match(closeWords(1234), /lost/);
  assert.deepEqual(['busy', 'forbidden'].map(isRetryable), [true, false]);
});

test('the greeting carries the token, and the schema only once', async (t) => {
  const hub = await aHub(t);
  const { client } = await aPerson(t, hub, 'ada');
  hub.cut();
  const again = await hub.request('hello', 2);
  const first = await hub.request('hello');
  assert.deepEqual([first.token, first.schema, again.schema], ['ada.token', undefined, 'h1']);
  assert.match(first.client, /^rowcast-js\//);
  await until(client, () => client.status.state === 'live');
  assert.deepEqual(client.me, { id: 'ada', name: 'ADA' });
});

test('the states of a connection are told as they come', async (t) => {
  const hub = await aHub(t);
  const client = aClient(t, hub, 'ada');
  /** @type {string[]} */
  const states = [client.status.state];
  client.subscribe(({ state }) => state !== states.at(-1) && states.push(state));
  await client.channel(APOLLO).ready;
  hub.tellAll({ type: 'degraded', parts: ['store'] });
  await until(client, () => client.status.state === 'degraded');
  assert.deepEqual(client.status.parts, ['store']);
  hub.tellAll({ type: 'degraded', parts: [] });
  await until(client, () => client.status.state === 'live');
  hub.cut();
  await until(client, () => client.status.state === 'offline');
  assert.equal(client.status.reason?.code, 'connection_lost');
  assert.equal(typeof client.status.retryInMs, 'number');
  await until(client, () => client.status.state === 'live');
  client.close();
  assert.equal(states.join(' '), 'connecting catching-up live degraded live offline connecting catching-up live closed');
});

test('a hub that is away is tried again until it is there', async (t) => {
  const hub = await aHub(t);
  const port = hub.port;
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  await hub.stop();
  let failures = 0;
  client.subscribe(({ state }) => void (failures += Number(state === 'offline')));
  await until(client, () => failures >= 3);
  const edit = tasks.insert({ title: 'meanwhile' });
  await hub.listen(port);
  await edit;
  await until(project, () => project.status === 'live');
});

test('a draining hub says when to come back, and the client obeys', async (t) => {
  const hub = await aHub(t);
  const { client } = await aPerson(t, hub, 'ada', { random: () => 1 });
  hub.tellAll({ type: 'drain', reconnect_after_ms: 21 });
  hub.closeAll(4000);
  await until(client, () => client.status.state === 'offline');
  assert.equal(client.status.retryInMs, 21);
  assert.match(client.status.reason?.message ?? '', /restarting/);
  await until(client, () => client.status.state === 'live');
});

for (const code of [1002, 1003, 1009, 4501]) {
  test(`close code ${code} ends the client for good`, async (t) => {
    const hub = await aHub(t);
    const { client, project, tasks } = await aPerson(t, hub, 'ada');
    const edit = tasks.insert({ title: 'x' });
    await edit;
    hub.deaf = true;
    const unanswered = tasks.insert({ title: 'y' });
    await hub.request('edit', 2);
    hub.closeAll(code);
    await assert.rejects(unanswered, { code: `close_${code}` });
    assert.equal(client.status.state, 'closed');
    assert.equal(project.status, 'closed');
    assert.equal(hub.count('hello'), 1);
    assert.throws(() => client.channel('project:other'), { code: 'closed' });
  });
}

for (const code of [1000, 1011, 4001, 4002, 4004, 4005, 4006, 4400]) {
  test(`after close code ${code} the client comes back`, async (t) => {
    const hub = await aHub(t);
    const { client } = await aPerson(t, hub, 'ada');
    hub.closeAll(code);
    await hub.request('hello', 2);
    await until(client, () => client.status.state === 'live');
  });
}

for (const code of [4003, 4500]) {
  test(`after close code ${code} the client comes back with a new token only`, async (t) => {
    const hub = await aHub(t);
    const tokens = ['ada.1', 'ada.2', 'ada.2'];
    let asked = 0;
    const token = async () => /** @type {string} */ (tokens[Math.min(asked++, 2)]);
    const { client } = await aPerson(t, hub, 'ada', { token });
    hub.closeAll(code);
    assert.equal((await hub.request('hello', 2)).token, 'ada.2');
    await until(client, () => client.status.state === 'live');
    hub.closeAll(code);
    await until(client, () => client.status.state === 'closed');
    assert.equal(hub.count('hello'), 2);
  });
}

test('a fixed token that is refused ends the client', async (t) => {
  const hub = await aHub(t);
  hub.refuseHello = () => ({ code: 'unauthorized' });
  const client = aClient(t, hub, 'ada');
  const ready = client.channel(APOLLO).ready;
  await assert.rejects(ready, { code: 'unauthorized' });
  assert.equal(client.status.state, 'closed');
  assert.equal(hub.count('hello'), 1);
});

test('a token source that fails is asked again', async (t) => {
  const hub = await aHub(t);
  let asked = 0;
  const token = async () => {
    asked += 1;
    if (asked < 3) throw new Error('the login page is away');
    return 'ada.3';
  };
  const { client } = await aPerson(t, hub, 'ada', { token });
  assert.equal(asked, 3);
  assert.equal(client.me?.id, 'ada');
});

test('a token is renewed in place before it expires, again and again', async (t) => {
  const hub = await aHub(t);
  hub.tokenMs = 60;
  let asked = 0;
  const { client } = await aPerson(t, hub, 'ada', { token: () => `ada.${(asked += 1)}` });
  const third = await hub.request('renew', 3);
  assert.equal(third.token, 'ada.4');
  assert.equal(hub.count('hello'), 1);
  assert.equal(client.status.state, 'live');
});

test('a warned client renews at once', async (t) => {
  const hub = await aHub(t);
  hub.tokenMs = 3_600_000;
  let asked = 0;
  await aPerson(t, hub, 'ada', { token: () => `ada.${(asked += 1)}` });
  hub.tellAll({ type: 'token_expiring', expires: new Date().toISOString() });
  await hub.request('renew');
});

test('a source that has no newer token is asked again, and the hub is not troubled', async (t) => {
  const hub = await aHub(t);
  hub.tokenMs = 3_600_000;
  let asked = 0;
  await aPerson(t, hub, 'ada', { token: () => ((asked += 1) < 4 ? 'ada.1' : 'ada.2') });
  hub.tellAll({ type: 'token_expiring', expires: new Date().toISOString() });
  assert.equal((await hub.request('renew')).token, 'ada.2');
  assert.equal(hub.count('renew'), 1);
});

test('a connection that went dead without a word is found out and replaced', async (t) => {
  const hub = await aHub(t);
  const timing = { idleMs: 15, waitingMs: 10, pongMs: 15 };
  const { client } = await aPerson(t, hub, 'ada', { timing });
  await hub.request('ping', 2);
  assert.equal(hub.count('hello'), 1);
  hub.deaf = true;
  await until(client, () => client.status.state === 'offline');
  hub.deaf = false;
  await until(client, () => client.status.state === 'live');
});

test('a connection on which the hub speaks but never answers a request is replaced', async (t) => {
  const hub = await aHub(t);
  const timing = { waitingMs: 5, requestMs: 30 };
  const { tasks } = await aPerson(t, hub, 'ada', { timing });
  hub.refuseEdit = () => (hub.count('hello') === 1 ? { code: 'busy', retry: true } : undefined);
  hub.outgoing = (message) => (hub.count('hello') === 1 && ['ack', 'error'].includes(message.type) ? undefined : message);
  await tasks.insert({ title: 'answered in the end' });
  assert.equal(hub.count('hello'), 2);
});

test('a hub that never greets is given up and tried again', async (t) => {
  const hub = await aHub(t);
  hub.deaf = true;
  const client = aClient(t, hub, 'ada', { timing: { greetingMs: 15 } });
  await hub.request('hello', 2);
  hub.deaf = false;
  await client.channel(APOLLO).ready;
});

test('frames that are no messages harm nothing', async (t) => {
  const hub = await aHub(t);
  const { tasks } = await aPerson(t, hub, 'ada');
  for (const { socket } of hub.sessions) for (const frame of ['{', 'null', '[]', '{"ref":99}', Buffer.from([1, 2])]) socket.send(frame);
  hub.outside(APOLLO, [inserted('a')]);
  await until(tasks, () => tasks.size === 1);
});

test('a person can ask to try now', async (t) => {
  const hub = await aHub(t);
  const { client } = await aPerson(t, hub, 'ada', { timing: { firstRetryMs: 3_600_000, maxRetryMs: 3_600_000 }, random: () => 0.9 });
  hub.cut();
  await until(client, () => client.status.state === 'offline');
  client.reconnect();
  await until(client, () => client.status.state === 'live');
});

test('a client that was closed neither comes back nor speaks', async (t) => {
  const hub = await aHub(t);
  const { client } = await aPerson(t, hub, 'ada');
  client.close();
  client.close();
  client.reconnect();
  assert.equal(client.status.state, 'closed');
  assert.equal(hub.count('hello'), 1);
});

test('an address that is none, and a platform without WebSocket, are said so', async (t) => {
  const hub = await aHub(t);
  const client = aClient(t, hub, 'ada', { url: 'ftp://nowhere' });
  await until(client, () => client.status.state === 'closed');
  assert.equal(client.status.reason?.code, 'bad_url');
  if (globalThis.WebSocket === undefined) assert.throws(() => connect({ url: hub.url, token: 't' }), Misuse);
});

test('a listener that throws harms nobody else', async (t) => {
  const hub = await aHub(t);
  const { tasks } = await aPerson(t, hub, 'ada');
  /** @type {unknown[]} */
  const reported = [];
  globalThis.reportError = (error) => void reported.push(error);
  t.after(() => Reflect.deleteProperty(globalThis, 'reportError'));
  tasks.subscribe(() => {
    throw new Error('from a listener');
  });
  const sizes = watched(tasks, () => tasks.size);
  await tasks.insert({ title: 'fine' });
  assert.deepEqual(sizes, [0, 1]);
  assert.match(String(reported[0]), /from a listener/);
});
