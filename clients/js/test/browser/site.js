/** A site for the tests: the client's files, an empty page, and the way to a hub, which can be closed for single tabs. */

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, request as forward } from 'node:http';
import { connect } from 'node:net';

const SOURCE = new URL('../../src/', import.meta.url);

export class Site {
  #hub;
  #server;
  /** @type {Set<string>} */
  #blocked = new Set();
  /** @type {Map<import('node:stream').Duplex, string>} */
  #open = new Map();

  /** @param {{ port: number }} hub */
  constructor(hub) {
    this.#hub = hub;
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on('upgrade', (request, near) => this.#join(request, near));
  }

  /** @param {import('node:test').TestContext} t @param {{ port: number }} hub */
  static async start(t, hub) {
    const site = new Site(hub);
    site.#server.listen(0, '127.0.0.1');
    await once(site.#server, 'listening');
    t.after(() => {
      for (const near of site.#open.keys()) near.destroy();
      site.#server.closeAllConnections();
      site.#server.close();
    });
    return site;
  }

  get url() {
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${port}`;
  }

  /** A tab loses its connection and gets none. @param {string} tab */
  block(tab) {
    this.#blocked.add(tab);
    for (const [near, name] of this.#open) if (name === tab) near.destroy();
  }

  /** @param {string} tab */
  unblock(tab) {
    this.#blocked.delete(tab);
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #serve(request, response) {
    const path = request.url ?? '/';
    if (path.startsWith('/api/')) return this.#pass(request, response);
    const file = /^\/client\/([a-z0-9]+\.js)$/.exec(path)?.[1];
    const type = file === undefined ? 'text/html' : 'text/javascript';
    const body = file === undefined ? '<!doctype html><title>Test</title>' : await readFile(new URL(file, SOURCE)).catch(() => null);
    response.writeHead(body === null ? 404 : 200, { 'content-type': `${type}; charset=utf-8` });
    response.end(body);
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  #pass(request, response) {
    const { method, url, headers } = request;
    const to = forward({ host: '127.0.0.1', port: this.#hub.port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    to.on('error', () => response.destroy());
    request.pipe(to);
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:stream').Duplex} near */
  #join(request, near) {
    const tab = new URL(request.url ?? '/', 'http://site').searchParams.get('tab') ?? '';
    near.on('error', () => {});
    if (this.#blocked.has(tab)) return void near.destroy();
    const far = connect(this.#hub.port, '127.0.0.1');
    this.#open.set(near, tab);
    const { rawHeaders } = request;
    const headers = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${rawHeaders[at + 1]}`] : []));
    far.write(`GET /socket HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`);
    near.pipe(far).pipe(near);
    far.on('error', () => near.destroy());
    far.on('close', () => near.destroy());
    near.on('close', () => {
      this.#open.delete(near);
      far.destroy();
    });
  }
}
