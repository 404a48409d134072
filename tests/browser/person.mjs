/** Somebody at a browser: what a person does with the page, and what they see. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chromium } from 'playwright-core';
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

/** A browser for the whole file. */
export async function aBrowser() {
  return chromium.launch({ executablePath: browserProgram(), args: FLAGS, headless: true });
}

export class Person {
  /** Opens the page with a one-time link, over a network of one's own. */
  static async arrives(t, browser, hub, code) {
    const person = await Person.#opens(t, browser, hub, `#code=${code}`);
    await person.sees(() => person.page.locator('#status[data-state=live]'), 'that the page is live');
    return person;
  }

  /** The same person at another device, with a token of their own. */
  static async alsoArrives(t, browser, hub, person) {
    const { token, project } = await person.login();
    const other = await Person.#opens(t, browser, hub, '');
    await other.page.getByLabel('Token').fill(token);
    await other.page.getByLabel('Project id').fill(project);
    await other.page.getByRole('button', { name: 'Sign in' }).click();
    await other.sees(() => other.page.locator('#status[data-state=live]'), 'that the page is live');
    return other;
  }

  static async #opens(t, browser, hub, fragment) {
    const person = new Person();
    person.network = await Network.to(t, hub);
    const context = await browser.newContext();
    t.after(() => context.close());
    person.page = await context.newPage();
    person.page.setDefaultTimeout(PATIENCE_MS);
    person.faults = [];
    person.page.on('pageerror', (error) => person.faults.push(String(error)));
    person.page.on('console', (message) => person.#console(message));
    await person.page.goto(`${person.network.address}/${fragment}`);
    return person;
  }

  /** A failed connection is the tests' doing; anything else that the browser complains of is a fault. */
  #console(message) {
    const expected = /WebSocket connection|ERR_CONNECTION|ERR_EMPTY_RESPONSE|status of 401/;
    if (message.type() === 'error' && !expected.test(message.text())) this.faults.push(message.text());
  }

  /** What the tab keeps. */
  login() {
    return this.page.evaluate(() => JSON.parse(sessionStorage.getItem('rowcast.login')));
  }

  card(title) {
    return this.page.locator('.card').filter({ has: this.page.locator('.title', { hasText: exactly(title) }) });
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

  /** People in the header: id → devices. */
  people() {
    return this.page.evaluate(() =>
      Object.fromEntries([...document.querySelectorAll('#people li')].map((item) => [item.dataset.user, Number(item.dataset.devices)])),
    );
  }

  async adds(title) {
    await this.page.getByLabel('New task').fill(title);
    await this.page.getByRole('button', { name: 'Add', exact: true }).click();
  }

  async renames(title, to) {
    await this.card(title).locator('.title').click();
    const input = this.page.locator('.title-input:visible');
    await input.fill(to);
    await input.press('Enter');
  }

  async presses(title, button) {
    await this.card(title).locator(`.${button}`).click();
  }

  /** Waits until a locator is visible. */
  async sees(locate, what) {
    await locate().first().waitFor({ timeout: PATIENCE_MS }).catch(() => assert.fail(`never seen: ${what}`));
  }

  seesTask(title) {
    return this.sees(() => this.card(title), `the task ${title}`);
  }

  seesNotice(words) {
    return this.sees(() => this.page.locator('#notices', { hasText: words }), `the notice ${words}`);
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
    await this.page.locator('#unsent[data-count="0"]').waitFor({ state: 'attached' });
    await this.isIn('live');
  }

  async hasUnsent(count) {
    await this.sees(() => this.page.locator(`#unsent[data-count="${count}"]`), `${count} unsent changes`);
  }
}

/** Waits until a question is answered as expected, asking again whenever the page has changed. */
export async function becomes(ask, expected) {
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    try {
      return assert.deepEqual(answer, typeof expected === 'function' ? await expected() : expected);
    } catch (error) {
      if (Date.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until two people see the same board. */
export function agree(one, other) {
  return becomes(() => one.board(), () => other.board());
}

function exactly(text) {
  return new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
}
