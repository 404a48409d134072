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

test('a text that was overruled while offline is told wherever the person is, and restored from there', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Shared text', 'Other text');
  await bob.seesTask('Other text');
  ada.network.cut();
  await ada.isCutOff();
  for (const title of ['Shared text', 'Other text']) {
    await ada.opens(title);
    await ada.panel.getByLabel('Description', { exact: true }).fill(`Ada on ${title}`);
    await ada.closesTask();
    await bob.opens(title);
    await bob.panel.getByLabel('Description', { exact: true }).fill(`Bob on ${title}`);
    await bob.closesTask();
  }
  await bob.hasSentAll();
  await bob.sets('Shared text', 'Priority', 'high');
  ada.network.restore();
  await ada.triesNow();
  await ada.seesNotice('Your description of “Shared text” was replaced by Bob’s.');
  await ada.seesNotice('Your description of “Other text” was replaced by Bob’s.');
  for (const title of ['Shared text', 'Other text']) await ada.sees(() => ada.card(title).getByText('Your text was replaced'), 'the mark on the card');
  const notice = (title) => ada.page.locator('#notices .notice', { hasText: title });
  await notice('Shared text').getByRole('button', { name: 'Restore mine' }).click();
  await bob.opens('Shared text');
  await becomes(() => bob.panel.getByLabel('Description', { exact: true }).inputValue(), 'Ada on Shared text');
  await ada.card('Shared text').getByText('Your text was replaced').waitFor({ state: 'detached' });
  await notice('Other text').getByRole('button', { name: 'Look at both' }).click();
  await ada.sees(() => ada.panel.locator('.conflict').getByText('Bob on Other text'), 'what Bob wrote');
  assert.equal(await ada.panel.getByLabel('Description', { exact: true }).inputValue(), 'Ada on Other text');
  fine(ada, bob);
});

test('an open task that is deleted and taken back is there again', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('There again');
  await bob.seesTask('There again');
  await bob.opens('There again');
  await ada.deletes('There again');
  await bob.sees(() => bob.panel.getByText('This task is not there any more'), 'that it is gone');
  await ada.page.locator('.notice').getByRole('button', { name: 'Undo' }).click();
  await becomes(() => bob.panel.locator('.text-title').inputValue(), 'There again');
  fine(ada, bob);
});

test('a card that the filter hides is told; undo says what it did, leaves comments, and shows whether it can', async (t) => {
  const { ada, bob } = await twoPeople(t);
  const [undo, redo] = ['Undo', 'Redo'].map((name) => ada.page.locator('.board-tools').getByRole('button', { name, exact: true }));
  assert.deepEqual([await undo.isDisabled(), await redo.isDisabled()], [true, true]);
  await ada.page.getByLabel('Search tasks').fill('rowcast');
  await becomes(() => ada.titles(), ['Start Rowcast']);
  await ada.adds('Milk');
  await ada.seesNotice('“Milk” was added');
  await ada.page.locator('.notice').getByRole('button', { name: 'Show all' }).click();
  await ada.seesTask('Milk');
  await ada.sets('Milk', 'Status', 'doing');
  await ada.opens('Milk');
  await ada.comments('Said');
  await ada.hasSentAll();
  await undo.click();
  await ada.seesNotice('Undone: status of “Milk”.');
  await becomes(async () => (await bob.board()).todo.includes('Milk'), true);
  await becomes(() => ada.panel.locator('.comment p').allTextContents(), ['Said']);
  await redo.click();
  await ada.seesNotice('Done again: status of “Milk”.');
  await becomes(async () => (await bob.board()).doing.includes('Milk'), true);
  assert.equal(await redo.isDisabled(), true);
  fine(ada, bob);
});

test('a viewer is told so, and has no buttons to undo', async (t) => {
  const { hub, bob } = await twoPeople(t);
  assert.equal(await bob.page.getByText('View only').isVisible(), false);
  hub.sql("UPDATE members SET role = 'viewer' WHERE user_id = 'bob'");
  await bob.sees(() => bob.page.getByText('View only'), 'that Bob only looks');
  assert.equal(await bob.page.getByRole('button', { name: 'Undo', exact: true }).isVisible(), false);
  fine(bob);
});

test('the projects at the side follow what others do, and statistics are not asked for again without the right', async (t) => {
  const { hub, bob } = await twoPeople(t);
  await bob.page.clock.install();
  await bob.page.reload();
  await bob.isIn('live');
  const side = () => bob.page.locator('.side-projects a').allTextContents();
  await becomes(side, ['Demo']);
  hub.sql("UPDATE projects SET name = 'Renamed'");
  await bob.page.goto(`${bob.network.address}/#/account`);
  await bob.page.clock.fastForward(40_000);
  await becomes(side, ['Renamed']);
  hub.sql("DELETE FROM members WHERE user_id = 'bob'");
  await bob.page.clock.fastForward(40_000);
  await becomes(side, []);
  let asked = 0;
  bob.page.on('request', (request) => (asked += Number(request.url().endsWith('/stats'))));
  await bob.page.goto(`${bob.network.address}/#/admin`);
  await bob.sees(() => bob.page.getByText('The statistics are for administrators.'), 'why there is nothing');
  await bob.page.clock.fastForward(60_000);
  await bob.page.evaluate(() => fetch('/healthz'));
  assert.equal(asked, 1);
  fine(bob);
});

test('signing out leaves nothing that was typed or read in the tab', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.opens('Start Rowcast');
  await ada.panel.getByLabel('New comment').fill('secret');
  await ada.page.goto(`${ada.network.address}/#/account`);
  await ada.page.getByRole('button', { name: 'Sign out here' }).click();
  await ada.sees(() => ada.page.getByRole('heading', { name: 'Sign in' }), 'the sign-in');
  const kept = () => ada.page.evaluate(() => [...Object.keys(sessionStorage), ...Object.keys(localStorage).filter((name) => name.includes('draft'))]);
  await becomes(kept, []);
  fine(ada);
});

test('long names leave the side, the bar and the state of the connection as they are', async (t) => {
  const { hub, ada } = await twoPeople(t);
  hub.sql(`UPDATE projects SET name = '${'Donaudampfschifffahrtsgesellschaft'.repeat(5)}'`);
  await ada.sees(() => ada.page.getByRole('heading', { name: /^Donau/ }), 'the name');
  const width = (selector) => ada.page.locator(selector).evaluate((box) => box.getBoundingClientRect().width);
  for (const viewport of [{ width: 1280, height: 800 }, { width: 390, height: 800 }]) {
    await ada.page.setViewportSize(viewport);
    const side = await ada.page.locator('.side').evaluate((box) => box.scrollWidth - box.clientWidth);
    assert(side <= 0, `the side is wider than itself by ${side}`);
    assert((await width('#status')) >= 50, 'the state can be read');
    assert((await width('.bar-title')) >= 40, 'the name can be read');
  }
  fine(ada);
});

test('the drawer of a phone has a backdrop, Escape, and the focus', { skip: IN_FIREFOX }, async (t) => {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0], { hasTouch: true, viewport: { width: 390, height: 800 } });
  const menu = ada.page.getByRole('button', { name: 'Menu' });
  const drawer = ada.page.locator('#app.drawer');
  await menu.tap();
  await drawer.waitFor();
  assert.equal(await ada.page.evaluate(() => document.activeElement.closest('.side') !== null), true);
  for (let n = 0; n < 12; n += 1) {
    await ada.page.keyboard.press('Tab');
    assert.equal(await ada.page.evaluate(() => document.activeElement.closest('main') === null), true, 'the focus stays in the drawer');
  }
  await ada.page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
  assert.equal(await menu.evaluate((button) => button === document.activeElement), true);
  await menu.tap();
  await drawer.waitFor();
  await ada.page.touchscreen.tap(380, 400);
  await drawer.waitFor({ state: 'detached' });
  assert.equal(await ada.panel.isVisible(), false, 'what lies below was not pressed');
  fine(ada);
});

test('a card that somebody else changed shows their name for a moment, and one’s own does not', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Watched');
  await bob.seesTask('Watched');
  await bob.sets('Watched', 'Priority', 'high');
  await ada.sees(() => ada.card('Watched').locator('.touchers', { hasText: 'Bob changed this' }), 'who changed it');
  await ada.page.locator('.card.changed', { hasText: 'Watched' }).waitFor();
  await bob.hasSentAll();
  assert.equal(await bob.page.locator('.card.changed', { hasText: 'Watched' }).getByText('Bob').count(), 0, 'Bob knows what he did');
  await ada.page.locator('.card.changed').waitFor({ state: 'detached' });
  await ada.page.emulateMedia({ reducedMotion: 'reduce' });
  await bob.sets('Watched', 'Priority', 'urgent');
  await ada.page.locator('.card.changed', { hasText: 'Watched' }).waitFor();
  assert.equal(await ada.page.locator('.card.changed').evaluate((card) => getComputedStyle(card).animationName), 'none');
  fine(ada, bob);
});

/** As if the person had last looked some minutes ago. */
const lookedLongAgo = ({ page }) =>
  page.evaluate(() => {
    const name = Object.keys(localStorage).find((key) => key.includes('.seen.'));
    localStorage.setItem(name, JSON.stringify(Date.now() - 300_000));
  });

test('who comes back is told what others did meanwhile, once', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('To be moved', 'To be deleted');
  await bob.seesTask('To be deleted');
  await ada.hasSentAll();
  // The rows are kept a moment after they came.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const board = ada.page.url();
  await ada.page.goto('about:blank');
  await bob.sets('To be moved', 'Status', 'Doing');
  await bob.deletes('To be deleted');
  await bob.hasSentAll();
  await ada.page.goto(`${ada.network.address}/icon.svg`);
  await lookedLongAgo(ada);
  await ada.page.goto(board);
  const away = ada.page.getByRole('region', { name: 'Since you were away' });
  await ada.sees(() => away, 'the summary');
  assert.deepEqual(await away.getByRole('listitem').allTextContents(), ['Bob deleted: To be deleted', 'Bob moved to Doing: To be moved']);
  await away.getByRole('link', { name: 'To be moved' }).click();
  await becomes(() => ada.panel.locator('.text-title').inputValue(), 'To be moved');
  await away.getByRole('button', { name: 'Close the summary' }).click();
  await away.waitFor({ state: 'detached' });
  await ada.page.reload();
  await ada.isIn('live');
  await ada.seesTask('To be moved');
  assert.equal(await away.count(), 0);
  fine(ada, bob);
});

test('who was in another tab, or offline, is told too', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Meanwhile');
  await bob.seesTask('Meanwhile');
  await ada.page.clock.install();
  await ada.page.evaluate(() => {
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await bob.renames('Meanwhile', 'Renamed meanwhile');
  await ada.seesTask('Renamed meanwhile');
  await ada.page.clock.fastForward(90_000);
  await ada.page.evaluate(() => {
    delete document.hidden;
    document.dispatchEvent(new Event('visibilitychange'));
  });
  const away = ada.page.getByRole('region', { name: 'Since you were away' });
  await ada.sees(() => away.getByText('Bob renamed: Renamed meanwhile'), 'what Bob did');
  fine(ada, bob);
});

test('where two wrote at once, it is said who the other is', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Both write');
  await bob.seesTask('Both write');
  await ada.opens('Both write');
  ada.network.cut();
  await ada.isCutOff();
  await ada.panel.getByLabel('Description', { exact: true }).fill('By Ada');
  await bob.opens('Both write');
  await bob.panel.getByLabel('Description', { exact: true }).fill('By Bob');
  await bob.closesTask();
  await bob.hasSentAll();
  ada.network.restore();
  await ada.triesNow();
  await ada.sees(() => ada.panel.locator('.conflict').getByText('Bob wrote this while you were writing'), 'who wrote');
  fine(ada, bob);
});

test('notifications name the task, and those of one task stand together', async (t) => {
  const { hub, ada } = await twoPeople(t);
  const stamp = (minute) => `2026-01-01T10:${String(minute).padStart(2, '0')}:00.000000Z`;
  const note = (minute, kind, body, title) =>
    hub.sql(`INSERT INTO notifications (user_id, kind, project_id, task_id, actor, body, created_at) SELECT 'ada', '${kind}', project_id, id, 'bob', '${body}', '${stamp(minute)}' FROM tasks WHERE title = '${title}'`);
  for (let minute = 1; minute <= 4; minute += 1) note(minute, 'commented', `Comment ${minute}`, 'Start Rowcast');
  note(5, 'mentioned', 'Hello @ada', 'Drag a card to another column');
  await ada.page.getByRole('link', { name: /Notifications/ }).click();
  const titles = () => ada.page.locator('.note .task-title').allTextContents();
  await becomes(titles, ['Drag a card to another column', 'Start Rowcast']);
  const group = ada.page.locator('.note', { hasText: 'Start Rowcast' });
  await ada.sees(() => group.getByText('Bob commented Comment 4'), 'the newest, by name');
  assert.equal(await group.getByText('Comment 1').count(), 0);
  await ada.sees(() => group.getByText('and 1 more'), 'that there are more');
  await group.getByRole('button', { name: 'Mark as read', exact: true }).click();
  await becomes(() => ada.page.locator('.note.unread').count(), 1);
  fine(ada);
});

test('the whole board is printed, not only the cards in sight', { skip: IN_FIREFOX }, async (t) => {
  const { hub, ada } = await twoPeople(t);
  hub.sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 120) INSERT INTO tasks (project_id, title, status) SELECT (SELECT id FROM projects), 'Printed ' || i, 'doing' FROM n");
  await becomes(() => ada.column('doing').locator('.count').textContent(), '121');
  assert((await ada.page.locator('.card').count()) < 100, 'only what is in sight exists');
  await ada.page.evaluate(() => {
    const seen = () => {
      const cards = [...document.querySelectorAll('.column[data-status=doing] .card')];
      const clips = cards.filter((card) => [...ancestors(card)].some((box) => getComputedStyle(box).overflowY !== 'visible' && box !== document.documentElement));
      globalThis.printed = { cards: cards.length, clips: clips.length, columns: [...document.querySelectorAll('.column')].filter((column) => column.getBoundingClientRect().width > 0).length };
    };
    function* ancestors(node) {
      for (let box = node.parentElement; box !== null && box !== document.body; box = box.parentElement) yield box;
    }
    matchMedia('print').addEventListener('change', ({ matches }) => matches && seen());
    addEventListener('beforeprint', () => matchMedia('print').matches && seen());
  });
  await ada.page.pdf({ format: 'A4' });
  assert.deepEqual(await ada.page.evaluate(() => globalThis.printed), { cards: 121, clips: 0, columns: 3 });
  assert((await ada.page.locator('.card').count()) < 100, 'and afterwards as before');
  fine(ada);
});

test('at four times the size a card still fits, and nothing is wider than the window', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.page.setViewportSize({ width: 320, height: 256 });
  const fits = () =>
    ada.page.evaluate(() => {
      const cards = document.querySelector('.column[data-status=todo] .cards').getBoundingClientRect();
      return [...document.querySelectorAll('.column[data-status=todo] .card')].some((card) => {
        const { top, bottom } = card.getBoundingClientRect();
        return top >= cards.top && bottom <= Math.min(cards.bottom, innerHeight);
      });
    });
  await becomes(fits, true);
  assert.equal(await ada.page.evaluate(() => document.documentElement.scrollWidth), 320);
  fine(ada);
});

test('with forced colours each state still has a shape of its own', { skip: IN_FIREFOX }, async (t) => {
  const { ada } = await twoPeople(t);
  await ada.page.emulateMedia({ forcedColors: 'active' });
  const looks = await ada.page.locator('.column .dot').evaluateAll((dots) => dots.map((dot) => `${getComputedStyle(dot).backgroundColor} ${getComputedStyle(dot).backgroundImage}`));
  assert.equal(new Set(looks).size, 3, looks.join('\n'));
  const state = () => ada.page.locator('#status').evaluate((box) => `${getComputedStyle(box, '::before').backgroundColor} ${getComputedStyle(box, '::before').borderRadius}`);
  const live = await state();
  ada.network.cut();
  await ada.page.locator('#status[data-state=offline]').waitFor();
  assert.notEqual(await state(), live);
  fine(ada);
});

test('links and simple marks of a description are live while nobody writes it, and nothing else is', async (t) => {
  const { ada, bob } = await twoPeople(t);
  const text = 'See https://example.org/a?b=1. **Bold**, *italic* and `code`.\n\n- one\n- [two](mailto:a@example.org)\n\n[no](javascript:alert(1)) <img src=x onerror=alert(1)>';
  await ada.opens('Start Rowcast');
  const field = ada.panel.getByLabel('Description', { exact: true });
  await field.fill(text);
  await ada.panel.locator('.text-view').waitFor({ state: 'hidden' });
  await field.press('Escape');
  const view = ada.panel.locator('.text-view');
  await ada.sees(() => view, 'the text as it is read');
  const links = () => view.locator('a').evaluateAll((all) => all.map(({ href, rel }) => [href, rel.includes('noopener')]));
  assert.deepEqual(await links(), [['https://example.org/a?b=1', true], ['mailto:a@example.org', true]]);
  assert.deepEqual(await view.locator('strong, em, code, li').allTextContents(), ['Bold', 'italic', 'code', 'one', 'two']);
  assert.equal(await view.locator('img').count(), 0);
  await ada.sees(() => view.getByText('<img src=x onerror=alert(1)>'), 'what is no mark as it was written');
  await view.getByText('italic').click();
  await becomes(() => field.evaluate((area) => area === document.activeElement), true);
  assert.equal(await field.inputValue(), text);
  assert((await field.boundingBox()).height > 60, 'the whole text can be written');
  await bob.opens('Start Rowcast');
  await bob.sees(() => bob.panel.locator('.text-view a', { hasText: 'example.org' }), 'the link');
  await bob.comments('@Ada look at https://example.org/c now');
  await ada.sees(() => ada.panel.locator('.comment a[href="https://example.org/c"]'), 'the link in the comment');
  await ada.sees(() => ada.panel.locator('.comment .mention', { hasText: '@Ada' }), 'the mention');
  fine(ada, bob);
});

test('who wrote a comment can write it anew, and nobody else', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.opens('Start Rowcast');
  await bob.opens('Start Rowcast');
  await ada.comments('Hello @Bob, wrong');
  const [hers, his] = [ada, bob].map(({ panel }) => panel.locator('.comment'));
  await bob.sees(() => his.getByText('wrong'), 'the comment');
  assert.equal(await his.getByRole('button', { name: 'Edit' }).count(), 0);
  await hers.getByRole('button', { name: 'Edit' }).click();
  const field = hers.getByLabel('Edit the comment');
  assert.equal(await field.inputValue(), 'Hello @Bob, wrong');
  await field.fill('never mind');
  await field.press('Escape');
  await ada.sees(() => hers.getByText('wrong'), 'the comment as it was');
  assert.equal(await ada.panel.isVisible(), true);
  await hers.getByRole('button', { name: 'Edit' }).click();
  await field.fill('Hello @Bob, right');
  await field.press('Enter');
  for (const comment of [hers, his]) await becomes(() => comment.locator('p').textContent(), 'Hello @Bob, right');
  await bob.sees(() => his.locator('.mention', { hasText: '@Bob' }), 'the mention');
  await ada.hasSentAll();
  fine(ada, bob);
});
