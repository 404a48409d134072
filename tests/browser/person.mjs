/** Somebody at a browser: what a person does with the page, and what they see. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chromium, firefox } from 'playwright-core';
import { Network } from './network.mjs';

/** How long something on the page may take to become true; a first retry alone takes up to 4 s. */
const PATIENCE_MS = 20_000;

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The installed browser's program. */
function browserProgram() {
  if (process.env.CHROMIUM_BIN) return process.env.CHROMIUM_BIN;
  for (const name of ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
    } catch {
      // Not under this name.
    }
  }
  throw new Error('there is no Chromium: install one, or name it in CHROMIUM_BIN');
}

/** Whether the tests run in Firefox, for what it can be made to do. */
export const IN_FIREFOX = process.env.ROWCAST_BROWSER === 'firefox';

/** A browser for the whole file; `CHROMIUM_BIN` or `FIREFOX_BIN` names its program. */
export async function aBrowser() {
  if (IN_FIREFOX) return firefox.launch({ executablePath: process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr', channel: 'moz-firefox', headless: true });
  return chromium.launch({ executablePath: browserProgram(), args: FLAGS, headless: true });
}

export class Person {
  /** Opens the page with a one-time link, over a network of one's own. */
  static async arrives(t, browser, hub, code, options) {
    const person = await Person.opens(t, browser, hub, `#code=${code}`, options);
    await person.isIn('live');
    return person;
  }

  /** The same person at another device, with the login of the first. */
  static async alsoArrives(t, browser, hub, person) {
    const login = await person.page.evaluate(() => sessionStorage.getItem('rowcast.session'));
    const fragment = new URL(person.page.url()).hash;
    const other = await Person.opens(t, browser, hub, '', { init: (kept) => location.protocol === 'http:' && sessionStorage.setItem('rowcast.session', kept), given: login });
    await other.page.goto(`${other.network.address}/${fragment}`);
    await other.isIn('live');
    return other;
  }

  /** Opens the page, in a browser profile of one's own; with null as the fragment, an empty page. */
  static async opens(t, browser, hub, fragment = '', { init, given, ...options } = {}) {
    const person = new Person();
    person.network = await Network.to(t, hub);
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    t.after(() => context.close());
    if (init) await context.addInitScript(init, given);
    person.page = await context.newPage();
    person.page.setDefaultTimeout(PATIENCE_MS);
    person.faults = [];
    person.page.on('pageerror', (error) => person.#complains(String(error)));
    person.page.on('console', (message) => message.type() === 'error' && person.#complains(message.text()));
    if (fragment !== null) await person.page.goto(`${person.network.address}/${fragment}`);
    return person;
  }

  /** A failed connection or a refused request is the tests' doing; other complaints of the browser are faults. */
  #complains(words) {
    const expected = /WebSocket connection|establish a connection|connection to .* was interrupted|ERR_|status of 4\d\d|fetching the script|service worker/i;
    if (!expected.test(words)) this.faults.push(words);
  }

  card(title) {
    return this.page.locator('.board .card').filter({ has: this.page.locator('.title', { hasText: exactly(title) }) });
  }

  /** The open task. */
  get panel() {
    return this.page.locator('.task');
  }

  column(status) {
    return this.page.locator(`.column[data-status=${status}]`);
  }

  /** Titles by column, as the page shows them. */
  board() {
    return this.page.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll('.column')].map((column) => [
          column.dataset.status,
          [...column.querySelectorAll('.title')].map((title) => title.textContent),
        ]),
      ),
    );
  }

  async titles() {
    return Object.values(await this.board()).flat();
  }

  /** People in the bar: id → devices. */
  people() {
    return this.page.evaluate(() =>
      Object.fromEntries([...document.querySelectorAll('#people li[data-user]')].map((item) => [item.dataset.user, Number(item.dataset.devices)])),
    );
  }

  /** Adds tasks at the foot of a column, one after the other. */
  async adds(...titles) {
    return this.addsTo('todo', ...titles);
  }

  async addsTo(status, ...titles) {
    const add = this.column(status).locator('.add');
    const input = add.locator('.add-input');
    if (!(await input.isVisible())) await add.locator('.add-open').click();
    for (const title of titles) {
      await input.fill(title);
      await input.press('Enter');
    }
    await input.press('Escape');
  }

  /** Opens a task's details. */
  async opens(title) {
    await this.card(title).click();
    await this.sees(() => this.panel.locator('.text-title'), `the details of ${title}`);
  }

  /** Closes them. */
  async closesTask() {
    await this.panel.getByRole('button', { name: 'Close the task' }).click();
    await this.panel.waitFor({ state: 'hidden' });
  }

  async renames(title, to) {
    await this.opens(title);
    const input = this.panel.locator('.text-title');
    await input.fill(to);
    await input.press('Enter');
    await this.closesTask();
  }

  /** Sets one of a task's choices, such as its status. */
  async sets(title, label, option) {
    await this.opens(title);
    await this.panel.getByLabel(label, { exact: true }).selectOption(option);
    await this.closesTask();
  }

  /** Deletes a task from its details. */
  async deletes(title) {
    await this.opens(title);
    await this.panel.getByRole('button', { name: 'Delete the task' }).click();
    await this.panel.waitFor({ state: 'hidden' });
  }

  /** Drags a card to a place, as a hand with a mouse does. */
  async drags(title, target, place = { x: 0.5, y: 0.5 }) {
    const from = await this.card(title).boundingBox();
    const to = await target.boundingBox();
    const { mouse } = this.page;
    await mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await mouse.down();
    await mouse.move(from.x + from.width / 2 + 8, from.y + from.height / 2 + 8, { steps: 2 });
    await mouse.move(to.x + to.width * place.x, to.y + to.height * place.y, { steps: 6 });
    await this.sees(() => this.page.locator('.drop-line'), 'where it would land');
    await mouse.up();
  }

  /** Drags a step of the open task by its grip to where another stands. */
  async dragsStep(title, where) {
    const step = (words) => this.panel.locator('.step').filter({ hasText: words });
    await step(title).hover();
    const [from, to] = [await step(title).locator('.grip').boundingBox(), await step(where).boundingBox()];
    const { mouse } = this.page;
    await mouse.move(from.x + from.width / 2, from.y + from.height / 2);
    await mouse.down();
    await mouse.move(from.x + from.width / 2, to.y + 4, { steps: 6 });
    await this.sees(() => this.panel.locator('.drop-line'), 'where it would land');
    await mouse.up();
  }

  /** Waits until a locator is visible. */
  async sees(locate, what) {
    await locate().first().waitFor({ timeout: PATIENCE_MS }).catch(() => assert.fail(`never seen: ${what}`));
  }

  seesTask(title) {
    return this.sees(() => this.card(title), `the task ${title}`);
  }

  seesNotice(words) {
    return this.sees(() => this.page.locator('#notices .notice', { hasText: words }), `the notice ${words}`);
  }

  /** Waits until the connection is in a state. */
  async isIn(state) {
    await this.sees(() => this.page.locator(`#status[data-state="${state}"]`), `the state ${state}`);
  }

  /** Waits until the page knows that there is no connection, whether it waits or tries again already. */
  async isCutOff() {
    const states = this.page.locator('#status[data-state="offline"], #status[data-state="connecting"]');
    await this.sees(() => states, 'that the connection is gone');
  }

  /** Waits until every change has arrived. */
  async hasSentAll() {
    await this.page.locator('#status[data-unsent="0"][data-state=live]').waitFor({ state: 'attached' });
  }

  async hasUnsent(count) {
    await this.page.locator(`#status[data-unsent="${count}"]`).waitFor({ state: 'attached' }).catch(() => assert.fail(`never had ${count} unsent changes`));
  }

  /** Writes a comment on the open task; resolved once it is on its way. */
  async comments(text) {
    const field = this.panel.getByLabel('New comment');
    await field.fill(text);
    await field.press('Enter');
    await becomes(() => field.inputValue(), '');
  }

  /** Whether the hub takes no changes at present; asked once all are either taken or refused. */
  async isWaiting() {
    const waiting = this.page.locator('#status', { hasText: 'not sent yet' });
    const taken = this.page.locator('#status[data-unsent="0"]');
    await this.sees(() => waiting.or(taken), 'that the changes were taken or wait');
    return (await waiting.count()) > 0;
  }

  /** Makes the connection come back now. It may have come back by itself by then. */
  async triesNow() {
    await this.page.getByRole('button', { name: 'Try now' }).click({ timeout: 2_000 }).catch(() => {});
  }
}

/** Waits until a question is answered as expected, asking again until then. */
export async function becomes(ask, expected) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    try {
      return assert.deepEqual(answer, typeof expected === 'function' ? await expected() : expected);
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 40));
  }
}

/** Waits until two people see the same board. */
export function agree(one, other) {
  return becomes(() => one.board(), () => other.board());
}

function exactly(text) {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}
