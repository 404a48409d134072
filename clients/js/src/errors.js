/**
 * Why something failed. Everything the client rejects with is a `RowcastError` whose `code` can be
 * matched on; the words are for people.
 *
 * @module
 */

import { wordsFor } from './words.js';

/** @typedef {import('./types.js').ErrorReply} ErrorReply */

/** Any failure of the client or the hub. */
export class RowcastError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.name = this.constructor.name;
    /** What kind of failure; a code of PROTOCOL.md, or one of this module's own. */
    this.code = code;
  }

  /** What happened and what to do, in words for people. */
  get words() {
    return wordsFor(this.code, this.message);
  }
}

/** The hub refused a request. Its `code` stands in PROTOCOL.md's closed table. */
export class HubError extends RowcastError {
  /** @param {Omit<ErrorReply, 'type'>} reply */
  constructor(reply) {
    super(reply.code, reply.message);
    /** Whether the same request may succeed later without being changed. */
    this.retry = reply.retry;
    /** When to try again, milliseconds. */
    this.retryAfterMs = reply.retry_after_ms;
    /** The member of the message that was wrong. */
    this.path = reply.path;
    /** The index of the operation that failed. */
    this.op = reply.op;
    this.table = reply.table;
    this.field = reply.field;
    this.constraint = reply.constraint;
    /** The row to blame. */
    this.key = reply.key;
    /** The row as it is, when a guard failed. */
    this.row = reply.row;
    this.limit = reply.limit;
    this.channel = reply.channel;
  }
}

/** An edit was refused and rolled back. */
export class EditError extends HubError {}

/** The connection was lost before the answer came; whether it was done is not known. */
export class ConnectionLost extends RowcastError {
  /** @param {string} [message] */
  constructor(message = 'the connection was lost') {
    super('connection_lost', message);
  }
}

/** The client was closed, by its owner or for good by the hub. */
export class Closed extends RowcastError {
  /**
   * @param {string} [message]
   * @param {string} [code]
   */
  constructor(message = 'the client was closed', code = 'closed') {
    super(code, message);
  }
}

/** The client was used in a way that cannot work; nothing was sent. */
export class Misuse extends RowcastError {
  /** @param {string} message */
  constructor(message) {
    super('misuse', message);
  }
}
