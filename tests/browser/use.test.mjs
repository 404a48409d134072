/** What people stumbled over: the mouse, the finger and the keyboard do what they look like they do. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub } from './hub.mjs';
import { IN_FIREFOX, Person, aBrowser, becomes } from './person.mjs';

let browser;

before(async () => {
  browser = await aBrowser();
});

after(() => browser?.close());

async function twoPeople(t) {
  const hub = await Hub.start(t);
  const [ada, bob] = await Promise.all(hub.links.map((code) => Person.arrives(t, browser, hub, code)));
  await becomes(() => ada.board(), () => bob.board());
  return { hub, ada, bob };
}

function fine(...people) {
  for (const person of people) assert.deepEqual(person.faults, []);
}

/** Where the keyboard is: the element's words. */
const focus = ({ page }) => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.querySelector('.title')?.textContent ?? document.activeElement?.tagName);

test('a notification is opened with the mouse, or marked as read by itself', async (t) => {
  const { hub, ada } = await twoPeople(t);
  hub.sql("INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body) SELECT 'ada', 'assigned', project_id, id, 'bob', title FROM tasks WHERE title = 'Start Rowcast'");
  await ada.page.getByRole('link', { name: /Notifications/ }).click();
  await ada.page.locator('.note-link', { hasText: 'Start Rowcast' }).click({ timeout: 5_000 });
  await ada.sees(() => ada.panel.locator('.text-title'), 'the task');
  await ada.page.locator('.side .badge').waitFor({ state: 'hidden' });
  hub.sql("INSERT INTO notifications (user_id, kind, project_id, actor, body) SELECT 'ada', 'added', id, 'bob', name FROM projects LIMIT 1");
  await ada.page.getByRole('link', { name: /Notifications/ }).click();
  await ada.page.getByRole('button', { name: 'Mark as read', exact: true }).click({ timeout: 5_000 });
  await ada.page.locator('.side .badge').waitFor({ state: 'hidden' });
  fine(ada);
});

test('a notification is opened with a finger', { skip: IN_FIREFOX }, async (t) => {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0], { hasTouch: true, viewport: { width: 390, height: 800 } });
  hub.sql("INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body) SELECT 'ada', 'assigned', project_id, id, 'bob', title FROM tasks WHERE title = 'Start Rowcast'");
  await ada.page.goto(`${ada.network.address}/#/notifications`);
  await ada.page.locator('.note-link', { hasText: 'Start Rowcast' }).tap({ timeout: 5_000 });
  await ada.sees(() => ada.panel.locator('.text-title'), 'the task');
  fine(ada);
});

test('the name of a new project is typed at once, blanks and all, and a press that begins in the dialog does not close it', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.page.goto(`${ada.network.address}/#/`);
  await ada.page.getByRole('button', { name: 'New project' }).click();
  await ada.page.keyboard.type('A name with blanks');
  const dialog = ada.page.getByRole('dialog', { name: 'New project' });
  assert.equal(await dialog.getByLabel('Name').inputValue(), 'A name with blanks');
  const box = await dialog.getByLabel('Name').boundingBox();
  await ada.page.mouse.move(box.x + 20, box.y + box.height / 2);
  await ada.page.mouse.down();
  await ada.page.mouse.move(5, 5, { steps: 3 });
  await ada.page.mouse.up();
  assert.equal(await dialog.isVisible(), true, 'letters were chosen with the mouse');
  await ada.page.keyboard.press('Enter');
  await ada.sees(() => ada.page.getByRole('heading', { name: 'A name with blanks' }), 'the board');
  await ada.page.goto(`${ada.network.address}/#/`);
  await ada.page.getByRole('button', { name: 'New project' }).click();
  await ada.page.mouse.click(5, 5);
  await dialog.waitFor({ state: 'hidden' });
  fine(ada);
});

test('keys change only the card that is seen to be chosen', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.adds('Precious');
  await ada.card('Precious').click();
  await ada.panel.locator('.text-title').waitFor();
  await becomes(() => focus(ada), 'Task');
  for (const key of ['Delete', 'Backspace', '4', 'm']) await ada.page.keyboard.press(key);
  await ada.page.keyboard.press('Escape');
  await ada.panel.waitFor({ state: 'hidden' });
  await becomes(() => focus(ada), 'Precious');
  assert.equal(await ada.card('Precious').evaluate((card) => getComputedStyle(card).outlineStyle), 'solid', 'the chosen card is seen');
  await ada.page.locator('.column[data-status=doing] h2').click();
  for (const key of ['Delete', 'Backspace', '4', 'm', 'Shift+ArrowRight']) await ada.page.keyboard.press(key);
  await ada.hasSentAll();
  await ada.seesTask('Precious');
  assert.equal(await ada.card('Precious').getByText('Urgent').count(), 0);
  assert.equal(await ada.card('Precious').getByLabel('Assigned to Ada').count(), 0);
  await ada.card('Precious').focus();
  await ada.page.keyboard.press('Delete');
  await ada.card('Precious').waitFor({ state: 'detached' });
  fine(ada);
});

test('who opens a task is not at its title; Escape leaves a title as it was, saved in between or not', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('As it was');
  await bob.seesTask('As it was');
  await ada.opens('As it was');
  await bob.opens('As it was');
  await bob.sees(() => bob.panel.getByLabel('Ada is looking at this'), 'that Ada is looking');
  assert.equal(await bob.panel.locator('[data-with]').count(), 0);
  await ada.page.keyboard.press('e');
  const title = ada.panel.locator('.text-title');
  await bob.sees(() => bob.panel.locator('[data-field=title][data-with=Ada]'), 'that Ada is at the title');
  await ada.page.keyboard.press('End');
  await ada.page.keyboard.type(', or not');
  await ada.page.keyboard.press('Escape');
  assert.equal(await title.inputValue(), 'As it was');
  await ada.hasSentAll();
  await title.click();
  await ada.page.keyboard.press('End');
  await ada.page.keyboard.type(', saved');
  await bob.seesTask('As it was, saved');
  await ada.page.keyboard.press('Escape');
  await bob.seesTask('As it was');
  assert.equal(await ada.panel.isVisible(), true, 'the task is still open');
  await ada.page.keyboard.press('Escape');
  await ada.panel.waitFor({ state: 'hidden' });
  await ada.hasSentAll();
  await ada.seesTask('As it was');
  fine(ada, bob);
});

test('opening a task keeps what is searched and filtered, also in a new tab', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.page.getByLabel('Search tasks').fill('rowcast');
  await ada.page.getByLabel('Filter by priority').selectOption('urgent');
  await becomes(() => ada.titles(), ['Start Rowcast']);
  await ada.card('Start Rowcast').click();
  await ada.panel.locator('.text-title').waitFor();
  assert.equal(await ada.page.getByLabel('Search tasks').inputValue(), 'rowcast');
  assert.deepEqual(await ada.titles(), ['Start Rowcast']);
  const address = await ada.card('Start Rowcast').getAttribute('href');
  assert.match(address, /q=rowcast&priority=urgent/);
  await ada.page.reload();
  await becomes(() => ada.titles(), ['Start Rowcast']);
  await ada.closesTask();
  await becomes(() => ada.titles(), ['Start Rowcast']);
  fine(ada);
});

test('nothing jumps while a text is typed and saved, and the name of who is at the title is whole', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.opens('Start Rowcast');
  await bob.opens('Start Rowcast');
  const height = () => ada.panel.getByLabel('Status').evaluate((field) => field.getBoundingClientRect().top);
  const before = await height();
  const title = ada.panel.locator('.text-title');
  await title.click();
  await ada.page.keyboard.press('End');
  await ada.page.keyboard.type('!');
  await ada.sees(() => ada.panel.locator('.saving', { hasText: 'Not saved yet' }), 'that it is not saved');
  assert.equal(await height(), before);
  await bob.seesTask('Start Rowcast!');
  assert.equal(await height(), before);
  const at = bob.panel.locator('[data-field=title][data-with=Ada]');
  await bob.sees(() => at, 'that Ada is there');
  const [name, head] = [await at.evaluate((box) => box.getBoundingClientRect().top - 10), await bob.panel.locator('.task-content').evaluate((box) => box.getBoundingClientRect().top)];
  assert(name >= head, `the name begins ${head - name} pixels above the edge`);
  fine(ada, bob);
});

test('comments and tasks that scripts add stand by their age, and a new card comes after them', async (t) => {
  const { hub, ada, bob } = await twoPeople(t);
  const stamp = (minute) => `2026-01-01T10:${String(minute).padStart(2, '0')}:00.000000Z`;
  const ids = [7, 3, 9, 1, 8, 2].map((digit) => `${digit}0000000-0000-4000-8000-000000000000`);
  for (const [at, id] of ids.entries()) {
    hub.sql(`INSERT INTO tasks (id, project_id, title, created_at) SELECT '${id}', id, 'Script ${at}', '${stamp(at)}' FROM projects LIMIT 1`);
    hub.sql(`INSERT INTO comments (id, project_id, task_id, body, created_at) SELECT '${id}', project_id, id, 'Comment ${at}', '${stamp(at)}' FROM tasks WHERE title = 'Start Rowcast'`);
  }
  const scripts = ids.map((_, at) => `Script ${at}`);
  for (const person of [ada, bob]) await becomes(async () => (await person.board()).todo.slice(-6), scripts);
  await ada.opens('Start Rowcast');
  await becomes(() => ada.panel.locator('.comment p').allTextContents(), ids.map((_, at) => `Comment ${at}`));
  await ada.comments('The newest');
  await becomes(() => ada.panel.locator('.comment p').allTextContents(), [...ids.map((_, at) => `Comment ${at}`), 'The newest']);
  await ada.closesTask();
  await ada.adds('By hand', 'Also by hand');
  for (const person of [ada, bob]) await becomes(async () => (await person.board()).todo.slice(-8), [...scripts, 'By hand', 'Also by hand']);
  await ada.hasSentAll();
  await bob.page.reload();
  await becomes(async () => (await bob.board()).todo.slice(-8), [...scripts, 'By hand', 'Also by hand']);
  hub.sql(`INSERT INTO tasks (id, project_id, title, created_at) SELECT 'a0000000-0000-4000-8000-000000000000', id, 'Late script', '${stamp(59)}' FROM projects LIMIT 1`);
  hub.sql(`INSERT INTO tasks (id, project_id, title, created_at) SELECT '00000000-0000-4000-8000-000000000000', id, 'Later script', '2026-01-02T10:00:00.000000Z' FROM projects LIMIT 1`);
  await bob.seesTask('Later script');
  await bob.page.setViewportSize({ width: 1280, height: 2_400 });
  await bob.drags('Later script', bob.card('Script 0'), { x: 0.5, y: 0.1 });
  for (const person of [ada, bob]) await becomes(async () => (await person.board()).todo.slice(-10), ['Later script', ...scripts, 'By hand', 'Also by hand', 'Late script']);
  fine(ada, bob);
});
