/** The network between one browser and the hub: a TCP proxy that can be cut, restored and made deaf. */

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Network {
  #server;
  #pairs = new Set();
  #up = true;
  #deaf = false;
  /** Paths that were asked for over HTTP, in order. @type {string[]} */
  asked = [];

  /** Opens a way to the hub that is closed when the test ends. */
  static async to(t, hub) {
    const network = new Network();
    network.#server = createServer((near) => network.#join(near, hub.port));
    network.#server.listen(0, '127.0.0.1');
    await once(network.#server, 'listening');
    network.address = `http://127.0.0.1:${network.#server.address().port}`;
    t.after(() => network.#close());
    return network;
  }

  /** Breaks every connection and lets no new one through. */
  cut() {
    this.#up = false;
    for (const [near, far] of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** From now on nothing that the hub says arrives; what is said to it does. */
  deafen() {
    this.#deaf = true;
  }

  /** All is well again. Connections that lost something end: TCP would not go on after a hole either. */
  restore() {
    this.#up = true;
    this.#deaf = false;
    for (const pair of this.#pairs) if (pair.hasHole) this.#part(pair);
  }

  #join(near, port) {
    if (!this.#up) return void near.destroy();
    const far = connect(port, '127.0.0.1');
    const pair = Object.assign([near, far], { hasHole: false });
    this.#pairs.add(pair);
    near.on('data', (bytes) => {
      for (const [, path] of bytes.toString('latin1').matchAll(/^GET (\S+) HTTP\/1\.1\r$/gm)) this.asked.push(path);
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      if (this.#deaf) pair.hasHole = true;
      else near.write(bytes);
    });
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => this.#part(pair));
    }
  }

  #part(pair) {
    this.#pairs.delete(pair);
    for (const socket of pair) socket.destroy();
  }

  async #close() {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
