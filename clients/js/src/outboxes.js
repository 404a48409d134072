/**
 * The outboxes of all channels, also of those that nobody follows: edits that were written down before
 * a reload are sent whether or not anybody looks at their channel.
 *
 * @module
 */

import { Outbox } from './outbox.js';

/** @typedef {import('./keeper.js').EditRecord} EditRecord */

export class Outboxes {
  #client;
  /** @type {Map<string, Outbox>} */
  #outboxes = new Map();
  /** @type {import('./socket.js').Socket | null} */
  #socket = null;

  /** @param {import('./outbox.js').OutboxSide} client */
  constructor(client) {
    this.#client = client;
  }

  /** How many edits, in all channels, are not known to be durable. */
  get unsent() {
    let sum = 0;
    for (const outbox of this.#outboxes.values()) sum += outbox.unsent;
    return sum;
  }

  /** Why edits of some channel wait although the hub is there; null if none do. */
  get hindrance() {
    for (const { hindrance } of this.#outboxes.values()) if (hindrance !== null) return hindrance;
    return null;
  }

  /** @param {string} channel @returns {Outbox} */
  of(channel) {
    const known = this.#outboxes.get(channel);
    if (known) return known;
    const outbox = new Outbox(channel, this.#client);
    this.#outboxes.set(channel, outbox);
    if (this.#socket) outbox.attach(this.#socket);
    return outbox;
  }

  /** @param {import('./socket.js').Socket} socket a greeted one */
  attach(socket) {
    this.#socket = socket;
    for (const outbox of this.#outboxes.values()) outbox.attach(socket);
  }

  /** The connection was lost. */
  detach() {
    this.#socket = null;
    for (const outbox of this.#outboxes.values()) outbox.detach();
  }

  /**
   * Takes edits that were written down.
   *
   * @param {EditRecord[]} records
   * @param {boolean} elsewhere another tab sends them
   */
  restore(records, elsewhere) {
    const channels = grouped(records);
    for (const [channel, own] of channels) this.of(channel).restore(own, elsewhere);
  }

  /** Other tabs have nothing more to do for these edits. @param {ReadonlySet<string>} ids */
  goneElsewhere(ids) {
    for (const outbox of this.#outboxes.values()) outbox.goneElsewhere(ids);
  }

  /** @param {import('./errors.js').RowcastError} error */
  fail(error) {
    for (const outbox of this.#outboxes.values()) outbox.fail(error);
  }
}

/** @param {EditRecord[]} records @returns {Map<string, EditRecord[]>} */
function grouped(records) {
  /** @type {Map<string, EditRecord[]>} */
  const channels = new Map();
  for (const record of records) channels.set(record.channel, [...(channels.get(record.channel) ?? []), record]);
  return channels;
}
