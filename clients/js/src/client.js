/**
 * The client: one connection to a hub and the channels followed over it.
 *
 * @module
 */

import { Api } from './api.js';
import { Channel } from './channel.js';
import { MESSAGE_BYTES } from './codec.js';
import { Connection } from './connection.js';
import { Closed, Misuse, RowcastError } from './errors.js';
import { Keeper } from './keeper.js';
import { Listeners } from './listeners.js';
import { pageMemory } from './memory.js';
import { watchNetwork } from './network.js';
import { Outboxes } from './outboxes.js';
import { SchemaBook } from './schema.js';
import { Shelf } from './shelf.js';
import { sameState } from './state.js';
import { indexedDbStorage } from './storage.js';
import { browserTabs, Tabs } from './tabs.js';
import { TIMING } from './timing.js';
import { Tokens } from './tokens.js';
import { History } from './undo.js';

/** @typedef {import('./types.js').ConnectionStatus} ConnectionStatus */
/** @typedef {import('./types.js').Person} Person */

/**
 * @typedef {object} ConnectOptions
 * @property {string} [url] of the hub's socket, such as `wss://hub.example/socket`; may be left out with
 *   a `session`
 * @property {import('./session.js').Session} [session] who is signed in: gives url, token and user; when
 *   they sign out, the client closes
 * @property {import('./tokens.js').TokenSource} [token] the token, or a function that fetches one: it is
 *   asked at first, before a token expires, and when the hub refused one
 * @property {string} [user] the id of the person, if it is known before the hub says so: then edits that
 *   survived a reload show before there is a connection
 * @property {import('./keeper.js').EditStorage | null} [storage] where edits survive a reload; null:
 *   nowhere. Left out: the browser's database where there is one
 * @property {import('./codec.js').Codec} [codec] `msgpack` of `rowcast/msgpack`; JSON if left out
 * @property {import('./types.js').SocketClass} [WebSocket] where the platform has none (Node before 22):
 *   the class of the package `ws`
 * @property {Partial<import('./timing.js').Timing>} [timing] other waits than the usual
 * @property {() => number} [random] for tests
 * @property {Tabs} [tabs] for tests
 */

/** @typedef {import('./state.js').ClientState} ClientState */

export class Client {
  #connection;
  #schema;
  #side;
  #unwatch;
  #unfollow;
  #keeper;
  #shelf;
  #outboxes;
  /** Whose edits these are. @type {string | null} */
  #person = null;
  /** @type {Listeners<[import('./outbox.js').FailedEdit]>} */
  #failures = new Listeners();
  /** @type {Readonly<ClientState> | null} */
  #state = null;
  /** @type {Map<string, Channel>} */
  #channels = new Map();
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;
  /** The one that is greeted; `#socket` once edits from before are taken up too. @type {import('./socket.js').Socket | null} */
  #greetedSocket = null;
  /** The hub's limit for one message. */
  #messageBytes = MESSAGE_BYTES;
  /** @type {string[]} */
  #degraded = [];
  /** @type {Listeners<[ConnectionStatus]>} */
  #listeners = new Listeners();
  /** @type {Readonly<ClientState> | null} */
  #told = null;

  /** What can be undone and redone, in all channels. */
  history = new History();
  /** Who this is, once known. @type {Person | null} */
  me = null;
  /** This connection's name in states and signals. @type {string | null} */
  session = null;

  /** @param {ConnectOptions} options */
  constructor(options) {
    const { url, token, user } = identity(options);
    const timing = { ...TIMING, ...options.timing };
    const random = options.random ?? Math.random;
    const WebSocket = options.WebSocket ?? globalThis.WebSocket;
    if (WebSocket === undefined) throw new Misuse('this platform has no WebSocket (Node has one since version 22): pass one as the option WebSocket');
    const { codec } = options;
    const hub = url.replace(/[?#].*/, '');
    const storage = storageOf(options);
    this.#schema = new SchemaBook(storage === null ? undefined : pageMemory(`rowcast schema ${hub}`));
    this.#connection = new Connection({ url, WebSocket, timing, random, codec }, new Tokens(token), {
      greeted: (socket, welcome) => this.#greeted(socket, welcome),
      lost: () => this.#lost(),
      news: (news) => this.#news(news),
      changed: () => this.#phaseChanged(),
      schemaHash: () => this.#schema.hash,
      typeOf: (table, column) => this.#schema.valueType(table, column),
    });
    this.#keeper = new Keeper(storage, options.tabs ?? browserTabs(), hub, {
      restore: (records, elsewhere) => this.#outboxes.restore(records, elsewhere),
      goneElsewhere: (ids) => this.#outboxes.goneElsewhere(ids),
      changed: () => this.#changed(),
    });
    this.#shelf = new Shelf(storage, hub);
    const common = {
      schema: this.#schema,
      timing,
      random,
      changed: () => this.#changed(),
      tokenExpired: () => this.#connection.renewToken(),
    };
    const failed = (/** @type {import('./outbox.js').FailedEdit} */ edit) => this.#failures.call(edit);
    this.#outboxes = new Outboxes({ ...common, keeper: this.#keeper, failed });
    this.#side = {
      ...common,
      failed,
      outboxes: this.#outboxes,
      history: this.history,
      api: new Api({ url, token }),
      messageBytes: () => this.#messageBytes,
      shelf: this.#shelf,
      hearsFailures: () => this.#failures.size > 0,
      closed: (/** @type {Channel} */ channel) => {
        this.#channels.delete(channel.name);
        this.#changed();
      },
    };
    if (user !== undefined) void this.#isPerson(user);
    this.#unfollow = options.session?.subscribe((now) => now?.id !== user && this.#signedOut());
    this.#unwatch = watchNetwork(() => this.#connection.networkChanged());
    this.#connection.start();
  }

  /** How the connection is. @returns {ConnectionStatus} */
  get status() {
    const { name, parts, reason, retryInMs } = this.state;
    return { state: name, parts: [...parts], reason, retryInMs };
  }

  /** How everything is. The same object until something changes. @returns {Readonly<ClientState>} */
  get state() {
    const state = this.#look();
    const known = this.#state;
    if (known === null || !sameState(known, state)) this.#state = Object.freeze(state);
    return /** @type {ClientState} */ (this.#state);
  }

  /** The id of the person, once known. @returns {string | null} */
  get user() {
    return this.#person;
  }

  /** How many edits, in all channels, are not known to be durable. */
  get unsent() {
    return this.#outboxes.unsent;
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

  /**
   * Calls `listener` for each edit that the hub refused, or that is too old to be sent: also those made
   * before a reload, whose promises nobody holds any more.
   *
   * @param {(edit: import('./outbox.js').FailedEdit) => void} listener
   * @returns {() => void} stops it
   */
  onFailed(listener) {
    return this.#failures.add(listener);
  }

  /** Connects now instead of after the pause; if connected, looks whether the hub answers. */
  reconnect() {
    this.#connection.hurry();
  }

  /**
   * Ends for good. Edits without an answer are rejected with `Closed`; those that are written down are
   * sent by another tab, or after the next start.
   */
  close() {
    this.#connection.close();
  }

  /**
   * Forgets the rows that are kept for a reload, of all channels: for when the person signs out. Edits
   * that wait stay, and are sent when they sign in again.
   *
   * @returns {Promise<void>}
   */
  forget() {
    return this.#shelf.forget();
  }

  #signedOut() {
    this.forget().catch(() => {});
    this.#connection.close(signedOut());
  }

  /**
   * @param {import('./socket.js').Socket} socket
   * @param {import('./types.js').Welcome} welcome
   */
  #greeted(socket, welcome) {
    this.#schema.learn(welcome.schema);
    this.me = welcome.user;
    this.session = welcome.session;
    this.#messageBytes = welcome.limits.message_bytes;
    this.#degraded = [];
    this.#greetedSocket = socket;
    const known = this.#isPerson(welcome.user.id);
    if (this.#keeper.isOpenFor(welcome.user.id) || !this.#keeper.mayHaveLeft(welcome.user.id)) this.#attach(socket);
    else void known.then(() => this.#attach(socket));
  }

  /**
   * Everything goes on over this connection, edits from before a reload too.
   *
   * @param {import('./socket.js').Socket} socket
   */
  #attach(socket) {
    if (socket !== this.#greetedSocket) return;
    this.#socket = socket;
    this.#outboxes.attach(socket);
    for (const channel of this.#channels.values()) channel.attach(socket);
    this.#changed();
  }

  /**
   * It is known who this is. What somebody else left under way stays theirs.
   *
   * @param {string} user
   */
  #isPerson(user) {
    if (this.#person !== null && this.#person !== user) {
      this.#outboxes.fail(new RowcastError('other_person', 'somebody else has signed in'));
      this.history.clear();
      for (const channel of this.#channels.values()) channel.forget();
    }
    this.#person = user;
    this.#shelf.open(user);
    return this.#keeper.open(user);
  }

  #lost() {
    this.#socket = this.#greetedSocket = null;
    this.#outboxes.detach();
    for (const channel of this.#channels.values()) channel.detach();
  }

  /** @param {any} news */
  #news(news) {
    if (typeof news.channel === 'string') this.#channels.get(news.channel)?.news(news);
    else if (news.type === 'degraded') this.#degraded = news.parts;
    else if (news.type === 'schema') this.#tablesChanged(news);
    this.#changed();
  }

  /** @param {import('./types.js').SchemaNews} news */
  #tablesChanged(news) {
    if (news.hash === this.#schema.hash) return;
    this.#schema.learn(news);
    for (const channel of this.#channels.values()) channel.tablesChanged();
  }

  #phaseChanged() {
    if (this.#connection.phase === 'closed') this.#closed();
    this.#changed();
  }

  #closed() {
    this.#unwatch();
    this.#unfollow?.();
    this.#socket = this.#greetedSocket = null;
    const error = this.#connection.reason ?? new Closed();
    this.#outboxes.fail(error);
    this.#keeper.close();
    this.#shelf.close();
    for (const channel of this.#channels.values()) channel.abandon(error);
  }

  /** @returns {ClientState} */
  #look() {
    const { retryInMs } = this.#connection;
    const reason = this.#connection.reason ?? this.#outboxes.hindrance;
    const { state: storage, error: storageError } = this.#keeper;
    const parts = [...this.#degraded];
    return { name: this.#name(), unsent: this.unsent, storage, storageError, parts, reason, retryInMs };
  }

  #name() {
    const { phase } = this.#connection;
    if (phase !== 'greeted') return phase;
    const behind = [...this.#channels.values()].some(({ status }) => status !== 'live' && status !== 'removed');
    if (behind || this.#socket === null) return 'catching-up';
    return this.#degraded.length > 0 ? 'degraded' : 'live';
  }

  /** Tells the listeners if they would see something else than before. */
  #changed() {
    const before = this.#told;
    this.#told = this.state;
    if (before !== this.#told) this.#listeners.call(this.status);
  }
}

const signedOut = () => new Closed('the person has signed out', 'no_token');

/** @param {ConnectOptions} options */
function identity({ url, token, user, session }) {
  const [at, source] = [url ?? session?.url, token ?? session?.token];
  if (at === undefined || source === undefined) throw new Misuse('`connect` needs `url` and `token`, or a `session`');
  return { url: at, token: source, user: user ?? session?.user?.id };
}

/**
 * @param {ConnectOptions} options
 * @returns {import('./keeper.js').EditStorage | null}
 */
function storageOf({ storage }) {
  if (storage !== undefined) return storage;
  const isPage = globalThis.document !== undefined && globalThis.indexedDB != null;
  return isPage ? indexedDbStorage() : null;
}
