/** Runs the hub's program on a fresh database, kills it and starts it again on the same one. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.mjs';

const PROGRAM = process.env.ROWCAST_BIN ?? fileURLToPath(new URL('../../target/debug/rowcast', import.meta.url));

/** How long the hub may take to start. */
const START_MS = 30_000;

export class Hub {
  #folder;
  #database;
  #process;
  #said = '';

  /**
   * Starts a hub on a database of its own: an SQLite file, which goes when the test ends, or a new one of
   * a PostgreSQL server. The file lies in a folder of its own within `place`.
   */
  static async start(t, postgres, place = tmpdir()) {
    const hub = new Hub();
    hub.#folder = await mkdtemp(join(place, 'rowcast-page-'));
    hub.#database = (await postgres?.database()) ?? `sqlite:${join(hub.#folder, 'rowcast.db')}`;
    hub.port = await freePort();
    t.after(() => hub.#end());
    hub.links = await hub.#run(2);
    return hub;
  }

  /** Ends the program as a power cut would. */
  async kill() {
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  /** Starts it again on the same database. */
  async restart() {
    await this.#run(0);
  }

  /** Writes the database as any other program would: SQLite only. */
  sql(statement) {
    execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(this.#folder, 'rowcast.db'), `PRAGMA foreign_keys=ON; ${statement}`]);
  }

  /** Runs another command of the program on the same database; what it says. */
  command(...words) {
    return execFileSync(PROGRAM, words, { cwd: this.#folder, env: this.#environment(), encoding: 'utf8' });
  }

  #environment() {
    return { ...cleanEnvironment(), DATABASE_URL: this.#database, ROWCAST_SERVER__LISTEN: `127.0.0.1:${this.port}` };
  }

  /** Starts the program; resolved with the links it printed once it answers. */
  async #run(links) {
    this.#process = spawn(PROGRAM, [], {
      cwd: this.#folder,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#process.stderr.on('data', (bytes) => (this.#said += bytes));
    const found = readLinks(this.#process.stdout, links);
    const failed = once(this.#process, 'exit').then(() => {
      throw new Error(`the hub ended at its start:\n${this.#said}`);
    });
    failed.catch(() => {});
    await Promise.race([this.#answers(), failed]);
    return Promise.race([found, failed]);
  }

  /** Resolved once the hub answers. */
  async #answers() {
    const until = Date.now() + START_MS;
    while (Date.now() < until) {
      const ready = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => null);
      if (ready?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`the hub did not answer within ${START_MS} ms:\n${this.#said}`);
  }

  async #end() {
    if (this.#process.exitCode === null && this.#process.signalCode === null) await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** The environment without settings of the hub and of these tests. */
function cleanEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ROWCAST_')));
}

/** The codes in the links that are printed. */
async function readLinks(stdout, count) {
  const codes = [];
  const lines = createInterface({ input: stdout });
  if (count === 0) return codes;
  for await (const line of lines) {
    const code = /#code=(\S+)/.exec(line)?.[1];
    if (code !== undefined) codes.push(code);
    if (codes.length === count) break;
  }
  stdout.resume();
  return codes;
}
