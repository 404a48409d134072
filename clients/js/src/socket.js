/**
 * One WebSocket from its opening to its end: the greeting, requests matched to their replies, news
 * handed on, and the end told exactly once. It never reconnects.
 *
 * @module
 */

import { checkSize, json, MESSAGE_BYTES } from './codec.js';
import { closeWords } from './codes.js';
import { ConnectionLost, HubError } from './errors.js';
import { Liveness } from './liveness.js';
import { PartCollector } from './parts.js';
import { Deferred } from './wait.js';

/** @typedef {import('./types.js').Reply} Reply */
/** @typedef {{ code: number, error: ConnectionLost }} SocketEnd */
/** @typedef {(error: HubError | ConnectionLost | null, reply: any) => void} Answer */

/** How many bytes may wait in the socket before states are held back. */
const CROWDED_BYTES = 64 * 1024;

export class Socket {
  #raw;
  #codec;
  #onNews;
  #onEnd;
  #requestMs;
  #liveness;
  #open = false;
  #ended = false;
  #nextRef = 1;
  /** Whether the hub refused a message that it did not understand. */
  refusedAny = false;
  #parts;
  #messageBytes = MESSAGE_BYTES;
  /** @type {import('./codec.js').Known} */
  #known;
  /** Requests without an answer, the oldest first. @type {Map<number, { answer: Answer, askedAt: number, table?: string }>} */
  #waiting = new Map();
  /** @type {Deferred<void>} */
  #opened = new Deferred();

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {import('./types.js').SocketClass} options.WebSocket
   * @param {import('./timing.js').Timing} options.timing
   * @param {import('./codec.js').Codec} [options.codec]
   * @param {import('./codec.js').Known['typeOf']} options.typeOf
   * @param {(news: any) => void} options.onNews
   * @param {(end: SocketEnd) => void} options.onEnd
   */
  constructor({ url, WebSocket, timing, codec = json, typeOf, onNews, onEnd }) {
    this.#codec = codec;
    this.#known = { typeOf, tableOf: (ref) => this.#waiting.get(ref)?.table };
    this.#parts = new PartCollector(codec.join);
    this.#onNews = onNews;
    this.#onEnd = onEnd;
    this.#requestMs = timing.requestMs;
    /** @type {import('./types.js').SocketLike} */
    const raw = new WebSocket(url, [codec.subprotocol]);
    raw.binaryType = 'arraybuffer';
    raw.onopen = () => this.#didOpen();
    raw.onmessage = (event) => this.#receive(event.data);
    raw.onclose = (event) => this.#finish(event?.code ?? 1006);
    // An error event is always followed by a close event, which says more.
    raw.onerror = () => {};
    this.#raw = raw;
    this.#liveness = new Liveness(
      timing,
      () => this.#ping(),
      () => this.abandon(),
    );
  }

  /** Resolved once messages can be sent. */
  get opened() {
    return this.#opened.promise;
  }

  /** Whether so much waits to be sent that what can be replaced by newer should wait. */
  get crowded() {
    return this.#raw.bufferedAmount > CROWDED_BYTES;
  }

  /** @param {number} bytes the hub's limit for one message */
  limitMessages(bytes) {
    this.#messageBytes = bytes;
  }

  /**
   * Sends a request. The answer is handed over before any later message is looked at, which a
   * promise could not do.
   *
   * @param {{ type: string, [member: string]: any }} body the request without its `ref`
   * @param {Answer} answer
   * @throws {HubError | ConnectionLost} if it could not be sent
   */
  ask(body, answer) {
    const ref = this.#nextRef;
    this.#transmit({ ...body, ref });
    this.#nextRef += 1;
    this.#waiting.set(ref, { answer, askedAt: Date.now(), table: body.table });
    this.#liveness.waits(true);
  }

  /**
   * The same with a promise, where the order of what follows does not matter.
   *
   * @param {{ type: string, [member: string]: any }} body
   * @returns {Promise<any>} rejected with `HubError` or `ConnectionLost`
   */
  request(body) {
    return new Promise((resolve, reject) => {
      this.ask(body, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  }

  /**
   * Sends a request that is only answered if it fails.
   *
   * @param {object} body
   */
  tell(body) {
    this.#transmit(body);
  }

  /** Asks the hub for a sign of life now. */
  check() {
    if (this.#open) this.#liveness.check();
  }

  /**
   * Gives the connection up without waiting for the other side.
   *
   * @param {number} [code] as if the hub had closed with it
   */
  abandon(code = 1006) {
    this.#finish(code);
  }

  #didOpen() {
    this.#open = true;
    this.#liveness.heard();
    this.#opened.resolve();
  }

  /** @param {object} message */
  #transmit(message) {
    if (!this.#open || this.#ended) throw new ConnectionLost('there is no connection');
    const frame = this.#codec.encode(message);
    checkSize(frame, this.#messageBytes);
    this.#raw.send(frame);
  }

  #ping() {
    this.request({ type: 'ping' }).catch(() => {});
  }

  /** @param {unknown} frame */
  #receive(frame) {
    if (this.#ended) return;
    this.#liveness.heard();
    const message = this.#codec.decode(frame, this.#known);
    if (message !== undefined) this.#dispatch(message);
    if (this.#isOverdue()) this.abandon();
  }

  /** Whether the oldest request waits for too long although the hub speaks. */
  #isOverdue() {
    const [oldest] = this.#waiting.values();
    return oldest !== undefined && Date.now() - oldest.askedAt > this.#requestMs;
  }

  /** @param {any} message */
  #dispatch(message) {
    if (message.type === 'part') this.#collect(message);
    else if (typeof message.ref === 'number') this.#answer(message);
    else this.#onNews(message);
  }

  /** @param {import('./types.js').Part} part */
  #collect(part) {
    const whole = this.#parts.add(part);
    // A piece that is missing cannot be had again on this connection.
    if (whole === undefined) this.abandon();
    else if (whole !== null) this.#receive(whole);
  }

  /** @param {Reply} reply */
  #answer(reply) {
    const request = this.#waiting.get(reply.ref);
    if (!request) return;
    const { answer } = request;
    this.#waiting.delete(reply.ref);
    this.#liveness.waits(this.#waiting.size > 0);
    if (reply.type === 'error') this.refusedAny ||= reply.code === 'bad_message';
    if (reply.type === 'error') answer(new HubError(/** @type {any} */ (reply)), null);
    else answer(null, reply);
  }

  /** @param {number} code */
  #finish(code) {
    if (this.#ended) return;
    this.#ended = true;
    this.#liveness.stop();
    this.#letGo();
    const error = new ConnectionLost(closeWords(code));
    this.#opened.reject(error);
    const unanswered = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { answer } of unanswered) answer(error, null);
    this.#onEnd({ code, error });
  }

  #letGo() {
    const raw = this.#raw;
    raw.onopen = raw.onmessage = raw.onclose = null;
    try {
      raw.close(1000);
    } catch {
      // It was closed already, or never opened: nothing is left to let go.
    }
  }
}
