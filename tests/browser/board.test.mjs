/**
 * The page in a real browser: two people, their networks, and a hub that can be killed.
 *
 * `ROWCAST_BIN` names the hub's program, `CHROMIUM_BIN` the browser, `ROWCAST_SCREENSHOTS` a folder for
 * pictures.
 */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Hub } from './hub.mjs';
import { Person, aBrowser, agree, becomes } from './person.mjs';
import { Postgres } from './postgres.mjs';

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
async function twoPeople(t, database) {
  const hub = await Hub.start(t, database);
  const [adaCode, bobCode] = hub.links;
  const ada = await Person.arrives(t, browser, hub, adaCode);
  const bob = await Person.arrives(t, browser, hub, bobCode);
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
  assert.equal(new URL(ada.page.url()).hash, '', 'the code is gone from the address bar');
  await picture(ada, 'board');
  await bob.page.close();
  await becomes(() => ada.people(), { ada: 1 });
  fine(ada);
});

test('what one person does, the other sees: add, rename, move, assign, comment, delete', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Buy milk');
  await bob.seesTask('Buy milk');
  await bob.renames('Buy milk', 'Buy oat milk');
  await ada.seesTask('Buy oat milk');
  await ada.presses('Buy oat milk', 'right');
  await becomes(async () => (await bob.board()).doing.includes('Buy oat milk'), true);
  await bob.presses('Buy oat milk', 'assign');
  await becomes(() => ada.card('Buy oat milk').locator('.assignee').textContent(), 'Bob');
  await bob.presses('Buy oat milk', 'talk');
  await bob.card('Buy oat milk').getByLabel('New comment').fill('On it');
  await bob.card('Buy oat milk').getByLabel('New comment').press('Enter');
  await becomes(() => ada.card('Buy oat milk').locator('.talk').textContent(), '1 comment');
  await ada.presses('Buy oat milk', 'talk');
  await becomes(() => ada.card('Buy oat milk').locator('.comments li').allTextContents(), ['Bob On it']);
  await ada.presses('Buy oat milk', 'delete');
  await becomes(async () => count(await bob.titles(), 'Buy oat milk'), 0);
  fine(ada, bob);
});

test('edits of different fields at the same time are both kept', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Both');
  await bob.seesTask('Both');
  await Promise.all([ada.renames('Both', 'Both of us'), bob.presses('Both', 'right')]);
  for (const person of [ada, bob]) await becomes(async () => (await person.board()).doing.includes('Both of us'), true);
  fine(ada, bob);
});

test('somebody who is typing is not disturbed by what others do to the card', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Moving target');
  await ada.adds('Bystander');
  await bob.seesTask('Bystander');
  await ada.card('Moving target').locator('.title').click();
  const input = ada.page.locator('.title-input:visible');
  await input.press('End');
  await ada.page.keyboard.type(', typed');
  await bob.presses('Moving target', 'right');
  await becomes(() => ada.page.locator('.column[data-status=doing] .title-input:visible').count(), 1);
  await bob.presses('Bystander', 'delete');
  await bob.presses('Moving target', 'up');
  await becomes(async () => count(await ada.titles(), 'Bystander'), 0);
  await ada.page.keyboard.type(' to the end');
  await ada.page.keyboard.press('Enter');
  await becomes(async () => (await bob.board()).doing.includes('Moving target, typed to the end'), true);
  fine(ada, bob);
});

test('edits of the same field at the same time end equal for both', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Round 0');
  await bob.seesTask('Round 0');
  let title = 'Round 0';
  for (let round = 1; round <= 5; round += 1) {
    const [hers, his] = [`Ada’s ${round}`, `Bob’s ${round}`];
    await Promise.all([ada.renames(title, hers), bob.renames(title, his)]);
    await Promise.all([ada.hasSentAll(), bob.hasSentAll()]);
    await agree(ada, bob);
    title = (await ada.titles()).find((other) => other === hers || other === his);
    assert.notEqual(title, undefined);
  }
  fine(ada, bob);
});

test('who is cut off goes on working, and afterwards nothing is lost or doubled', (t) => cutOffAndBack(t, null));

test('the same on PostgreSQL', (t) => {
  return postgres === null ? t.skip('PostgreSQL is not installed') : cutOffAndBack(t, postgres);
});

async function cutOffAndBack(t, database) {
  const { ada, bob } = await twoPeople(t, database);
  await ada.adds('Shared');
  await ada.adds('To go');
  await bob.seesTask('Shared');
  await bob.seesTask('To go');
  bob.network.cut();
  await bob.isCutOff();
  await bob.adds('From the tunnel');
  await bob.renames('Shared', 'Shared, by Bob');
  await bob.presses('To go', 'delete');
  await bob.hasUnsent(3);
  await picture(bob, 'offline');
  await ada.presses('Shared', 'right');
  await ada.adds('Meanwhile');
  bob.network.restore();
  // It may have come back by itself by then.
  await bob.page.getByRole('button', { name: 'Try now' }).click({ timeout: 2_000 }).catch(() => {});
  await bob.hasSentAll();
  await agree(ada, bob);
  const board = await ada.board();
  assert.equal(count(board.todo, 'From the tunnel'), 1);
  assert.equal(count(board.todo, 'Meanwhile'), 1);
  assert.equal(count(board.doing, 'Shared, by Bob'), 1);
  assert.equal(count(Object.values(board).flat(), 'To go'), 0);
  fine(ada, bob);
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

test('the hub is killed in the middle of edits, and each of them counts once', (t) => killedInTheMiddle(t, null));

test('also on PostgreSQL', (t) => {
  return postgres === null ? t.skip('PostgreSQL is not installed') : killedInTheMiddle(t, postgres);
});

async function killedInTheMiddle(t, database) {
  const { hub, ada, bob } = await twoPeople(t, database);
  const titles = Array.from({ length: 20 }, (_, n) => `Number ${n}`);
  const typing = (async () => {
    for (const title of titles) await ada.adds(title);
  })();
  await bob.seesTask('Number 5');
  await hub.kill();
  await typing;
  await hub.restart();
  await ada.hasSentAll();
  await bob.isIn('live');
  await agree(ada, bob);
  const seen = await bob.titles();
  assert.deepEqual(titles.filter((title) => count(seen, title) !== 1), []);
  fine(ada, bob);
}

test('hostile titles are text and nothing else', async (t) => {
  const { ada, bob } = await twoPeople(t);
  const hostile = [
    '<img src=x onerror="window.hacked=1">',
    '"><script>window.hacked=1</script>',
    "');window.hacked=1;//",
    '{{constructor.constructor("window.hacked=1")()}}',
    '&lt;b&gt; \u202Eevil\u202C \u0001 \uD83D\uDE00',
    'a'.repeat(1_900),
  ];
  for (const title of hostile) await ada.adds(title);
  await ada.hasSentAll();
  await becomes(async () => (await bob.titles()).filter((title) => hostile.includes(title)), hostile);
  await bob.presses(hostile[0], 'talk');
  await bob.card(hostile[0]).getByLabel('New comment').fill(hostile[1]);
  await bob.card(hostile[0]).getByLabel('New comment').press('Enter');
  await ada.presses(hostile[0], 'talk');
  await becomes(() => ada.card(hostile[0]).locator('.comments li').allTextContents(), [`Bob ${hostile[1]}`]);
  for (const { page } of [ada, bob]) {
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    assert.equal(await page.locator('.card img, .card script').count(), 0);
  }
  const wide = await bob.page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(wide, false, 'a long title does not stretch the page');
  await picture(bob, 'hostile');
  fine(ada, bob);
});

test('a change that the hub cannot take is undone, and the page says why', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Short');
  await bob.seesTask('Short');
  await ada.renames('Short', 'x'.repeat(65_500));
  await ada.seesNotice('too long');
  await ada.seesTask('Short');
  await ada.isIn('live');
  fine(ada, bob);
});

test('the order by hand is the same for both, and the keyboard is enough', async (t) => {
  const { ada, bob } = await twoPeople(t);
  for (const title of ['One', 'Two', 'Three']) await ada.adds(title);
  await bob.seesTask('Three');
  await ada.card('Three').locator('.up').focus();
  await ada.page.keyboard.press('Enter');
  await becomes(async () => (await ada.board()).todo.slice(-3), ['One', 'Three', 'Two']);
  await ada.page.keyboard.press('Enter');
  await becomes(async () => (await bob.board()).todo.slice(-3), ['Three', 'One', 'Two']);
  await bob.card('Two').locator('.title').focus();
  await bob.page.keyboard.press('Enter');
  await bob.page.keyboard.type('Two!');
  await bob.page.keyboard.press('Enter');
  await ada.seesTask('Two!');
  await ada.hasSentAll();
  await agree(ada, bob);
  fine(ada, bob);
});

test('a card can be dragged to another column', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Drag me');
  await ada.card('Drag me').dragTo(ada.page.locator('.column[data-status=done] h2'));
  await becomes(async () => (await bob.board()).done.includes('Drag me'), true);
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

test('a reload keeps the person signed in; a used link does not work twice', async (t) => {
  const { hub, ada } = await twoPeople(t);
  await ada.page.reload();
  await ada.isIn('live');
  await becomes(() => ada.people(), { ada: 1, bob: 1 });
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${hub.port}/#code=${hub.links[0]}`);
  await page.getByText('used already').waitFor();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  fine(ada);
});

test('a token that is no good is said so', async (t) => {
  const hub = await Hub.start(t);
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${hub.port}/`);
  await page.getByLabel('Token').fill('nonsense');
  await page.getByLabel('Project id').fill('0199f0a2-7c11-7e52-b8a4-1f6c1b0f9a01');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.locator('#status[data-state=closed]').waitFor();
  await page.getByText('Reload the page to sign in again').waitFor();
});

/** Keeps a picture of the page, light and dark, if a folder for it is named. */
async function picture({ page }, name) {
  const folder = process.env.ROWCAST_SCREENSHOTS;
  if (!folder) return;
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: `${folder}/${name}-${colorScheme}.png` });
  }
  await page.emulateMedia({ colorScheme: null });
}
