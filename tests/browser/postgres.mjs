/** A throwaway PostgreSQL server for these tests, if one is installed. It never runs as root. */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.mjs';

const FOLDER = '/usr/lib/postgresql';
const OLDEST = 15;

/** Where the newest server's programs are; undefined if there are none. */
function programs() {
  if (!existsSync(FOLDER)) return undefined;
  const versions = readdirSync(FOLDER).map(Number).filter((version) => version >= OLDEST);
  const folders = versions.sort((a, b) => b - a).map((version) => join(FOLDER, String(version), 'bin'));
  return folders.find((folder) => existsSync(join(folder, 'initdb')));
}

export class Postgres {
  #bin;
  #folder;
  #port;
  #server;
  #databases = 0;

  /** Starts a server; null if none is installed. */
  static async start() {
    const bin = programs();
    if (bin === undefined) return null;
    const postgres = new Postgres();
    postgres.#bin = bin;
    await postgres.#run();
    return postgres;
  }

  /** Makes an empty database and returns its address. */
  async database() {
    const name = `page_${(this.#databases += 1)}`;
    const server = ['-h', '127.0.0.1', '-p', String(this.#port), '-U', 'postgres'];
    execFileSync(join(this.#bin, 'createdb'), [...server, name]);
    return `postgres://postgres@127.0.0.1:${this.#port}/${name}`;
  }

  async stop() {
    const ended = once(this.#server, 'exit');
    this.#server.kill('SIGQUIT');
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run() {
    this.#folder = await mkdtemp(join(tmpdir(), 'rowcast-page-postgres-'));
    this.#port = await freePort();
    const user = await this.#owner();
    const data = join(this.#folder, 'data');
    const made = ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C.UTF-8', '-N'];
    execFileSync(join(this.#bin, 'initdb'), made, { ...user, cwd: '/', stdio: 'ignore' });
    const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=200'];
    const where = ['-D', data, '-k', this.#folder, '-p', String(this.#port)];
    this.#server = spawn(join(this.#bin, 'postgres'), [...where, ...settings], { ...user, cwd: '/', stdio: 'ignore' });
    await this.#answers();
  }

  /** Root may not run the server: the user `postgres` does then, and owns the folder. */
  async #owner() {
    if (userInfo().uid !== 0) return {};
    const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
    const user = { uid: id('-u'), gid: id('-g') };
    await chown(this.#folder, user.uid, user.gid);
    await chmod(this.#folder, 0o700);
    return user;
  }

  /** Resolved once the server takes connections. */
  async #answers() {
    const until = Date.now() + 30_000;
    while (Date.now() < until) {
      try {
        execFileSync(join(this.#bin, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(this.#port)]);
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error('PostgreSQL does not start');
  }
}
