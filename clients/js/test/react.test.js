/** The hooks in a document, under StrictMode, against the fake hub. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { JSDOM } from 'jsdom';
import { act as reactAct, createElement as h, StrictMode, useState } from 'react';
import { renderToString } from 'react-dom/server';
import { APOLLO, aClient, aHub, inserted, until, updated } from './helper.js';

const page = new JSDOM('<div id="root"></div>', { url: 'http://localhost/' });
Object.assign(globalThis, { window: page.window, document: page.window.document });
// Node 20 has none.
if (globalThis.navigator === undefined) Object.assign(globalThis, { navigator: page.window.navigator });
after(() => page.window.close());

const { createRoot } = await import('react-dom/client');
const hooks = await import('../src/react.js');

/** What happens in here is rendered when it returns. @param {() => Promise<void>} work */
async function act(work) {
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  await reactAct(work);
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: false });
}

/**
 * Shows a component under StrictMode; what it throws fails the test.
 *
 * @param {import('node:test').TestContext} t
 * @param {import('../src/index.js').Client} client
 * @param {import('react').FunctionComponent<any>} Component
 */
async function shown(t, client, Component) {
  const place = page.window.document.createElement('div');
  const root = createRoot(place);
  await act(async () => root.render(h(StrictMode, null, h(hooks.RowcastProvider, { client }, h(Component)))));
  let there = true;
  const leave = async () => {
    if (there) await act(async () => root.unmount());
    there = false;
  };
  t.after(leave);
  return { text: () => place.textContent, leave, place };
}

/** Waits within `act` until something holds. @param {any} source @param {() => unknown} holds */
const eventually = (source, holds) => act(async () => until(source, holds));

test('a component shows the rows that fit, and again when they change', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a'), inserted('b', { status: 'done' })]);
  const client = aClient(t, hub, 'ada');
  let renders = 0;
  const List = () => {
    renders += 1;
    const project = hooks.useChannel(APOLLO);
    const rows = hooks.useRows(project, 'tasks', { where: { status: 'todo' }, sort: 'title' });
    return h('ul', null, rows.map((row) => h('li', { key: row.id }, `${row.title};`)));
  };
  const { text } = await shown(t, client, List);
  const project = client.channel(APOLLO);
  await eventually(project, () => project.status === 'live');
  assert.equal(text(), 'task a;');
  hub.outside(APOLLO, [updated('b', { status: 'todo' }), updated('a', { title: 'A' })]);
  await eventually(project, () => project.position?.seq === 2);
  assert.equal(text(), 'A;task b;');
  const before = renders;
  hub.outside(APOLLO, [inserted('c', { status: 'done' })]);
  await eventually(project, () => project.position?.seq === 3);
  assert.equal(renders, before, 'a row outside of the query renders nothing');
});

test('a filter that changes with the component is another query', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a'), inserted('b')]);
  const client = aClient(t, hub, 'ada');
  /** @type {(search: string) => void} */
  let search = () => {};
  const List = () => {
    const [text, set] = useState('');
    search = set;
    const rows = hooks.useRows(hooks.useChannel(APOLLO), 'tasks', { where: (row) => row.title.includes(text) }, [text]);
    return h('p', null, rows.map((row) => row.id).join());
  };
  const { text } = await shown(t, client, List);
  const project = client.channel(APOLLO);
  await eventually(project, () => project.status === 'live');
  assert.equal(text(), 'a,b');
  await act(async () => search('task b'));
  assert.equal(text(), 'b');
});

test('one row, who is here, what is shared, how it is', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const client = aClient(t, hub, 'ada');
  const Card = () => {
    const project = hooks.useChannel(APOLLO, { presence: 'join' });
    const row = hooks.useRow(project, 'tasks', 'a');
    const people = hooks.usePresence(project);
    const [typing, setTyping] = hooks.useShared(project, 'typing');
    const { name, unsent } = hooks.useStatus();
    const type = () => setTyping(row?.id);
    const look = [row?.title, people.map((person) => person.name), typing.map((item) => item.value), name, unsent, project.role];
    return h('button', { onClick: type }, JSON.stringify(look));
  };
  const { text, place } = await shown(t, client, Card);
  const project = client.channel(APOLLO);
  await eventually(project.presence, () => project.presence.people().length === 1);
  await eventually(client, () => client.state.name === 'live');
  assert.equal(text(), '["task a",["ADA"],[],"live",0,"editor"]');
  page.window.document.body.append(place);
  await act(async () => /** @type {any} */ (place.querySelector('button')).click());
  await eventually(project.state, () => project.state.of('typing').length === 1);
  assert.equal(text(), '["task a",["ADA"],["a"],"live",0,"editor"]');
});

test('a component edits, sees that it is under way, why it was refused, and takes it back', async (t) => {
  const hub = await aHub(t);
  hub.outside(APOLLO, [inserted('a')]);
  const client = aClient(t, hub, 'ada');
  /** @type {any} */
  let hook;
  const Form = () => {
    const project = hooks.useChannel(APOLLO);
    hook = hooks.useEdit(project);
    const row = hooks.useRow(project, 'tasks', 'a');
    return h('p', null, `${row?.title} ${hook.pending} ${hook.error?.code ?? 'fine'} ${project.canUndo}`);
  };
  const { text } = await shown(t, client, Form);
  const project = client.channel(APOLLO);
  await eventually(project, () => project.status === 'live');
  hub.deaf = true;
  const set = (/** @type {string} */ title) => hook.edit([{ op: 'update', table: 'tasks', key: 'a', set: { title } }]);
  await act(async () => void set('new'));
  assert.equal(text(), 'new 1 fine true');
  hub.deaf = false;
  hub.cut();
  await eventually(project, () => project.unsent === 0 && project.status === 'live');
  assert.equal(text(), 'new 0 fine true');
  await act(async () => void (await hook.undo()));
  assert.equal(text(), 'task a 0 fine false');
  await act(async () => void (await set('').catch(() => {})));
  assert.equal(text(), 'task a 0 check false');
  await act(async () => hook.forgetError());
  assert.equal(text(), 'task a 0 fine false');
});

test('a channel is followed once, as long as somebody shows it', async (t) => {
  const hub = await aHub(t);
  const client = aClient(t, hub, 'ada');
  const One = () => h('p', null, hooks.useChannel(APOLLO).status);
  const Both = () => h('div', null, h(One), h(One));
  const { leave } = await shown(t, client, Both);
  const project = client.channel(APOLLO);
  await eventually(project, () => project.status === 'live');
  assert.equal(hub.count('subscribe'), 1);
  await leave();
  assert.equal(project.status, 'live', 'whoever comes back at once finds it as it was');
  await hub.request('unsubscribe');
  assert.equal(project.status, 'closed');
});

test('a component renders on a server too', async (t) => {
  const hub = await aHub(t);
  const client = aClient(t, hub, 'ada');
  const List = () => {
    const rows = hooks.useRows(hooks.useChannel(APOLLO), 'tasks');
    return h('p', null, `${rows.length} ${hooks.useStatus().name}`);
  };
  assert.equal(renderToString(h(hooks.RowcastProvider, { client }, h(List))), '<p>0 connecting</p>');
  assert.throws(() => renderToString(h(List)), /no RowcastProvider/);
});
