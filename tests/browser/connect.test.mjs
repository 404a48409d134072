/**
 * The panel that connects programs: what it gives to copy is run as it stands.
 *
 * `ROWCAST_BIN` names the hub's program, `CHROMIUM_BIN` the browser, `ROWCAST_PYTHON` a Python with the
 * package `websockets`.
 */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Hub } from './hub.mjs';
import { Person, aBrowser, becomes } from './person.mjs';

const CLIENT = fileURLToPath(new URL('../../clients/js', import.meta.url));
const PYTHON = process.env.ROWCAST_PYTHON ?? 'python3';
/** Node.js before 22 has a WebSocket only if asked for. */
const NODE = Number(process.versions.node.split('.')[0]) < 22 ? ['--experimental-websocket'] : [];

let browser;

before(async () => {
  browser = await aBrowser();
});

after(() => browser?.close());

/** Ada at the panel of the demo project; what she does there goes out directly, as a program's would. */
async function atThePanel(t) {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0]);
  const board = new URL(ada.page.url()).hash;
  await ada.page.getByRole('link', { name: 'Connect a program' }).click();
  await ada.page.getByRole('heading', { name: 'Work on this project from a program' }).waitFor();
  return { hub, ada, board };
}

/** What a sample says, with the hub's own address instead of the test network's. */
async function sample(hub, ada, name) {
  await ada.page.getByRole('tab', { name, exact: true }).click();
  const code = await ada.page.getByRole('tabpanel', { name, exact: true }).locator('code').textContent();
  return code.replaceAll(new URL(ada.page.url()).host, `127.0.0.1:${hub.port}`);
}

async function tokenFrom(ada) {
  const line = await ada.page.getByLabel('In a shell').last().inputValue();
  return line.replace('export TOKEN=', '');
}

/** A folder where the JavaScript client is installed. */
async function aFolder(t) {
  const folder = await mkdtemp(join(tmpdir(), 'rowcast-sample-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'node_modules'));
  await symlink(CLIENT, join(folder, 'node_modules', 'rowcast'));
  return folder;
}

/** Starts a program that runs on, and ends it with the test. */
function runs(t, program, words, env) {
  const running = spawn(program, words, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => running.kill());
  const said = { text: '' };
  running.stdout.on('data', (bytes) => (said.text += bytes));
  return said;
}

test('what the panel gives to copy runs as it stands', async (t) => {
  const { hub, ada, board } = await atThePanel(t);
  await ada.page.getByLabel('Name').fill('Importer');
  await ada.page.getByRole('button', { name: 'Make a token' }).click();
  const token = await tokenFrom(ada);
  assert.match(token, /^rcs_/);
  const [shell, javascript, python, sql] = [
    await sample(hub, ada, 'curl'),
    await sample(hub, ada, 'JavaScript'),
    await sample(hub, ada, 'Python'),
    await sample(hub, ada, 'SQL'),
  ];
  await ada.page.goto(ada.page.url().replace(/#.*/, board));

  const { stdout } = await promisify(execFile)('sh', ['-c', shell], { env: { ...process.env, TOKEN: token } });
  assert.match(stdout, /"title":"Written with curl".*"status":"todo"/);

  const folder = await aFolder(t);
  await writeFile(join(folder, 'sample.mjs'), javascript);
  const inNode = runs(t, process.execPath, [...NODE, join(folder, 'sample.mjs')], { TOKEN: token });
  await becomes(() => inNode.text.includes('stored Written in JavaScript'), true);

  await writeFile(join(folder, 'sample.py'), python);
  const inPython = runs(t, PYTHON, [join(folder, 'sample.py')], { TOKEN: token });
  await becomes(() => /"type":\s*"ack"/.test(inPython.text), true);

  hub.sql(sql);
  for (const how of ['with curl', 'in JavaScript', 'in Python', 'with SQL']) {
    await ada.sees(() => ada.card(`Written ${how}`), `what was written ${how}`);
  }
  hub.sql("UPDATE tasks SET status = 'done' WHERE title = 'Written with SQL'");
  await becomes(() => inNode.text.includes('Written with SQL is done'), true);
  assert.deepEqual(ada.faults, []);
});

test('a program’s token ends when its owner ends it', async (t) => {
  const { hub, ada } = await atThePanel(t);
  await ada.page.getByLabel('Name').fill('Importer');
  await ada.page.getByRole('button', { name: 'Make a token' }).click();
  const headers = { authorization: `Bearer ${await tokenFrom(ada)}` };
  const status = async () => (await fetch(`http://127.0.0.1:${hub.port}/api/v1/projects`, { headers })).status;
  assert.equal(await status(), 200);
  await ada.page.getByRole('button', { name: 'End Importer' }).click();
  await becomes(status, 401);
  await becomes(() => ada.page.getByRole('button', { name: 'End Importer' }).count(), 0);
  assert.deepEqual(ada.faults, []);
});

test('one’s own token is shown when asked for, and a member who owns nothing makes none', async (t) => {
  const { hub, ada, board } = await atThePanel(t);
  assert.equal(await ada.page.getByLabel('In a shell').count(), 0);
  await ada.page.getByRole('button', { name: 'Show my token' }).click();
  const token = await tokenFrom(ada);
  const project = decodeURIComponent(board.split('/')[2]);
  const headers = { authorization: `Bearer ${token}` };
  const answer = await fetch(`http://127.0.0.1:${hub.port}/api/v1/channels/project:${project}/tasks`, { headers });
  assert.equal(answer.status, 200);

  hub.sql("UPDATE members SET role = 'editor' WHERE user_id = 'ada'");
  await ada.sees(() => ada.page.getByText('Owners of the project make tokens that last.'), 'who makes tokens');
  assert.equal(await ada.page.getByRole('button', { name: 'Make a token' }).count(), 0);
  assert.deepEqual(ada.faults, []);
});
