/**
 * Makes the pictures of the page in `docs/pictures`: `npm run pictures`. Two people work on a small
 * project, and the page is looked at wide and narrow, light and dark.
 */

import { fileURLToPath } from 'node:url';
import { Hub } from './hub.mjs';
import { Person, aBrowser } from './person.mjs';

const FOLDER = fileURLToPath(new URL('../../docs/pictures/', import.meta.url));
const WIDE = { width: 1280, height: 760 };
const NARROW = { width: 390, height: 780 };

const TASKS = {
  todo: ['Import recipes from the old app', 'Sketch the empty states for new people', 'Write the release notes for 1.0'],
  doing: ['Offline banner says how many changes wait', 'Measure cold start on a slow phone'],
  done: ['Choose the accent colour', 'Rename “boards” to “projects”'],
};

/** What a test offers to hub and people: things to do at the end. */
class Ending {
  #steps = [];

  after(step) {
    this.#steps.push(step);
  }

  async run() {
    for (const step of this.#steps.reverse()) await step();
  }
}

const ending = new Ending();
const browser = await aBrowser();
ending.after(() => browser.close());
try {
  await pictures();
} finally {
  await ending.run();
}

async function pictures() {
  const hub = await Hub.start(ending);
  const [ada, bob] = await Promise.all(hub.links.map((code) => Person.arrives(ending, browser, hub, code, { viewport: WIDE })));
  for (const [status, titles] of Object.entries(TASKS)) await ada.addsTo(status, ...titles);
  await describes(ada);
  await ada.seesTask(TASKS.done[1]);
  await ada.page.mouse.move(640, 750);
  await looksAt(bob, 'Offline banner says how many changes wait');
  await ada.sees(() => ada.page.locator('.touchers'), 'where Bob is');
  await inBothColours(ada, 'board');
  await bob.panel.getByLabel('Description', { exact: true }).blur();
  await inBothColours(bob, 'task');
  await ada.page.setViewportSize(NARROW);
  await ada.page.locator('.tab[data-status=doing]').click();
  await inBothColours(ada, 'narrow');
  await ada.page.setViewportSize(WIDE);
  await ada.page.goto(`${ada.network.address}/#/admin`);
  await ada.sees(() => ada.page.getByRole('region', { name: 'Nodes' }), 'the nodes');
  await picture(ada, 'statistics');
}

async function describes(ada) {
  await ada.opens('Offline banner says how many changes wait');
  const { panel } = ada;
  await panel.getByLabel('Priority', { exact: true }).selectOption('high');
  await panel.getByLabel('Assignee').selectOption('bob');
  await panel.getByLabel('Due').fill(inDays(1));
  await panel.getByLabel('Description', { exact: true }).fill('When the connection is gone, say so in words, and say how many changes wait here.\n\nNo red bars: nobody did anything wrong.');
  for (const text of ['client', 'words']) await enters(panel.getByLabel('Add label'), text);
  for (const text of ['Words for one and for many', 'Counts down to the next try', 'Works with a screen reader']) await enters(panel.getByLabel('Add a step', { exact: true }), text);
  await panel.getByLabel('Done: Words for one').check();
  await enters(panel.getByLabel('New comment'), 'Can you try it in a lift?');
  await ada.closesTask();
  await ada.opens('Write the release notes for 1.0');
  await panel.getByLabel('Due').fill(inDays(-1));
  await panel.getByLabel('Assignee').selectOption('ada');
  await enters(panel.getByLabel('Add label'), 'docs');
  await ada.closesTask();
  await ada.sets('Measure cold start on a slow phone', 'Priority', 'urgent');
  await ada.hasSentAll();
}

async function looksAt(bob, title) {
  await bob.opens(title);
  await bob.panel.getByLabel('Description', { exact: true }).click();
}

async function enters(field, text) {
  await field.fill(text);
  await field.press('Enter');
}

function inDays(days) {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

async function inBothColours(person, name) {
  for (const colorScheme of ['light', 'dark']) {
    await person.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await picture(person, `${name}-${colorScheme}`);
  }
  await person.page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
}

async function picture({ page }, name) {
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  await page.screenshot({ path: `${FOLDER}${name}.png` });
}
