/**
 * Keeps one channel subscribed while there is a connection: from the place where the replica stands,
 * again after a gap, with pauses while the hub cannot.
 *
 * @module
 */

import { jitteredDelay } from './backoff.js';
import { ConnectionLost, HubError } from './errors.js';

/** @typedef {import('./types.js').Subscribed} Subscribed */
/** @typedef {import('./socket.js').Socket} Socket */

/**
 * @typedef {object} SubscriptionHooks
 * @property {(socket: Socket, reply: Subscribed) => void} held the subscription holds
 * @property {(error: HubError) => void} refused for good
 */

export class Subscription {
  #request;
  #replica;
  #client;
  #hooks;
  /** @type {Socket | null} */
  #socket = null;
  #failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;

  /**
   * @param {{ channel: string, presence?: string, meta?: unknown }} request what is always asked
   * @param {import('./replica.js').Replica} replica
   * @param {import('./channel.js').ClientSide} client
   * @param {SubscriptionHooks} hooks
   */
  constructor(request, replica, client, hooks) {
    this.#request = request;
    this.#replica = replica;
    this.#client = client;
    this.#hooks = hooks;
  }

  /** @param {Socket} socket */
  attach(socket) {
    this.#socket = socket;
    this.again();
  }

  detach() {
    this.#socket = null;
    clearTimeout(this.#retry);
    this.#replica.interrupt();
  }

  /** Ends the subscription at the hub too. */
  close() {
    this.#socket?.request({ type: 'unsubscribe', channel: this.#request.channel }).catch(() => {});
    this.detach();
  }

  /** Subscribes from where the replica stands. */
  again() {
    const socket = this.#socket;
    if (socket === null) return;
    clearTimeout(this.#retry);
    this.#replica.interrupt();
    const body = { type: 'subscribe', ...this.#request, cursor: this.#replica.cursor };
    try {
      socket.ask(body, (error, reply) => this.#answered(socket, error, reply));
    } catch (error) {
      // A lost connection is told by `detach`.
      if (error instanceof HubError) this.#hooks.refused(error);
    }
  }

  /** The same without a cursor, after a short random time: many clients do this at once. */
  afresh() {
    this.#againIn(this.#client.random() * this.#client.timing.resetSpreadMs);
  }

  /** The same with a pause, longer each time until it works. @param {number} [ms] as the hub said */
  later(ms) {
    const { timing, random } = this.#client;
    const delay = jitteredDelay(this.#failures, timing.firstRetryMs, timing.maxRetryMs, random);
    this.#failures += 1;
    this.#replica.interrupt();
    this.#againIn(ms ?? delay);
  }

  /** @param {number} ms */
  #againIn(ms) {
    clearTimeout(this.#retry);
    if (this.#socket !== null) this.#retry = setTimeout(() => this.again(), ms);
  }

  /**
   * @param {Socket} socket
   * @param {HubError | ConnectionLost | null} error
   * @param {Subscribed} reply
   */
  #answered(socket, error, reply) {
    if (socket !== this.#socket || error instanceof ConnectionLost) return;
    if (error) return this.#failed(error);
    this.#failures = 0;
    this.#replica.subscribed();
    this.#hooks.held(socket, reply);
  }

  /** @param {HubError} error */
  #failed(error) {
    if (error.code === 'bad_cursor' && this.#replica.cursor !== undefined) {
      this.#replica.forgetCursor();
      return this.again();
    }
    const expired = error.code === 'token_expired';
    if (expired) this.#client.tokenExpired();
    if (error.retry || expired) this.later(error.retryAfterMs);
    else this.#hooks.refused(error);
  }
}
