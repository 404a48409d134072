/**
 * The client: one connection to a hub and the channels followed over it.
 *
 * @module
 */

import { Channel } from './channel.js';
import { Connection } from './connection.js';
import { Closed, Misuse } from './errors.js';
import { Listeners } from './listeners.js';
import { watchNetwork } from './network.js';
import { SchemaBook } from './schema.js';
import { TIMING } from './timing.js';
import { Tokens } from './tokens.js';

/** @typedef {import('./types.js').ConnectionStatus} ConnectionStatus */
/** @typedef {import('./types.js').Person} Person */

/**
 * @typedef {object} ConnectOptions
 * @property {string} url of the hub's socket, such as `wss://hub.example/socket`
 * @property {import('./tokens.js').TokenSource} token the token, or a function that fetches one: it is
 *   asked at first, before a token expires, and when the hub refused one
 * @property {import('./types.js').SocketClass} [WebSocket] where the platform has none (Node before 22):
 *   the class of the package `ws`
 * @property {Partial<import('./timing.js').Timing>} [timing] other waits than the usual
 * @property {() => number} [random] for tests
 */

export class Client {
  #connection;
  #schema = new SchemaBook();
  #side;
  #unwatch;
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  /** @type {string[]} */
  #degraded = [];
  /** @type {Listeners<[ConnectionStatus]>} */
  #listeners = new Listeners();
  #told = '';

  /** Who this is, once known. @type {Person | null} */
  me = null;
  /** This connection's name in states and signals. @type {string | null} */
  session = null;

  /** @param {ConnectOptions} options */
  constructor(options) {
    const timing = { ...TIMING, ...options.timing };
    const random = options.random ?? Math.random;
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (WebSocket === undefined) throw new Misuse('this platform has no WebSocket: pass one as an option');
    this.#connection = new Connection({ url: options.url, WebSocket, timing, random }, new Tokens(options.token), {
      greeted: (socket, welcome) => this.#greeted(socket, welcome),
      lost: () => this.#lost(),
      news: (news) => this.#news(news),
      changed: () => this.#phaseChanged(),
      schemaHash: () => this.#schema.hash,
    });
    this.#side = {
      schema: this.#schema,
      timing,
      random,
      changed: () => this.#changed(),
      tokenExpired: () => this.#connection.renewToken(),
      closed: (/** @type {Channel} */ channel) => void this.#channels.delete(channel.name),
    };
    this.#unwatch = watchNetwork(() => this.#connection.networkChanged());
    this.#connection.start();
  }

  /** How the connection is. @returns {ConnectionStatus} */
  get status() {
    const { reason, retryInMs } = this.#connection;
    return { state: this.#state(), parts: [...this.#degraded], reason, retryInMs };
  }

  /** How many edits, in all channels, are not known to be durable. */
  get unsent() {
    return [...this.#channels.values()].reduce((sum, channel) => sum + channel.unsent, 0);
  }

  /**
   * Follows a channel.
   *
   * @param {string} name
   * @param {import('./channel.js').ChannelOptions} [options] count only the first time
   * @returns {Channel} the same for the same name, until it is closed
   */
  channel(name, options = {}) {
    const known = this.#channels.get(name);
    if (known) return known;
    if (this.#connection.phase === 'closed') throw new Closed();
    const channel = new Channel(name, options, this.#side);
    this.#channels.set(name, channel);
    if (this.#socket) channel.attach(this.#socket);
    return channel;
  }

  /**
   * Calls `listener` when the status or the number of unsent edits changed.
   *
   * @param {(status: ConnectionStatus) => void} listener
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /** Connects now instead of after the pause; if connected, looks whether the hub answers. */
  reconnect() {
    this.#connection.hurry();
  }

  /** Ends for good. Edits without an answer are rejected with `Closed`. */
  close() {
    this.#connection.close();
  }

  /**
   * @param {import('./socket.js').Socket} socket
   * @param {import('./types.js').Welcome} welcome
   */
  #greeted(socket, welcome) {
    this.#schema.learn(welcome.schema);
    this.me = welcome.user;
    this.session = welcome.session;
    this.#degraded = [];
    this.#socket = socket;
    for (const channel of this.#channels.values()) channel.attach(socket);
  }

  #lost() {
    this.#socket = null;
    for (const channel of this.#channels.values()) channel.detach();
  }

  /** @param {any} news */
  #news(news) {
    if (typeof news.channel === 'string') this.#channels.get(news.channel)?.news(news);
    else if (news.type === 'degraded') this.#degraded = news.parts;
    this.#changed();
  }

  #phaseChanged() {
    if (this.#connection.phase === 'closed') this.#closed();
    this.#changed();
  }

  #closed() {
    this.#unwatch();
    this.#socket = null;
    const error = this.#connection.reason ?? new Closed();
    for (const channel of this.#channels.values()) channel.abandon(error);
  }

  #state() {
    const { phase } = this.#connection;
    if (phase !== 'greeted') return phase;
    const behind = [...this.#channels.values()].some(({ status }) => status !== 'live' && status !== 'removed');
    if (behind) return 'catching-up';
    return this.#degraded.length > 0 ? 'degraded' : 'live';
  }

  /** Tells the listeners if they would see something else than before. */
  #changed() {
    const status = this.status;
    const seen = JSON.stringify([status.state, status.parts, status.reason?.code, status.retryInMs, this.unsent]);
    if (seen === this.#told) return;
    this.#told = seen;
    this.#listeners.call(status);
  }
}
