/** A tab of a real browser with a client in it. */

import { existsSync } from 'node:fs';
import { chromium, firefox } from 'playwright-core';

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

/** Whether the tests run in Firefox, which cannot be made to crash, to freeze, or to be short of room. */
export const IN_FIREFOX = process.env.ROWCAST_BROWSER === 'firefox';

/** A browser; `CHROMIUM_BIN` or `FIREFOX_BIN` names its program. */
export function aBrowser() {
  if (IN_FIREFOX) return firefox.launch({ executablePath: process.env.FIREFOX_BIN ?? '/usr/bin/firefox-esr', channel: 'moz-firefox' });
  const executablePath = process.env.CHROMIUM_BIN ?? PROGRAMS.find((path) => existsSync(path));
  return chromium.launch({ executablePath, args: FLAGS });
}

/** A tab dies: by a crash where the browser can be made to. @param {import('playwright-core').Page} page */
export async function die(page) {
  if (IN_FIREFOX) return page.close();
  const chrome = await page.context().newCDPSession(page);
  const crashed = page.waitForEvent('crash');
  chrome.send('Page.crash').catch(() => {});
  await crashed;
}

export class Tab {
  #site;
  #login;
  #name;

  /** @param {import('playwright-core').Page} page @param {import('./site.js').Site} site @param {any} login @param {string} name */
  constructor(page, site, login, name) {
    this.page = page;
    this.#site = site;
    this.#login = login;
    this.#name = name;
  }

  /**
   * Opens a tab and connects.
   *
   * @param {import('playwright-core').BrowserContext} context
   * @param {import('./site.js').Site} site
   * @param {{ token: string, user: { id: string }, project: string }} login
   * @param {string} name by which the site blocks it
   * @param {object} [options]
   */
  static async open(context, site, login, name, options) {
    const tab = new Tab(await context.newPage(), site, login, name);
    await tab.start(options);
    return tab;
  }

  /** Loads the page and connects. @param {{ init?: string, codec?: string }} [options] */
  async start({ init, codec } = {}) {
    if (init) await this.page.addInitScript(init);
    await this.page.goto(this.#site.url);
    await this.page.evaluate(start, { ...this.#login, tab: this.#name, codec });
  }

  /** Runs in the page, with `rc`, `project`, `tasks` and `eventually` at hand. @param {string} code @returns {Promise<any>} */
  does(code) {
    return this.page.evaluate(`(async () => { const { rc, project, tasks, eventually } = window.rowcast; ${code} })()`);
  }

  /** Waits in the page until something holds. @param {string} condition */
  sees(condition) {
    return this.does(`return eventually(() => ${condition}, ${JSON.stringify(condition)})`);
  }
}

/**
 * What runs in the page.
 *
 * @param {any} login
 */
async function start({ token, user, project: id, tab, codec }) {
  const path = '/client/index.js';
  const { connect } = await import(path);
  const options = codec ? { codec: (await import(`/client/${codec}.js`))[codec] } : {};
  const url = `${location.origin.replace('http', 'ws')}/socket?tab=${tab}`;
  const timing = { firstRetryMs: 20, maxRetryMs: 100, editRetryMs: 10, idleMs: 1_000, waitingMs: 300, pongMs: 300 };
  const rc = connect({ url, token, user: user.id, timing, ...options });
  const project = rc.channel(`project:${id}`);
  const tasks = project.table('tasks');
  const eventually = (/** @type {() => any} */ holds, /** @type {string} */ what) => {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`never came true: ${what}: ${JSON.stringify(rc.state)}`)), 15_000);
      const look = () => {
        if (!holds()) return void setTimeout(look, 10);
        clearTimeout(late);
        resolve(undefined);
      };
      look();
    });
  };
  Object.assign(window, { rowcast: { rc, project, tasks, eventually } });
}
