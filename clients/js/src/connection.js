/**
 * Keeps one greeted socket to the hub: connects, comes back after a loss, renews the token, obeys
 * `drain` and the close codes. It knows nothing of channels.
 *
 * @module
 */

import { jitteredDelay } from './backoff.js';
import { badUrl, closed, refused, stopped, withoutToken } from './ending.js';
import { Closed, RowcastError } from './errors.js';
import { Renewal } from './renewal.js';
import { Socket } from './socket.js';
import { Deferred, Pause, within } from './wait.js';

/** @typedef {import('./ending.js').Ending} Ending */

/**
 * @typedef {object} Hooks
 * @property {(socket: Socket, welcome: import('./types.js').Welcome) => void} greeted
 * @property {() => void} lost
 * @property {(news: any) => void} news
 * @property {() => void} changed the phase is another
 * @property {() => string | undefined} schemaHash the hash of the schema already known
 * @property {import('./codec.js').Known['typeOf']} typeOf
 */

/** The name under which this client stands in the hub's logs. */
const CLIENT_NAME = 'rowcast-js/0.1.0';

export class Connection {
  #options;
  #hooks;
  #tokens;
  #pause = new Pause();
  /** @type {Socket | null} */
  #socket = null;
  /** @type {Renewal | null} */
  #renewal = null;
  /** @type {number | undefined} */
  #drainMs;
  #stopped = false;
  #attempt = 0;
  #greetedAt = 0;

  /** @type {'connecting' | 'greeted' | 'offline' | 'closed'} */
  phase = 'connecting';
  /** @type {RowcastError | null} */
  reason = null;
  /** @type {number | null} */
  retryInMs = null;

  /**
   * @param {object} options
   * @param {string} options.url
   * @param {import('./types.js').SocketClass} options.WebSocket
   * @param {import('./timing.js').Timing} options.timing
   * @param {() => number} options.random
   * @param {import('./codec.js').Codec} [options.codec]
   * @param {import('./tokens.js').Tokens} tokens
   * @param {Hooks} hooks
   */
  constructor(options, tokens, hooks) {
    this.#options = options;
    this.#tokens = tokens;
    this.#hooks = hooks;
  }

  /** Connects, and keeps connected until `close`. */
  start() {
    void this.#run();
  }

  /** Ends for good. @param {RowcastError} [reason] */
  close(reason = new Closed()) {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#pause.end();
    this.#socket?.abandon(1000);
    this.#enter('closed', reason);
  }

  /** Connects now instead of waiting on, or asks whether the hub still lives. */
  hurry() {
    this.#attempt = 0;
    this.#pause.end();
    this.#socket?.check();
  }

  /** The network came back: as `hurry`, but spread, since it may have come back for many. */
  networkChanged() {
    this.#attempt = 0;
    this.#pause.shorten(this.#retryDelay());
    this.#socket?.check();
  }

  /** Renews the token now: the hub called it expired. */
  renewToken() {
    void this.#renewal?.now();
  }

  async #run() {
    while (!this.#stopped) {
      this.#enter('connecting', this.reason);
      const end = await this.#session();
      if (this.#stopped) return;
      const hopeless = end.rule === 'never' || (end.rule === 'token' && !(await this.#hasNewToken()));
      if (hopeless) return this.#giveUp(end.error);
      await this.#waitToRetry(end);
    }
  }

  /** Whether the source has a token other than the refused one, or may have one later. */
  async #hasNewToken() {
    this.#enter('connecting', this.reason);
    try {
      await within(this.#tokens.fresh(), this.#options.timing.greetingMs, tokenIsLate);
      return true;
    } catch (error) {
      return withoutToken(error).rule !== 'never';
    }
  }

  /** @param {RowcastError} error */
  #giveUp(error) {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#enter('closed', error);
  }

  /** @param {Ending} end */
  async #waitToRetry(end) {
    if (this.#stopped) return;
    if (this.#heldMs >= this.#options.timing.settledMs) this.#attempt = 0;
    this.retryInMs = end.afterMs ?? this.#retryDelay();
    this.#attempt += 1;
    const over = this.#pause.wait(this.retryInMs);
    this.#enter('offline', end.error);
    await over;
    this.retryInMs = null;
  }

  /** How long the last connection was greeted. */
  get #heldMs() {
    return this.#greetedAt > 0 ? Date.now() - this.#greetedAt : 0;
  }

  #retryDelay() {
    const { timing, random } = this.#options;
    return jitteredDelay(this.#attempt, timing.firstRetryMs, timing.maxRetryMs, random);
  }

  /** One connection from beginning to end. @returns {Promise<Ending>} */
  async #session() {
    this.#drainMs = undefined;
    this.#greetedAt = 0;
    /** @type {string} */
    let token;
    try {
      token = await within(this.#tokens.get(), this.#options.timing.greetingMs, tokenIsLate);
    } catch (error) {
      return withoutToken(error);
    }
    return this.#stopped ? stopped() : this.#socketSession(token);
  }

  /**
   * @param {string} token
   * @returns {Promise<Ending>}
   */
  async #socketSession(token) {
    /** @type {Deferred<import('./socket.js').SocketEnd>} */
    const ended = new Deferred();
    const { url } = this.#options;
    try {
      this.#socket = this.#openSocket(url, ended);
    } catch (error) {
      return badUrl(url, error);
    }
    const failure = await this.#greet(this.#socket, token).catch(refused);
    if (failure) this.#socket.abandon();
    const end = failure ?? closed(await ended.promise, this.#drainMs, this.#socket.refusedAny);
    if (end.rule === 'token') this.#tokens.refuse();
    this.#cleanUp();
    return end;
  }

  /**
   * @param {string} url
   * @param {Deferred<import('./socket.js').SocketEnd>} ended
   */
  #openSocket(url, ended) {
    const { WebSocket, timing, codec } = this.#options;
    const onNews = (/** @type {any} */ news) => this.#news(news);
    const { typeOf } = this.#hooks;
    return new Socket({ url, WebSocket, timing, codec, typeOf, onNews, onEnd: ended.resolve });
  }

  /**
   * @param {Socket} socket
   * @param {string} token
   */
  async #greet(socket, token) {
    const hello = socket.opened.then(() => this.#hello(socket, token));
    await within(hello, this.#options.timing.greetingMs, greetingIsLate);
  }

  /**
   * @param {Socket} socket
   * @param {string} token
   * @returns {Promise<void>}
   */
  #hello(socket, token) {
    const body = { type: 'hello', token, client: CLIENT_NAME, schema: this.#hooks.schemaHash() };
    return new Promise((resolve, reject) => {
      socket.ask(body, (error, welcome) => {
        if (error) return reject(error);
        this.#greeted(socket, token, welcome);
        resolve();
      });
    });
  }

  /**
   * @param {Socket} socket
   * @param {string} token
   * @param {import('./types.js').Welcome} welcome
   */
  #greeted(socket, token, welcome) {
    this.#greetedAt = Date.now();
    socket.limitMessages(welcome.limits.message_bytes);
    this.#renewal = new Renewal(token, this.#tokens, this.#options.timing, (newer) =>
      socket.request({ type: 'renew', token: newer }),
    );
    this.#renewal.begin(welcome);
    this.#hooks.greeted(socket, welcome);
    this.#enter('greeted', null);
  }

  /** @param {any} news */
  #news(news) {
    if (news.type === 'drain') this.#drainMs = Number(news.reconnect_after_ms);
    else if (news.type === 'token_expiring') void this.#renewal?.now();
    else this.#hooks.news(news);
  }

  #cleanUp() {
    this.#socket = null;
    this.#renewal?.stop();
    this.#renewal = null;
  }

  /**
   * @param {Connection['phase']} phase
   * @param {RowcastError | null} reason
   */
  #enter(phase, reason) {
    const lost = this.phase === 'greeted' && phase !== 'greeted';
    this.phase = phase;
    this.reason = reason;
    if (lost) this.#hooks.lost();
    this.#hooks.changed();
  }
}

const tokenIsLate = () => new RowcastError('token_late', 'the login did not answer in time');
const greetingIsLate = () => new RowcastError('greeting_late', 'the hub did not answer in time');
