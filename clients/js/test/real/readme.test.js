/** Every example of the README is run: those in JavaScript as one program, the component in a document. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { JSDOM } from 'jsdom';
import { Hub } from './hub.js';
import { aDevice } from './people.js';
import { until } from '../helper.js';

const README = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
// Within the package, so that it finds itself by its name.
const FOLDER = new URL('../.samples/', import.meta.url);

/** @param {string} language */
function samples(language) {
  const fences = README.matchAll(/^```(\w+)\n([^]*?)^```$/gm);
  return [...fences].filter(([, name]) => name === language).map(([, , code]) => String(code));
}

/** @param {string} name @param {string} code */
async function written(name, code) {
  await mkdir(FOLDER, { recursive: true });
  const file = new URL(name, FOLDER);
  await writeFile(file, code);
  return file;
}

test('the examples are one program that runs to its end', async (t) => {
  const hub = await Hub.start(t);
  const parts = samples('js');
  assert(parts.length >= 9, `${parts.length} examples`);
  const imports = [...new Set(parts.join('\n').match(/^import .*$/gm))];
  const body = parts.map((part) => part.replace(/^import .*$/gm, '')).join('\n');
  const before = `import { WebSocket as ws } from 'ws';\nglobalThis.WebSocket ??= ws;\n${imports.join('\n')}\n`;
  const whole = (before + body).replaceAll('http://127.0.0.1:7070', hub.url).replaceAll("'CODE'", JSON.stringify(hub.codes[0]));
  const file = await written('readme.mjs', `${whole}\nconsole.log('the end');\nprocess.exit(0);\n`);
  const program = spawn(process.execPath, [fileURLToPath(file)], { stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
  let said = '';
  for (const stream of [program.stdout, program.stderr]) stream.on('data', (bytes) => (said += bytes));
  const [status] = await once(program, 'exit');
  assert.equal(status, 0, said);
  for (const words of ['Buy milk', 'This value is not allowed here.', 'true []', 'wave', 'the end']) assert(said.includes(words), `${words}:\n${said}`);
});

test('the component of the README shows tasks and finishes one', async (t) => {
  const hub = await Hub.start(t);
  const login = await hub.demo(0);
  const { client, tasks } = await aDevice(t, hub, login);
  const { key } = await tasks.insert({ title: 'Written in the README' });
  const [source = ''] = samples('jsx');
  const options = { jsx: ts.JsxEmit.ReactJSX, module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const file = await written('component.mjs', ts.transpileModule(source, { compilerOptions: options }).outputText);
  const page = new JSDOM('<main></main>', { url: 'http://localhost/' });
  Object.assign(globalThis, { window: page.window, document: page.window.document });
  if (globalThis.navigator === undefined) Object.assign(globalThis, { navigator: page.window.navigator });
  const [{ App }, { createElement }, { createRoot }] = [await import(file.href), await import('react'), await import('react-dom/client')];
  const place = /** @type {HTMLElement} */ (page.window.document.querySelector('main'));
  const root = createRoot(place);
  root.render(createElement(App, { client, id: login.project }));
  const button = () => [...place.querySelectorAll('li button')].find((one) => one.textContent === 'Written in the README');
  const looks = { subscribe: (/** @type {() => void} */ listener) => (new page.window.MutationObserver(listener).observe(place, { childList: true, subtree: true }), () => {}) };
  await until(looks, button);
  /** @type {any} */ (button()).click();
  await until(tasks, () => tasks.get(key)?.status === 'done');
  await until(looks, () => button() === undefined);
  root.unmount();
  page.window.close();
});
