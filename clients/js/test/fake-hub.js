/**
 * A hub for tests, in one process and without a database: it speaks the protocol as PROTOCOL.md has
 * it, keeps every log in memory, and misbehaves on demand. It shares no code with the client.
 */

import { EventEmitter, once } from 'node:events';
import { WebSocketServer } from 'ws';
import { readJson, readMsgpack, writeJson, writeMsgpack } from './exact-json.js';
import { FakeLog } from './fake-log.js';

/** @type {any[]} */
export const TABLES = [
  {
    name: 'tasks',
    channel: 'project:{project_id}',
    key: ['id'],
    order: 'position',
    insert: 'editor',
    update: 'editor',
    delete: 'editor',
    columns: [
      { name: 'id', type: 'uuid' },
      { name: 'project_id', type: 'text' },
      { name: 'title', type: 'text' },
      { name: 'status', type: 'text' },
      { name: 'votes', type: 'int' },
      { name: 'weight', type: 'float', nullable: true },
      { name: 'seen_at', type: 'timestamp', nullable: true },
      { name: 'due', type: 'date', nullable: true },
      { name: 'photo', type: 'bytes', nullable: true },
      { name: 'labels', type: 'json' },
      { name: 'position', type: 'text', nullable: true },
    ],
  },
  {
    name: 'comments',
    channel: 'project:{project_id}',
    key: ['id'],
    columns: [
      { name: 'id', type: 'uuid' },
      { name: 'project_id', type: 'text' },
      { name: 'task_id', type: 'uuid' },
      { name: 'body', type: 'text' },
    ],
  },
];

const LIMITS = {
  message_bytes: 65_536,
  depth: 16,
  ops: 500,
  subscriptions: 128,
  requests_per_second: 100,
  ping_seconds: 60,
};

export class FakeHub extends EventEmitter {
  /** @type {Map<string, FakeLog>} */
  logs = new Map();
  /** @type {Set<any>} */
  sessions = new Set();
  /** Every request received, in order. @type {any[]} */
  received = [];
  /** How many rows stand on one snapshot page. */
  pageRows = 2;
  /** Called between pages of a snapshot. @type {(page: number) => void} */
  betweenPages = () => {};
  /** Returns an error to refuse an edit before it is applied. @type {(edit: any) => any} */
  refuseEdit = () => undefined;
  /** Returns an error to refuse a greeting. @type {(hello: any) => any} */
  refuseHello = () => undefined;
  /** Returns an error to refuse a subscription. @type {(request: any) => any} */
  refuseSubscribe = () => undefined;
  /** May change, hold or drop (by returning undefined) what goes out. @type {(message: any, session: any) => any} */
  outgoing = (message) => message;
  /** How long tokens live; undefined: for ever. @type {number | undefined} */
  tokenMs;
  /** Whether acks come before the entries they name. */
  ackFirst = false;
  /** Messages longer than this go in parts. */
  partBytes = Infinity;
  /** The part to lose, once; 0: none. */
  losePart = 0;
  /** Whether requests are answered at all. */
  deaf = false;
  #nextSession = 1;
  /** @type {any} */
  #server;

  /** @param {number} [port] */
  async listen(port = 0) {
    this.#server = new WebSocketServer({ host: '127.0.0.1', port, handleProtocols: (offered) => [...offered][0] ?? false });
    this.#server.on('connection', (/** @type {any} */ socket) => this.#accept(socket));
    await once(this.#server, 'listening');
    return this;
  }

  get port() {
    return this.#server.address().port;
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/socket`;
  }

  async stop() {
    for (const session of this.sessions) session.socket.terminate();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    await closed;
  }

  /** Ends all sockets without a word. */
  cut() {
    for (const session of [...this.sessions]) session.socket.terminate();
  }

  /** @param {number} code */
  closeAll(code) {
    for (const session of [...this.sessions]) session.socket.close(code);
  }

  /** @param {any} message */
  tellAll(message) {
    for (const session of this.sessions) this.#send(session, message);
  }

  /** @param {string} channel */
  log(channel) {
    let log = this.logs.get(channel);
    if (!log) this.logs.set(channel, (log = new FakeLog(channel)));
    return log;
  }

  /**
   * Somebody else's transaction.
   *
   * @param {string} channel
   * @param {any[]} changes
   */
  outside(channel, changes) {
    this.#deliver(this.log(channel), this.log(channel).append({ changes }));
  }

  /**
   * @param {string} channel
   * @param {string[]} tables
   */
  reset(channel, tables) {
    this.#deliver(this.log(channel), this.log(channel).append({ reset: tables }));
  }

  /** Sends a fresh snapshot to all, unasked. @param {string} channel @param {string} reason */
  resnapshot(channel, reason) {
    for (const session of this.sessions) {
      if (session.channels.has(channel)) this.#snapshot(session, this.log(channel), reason);
    }
  }

  /** Waits until a request of a type arrives. @param {string} type @param {number} [count] in all */
  async request(type, count = 1) {
    while (this.received.filter((message) => message.type === type).length < count) await once(this, 'request');
    return this.received.filter((message) => message.type === type)[count - 1];
  }

  /** How many requests of a type came. @param {string} type */
  count(type) {
    return this.received.filter((message) => message.type === type).length;
  }

  /** @param {any} socket */
  #accept(socket) {
    const session = { socket, id: `s-${this.#nextSession++}`, user: '', channels: new Map(), states: [] };
    this.sessions.add(session);
    socket.on('message', (/** @type {Buffer} */ data) => this.#receive(session, isPacked(session) ? readMsgpack(data) : readJson(data.toString())));
    socket.on('error', () => {});
    socket.on('close', () => this.#leave(session));
  }

  /** @param {any} session */
  #leave(session) {
    this.sessions.delete(session);
    for (const [channel, presence] of session.channels) {
      if (presence === 'join') this.#presence(channel, session.user);
      const gone = session.states.filter((/** @type {any} */ state) => state.channel === channel);
      for (const { key } of gone) this.#broadcast(channel, { type: 'states', channel, states: [this.#state(session, key, null)] });
    }
    this.emit('left', session);
  }

  /** @param {any} session @param {any} message */
  #receive(session, message) {
    this.received.push(message);
    if (!this.deaf) this.#handle(session, message);
    this.emit('request', message);
  }

  /** @param {any} session @param {any} m */
  #handle(session, m) {
    const ref = m.ref;
    switch (m.type) {
      case 'hello':
        return this.#hello(session, m);
      case 'renew':
        return this.#send(session, { type: 'renewed', ref, expires: this.#expires() });
      case 'ping':
        return this.#send(session, { type: 'pong', ref, time: now() });
      case 'subscribe':
        return this.#subscribe(session, m);
      case 'unsubscribe':
        session.channels.delete(m.channel);
        return this.#send(session, { type: 'unsubscribed', ref, channel: m.channel });
      case 'edit':
        return this.#edit(session, m);
      case 'state':
        session.states = session.states.filter((/** @type {any} */ state) => state.key !== m.key).concat(m);
        return this.#broadcast(m.channel, { type: 'states', channel: m.channel, states: [this.#state(session, m.key, m.value)] });
      case 'signal':
        this.#broadcast(m.channel, { type: 'signals', channel: m.channel, signals: [{ session: session.id, user: session.user, name: m.name, body: m.body }] });
        return this.#send(session, { type: 'done', ref });
      default:
        return this.#send(session, { type: 'error', ref, code: 'unknown_type', message: m.type, retry: false });
    }
  }

  #expires() {
    return this.tokenMs === undefined ? undefined : new Date(Date.now() + this.tokenMs).toISOString();
  }

  /** @param {any} session @param {any} m */
  #hello(session, m) {
    const error = this.refuseHello(m);
    if (error) return this.#send(session, { type: 'error', ref: m.ref, retry: false, message: error.code, ...error });
    session.user = m.token.split('.')[0];
    const schema = m.schema === 'h1' ? { hash: 'h1' } : { hash: 'h1', tables: TABLES };
    const user = { id: session.user, name: session.user.toUpperCase() };
    this.#send(session, { type: 'welcome', ref: m.ref, session: session.id, user, expires: this.#expires(), time: now(), server: 'fake/0', schema, limits: LIMITS });
  }

  /** @param {any} session @param {any} m */
  #subscribe(session, m) {
    const error = this.refuseSubscribe(m);
    if (error) return this.#send(session, { type: 'error', ref: m.ref, retry: false, message: error.code, channel: m.channel, ...error });
    const log = this.log(m.channel);
    const { entries, reason } = log.after(m.cursor);
    session.channels.set(m.channel, m.presence ?? 'off');
    const start = entries ? 'resume' : 'snapshot';
    this.#send(session, { type: 'subscribed', ref: m.ref, channel: m.channel, start, reason, epoch: log.epoch, head: log.head, role: 'editor' });
    if (m.presence === 'join') this.#presence(m.channel, session.user);
    this.#allStates(session, m.channel);
    if (entries) this.#sendEntries(session, log, entries);
    else this.#snapshot(session, log, reason);
  }

  /** @param {any} session @param {string} key @param {any} value */
  #state(session, key, value) {
    return { session: session.id, user: session.user, key, value: value ?? null };
  }

  /** @param {any} session @param {string} channel */
  #allStates(session, channel) {
    const states = [...this.sessions].flatMap((other) =>
      other.states.filter((/** @type {any} */ m) => m.channel === channel).map((/** @type {any} */ m) => this.#state(other, m.key, m.value)),
    );
    if (states.length > 0) this.#send(session, { type: 'states', channel, full: true, states });
  }

  /** @param {any} session @param {FakeLog} log @param {any} reason */
  #snapshot(session, log, reason) {
    const channel = log.channel;
    const begin = { seq: log.head, cursor: log.cursor() };
    session.channels.set(channel, { held: [], mode: session.channels.get(channel) });
    this.#send(session, { type: 'snapshot_begin', channel, epoch: log.epoch, reason });
    let pages = 0;
    for (const table of TABLES) {
      for (let at = 0; ; at += this.pageRows) {
        const rows = log.page(table.name, at, this.pageRows);
        if (rows.length > 0) this.#send(session, { type: 'snapshot', channel, table: table.name, seq: log.head, rows });
        if (rows.length < this.pageRows) break;
        this.betweenPages(pages++);
      }
    }
    this.#send(session, { type: 'snapshot_end', channel, ...begin, show: log.head });
    session.channels.set(channel, session.channels.get(channel).mode);
    this.#sendEntries(session, log, log.entries.filter((/** @type {any} */ entry) => entry.seq > begin.seq));
  }

  /** @param {any} session @param {any} m */
  #edit(session, m) {
    const log = this.log(m.channel);
    const known = log.outcome(session.user, m.id);
    const error = known ? undefined : this.refuseEdit(m);
    const result = error ? { error } : log.edit(session.user, m);
    const reply = result.error
      ? { type: 'error', ref: m.ref, id: m.id, retry: false, message: result.error.code, ...result.error }
      : { type: 'ack', ref: m.ref, id: m.id, channel: m.channel, epoch: log.epoch, seq: result.seq, replayed: known !== undefined };
    if (this.ackFirst) this.#send(session, reply);
    if (result.entry && !known) this.#deliver(log, result.entry);
    if (!this.ackFirst) this.#send(session, reply);
  }

  /** @param {FakeLog} log @param {any} entry */
  #deliver(log, entry) {
    for (const session of this.sessions) {
      const subscription = session.channels.get(log.channel);
      if (subscription !== undefined && subscription.held === undefined) this.#sendEntries(session, log, [entry]);
    }
  }

  /** @param {any} session @param {FakeLog} log @param {any[]} entries */
  #sendEntries(session, log, entries) {
    if (entries.length === 0) return;
    const cursor = log.cursor(entries.at(-1).seq);
    this.#send(session, { type: 'entries', channel: log.channel, entries, cursor });
  }

  /** @param {string} channel @param {string} user who came or went */
  #presence(channel, user) {
    const joined = [...this.sessions].filter(({ channels }) => (channels.get(channel)?.mode ?? channels.get(channel)) === 'join');
    const devices = joined.filter((session) => session.user === user).length;
    const person = (/** @type {string} */ id) => ({ user: id, name: id.toUpperCase(), devices: joined.filter((session) => session.user === id).length });
    for (const session of this.sessions) {
      if (!session.channels.has(channel)) continue;
      if (session.user === user) this.#send(session, { type: 'presence', channel, full: true, here: [...new Set(joined.map((other) => other.user))].map(person) });
      else this.#send(session, devices > 0 ? { type: 'presence', channel, here: [person(user)] } : { type: 'presence', channel, left: [user] });
    }
  }

  /** @param {string} channel @param {any} message */
  #broadcast(channel, message) {
    for (const session of this.sessions) if (session.channels.has(channel)) this.#send(session, message);
  }

  /** @param {any} session @param {any} message */
  #send(session, message) {
    const changed = this.outgoing(message, session);
    if (changed === undefined || session.socket.readyState !== 1) return;
    if (isPacked(session)) return session.socket.send(writeMsgpack(changed));
    const text = writeJson(changed);
    if (text.length <= this.partBytes) return session.socket.send(text);
    const of = Math.ceil(text.length / this.partBytes);
    for (let part = 1; part <= of; part += 1) {
      const data = text.slice((part - 1) * this.partBytes, part * this.partBytes);
      if (part !== this.losePart) session.socket.send(JSON.stringify({ type: 'part', part, of, data }));
    }
    this.losePart = 0;
  }
}

/** @param {any} session */
const isPacked = ({ socket }) => socket.protocol === 'rowcast.v1.msgpack';

function now() {
  return new Date().toISOString();
}
