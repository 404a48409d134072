/** The hub's program on a database of its own: killed, drained and started again as the tests want. */

import { execFile, spawn } from 'node:child_process';
import { createPrivateKey, sign } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROGRAM = process.env.ROWCAST_BIN ?? fileURLToPath(new URL('../../../../target/debug/rowcast', import.meta.url));

/** How long the hub may take to start. */
const START_MS = 30_000;

export class Hub {
  port = 0;
  /** Codes of the demo's people: an owner and an editor. @type {string[]} */
  codes = [];
  #folder = '';
  #settings;
  /** @type {any} */
  #process;
  #said = '';

  /** @param {Record<string, string>} settings as variables */
  constructor(settings) {
    this.#settings = settings;
  }

  /**
   * A hub that goes when the test ends.
   *
   * @param {import('node:test').TestContext} t
   * @param {Record<string, string>} [settings]
   */
  static async start(t, settings = {}) {
    const hub = new Hub(settings);
    hub.#folder = await mkdtemp(join(tmpdir(), 'rowcast-js-'));
    hub.port = await freePort();
    t.after(() => hub.#end());
    await hub.#run(2);
    return hub;
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  get socket() {
    return `ws://127.0.0.1:${this.port}/socket`;
  }

  /** Ends it as a power cut would. */
  async kill() {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  /** Asks it to stop; resolved when it has sent its clients away. */
  async drain() {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }

  /** Starts it again on the same database. */
  restart() {
    return this.#run(0);
  }

  /**
   * Signs a demo person in.
   *
   * @param {number} which
   * @returns {Promise<{ token: string, user: { id: string, name: string }, project: string }>}
   */
  async demo(which) {
    const body = JSON.stringify({ code: this.codes[which] });
    const response = await fetch(`${this.url}/api/v1/demo/session`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const login = await response.json();
    if (!response.ok) throw new Error(JSON.stringify(login));
    return { ...login, token: login.token ?? login.access_token };
  }

  /**
   * The same token with another life, signed with the hub's own key.
   *
   * @param {string} token
   * @param {number} seconds
   */
  async tokenFor(token, seconds) {
    const [head = '', claims = ''] = token.split('.');
    const folder = join(this.#folder, 'rowcast-keys');
    const [file] = (await readdir(folder)).filter((name) => name.endsWith('.pem')).sort().slice(-1);
    const key = createPrivateKey(await readFile(join(folder, String(file))));
    const known = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const now = Math.floor(Date.now() / 1000);
    const text = `${head}.${Buffer.from(JSON.stringify({ ...known, iat: now, exp: now + seconds })).toString('base64url')}`;
    return `${text}.${sign(null, Buffer.from(text), key).toString('base64url')}`;
  }

  /** What SQLite itself says beside the hub. @param {string} statement @returns {Promise<string>} */
  async sql(statement) {
    const { stdout } = await promisify(execFile)('sqlite3', ['-cmd', '.timeout 5000', join(this.#folder, 'rowcast.db'), statement]);
    return stdout.trim();
  }

  /** @param {number} links how many it prints at its first start */
  async #run(links) {
    const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ROWCAST_')));
    const own = { DATABASE_URL: `sqlite:${join(this.#folder, 'rowcast.db')}`, ROWCAST_SERVER__LISTEN: `127.0.0.1:${this.port}` };
    this.#process = spawn(PROGRAM, [], { cwd: this.#folder, env: { ...clean, ...own, ...this.#settings }, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stderr.on('data', (/** @type {Buffer} */ bytes) => (this.#said += bytes));
    const failed = once(this.#process, 'exit').then(() => {
      throw new Error(`the hub ended at its start:\n${this.#said}`);
    });
    failed.catch(() => {});
    const found = this.#readCodes(links);
    await Promise.race([this.#answers(), failed]);
    await Promise.race([found, failed]);
  }

  async #answers() {
    for (const until = Date.now() + START_MS; Date.now() < until; ) {
      const ready = await fetch(`${this.url}/readyz`).catch(() => null);
      if (ready?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the hub did not answer:\n${this.#said}`);
  }

  /** @param {number} count */
  async #readCodes(count) {
    const out = this.#process.stdout;
    if (count > 0) {
      for await (const line of createInterface({ input: out })) {
        const code = /#code=(\S+)/.exec(line)?.[1];
        if (code !== undefined) this.codes.push(code);
        if (this.codes.length === count) break;
      }
    }
    out.resume();
  }

  async #end() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nothing listens on. @returns {Promise<number>} */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}
