/** What people wrote is not lost when what it belonged to goes, and what they look for can be reached. */

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

test('a text whose task was deleted meanwhile is told, and becomes a task of its own', async (t) => {
  const { ada, bob } = await twoPeople(t);
  await ada.adds('Soon deleted');
  await bob.seesTask('Soon deleted');
  ada.network.cut();
  await ada.isCutOff();
  await ada.opens('Soon deleted');
  await ada.panel.getByLabel('Description', { exact: true }).fill('Written on a mountain');
  await ada.closesTask();
  await bob.deletes('Soon deleted');
  await bob.hasSentAll();
  ada.network.restore();
  await ada.triesNow();
  const notice = ada.page.locator('#notices .notice', { hasText: 'Written on a mountain' });
  await notice.getByRole('button', { name: 'Keep it as a new task' }).click();
  await bob.opens('From a task that was deleted');
  await becomes(() => bob.panel.getByLabel('Description', { exact: true }).inputValue(), 'Written on a mountain');
  fine(ada, bob);
});

test('a comment that is being written anew survives a closed task, and its own deletion', async (t) => {
  const { hub, ada } = await twoPeople(t);
  await ada.opens('Start Rowcast');
  await ada.comments('First words');
  await ada.hasSentAll();
  const edit = ada.panel.locator('.comment').getByRole('button', { name: 'Edit' });
  const field = ada.panel.getByLabel('Edit the comment');
  await edit.click();
  await field.fill('Better words');
  await ada.closesTask();
  await ada.opens('Start Rowcast');
  await edit.click();
  assert.equal(await field.inputValue(), 'Better words');
  hub.sql("DELETE FROM comments WHERE body = 'First words'");
  await ada.seesNotice('The comment was deleted while you wrote it anew.');
  await becomes(() => ada.panel.getByLabel('New comment').inputValue(), 'Better words');
  fine(ada);
});

test('history goes back to the beginning, whatever lies between that nobody wants to read', async (t) => {
  const { hub, ada } = await twoPeople(t);
  await ada.adds('Long past');
  await ada.hasSentAll();
  for (let n = 0; n < 2; n += 1) hub.sql(Array.from({ length: 40 }, (_, i) => `UPDATE tasks SET metadata = '{"n":${n * 40 + i}}' WHERE title = 'Long past'`).join(';'));
  await ada.opens('Long past');
  await ada.panel.getByRole('heading', { name: 'History' }).click();
  await ada.sees(() => ada.panel.locator('.history').getByText('created it'), 'how it began');
  fine(ada);
});

test('a task opens from a link, and offline though none was opened before', async (t) => {
  const { ada } = await twoPeople(t);
  await ada.page.locator('html[data-kept]').waitFor({ state: 'attached' });
  const link = await ada.card('Start Rowcast').getAttribute('href');
  ada.network.cut();
  await ada.page.reload();
  await ada.opens('Start Rowcast');
  await ada.page.goto(`${ada.network.address}/${link}`);
  await ada.page.reload();
  await becomes(() => ada.panel.getByLabel('Title').inputValue(), 'Start Rowcast');
  fine(ada);
});

test('a member with a long name can still be given a role, or removed, on a phone', async (t) => {
  const { hub, ada } = await twoPeople(t);
  hub.sql(`UPDATE members SET name = '${'Maximiliana'.repeat(10)}' WHERE user_id = 'bob'`);
  await ada.page.setViewportSize({ width: 320, height: 640 });
  await ada.page.goto(ada.page.url().replace(/(#\/p\/[^/?]+).*/, '$1/people'));
  const row = ada.page.getByRole('list', { name: 'Members' }).getByRole('listitem').filter({ hasText: 'Maximiliana' });
  const reachable = () =>
    row.locator('select, button').evaluateAll((boxes) =>
      boxes.map((box) => {
        const { left, right } = box.getBoundingClientRect();
        return left >= 0 && right <= innerWidth;
      }),
    );
  await becomes(reachable, [true, true]);
  fine(ada);
});

test('paper is light, and shows whole titles without who is where', { skip: IN_FIREFOX }, async (t) => {
  const { ada, bob } = await twoPeople(t);
  const long = 'a long title '.repeat(14).trim();
  await ada.adds(long);
  await bob.opens(long);
  await ada.sees(() => ada.page.locator('.touchers'), 'where Bob is');
  await ada.page.evaluate(() => (document.documentElement.dataset.theme = 'dark'));
  await ada.page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  const seen = await ada.page.evaluate(() => {
    const title = [...document.querySelectorAll('.card .title')].find(({ textContent }) => textContent.startsWith('a long title'));
    return {
      scheme: getComputedStyle(document.documentElement).colorScheme,
      cut: title.scrollHeight > title.clientHeight + 1,
      marks: [...document.querySelectorAll('.touchers')].filter((mark) => mark.getClientRects().length > 0).length,
    };
  });
  assert.deepEqual(seen, { scheme: 'light', cut: false, marks: 0 });
  fine(ada, bob);
});
