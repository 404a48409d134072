/** The network between one client and the hub: it can be cut, made deaf, and restored. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Network {
  #up = true;
  #deaf = false;
  /** @type {Set<{ near: import('node:net').Socket, far: import('node:net').Socket, hole: boolean }>} */
  #pairs = new Set();
  /** @type {import('node:net').Server} */
  #server;

  /** @param {number} port of the hub */
  constructor(port) {
    this.#server = createServer((near) => this.#join(near, port));
  }

  /**
   * A way to the hub that is closed when the test ends.
   *
   * @param {import('node:test').TestContext} t
   * @param {{ port: number }} hub
   */
  static async to(t, hub) {
    const network = new Network(hub.port);
    network.#server.listen(0, '127.0.0.1');
    await once(network.#server, 'listening');
    t.after(() => {
      network.cut();
      network.#server.close();
    });
    return network;
  }

  get #port() {
    return /** @type {import('node:net').AddressInfo} */ (this.#server.address()).port;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  get socket() {
    return `ws://127.0.0.1:${this.#port}/socket`;
  }

  /** Breaks every connection and lets no new one through. */
  cut() {
    this.#up = false;
    for (const pair of this.#pairs) this.#part(pair);
  }

  /** From now on nothing that the hub says arrives; what is said to it does. */
  deafen() {
    this.#deaf = true;
  }

  /** All is well again; connections that lost something end. */
  restore() {
    this.#up = true;
    this.#deaf = false;
    for (const pair of this.#pairs) if (pair.hole) this.#part(pair);
  }

  /** @param {import('node:net').Socket} near @param {number} port */
  #join(near, port) {
    if (!this.#up) return void near.destroy();
    const pair = { near, far: connect(port, '127.0.0.1'), hole: false };
    this.#pairs.add(pair);
    near.on('data', (bytes) => pair.far.write(bytes));
    pair.far.on('data', (bytes) => {
      if (this.#deaf) pair.hole = true;
      else near.write(bytes);
    });
    for (const socket of [near, pair.far]) {
      socket.on('error', () => {});
      socket.on('close', () => this.#part(pair));
    }
  }

  /** @param {{ near: import('node:net').Socket, far: import('node:net').Socket }} pair */
  #part(pair) {
    this.#pairs.delete(/** @type {any} */ (pair));
    pair.near.destroy();
    pair.far.destroy();
  }
}
