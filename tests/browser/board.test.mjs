/**
 * The page in a real browser: people at one board, their networks, and a hub that can be killed.
 *
 * `ROWCAST_BIN` names the hub's program, `CHROMIUM_BIN` the browser.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Disk } from './disk.mjs';
import { Hub } from './hub.mjs';
import { IN_FIREFOX, Person, aBrowser, agree, becomes } from './person.mjs';
import { Postgres } from './postgres.mjs';

/** Filling a field with very much text takes longer there than a test waits. */
const LONG_TEXTS = { skip: IN_FIREFOX };

let browser;
/** Null where PostgreSQL is not installed. */
let postgres = null;

before(async () => {
  browser = await aBrowser();
  postgres = await Postgres.start();
});

after(async () => {
  await browser?.close();
  await postgres?.stop();
});

/** Ada and Bob at the demo project of a new hub. */
async function twoPeople(t, database, place) {
  const hub = await Hub.start(t, database, place);
  const [ada, bob] = await Promise.all(hub.links.map((code) => Person.arrives(t, browser, hub, code)));
  await becomes(() => ada.board(), () => bob.board());
  return { hub, ada, bob };
}

function fine(...people) {
  for (const person of people) assert.deepEqual(person.faults, []);
}

function count(titles, title) {
  return titles.filter((other) => other === title).length;
}

test('two people see the same tasks and each other', async (t) => {
  const { ada, bob } = await twoPeople(t);
  assert((await ada.titles()).length > 0);
  await becomes(() => ada.people(), { ada: 1, bob: 1 });
  await becomes(() => bob.people(), { ada: 1, bob: 1 });
  assert(!ada.page.url().includes('code='), 'the code is gone from the address bar');
  await bob.page.close();
  await becomes(() => ada.people(), { ada: 1 });
  fine(ada);
});

test('what one person does, the other sees: add, rename, move, assign, label, date, comment, delete', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Buy milk');
  await bob.seesTask('Buy milk');
  await bob.renames('Buy milk', 'Buy oat milk');
  await ada.seesTask('Buy oat milk');
  await ada.sets('Buy oat milk', 'Status', 'doing');
  await becomes(async () => (await bob.board()).doing.includes('Buy oat milk'), true);
  await bob.sets('Buy oat milk', 'Assignee', 'bob');
  await ada.sees(() => ada.card('Buy oat milk').getByLabel('Assigned to Bob'), 'the assignee');
  await bob.opens('Buy oat milk');
  await bob.panel.getByLabel('Add label').fill('shop');
  await bob.panel.getByLabel('Add label').press('Enter');
  await bob.panel.getByLabel('Due').fill('2027-01-31');
  await bob.panel.getByLabel('New comment').fill('On it');
  await bob.panel.getByLabel('New comment').press('Enter');
  await bob.panel.getByLabel('Add a step', { exact: true }).fill('Find the shop');
  await bob.panel.getByLabel('Add a step', { exact: true }).press('Enter');
  await bob.panel.getByLabel('Done: Find the shop').check();
  const card = ada.card('Buy oat milk');
  for (const words of ['shop', 'Due 31 Jan 2027', '1 comment', '1 of 1 steps done']) await ada.sees(() => card.getByText(words), words);
  await ada.opens('Buy oat milk');
  await becomes(() => ada.panel.locator('.comment p').allTextContents(), ['On it']);
  await ada.closesTask();
  await ada.deletes('Buy oat milk');
  await becomes(async () => count(await bob.titles(), 'Buy oat milk'), 0);
  await ada.page.locator('.notice').getByRole('button', { name: 'Undo' }).click();
  await bob.seesTask('Buy oat milk');
  fine(ada, bob);
});

test('the steps of a task are put in order by hand, with a mouse and with keys, for everybody', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Bake');
  for (const person of [ada, bob]) await person.opens('Bake');
  for (const step of ['Oven', 'Dough', 'Flour']) {
    await ada.panel.getByLabel('Add a step', { exact: true }).fill(step);
    await ada.panel.getByLabel('Add a step', { exact: true }).press('Enter');
  }
  const order = (...wanted) => Promise.all([ada, bob].map((person) => becomes(() => person.panel.locator('.step-title').allTextContents(), wanted)));
  await order('Oven', 'Dough', 'Flour');
  await ada.dragsStep('Flour', 'Oven');
  await order('Flour', 'Oven', 'Dough');
  await bob.panel.getByRole('button', { name: 'Oven', exact: true }).focus();
  await bob.page.keyboard.press('Shift+ArrowDown');
  await order('Flour', 'Dough', 'Oven');
  await bob.page.keyboard.press('Shift+ArrowUp');
  await order('Flour', 'Oven', 'Dough');
  fine(ada, bob);
});

test('edits of different fields at the same time are both kept', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Both');
  await bob.seesTask('Both');
  await Promise.all([ada.renames('Both', 'Both of us'), bob.sets('Both', 'Status', 'doing')]);
  for (const person of [ada, bob]) await becomes(async () => (await person.board()).doing.includes('Both of us'), true);
  fine(ada, bob);
});

test('somebody who is typing is not disturbed by what others do to the task', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Moving target', 'Bystander');
  await bob.seesTask('Bystander');
  await ada.opens('Moving target');
  const title = ada.panel.locator('.text-title');
  await title.press('End');
  await ada.page.keyboard.type(', typed');
  await bob.sets('Moving target', 'Status', 'doing');
  await ada.sees(() => ada.panel.getByText(/^Doing/), 'that it moved');
  await bob.deletes('Bystander');
  await bob.sees(() => bob.card('Moving target').or(bob.card('Moving target, typed')).locator('.touchers').getByText('Ada'), 'that Ada is there');
  await becomes(async () => count(await ada.titles(), 'Bystander'), 0);
  await ada.page.keyboard.type(' to the end');
  await ada.page.keyboard.press('Enter');
  await becomes(async () => (await bob.board()).doing.includes('Moving target, typed to the end'), true);
  fine(ada, bob);
});

test('two people who write the same text both keep theirs until one decides', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Shared text');
  await bob.seesTask('Shared text');
  await ada.opens('Shared text');
  await bob.opens('Shared text');
  ada.network.cut();
  await ada.isCutOff();
  await ada.panel.getByLabel('Description', { exact: true }).fill('What Ada wrote');
  await ada.panel.getByLabel('Description', { exact: true }).blur();
  await bob.panel.getByLabel('Description', { exact: true }).fill('What Bob wrote');
  await bob.panel.getByLabel('Description', { exact: true }).blur();
  await bob.hasSentAll();
  ada.network.restore();
  await ada.triesNow();
  await ada.sees(() => ada.panel.locator('.conflict').getByText('What Bob wrote'), 'what Bob wrote');
  assert.equal(await ada.panel.getByLabel('Description', { exact: true }).inputValue(), 'What Ada wrote');
  await ada.panel.getByRole('button', { name: 'Keep mine' }).click();
  await becomes(() => bob.panel.getByLabel('Description', { exact: true }).inputValue(), 'What Ada wrote');
  fine(ada, bob);
});

test('what was typed and not sent is there again after a reload', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Draft here');
  await ada.opens('Draft here');
  await ada.panel.getByLabel('New comment').fill('half a thou');
  await ada.column('done').locator('.add-open').click();
  await ada.column('done').locator('.add-input').fill('Not added yet');
  await ada.page.reload();
  await ada.isIn('live');
  assert.equal(await ada.panel.getByLabel('New comment').inputValue(), 'half a thou');
  assert.equal(await ada.column('done').locator('.add-input').inputValue(), 'Not added yet');
  fine(ada, bob);
});

test('edits of the same field at the same time end equal for both', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Round');
  await bob.seesTask('Round');
  await ada.opens('Round');
  await bob.opens('Round');
  const [hers, his] = [ada, bob].map(({ panel }) => panel.getByLabel('Priority', { exact: true }));
  for (const [one, other] of [['low', 'high'], ['urgent', 'medium'], ['high', 'low']]) {
    await Promise.all([hers.selectOption(one), his.selectOption(other)]);
    await Promise.all([ada.hasSentAll(), bob.hasSentAll()]);
    await becomes(() => hers.inputValue(), () => his.inputValue());
    assert([one, other].includes(await his.inputValue()));
  }
  fine(ada, bob);
});

test('who is cut off goes on working, and afterwards nothing is lost or doubled', (t) => cutOffAndBack(t, null));

test('the same on PostgreSQL', (t) => {
  return postgres === null ? t.skip('PostgreSQL is not installed') : cutOffAndBack(t, postgres);
});

async function cutOffAndBack(t, database) {
  const { ada, bob } = await twoPeople(t, database);
  await ada.adds('Shared', 'To go');
  await bob.seesTask('Shared');
  await bob.seesTask('To go');
  bob.network.cut();
  await bob.isCutOff();
  await bob.adds('From the tunnel');
  await bob.renames('Shared', 'Shared, by Bob');
  await bob.deletes('To go');
  await bob.hasUnsent(3);
  await bob.sees(() => bob.page.locator('#status', { hasText: '3 changes not sent yet' }), 'how many changes wait');
  await ada.sets('Shared', 'Status', 'doing');
  await ada.adds('Meanwhile');
  bob.network.restore();
  await bob.triesNow();
  await bob.hasSentAll();
  await agree(ada, bob);
  const board = await ada.board();
  assert.equal(count(board.todo, 'From the tunnel'), 1);
  assert.equal(count(board.todo, 'Meanwhile'), 1);
  assert.equal(count(board.doing, 'Shared, by Bob'), 1);
  assert.equal(count(Object.values(board).flat(), 'To go'), 0);
  fine(ada, bob);
}

test('offline, a reload in between, and back: the board is there, work goes on, and what was changed arrives once', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('From before');
  await bob.seesTask('From before');
  await bob.page.locator('html[data-kept]').waitFor({ state: 'attached' });
  bob.network.cut();
  await bob.isCutOff();
  await bob.adds('Before the reload');
  await bob.hasUnsent(1);
  await bob.page.reload();
  for (const title of ['From before', 'Before the reload']) await bob.seesTask(title);
  await bob.hasUnsent(1);
  await bob.sets('From before', 'Status', 'doing');
  await bob.hasUnsent(2);
  bob.network.restore();
  await bob.triesNow();
  await bob.hasSentAll();
  await agree(ada, bob);
  assert.equal(count(await ada.titles(), 'Before the reload'), 1);
  assert.ok((await ada.board()).doing.includes('From before'));
  fine(ada, bob);
});

test('whoever signs out leaves no rows behind in the browser', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.adds('Private');
  await ada.hasSentAll();
  await ada.page.reload();
  await ada.seesTask('Private');
  assert.notEqual(await keptChannels(ada), 0);
  await ada.page.goto(`${ada.network.address}/#/account`);
  await ada.page.getByRole('button', { name: 'Sign out here' }).click();
  await ada.sees(() => ada.page.getByRole('heading', { name: 'Sign in' }), 'the sign-in');
  await becomes(() => keptChannels(ada), 0);
  fine(ada);
});

/** How many channels have rows in the browser's database. */
function keptChannels({ page }) {
  const counting = () =>
    new Promise((resolve, reject) => {
      const opening = indexedDB.open('rowcast');
      opening.onerror = () => reject(opening.error);
      opening.onsuccess = () => {
        const asked = opening.result.transaction('rows').objectStore('rows').count();
        asked.onsuccess = () => resolve(asked.result);
      };
    });
  return page.evaluate(counting);
}

test('an edit that arrived while its answer was lost is not made twice', async (t) => {
  const { ada, bob } = await twoPeople(t);
  bob.network.deafen();
  await bob.adds('Once');
  await ada.seesTask('Once');
  await bob.hasUnsent(1);
  bob.network.cut();
  bob.network.restore();
  await bob.hasSentAll();
  await agree(ada, bob);
  assert.equal(count(await ada.titles(), 'Once'), 1);
  fine(ada, bob);
});

test('a dead connection that nobody closed is found out while an edit waits', async (t) => {
  const { ada, bob } = await twoPeople(t);
  bob.network.deafen();
  await bob.adds('Patience');
  await bob.isCutOff();
  bob.network.restore();
  await bob.hasSentAll();
  await agree(ada, bob);
  assert.equal(count(await ada.titles(), 'Patience'), 1);
  fine(ada, bob);
});

test('the hub is killed and started again under the page', async (t) => {
  const { hub, ada, bob } = await twoPeople(t);
  await ada.adds('Before');
  await ada.hasSentAll();
  await bob.seesTask('Before');
  await hub.kill();
  await Promise.all([ada.isCutOff(), bob.isCutOff()]);
  await ada.adds('During');
  await bob.renames('Before', 'Before and after');
  await hub.restart();
  await Promise.all([ada.hasSentAll(), bob.hasSentAll()]);
  await agree(ada, bob);
  for (const title of ['During', 'Before and after']) assert.equal(count(await ada.titles(), title), 1);
  await becomes(() => ada.people(), { ada: 1, bob: 1 });
  fine(ada, bob);
});

test('a full disk is told in plain words, and what was written goes out when there is room', LONG_TEXTS, async (t) => {
  const disk = await Disk.ofMegabytes(t, 12);
  if (disk === null) return t.skip('only root may mount a small disk');
  const { ada, bob } = await twoPeople(t, null, disk.folder);
  disk.fill();
  await ada.opens('Start Rowcast');
  let written = 0;
  while (!(await ada.isWaiting())) {
    assert(written < 400, 'the disk is never full');
    await ada.comments(`${(written += 1)} ${'x'.repeat(50_000)}`);
  }
  await ada.sees(() => ada.page.locator('#status', { hasText: 'disk of the server is full' }), 'that the disk is full');
  await ada.comments('Written while the disk is full');
  disk.clear();
  await ada.hasSentAll();
  await bob.opens('Start Rowcast');
  await becomes(() => bob.panel.locator('.comment').count(), written + 1);
  fine(ada, bob);
});

test('the hub is killed in the middle of edits, and each of them counts once', (t) => killedInTheMiddle(t, null));

test('also on PostgreSQL', (t) => {
  return postgres === null ? t.skip('PostgreSQL is not installed') : killedInTheMiddle(t, postgres);
});

async function killedInTheMiddle(t, database) {
  const { hub, ada, bob } = await twoPeople(t, database);
  const titles = Array.from({ length: 12 }, (_, n) => `Number ${n}`);
  const typing = ada.adds(...titles);
  await bob.seesTask('Number 3');
  await hub.kill();
  await typing;
  await hub.restart();
  await ada.hasSentAll();
  await bob.isIn('live');
  for (const person of [ada, bob]) await person.page.setViewportSize({ width: 1280, height: 2_400 });
  await agree(ada, bob);
  const seen = await bob.titles();
  assert.deepEqual(titles.filter((title) => count(seen, title) !== 1), []);
  fine(ada, bob);
}

test('hostile text is text and nothing else', async (t) => {
  const { ada, bob } = await twoPeople(t);
  const hostile = [
    '<img src=x onerror="window.hacked=1">',
    '"><script>window.hacked=1</script>',
    "');window.hacked=1;//",
    '{{constructor.constructor("window.hacked=1")()}}',
    '&lt;b&gt; \u202Eevil\u202C \uD83D\uDE00',
    'a'.repeat(1_900),
  ];
  await ada.adds(...hostile);
  await ada.hasSentAll();
  const shown = hostile.map((title) => (title.length > 300 ? `${title.slice(0, 300)}…` : title));
  await becomes(async () => (await bob.titles()).filter((title) => shown.includes(title)), shown);
  await bob.opens(hostile[0]);
  await bob.panel.getByLabel('New comment').fill(`${hostile[1]} \u0001`);
  await bob.panel.getByLabel('New comment').press('Enter');
  await bob.panel.getByLabel('Add label').fill(hostile[0]);
  await bob.panel.getByLabel('Add label').press('Enter');
  await ada.opens(hostile[0]);
  await becomes(() => ada.panel.locator('.comment p').allTextContents(), [`${hostile[1]} \u2401`]);
  await ada.panel.locator('summary').click();
  await ada.sees(() => ada.panel.locator('.history').getByText('<img src=x'), 'the history');
  for (const { page } of [ada, bob]) {
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator('main img, main script').count(), 0);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'a long title does not stretch the page');
  }
  fine(ada, bob);
});

test('a change that the hub cannot take is undone, the page says why, and the text is not lost', LONG_TEXTS, async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.opens('Start Rowcast');
  await ada.panel.getByLabel('New comment').fill('x'.repeat(65_600));
  await ada.panel.getByLabel('New comment').press('Enter');
  await ada.seesNotice('too long');
  await becomes(async () => (await ada.panel.getByLabel('New comment').inputValue()).length, 65_600);
  await ada.isIn('live');
  fine(ada, bob);
});

test('order and columns by drag and drop are the same for everybody', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('One', 'Two', 'Three');
  await bob.seesTask('Three');
  await ada.drags('Three', ada.card('One'), { x: 0.5, y: 0.1 });
  await becomes(async () => (await bob.board()).todo.slice(-3), ['Three', 'One', 'Two']);
  await bob.drags('One', bob.column('done').locator('.card').first(), { x: 0.5, y: 0.9 });
  await becomes(async () => (await ada.board()).done, ['Start Rowcast', 'One']);
  await Promise.all([ada.drags('Two', ada.column('doing').locator('.card').first(), { x: 0.5, y: 0.1 }), bob.drags('Three', bob.column('doing').locator('.card').first(), { x: 0.5, y: 0.9 })]);
  await Promise.all([ada.hasSentAll(), bob.hasSentAll()]);
  await agree(ada, bob);
  assert.deepEqual((await ada.board()).doing, ['Two', 'Open this board in two browsers', 'Three']);
  assert(!ada.page.url().includes('/t/'), 'a drop is no click');
  fine(ada, bob);
});

test('a card can be dragged with a finger', { skip: IN_FIREFOX }, async (t) => {
  const hub = await Hub.start(t);
  const ada = await Person.arrives(t, browser, hub, hub.links[0], { hasTouch: true, viewport: { width: 1100, height: 700 } });
  const box = await ada.card('Change a row with plain SQL').boundingBox();
  const to = await ada.column('done').boundingBox();
  const finger = await ada.page.context().newCDPSession(ada.page);
  const touch = (type, x, y) => finger.send('Input.dispatchTouchEvent', { type, touchPoints: type === 'touchEnd' ? [] : [{ x, y }] });
  await touch('touchStart', box.x + 20, box.y + 20);
  await ada.sees(() => ada.page.locator('.ghost'), 'that the card is lifted');
  for (const part of [0.3, 0.7, 1]) await touch('touchMove', box.x + 20 + (to.x + 60 - box.x) * part, box.y + 20);
  await touch('touchEnd');
  await becomes(async () => (await ada.board()).done.includes('Change a row with plain SQL'), true);
  fine(ada);
});

test('the keyboard is enough', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.page.bringToFront();
  const { keyboard } = ada.page;
  const press = async (...keys) => {
    for (const key of keys) await keyboard.press(key);
  };
  await press('c');
  await keyboard.type('By hand');
  await press('Enter');
  await keyboard.type('Second');
  await press('Enter', 'Escape');
  await bob.seesTask('Second');
  await ada.card('By hand').focus();
  await press('Shift+ArrowDown');
  await becomes(async () => (await bob.board()).todo.slice(-2), ['Second', 'By hand']);
  await press('Shift+ArrowRight', '4', 'm');
  await becomes(async () => (await bob.board()).doing.includes('By hand'), true);
  await bob.sees(() => bob.card('By hand').getByText('Urgent'), 'the priority');
  await bob.sees(() => bob.card('By hand').getByLabel('Assigned to Ada'), 'the assignee');
  assert.equal(await ada.page.evaluate(() => document.activeElement?.querySelector('.title')?.textContent), 'By hand', 'the focus went along');
  await press('Control+z', 'Control+z');
  await bob.sees(() => bob.card('By hand').getByText('Medium'), 'that the priority was undone');
  await press('Control+Shift+z');
  await bob.sees(() => bob.card('By hand').getByText('Urgent'), 'that it was done again');
  await press('Enter');
  await ada.sees(() => ada.page.locator('.task:focus'), 'the details');
  await press('e', 'End');
  await keyboard.type('!');
  await press('Enter', 'Escape');
  await bob.seesTask('By hand!');
  await ada.panel.waitFor({ state: 'hidden' });
  await press('/');
  await keyboard.type('hand');
  await becomes(() => ada.titles(), ['By hand!']);
  await press('Escape', '?');
  await ada.sees(() => ada.page.getByRole('dialog', { name: 'Keys' }), 'the help');
  await press('Escape');
  fine(ada, bob);
});

test('search and filters show what fits, and a reload keeps them', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.page.getByLabel('Search tasks').fill('SWITCH network');
  await becomes(() => ada.titles(), ['Switch the network off, edit, switch it on']);
  await ada.page.waitForURL(/q=SWITCH/);
  await ada.page.reload();
  await becomes(() => ada.titles(), ['Switch the network off, edit, switch it on']);
  await ada.page.getByRole('button', { name: 'Clear' }).click();
  await ada.page.getByLabel('Filter by assignee').selectOption('ada');
  await becomes(async () => (await ada.titles()).length, 2);
  await ada.page.getByLabel('Filter by priority').selectOption('urgent');
  await becomes(() => ada.titles(), ['Start Rowcast']);
  fine(ada);
});

test('history tells who did what, and restores it', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await bob.sets('Change a row with plain SQL', 'Priority', 'urgent');
  await ada.sees(() => ada.card('Change a row with plain SQL').getByText('Urgent'), 'the priority');
  await ada.opens('Change a row with plain SQL');
  await ada.panel.locator('summary').click();
  const change = ada.panel.locator('.history li', { hasText: 'Bob set priority from Medium to Urgent' });
  await change.getByRole('button', { name: 'Restore' }).click();
  await bob.sees(() => bob.card('Change a row with plain SQL').getByText('Medium'), 'the old priority');
  fine(ada, bob);
});

test('a mention is noticed, and read on one device it is read on all', async (t) => {
  const { hub, ada, bob } = await twoPeople(t);
  const phone = await Person.alsoArrives(t, browser, hub, bob);
  const unread = (person) => person.page.locator('.side .badge').textContent();
  await becomes(() => unread(phone), '1');
  await ada.opens('Start Rowcast');
  await ada.panel.getByLabel('New comment').click();
  await ada.page.keyboard.type('Look, @Bo');
  await ada.page.keyboard.press('Enter');
  await ada.page.keyboard.press('Enter');
  await ada.sees(() => ada.panel.locator('.mention', { hasText: '@Bob' }), 'the mention');
  for (const device of [bob, phone]) await becomes(() => unread(device), '2');
  await bob.page.getByRole('link', { name: /Notifications/ }).click();
  await bob.page.getByRole('button', { name: 'Mark all as read' }).click();
  await phone.page.locator('.side .badge').waitFor({ state: 'hidden' });
  fine(ada, bob, phone);
});

test('somebody who is taken out of the project while looking at it is told, with a way on', async (t) => {
  const { hub, ada, bob } = await twoPeople(t);
  await bob.opens('Start Rowcast');
  hub.sql("DELETE FROM members WHERE user_id = 'bob'");
  await bob.sees(() => bob.page.getByText('is closed to you'), 'that the project is closed');
  await bob.page.getByRole('link', { name: 'Go to your projects' }).click();
  await becomes(() => ada.people(), { ada: 1 });
  await bob.sees(() => bob.page.getByRole('heading', { name: 'Projects' }), 'the projects');
  fine(ada, bob);
});

test('a viewer looks and changes nothing', async (t) => {
  const { hub, ada, bob } = await twoPeople(t);
  hub.sql("UPDATE members SET role = 'viewer' WHERE user_id = 'bob'");
  await bob.column('todo').locator('.add').waitFor({ state: 'hidden' });
  await bob.opens('Start Rowcast');
  assert.equal(await bob.panel.locator('.text-title').evaluate((area) => area.readOnly), true);
  assert.equal(await bob.panel.getByLabel('Status').isDisabled(), true);
  fine(ada, bob);
});

test('one person with two devices is here once, and both devices agree', async (t) => {
  const { hub, ada, bob } = await twoPeople(t);
  const phone = await Person.alsoArrives(t, browser, hub, ada);
  await becomes(() => bob.people(), { ada: 2, bob: 1 });
  await phone.adds('From the phone');
  await ada.seesTask('From the phone');
  await phone.page.close();
  await becomes(() => bob.people(), { ada: 1, bob: 1 });
  fine(ada, bob, phone);
});

test('a reload keeps the person signed in and the task open; a used link does not work twice', async (t) => {
  const { hub, ada } = await twoPeople(t);
  await ada.opens('Start Rowcast');
  await ada.page.reload();
  await ada.isIn('live');
  await ada.sees(() => ada.panel.locator('.text-title'), 'the task');
  await ada.page.goBack();
  await ada.panel.waitFor({ state: 'hidden' });
  const late = await Person.opens(t, browser, hub, `#code=${hub.links[0]}`);
  await late.seesNotice('used already');
  await late.sees(() => late.page.getByRole('button', { name: 'Sign in' }), 'the way to sign in');
  await ada.page.goto(new URL(`/#code=${hub.links[0]}`, ada.page.url()).href);
  await ada.seesNotice('used already');
  await ada.isIn('live');
  fine(ada);
});
