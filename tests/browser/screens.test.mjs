/**
 * Every screen, light and dark, wide and narrow: nothing that axe-core calls serious, nothing wider than
 * the window. And how heavy the page is, and how quick with 5,000 tasks.
 */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Hub } from './hub.mjs';
import { Person, aBrowser, becomes } from './person.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** The longest task while scrolling: 100 ms, and as much again for a busy machine. */
const LONGEST_MS = 200;
const NARROW = { width: 390, height: 800 };
const WIDE = { width: 1280, height: 800 };

let browser;

before(async () => {
  browser = await aBrowser();
});

after(() => browser?.close());

/** What axe-core finds serious on the page as it is. */
async function findings(page) {
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  return serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary.slice(0, 300)}`).join(' | ')}`);
}

/** Looks at the page in both colours and both widths. */
async function isSound(person, name) {
  const { page } = person;
  if (!(await page.evaluate(() => globalThis.axe !== undefined))) await page.evaluate(AXE);
  for (const viewport of [WIDE, NARROW]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      assert.deepEqual(await findings(page), [], `${name}, ${colorScheme}, ${viewport.width} wide`);
    }
    const sticksOut = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert(sticksOut <= 0, `${name} is wider than the window by ${sticksOut}`);
  }
  await page.setViewportSize(WIDE);
}

test('screens outside are sound', async (t) => {
  const hub = await Hub.start(t);
  const person = await Person.opens(t, browser, hub);
  for (const [address, heading] of [
    ['#/login', 'Sign in'],
    ['#/register', 'Make an account'],
    ['#/forgot', 'A new password'],
    ['#/reset', 'This link is not complete'],
    ['#/join', 'This invitation cannot be used'],
  ]) {
    await person.page.goto(`${person.network.address}/${address}`);
    await person.sees(() => person.page.getByRole('heading', { name: heading }), heading);
    await isSound(person, heading);
  }
  assert.deepEqual(person.faults, []);
});

test('screens inside are sound', async (t) => {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0]);
  const board = new URL(ada.page.url()).hash;
  await isSound(ada, 'the board');
  await ada.opens('Start Rowcast');
  await ada.panel.getByLabel('Add label').fill('first');
  await ada.panel.getByLabel('Add label').press('Enter');
  for (const label of ['Add a step', 'New comment']) {
    await ada.panel.getByLabel(label, { exact: true }).fill(`A ${label.toLowerCase()}`);
    await ada.panel.getByLabel(label, { exact: true }).press('Enter');
  }
  await ada.panel.locator('summary').click();
  await isSound(ada, 'a task');
  await ada.closesTask();
  await ada.page.keyboard.press('?');
  await isSound(ada, 'the help');
  await ada.page.keyboard.press('Escape');
  for (const [address, heading] of [
    ['#/', 'Projects'],
    ['#/account', 'Account'],
    ['#/notifications', 'Notifications'],
    ['#/admin', 'Statistics'],
    [board.replace(/(\/t\/.*)?$/, '/people'), 'Members'],
    [board.replace(/(\/t\/.*)?$/, '/connect'), 'Connect'],
    ['#/p/0199f0a2-7c11-7e52-b8a4-1f6c1b0f9a01', ''],
    ['#/wherever', 'There is nothing here'],
  ]) {
    await ada.page.goto(`${ada.network.address}/${address}`);
    if (heading) await ada.sees(() => ada.page.getByRole('heading', { name: heading }), heading);
    else await ada.sees(() => ada.page.getByText('closed to you'), 'that the project is not hers');
    await isSound(ada, heading || 'a project that is not hers');
  }
  assert.deepEqual(ada.faults, []);
});

test('an admin sees how the hub does, live', async (t) => {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0]);
  await ada.page.getByRole('link', { name: 'Statistics' }).click();
  await ada.sees(() => ada.page.getByRole('region', { name: 'Nodes' }).getByRole('cell', { name: 'well' }), 'that the node is well');
  await ada.isIn('live');
  const sockets = () => ada.page.locator('.chart', { hasText: 'Sockets' }).locator('.chart-value').textContent();
  await becomes(sockets, '1');
  await Person.arrives(t, browser, hub, hub.links[1]);
  await becomes(sockets, '2');
  assert.deepEqual(ada.faults, []);
});

test('a file of the page is fetched once, and a reload fetches none again', async (t) => {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0]);
  await becomes(() => ada.page.evaluate(() => document.documentElement.dataset.kept), 'true');
  const files = ada.network.asked.filter((path) => path.startsWith('/v/'));
  assert(files.length > 50, `${files.length} files`);
  assert.deepEqual(files.filter((path, at) => files.indexOf(path) !== at), [], 'fetched twice');
  t.diagnostic(`${ada.network.asked.length} requests on the first visit`);
  ada.network.asked = [];
  await ada.page.reload();
  await ada.isIn('live');
  await ada.sees(() => ada.page.locator('.card'), 'a card');
  assert.deepEqual(ada.network.asked.filter((path) => path.startsWith('/v/')), []);
  t.diagnostic(`${ada.network.asked.length} requests on a reload: ${ada.network.asked}`);
});

test('the page weighs less than 140 KiB', async (t) => {
  const hub = await Hub.start(t);
  const person = await Person.opens(t, browser, hub, null);
  const network = await person.page.context().newCDPSession(person.page);
  await network.send('Network.enable');
  let bytes = 0;
  network.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  const began = Date.now();
  await person.page.goto(`${person.network.address}/#code=${hub.links[0]}`);
  await person.sees(() => person.page.locator('.card'), 'a card');
  t.diagnostic(`a card after ${Date.now() - began} ms`);
  t.diagnostic(`${(bytes / 1024).toFixed(1)} KiB over the wire`);
  assert(bytes > 10_000 && bytes < 140 * 1024, `${bytes} bytes`);
});

test('a board of 5,000 tasks shows, filters and scrolls without hanging', async (t) => {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0]);
  hub.sql(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO tasks (project_id, title, status, priority, labels)
    SELECT (SELECT id FROM projects), 'Task number ' || i || ' of many, with words ' || (i * 7919 % 1000),
      CASE i % 3 WHEN 0 THEN 'todo' WHEN 1 THEN 'doing' ELSE 'done' END, 'medium', '["l' || (i % 9) || '"]' FROM n`);
  const shown = () => ada.column('doing').locator('.count').textContent();
  await becomes(shown, '1668');
  assert((await ada.page.locator('.card').count()) < 200, 'only what is in sight exists');
  await ada.page.evaluate(() => {
    globalThis.longest = 0;
    new PerformanceObserver((list) => list.getEntries().forEach(({ duration }) => (globalThis.longest = Math.max(globalThis.longest, duration)))).observe({ type: 'longtask' });
  });
  const keys = await typing(ada.page, 'number 77');
  t.diagnostic(`keystroke to paint: ${keys.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  await becomes(async () => /^\d\d of 1668$/.test(await shown()), true);
  await ada.page.getByRole('button', { name: 'Clear' }).click();
  await becomes(shown, '1668');
  assert(median(keys) < 100, 'a keystroke shows within 100 ms');
  // Other tests have the machine too, and may hold up one attempt or the other.
  const hangs = async () => {
    await ada.page.evaluate(() => (globalThis.longest = 0));
    const frames = await scrolling(ada.page);
    const longest = await ada.page.evaluate(() => globalThis.longest);
    t.diagnostic(`scrolling: slowest frame ${frames.toFixed(0)} ms, longest task ${longest} ms`);
    return longest >= LONGEST_MS;
  };
  assert(!((await hangs()) && (await hangs()) && (await hangs())), 'scrolling does not hang');
  await ada.column('doing').locator('.cards').evaluate((list) => (list.scrollTop = list.scrollHeight));
  await ada.sees(() => ada.column('doing').locator('.item[aria-posinset="1668"]'), 'the last card');
  await ada.addsTo('todo', 'One more among many');
  await ada.sees(() => ada.card('One more among many'), 'the new card');
  assert.deepEqual(ada.faults, []);
});

/** Types into the search; how long each key took until it was painted. */
async function typing(page, text) {
  await page.getByLabel('Search tasks').focus();
  const times = [];
  for (const key of text) {
    times.push(
      await page.evaluate((key) => {
        const input = document.querySelector('#search');
        const began = performance.now();
        input.value += key;
        input.dispatchEvent(new InputEvent('input', { bubbles: true }));
        return new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began))));
      }, key),
    );
  }
  return times;
}

/** Scrolls through a column; the slowest frame. */
function scrolling(page) {
  return page.evaluate(async () => {
    const list = document.querySelector('.column[data-status=doing] .cards');
    let slowest = 0;
    let before = performance.now();
    for (let step = 0; step < 60; step += 1) {
      list.scrollTop += 900;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      slowest = Math.max(slowest, now - before);
      before = now;
    }
    return slowest;
  });
}

function median(numbers) {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
