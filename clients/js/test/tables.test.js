import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TABLES } from './fake-hub.js';
import { APOLLO, aHub, aPerson, assertEqualToHub, inserted, until, updated } from './helper.js';

/** The tables with another column. */
function withNotes() {
  const [tasks, comments] = structuredClone(TABLES);
  tasks.columns.push({ name: 'note', type: 'text', nullable: true });
  return { type: 'schema', hash: 'h2', tables: [tasks, comments] };
}

test('when the tables change, rows are fetched anew without a new connection', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const { client, project, tasks } = await aPerson(t, hub, 'ada');
  const session = client.session;
  hub.log(APOLLO).rows('tasks').get('a').note = 'from the migration';
  hub.tellAll(withNotes());
  const again = await hub.request('subscribe', 2);
  assert.equal(again.cursor, undefined);
  await until(tasks, () => tasks.get('a')?.note === 'from the migration');
  await until(project, () => project.status === 'live');
  assert.equal(client.session, session);
  hub.outside(APOLLO, [updated('a', { note: 'new' })]);
  await until(tasks, () => tasks.get('a')?.note === 'new');
  assertEqualToHub(hub, project);
});

test('news of the tables that are known already changes nothing', async (t) => {
  const hub = await aHub(t);
  const { project } = await aPerson(t, hub, 'ada');
  hub.tellAll({ type: 'schema', hash: 'h1', tables: TABLES });
  hub.outside(APOLLO, [inserted('a')]);
  await until(project, () => project.position?.seq === 1);
  assert.equal(hub.received.filter(({ type }) => type === 'subscribe').length, 1);
});
