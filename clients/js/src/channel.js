/**
 * One channel that the client follows: its tables, edits, presence, states and signals. It survives
 * the loss of the connection: everything continues where it stood.
 *
 * @module
 */

import { Beside } from './beside.js';
import { isRetryable } from './codes.js';
import { Collection } from './collection.js';
import { Closed, ConnectionLost, HubError } from './errors.js';
import { Listeners } from './listeners.js';
import { Maker } from './maker.js';
import { Recall } from './recall.js';
import { Replica } from './replica.js';
import { sendable } from './sendable.js';
import { Subscription } from './subscription.js';
import { View } from './view.js';
import { Deferred } from './wait.js';

/** @typedef {import('./types.js').Subscribed} Subscribed */
/** @typedef {import('./types.js').ChannelNews} ChannelNews */
/** @typedef {import('./errors.js').RowcastError} RowcastError */
/** @typedef {import('./socket.js').Socket} Socket */

/**
 * @typedef {object} ChannelOptions
 * @property {'off' | 'watch' | 'join'} [presence] whether it sees who is here, and is seen
 * @property {import('./types.js').Value} [meta] what others see beside the person's name
 */

/**
 * - `waiting`: for the connection
 * - `catching-up`: something of the log is still to come
 * - `live`: the rows are what the hub has, but for what is under way
 * - `removed`: the hub ended the subscription; `error` says why
 * - `closed`: by `close`
 *
 * @typedef {'waiting' | 'catching-up' | 'live' | 'removed' | 'closed'} ChannelStatus
 */

/**
 * What a channel needs of the client.
 *
 * @typedef {object} ClientSide
 * @property {import('./schema.js').SchemaBook} schema
 * @property {import('./timing.js').Timing} timing
 * @property {() => number} random
 * @property {() => void} changed the channel's status or number of unsent edits changed
 * @property {() => void} tokenExpired
 * @property {import('./outboxes.js').Outboxes} outboxes
 * @property {import('./undo.js').History} history
 * @property {() => boolean} hearsFailures whether refused edits are told to somebody
 * @property {(refused: import('./outbox.js').FailedEdit) => void} failed
 * @property {import('./shelf.js').Shelf} shelf where rows survive a reload
 * @property {(channel: Channel) => void} closed
 * @property {import('./api.js').Api} api the hub's REST interface, in this person's name
 * @property {() => number} messageBytes the hub's limit for one message
 */

export class Channel {
  #client;
  #replica;
  #subscription;
  #outbox;
  #view;
  #maker;
  #beside;
  #recall;
  /** @type {Map<string, Collection>} */
  #collections = new Map();
  /** @type {Socket | null} */
  #socket = null;
  #head = 0;
  /** Whether the hub took the rows away and they are not back. */
  #dropped = false;
  /** @type {Deferred<void>} */
  #ready = new Deferred();
  /** @type {Listeners<[]>} */
  #listeners = new Listeners();
  /** @type {Listeners<[readonly import('./types.js').Entry[]]>} */
  #readers = new Listeners();

  /** @type {ChannelStatus} */
  status = 'waiting';
  /** Why the channel is removed or closed. @type {RowcastError | null} */
  error = null;
  /** What the person may do here, once known. @type {import('./types.js').Role | null} */
  role = null;

  /**
   * @param {string} name
   * @param {ChannelOptions} options
   * @param {ClientSide} client
   */
  constructor(name, options, client) {
    this.name = name;
    this.#client = client;
    this.#outbox = client.outboxes.of(name);
    this.#view = new View(client.schema, name, (table, changes) => this.#collections.get(table)?.changed(changes));
    const look = (/** @type {string} */ table) => this.table(table);
    this.#maker = new Maker({ channel: name, outbox: this.#outbox, view: this.#view, table: look, ...client });
    this.#replica = new Replica(client.schema, this.#maker.traced);
    const { presence, meta } = options;
    const request = { channel: name, presence, ...(meta === undefined ? {} : { meta: sendable('meta', meta) }) };
    this.#subscription = new Subscription(request, this.#replica, client, {
      held: (socket, reply) => this.#subscribed(socket, reply),
      refused: (error) => this.#end('removed', error),
    });
    this.#recall = new Recall(name, client.shelf, this.#replica);
    this.#beside = new Beside(name, presence, client.timing);
    /** Who is here. */
    this.presence = this.#beside.presence;
    /** The latest values of what is not stored. */
    this.state = this.#beside.state;
    /** Messages to whoever is here now. */
    this.signals = this.#beside.signals;
    this.#outbox.follow(() => this.#advance());
    this.#advance();
    void this.#remember();
  }

  /**
   * Resolved when rows are first shown, those from before a reload too; rejected if the hub refuses the
   * channel.
   */
  get ready() {
    return this.#ready.promise;
  }

  /** Where in the log the shown rows stand; null before the first. */
  get position() {
    const position = this.#replica.position;
    return position && { epoch: position.epoch, seq: position.seq };
  }

  /** How many edits are not known to be durable. */
  get unsent() {
    return this.#outbox.unsent;
  }

  /** Why edits wait although there is a connection; null if they do not. */
  get hindrance() {
    return this.#outbox.hindrance;
  }

  /**
   * A live table.
   *
   * @param {string} name
   * @returns {Collection} the same for the same name
   */
  table(name) {
    let collection = this.#collections.get(name);
    if (collection) return collection;
    const edit = this.edit.bind(this);
    const refuse = (/** @type {Error} */ error) => this.#maker.refuse(error);
    collection = new Collection(name, { schema: this.#client.schema, view: this.#view, edit, refuse });
    this.#collections.set(name, collection);
    return collection;
  }

  /**
   * Changes rows, all or none. The change shows at once, and is rolled back if the hub refuses it.
   *
   * @param {import('./types.js').Op[]} ops
   * @param {import('./edit.js').EditOptions} [options]
   * @returns {import('./edit.js').Edit} to be awaited: resolved when it is durable; rejected with
   *   `EditError` if it was refused
   */
  edit(ops, options = {}) {
    return this.#maker.edit(ops, options, this.error);
  }

  /**
   * Takes the newest edit of this channel back, and leaves alone what others have done since.
   *
   * @param {{ scope?: string }} [which]
   */
  undo(which) {
    return this.#client.history.undo({ ...which, channel: this.name });
  }

  /**
   * Does again what was taken back last.
   *
   * @param {{ scope?: string }} [which]
   */
  redo(which) {
    return this.#client.history.redo({ ...which, channel: this.name });
  }

  /** Whether there is something to take back. */
  get canUndo() {
    return this.#client.history.canUndo({ channel: this.name });
  }

  /** Whether there is something to do again. */
  get canRedo() {
    return this.#client.history.canRedo({ channel: this.name });
  }

  /**
   * The past of a row, newest first.
   *
   * @param {string} table
   * @param {import('./types.js').Key} key
   * @param {{ before?: number, limit?: number }} [options]
   * @returns {Promise<import('./types.js').HistoryPage>}
   */
  async history(table, key, options = {}) {
    if (this.#socket === null) throw new ConnectionLost('there is no connection');
    return this.#socket.request({ type: 'history', channel: this.name, table, key, ...options });
  }

  /**
   * Calls `listener` when the status, the role, the position or the edits under way may have changed.
   *
   * @param {() => void} listener
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /**
   * Calls `listener` with what the log says happened, who did it and when: what came since the kept rows
   * too, but not what a snapshot stands for. The rows are as they are afterwards.
   *
   * @param {(entries: readonly import('./types.js').Entry[]) => void} listener
   * @returns {() => void} stops it
   */
  onEntries(listener) {
    return this.#readers.add(listener);
  }

  /** Stops following. Edits that were made are sent all the same. */
  close() {
    if (this.status === 'closed') return;
    this.#recall.keep();
    this.#end('closed', new Closed('the channel was closed'));
    this.#outbox.unfollow();
    this.#client.closed(this);
  }

  /** For the client only: there is a greeted connection. @param {Socket} socket */
  attach(socket) {
    if (this.status === 'removed' || this.status === 'closed') return;
    this.#socket = socket;
    if (this.#recall.pending) this.#recall.hurry();
    else this.#subscription.attach(socket);
    this.#advance();
  }

  /** For the client only: the connection was lost. */
  detach() {
    this.#socket = null;
    this.#subscription.detach();
    this.#beside.detach();
    this.#advance();
  }

  /** For the client only: the tables are others now, and so are the rows. */
  tablesChanged() {
    this.#subscription.afresh();
    this.#advance();
  }

  /** For the client only: the rows are what somebody else saw. */
  forget() {
    this.#replica.clear();
    this.#advance();
  }

  /** For the client only: there will be no connection any more. @param {RowcastError} error */
  abandon(error) {
    if (this.status === 'closed') return;
    this.status = 'closed';
    this.error = error;
    this.#ready.reject(error);
    this.detach();
  }

  /** For the client only. @param {ChannelNews} news */
  news(news) {
    switch (news.type) {
      case 'entries':
        return this.#entries(news);
      case 'snapshot_begin':
        this.#replica.begin(news.epoch);
        return this.#advance();
      case 'snapshot':
        return this.#replica.page(news.table, news.rows);
      case 'snapshot_end':
        this.#replica.end(news);
        return this.#advance();
      case 'removed':
        return this.#removed(news);
      default:
        return this.#beside.news(news);
    }
  }

  /** Shows the rows that were there before a reload, and goes on from their place. */
  async #remember() {
    const found = await this.#recall.load(() => this.error === null);
    if (found === 'nothing' || found === 'unwanted') return;
    if (found === 'shown') this.#ready.resolve();
    if (this.#socket) this.#subscription.attach(this.#socket);
    this.#advance();
  }

  /** @param {import('./types.js').EntriesNews} news */
  #entries({ entries, cursor }) {
    const before = this.#replica.position?.seq ?? Infinity;
    this.#took(this.#replica.take(entries, cursor));
    const after = this.#replica.position?.seq ?? 0;
    const fresh = entries.filter(({ seq }) => seq > before && seq <= after);
    if (fresh.length > 0) this.#readers.call(fresh);
  }

  /** @param {import('./replica.js').Outcome} outcome */
  #took(outcome) {
    this.#advance();
    if (outcome === 'gap') this.#subscription.again();
    if (outcome === 'reset') this.#subscription.afresh();
  }

  /**
   * @param {Socket} socket
   * @param {Subscribed} reply
   */
  #subscribed(socket, reply) {
    this.#head = reply.head;
    this.role = reply.role;
    this.#beside.attach(socket);
    this.#advance();
  }

  /** @param {import('./types.js').RemovedNews} news */
  #removed({ code, message }) {
    const retry = isRetryable(code);
    if (!retry) return this.#end('removed', new HubError({ code, message, retry }));
    this.#replica.clear();
    this.#dropped = true;
    this.#subscription.later();
    this.#advance();
  }

  /**
   * The channel is over: its rows and edits go.
   *
   * @param {'removed' | 'closed'} status
   * @param {RowcastError} error
   */
  #end(status, error) {
    this.status = status;
    this.error = error;
    this.#subscription.close();
    this.detach();
    this.#replica.clear();
    this.presence.clear();
    if (status === 'removed') {
      this.#outbox.refuseAll(error);
      this.#recall.drop();
    }
    this.#ready.reject(error);
    this.#advance();
  }

  /** Brings what is seen up to what is known, in one step. */
  #advance() {
    const renewed = this.#replica.canShow && !this.#outbox.uncertain;
    if (renewed) {
      this.#replica.show();
      this.#dropped = false;
    }
    const { position, assembling } = this.#replica;
    this.#outbox.settle(position, this.#replica.takeNamed(), renewed, assembling);
    const shown = this.error === null && !this.#dropped ? this.#outbox.ops : [];
    this.#view.refresh(this.#replica.rows, this.#replica.takeTouched(), shown);
    if (renewed) this.#ready.resolve();
    this.#recall.follow();
    this.#updateStatus();
    this.#listeners.call();
    this.#client.changed();
  }

  #updateStatus() {
    if (this.status === 'removed' || this.status === 'closed') return;
    this.status = this.#socket === null ? 'waiting' : this.#isLive() ? 'live' : 'catching-up';
  }

  #isLive() {
    const { position, following } = this.#replica;
    return following && position !== null && position.seq >= this.#head;
  }
}
