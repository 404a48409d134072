/**
 * Keeps one greeted socket to the hub: connects, comes back after a loss, renews the token, obeys
 * `drain` and the close codes. It knows nothing of channels.
 *
 * @module
 */

import { jitteredDelay } from './backoff.js';
import { closeWords, reconnectRule } from './codes.js';
import { Closed, ConnectionLost, HubError, RowcastError } from './errors.js';
import { Renewal } from './renewal.js';
import { Socket } from './socket.js';
import { Deferred, Pause, within } from './wait.js';

/**
 * Why a session ended and what that means for the next one.
 *
 * @typedef {object} SessionEnd
 * @property {import('./codes.js').Reconnect} rule
 * @property {RowcastError} error
 * @property {number} heldMs how long it was greeted; 0 if never
 * @property {number} [afterMs] when to come back, if the hub said so
 */

/**
 * @typedef {object} Hooks
 * @property {(socket: Socket, welcome: import('./types.js').Welcome) => void} greeted
 * @property {() => void} lost
 * @property {(news: any) => void} news
 * @property {() => void} changed the phase is another
 * @property {() => string | undefined} schemaHash the hash of the schema already known
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
  /** @type {number | null} */
  #drainMs = null;
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

  /** Ends for good. */
  close() {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#pause.end();
    this.#socket?.abandon(1000);
    this.#enter('closed', new Closed());
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
      return tokenFailure(error).rule !== 'never';
    }
  }

  /** @param {RowcastError} error */
  #giveUp(error) {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#enter('closed', error);
  }

  /** @param {SessionEnd} end */
  async #waitToRetry(end) {
    if (this.#stopped) return;
    if (end.heldMs >= this.#options.timing.settledMs) this.#attempt = 0;
    this.retryInMs = end.afterMs ?? this.#retryDelay();
    this.#attempt += 1;
    const over = this.#pause.wait(this.retryInMs);
    this.#enter('offline', end.error);
    await over;
    this.retryInMs = null;
  }

  #retryDelay() {
    const { timing, random } = this.#options;
    return jitteredDelay(this.#attempt, timing.firstRetryMs, timing.maxRetryMs, random);
  }

  /** One connection from beginning to end. @returns {Promise<SessionEnd>} */
  async #session() {
    this.#drainMs = null;
    this.#greetedAt = 0;
    /** @type {string} */
    let token;
    try {
      token = await within(this.#tokens.get(), this.#options.timing.greetingMs, tokenIsLate);
    } catch (error) {
      return tokenFailure(error);
    }
    return this.#stopped ? stoppedEnd() : this.#socketSession(token);
  }

  /**
   * @param {string} token
   * @returns {Promise<SessionEnd>}
   */
  async #socketSession(token) {
    /** @type {Deferred<import('./socket.js').SocketEnd>} */
    const ended = new Deferred();
    const socket = this.#openSocket(ended);
    if (socket instanceof RowcastError) return { rule: 'never', error: socket, heldMs: 0 };
    this.#socket = socket;
    const refused = await this.#greet(socket, token).catch((error) => this.#refusal(error));
    if (refused) socket.abandon();
    const closed = await ended.promise;
    this.#cleanUp();
    return refused ?? this.#endOf(closed);
  }

  /** @param {Deferred<import('./socket.js').SocketEnd>} ended */
  #openSocket(ended) {
    const { url, WebSocket, timing } = this.#options;
    try {
      const onNews = (/** @type {any} */ news) => this.#news(news);
      return new Socket({ url, WebSocket, timing, onNews, onEnd: ended.resolve });
    } catch (error) {
      return new RowcastError('bad_url', `cannot connect to ${url}: ${wordsOf(error)}`);
    }
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
   * Why the greeting failed, if the hub or the clock said so; undefined if the socket just ended.
   *
   * @param {unknown} error
   * @returns {SessionEnd | undefined}
   */
  #refusal(error) {
    if (error instanceof ConnectionLost) return undefined;
    if (!(error instanceof HubError)) return { rule: 'backoff', error: asError(error), heldMs: 0 };
    const byToken = error.code === 'unauthorized' || error.code === 'token_expired';
    if (byToken) this.#tokens.refuse();
    const rule = byToken ? 'token' : error.retry ? 'backoff' : 'never';
    return { rule, error, heldMs: 0, afterMs: error.retryAfterMs };
  }

  /**
   * @param {import('./socket.js').SocketEnd} end
   * @returns {SessionEnd}
   */
  #endOf({ code, error }) {
    const rule = reconnectRule(code);
    if (rule === 'token') this.#tokens.refuse();
    const heldMs = this.#greetedAt > 0 ? Date.now() - this.#greetedAt : 0;
    const afterMs = rule === 'never' ? undefined : (this.#drainMs ?? undefined);
    const reason = rule === 'backoff' ? error : new RowcastError(`close_${code}`, closeWords(code));
    return { rule, error: reason, heldMs, afterMs };
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

/** @returns {SessionEnd} */
function stoppedEnd() {
  return { rule: 'never', error: new Closed(), heldMs: 0 };
}

/**
 * @param {unknown} error
 * @returns {SessionEnd}
 */
function tokenFailure(error) {
  const none = error instanceof RowcastError && error.code === 'no_token';
  return { rule: none ? 'never' : 'backoff', error: asError(error), heldMs: 0 };
}

const tokenIsLate = () => new RowcastError('token_late', 'the login did not answer in time');
const greetingIsLate = () => new RowcastError('greeting_late', 'the hub did not answer in time');

/** @param {unknown} error */
function asError(error) {
  return error instanceof RowcastError ? error : new RowcastError('token_failed', wordsOf(error));
}

/** @param {unknown} error */
function wordsOf(error) {
  return error instanceof Error ? error.message : String(error);
}
