/**
 * Who is signed in: register, sign in and out, and a token that is always fresh. Several tabs share one
 * login: one of them refreshes it, the others hear of it.
 *
 * @module
 */

import { Api, ApiError, httpOrigin, socketUrl } from './api.js';
import { RowcastError } from './errors.js';
import { lifetimeOf } from './lifetime.js';
import { Listeners } from './listeners.js';
import { pageMemory } from './memory.js';

/** @typedef {{ id: string, name: string, email?: string, admin?: boolean }} User */

/**
 * What the hub says of a login.
 *
 * @typedef {object} Login
 * @property {string} access_token
 * @property {string} expires_at
 * @property {string} [refresh_token] absent where a cookie holds it
 * @property {User} user
 * @property {string} [project] of a demo login
 */

/**
 * Where the login is remembered between starts.
 *
 * @typedef {object} SessionMemory
 * @property {() => string | null} get
 * @property {(text: string | null) => void} set
 */

/**
 * @typedef {object} SessionOptions
 * @property {string} url the hub's address, or of anything on it
 * @property {boolean} [cookie] whether a cookie that scripts cannot read holds the refresh token; true
 *   in pages of the hub itself
 * @property {SessionMemory} [memory] what remembers who is signed in, and the refresh token where no
 *   cookie does; in pages the browser's own, else none
 * @property {typeof fetch} [fetch]
 * @property {Pick<LockManager, 'request'>} [locks] for tests
 * @property {typeof BroadcastChannel} [BroadcastChannel] for tests
 * @property {number} [retryMs] how long to wait when another tab is refreshing, at first
 */

/** A token is refreshed when less than this is left of it, or a quarter of its life. */
const LEAD_MS = 60_000;

/** How often a refresh is tried again when another tab was quicker. */
const RACES = 6;

export class Session {
  #options;
  #api;
  #memory;
  #locks;
  /** @type {BroadcastChannel | null} */
  #tabs = null;
  /** @type {string | null} */
  #token = null;
  #freshUntil = 0;
  #goodUntil = 0;
  /** @type {string | null} */
  #refresh = null;
  /** @type {Promise<string> | null} */
  #refreshing = null;
  /** @type {Listeners<[User | null]>} */
  #listeners = new Listeners();

  /** Who is signed in, as far as is known; null: nobody. @type {Readonly<User> | null} */
  user = null;

  /** @param {SessionOptions} options */
  constructor(options) {
    const origin = httpOrigin(options.url);
    const inPage = globalThis.location?.origin === origin;
    this.#options = { retryMs: 100, ...options, origin, cookie: options.cookie ?? inPage };
    this.#api = new Api({ url: origin, fetch: options.fetch, credentials: this.#options.cookie ? 'include' : undefined });
    this.#memory = options.memory ?? pageMemory(`rowcast session ${origin}`);
    this.#locks = options.locks ?? globalThis.navigator?.locks;
    this.#recall();
    this.#hearTabs(options.BroadcastChannel ?? (globalThis.document && globalThis.BroadcastChannel));
  }

  /** Where the hub has its socket. */
  get url() {
    return socketUrl(this.#options.origin);
  }

  /** Requests to the hub in this person's name. */
  get api() {
    return new Api({ url: this.#options.origin, token: this.token, fetch: this.#options.fetch });
  }

  /**
   * A token that holds: the one at hand, or a fresh one. Made to be given to `connect` and `api`.
   *
   * @param {{ not?: string | null }} [use] `not`: one that is no use any more
   * @returns {Promise<string>} rejected with code `no_token` if nobody is signed in
   */
  token = async ({ not = null } = {}) => {
    const held = this.#token;
    if (held !== null && held !== not && Date.now() < this.#freshUntil) return held;
    if (this.user === null) throw new RowcastError('no_token', 'nobody is signed in');
    try {
      return await this.#fresh();
    } catch (error) {
      const stillGood = held !== null && held === this.#token && held !== not && Date.now() < this.#goodUntil;
      if (stillGood && error instanceof ApiError && error.retry) return held;
      throw error;
    }
  };

  /**
   * @param {{ email: string, password: string, name: string, invitation?: string }} who
   * @returns {Promise<User>}
   */
  register({ email, password, name, invitation }) {
    return this.#enter('/auth/register', { email, password, name, invitation });
  }

  /** @param {{ email: string, password: string }} who @returns {Promise<User>} */
  login({ email, password }) {
    return this.#enter('/auth/login', { email, password });
  }

  /** Sets a new password with a code that was sent. @param {{ code: string, password: string }} what @returns {Promise<User>} */
  reset({ code, password }) {
    return this.#enter('/auth/reset', { code, password });
  }

  /**
   * Signs in with a code of the demo.
   *
   * @param {string} code
   * @returns {Promise<User & { project: string }>}
   */
  async demo(code) {
    const login = await this.#ask('/demo/session', { code });
    return { ...this.#begin(login), project: login.project ?? '' };
  }

  /** Changes the password; every other session of the person ends. @param {{ current: string, new: string }} what */
  async changePassword({ current, new: wanted }) {
    const login = await this.api.post('/auth/password', { current, new: wanted });
    return this.#begin(login);
  }

  /** What the hub knows of the person. @returns {Promise<User>} */
  me() {
    return this.api.get('/auth/me');
  }

  /**
   * Signs out, in all tabs.
   *
   * @param {{ everywhere?: boolean }} [options] on all devices too
   */
  async logout({ everywhere = false } = {}) {
    const headers = everywhere && this.user !== null ? { authorization: `Bearer ${await this.token()}` } : undefined;
    const body = { everywhere, ...this.#refreshToken() };
    this.#end();
    this.#tabs?.postMessage({ type: 'end' });
    await this.#api.post('/auth/logout', body, { ...(headers && { headers }) });
  }

  /**
   * Finds out whether somebody is signed in, where only a cookie knows.
   *
   * @returns {Promise<User | null>}
   */
  async resume() {
    if (this.user === null && !this.#options.cookie) return null;
    try {
      await this.#fresh();
    } catch (error) {
      if (!(error instanceof ApiError) && !(error instanceof RowcastError && error.code === 'no_token')) throw error;
      if (error instanceof ApiError && error.retry) throw error;
    }
    return this.user;
  }

  /**
   * Calls `listener` when somebody signed in or out, also in another tab.
   *
   * @param {(user: User | null) => void} listener
   * @returns {() => void} stops it
   */
  subscribe(listener) {
    return this.#listeners.add(listener);
  }

  /** Listens to other tabs no more. */
  close() {
    this.#tabs?.close();
    this.#tabs = null;
  }

  /** @param {string} path @param {object} body @returns {Promise<User>} */
  async #enter(path, body) {
    return this.#begin(await this.#ask(path, body));
  }

  /** @param {string} path @param {object} body @returns {Promise<Login>} */
  #ask(path, body) {
    return this.#api.post(path, this.#options.cookie ? { ...body, cookie: true } : body);
  }

  /** @param {Login} login @returns {User} */
  #begin(login) {
    this.#tabs?.postMessage({ type: 'login', login: { ...login, refresh_token: undefined } });
    return this.#take(login);
  }

  /** @param {Login} login @returns {User} */
  #take({ access_token, expires_at, refresh_token, user }) {
    const before = this.user?.id;
    const left = lifetimeOf(access_token, expires_at);
    this.#token = access_token;
    this.#goodUntil = Date.now() + left;
    this.#freshUntil = this.#goodUntil - Math.min(LEAD_MS, left / 4);
    if (refresh_token !== undefined) this.#refresh = refresh_token;
    this.user = Object.freeze({ ...user });
    this.#memory.set(JSON.stringify({ user, refresh: this.#refresh }));
    if (before !== user.id) this.#listeners.call(this.user);
    return user;
  }

  #end() {
    const before = this.user;
    this.#token = this.#refresh = this.user = null;
    this.#freshUntil = this.#goodUntil = 0;
    this.#memory.set(null);
    if (before !== null) this.#listeners.call(null);
  }

  /** Several callers share one refresh. */
  #fresh() {
    this.#refreshing ??= this.#refreshAlone().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** One tab at a time: who waited takes what the other got. @returns {Promise<string>} */
  async #refreshAlone() {
    const stale = this.#token;
    const refresh = () => {
      this.#recallRefresh();
      const got = this.#token;
      return got !== null && got !== stale && Date.now() < this.#freshUntil ? got : this.#refreshNow();
    };
    if (this.#locks === undefined) return refresh();
    return this.#locks.request(`rowcast session ${this.#options.origin}`, refresh);
  }

  /** @returns {Promise<string>} */
  async #refreshNow() {
    for (let race = 0; ; race += 1) {
      try {
        const login = await this.#api.post('/auth/refresh', this.#refreshToken());
        this.#begin(login);
        return login.access_token;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code === 'refresh_raced' && race < RACES) await this.#waitForOthers(race);
        else throw this.#failed(error);
      }
    }
  }

  /** Another program of this person was quicker: the cookie or the memory holds the new one soon. @param {number} race */
  async #waitForOthers(race) {
    const ms = this.#options.retryMs * 2 ** race * (0.5 + Math.random());
    await new Promise((resolve) => setTimeout(resolve, ms));
    this.#recallRefresh();
  }

  /** @param {ApiError} error */
  #failed(error) {
    if (error.status !== 401 && error.status !== 403) return error;
    this.#end();
    this.#tabs?.postMessage({ type: 'end' });
    return new RowcastError('no_token', error.message);
  }

  #refreshToken() {
    return this.#options.cookie || this.#refresh === null ? {} : { refresh_token: this.#refresh };
  }

  /** Who was signed in when the program last ran. */
  #recall() {
    const { user, refresh } = this.#remembered();
    this.user = user ?? null;
    this.#refresh = refresh ?? null;
  }

  #recallRefresh() {
    if (!this.#options.cookie) this.#refresh = this.#remembered().refresh ?? this.#refresh;
  }

  /** @returns {{ user?: User, refresh?: string | null }} */
  #remembered() {
    try {
      return JSON.parse(this.#memory.get() ?? '{}') ?? {};
    } catch {
      return {};
    }
  }

  /** @param {typeof BroadcastChannel | undefined} Channel */
  #hearTabs(Channel) {
    if (Channel === undefined) return;
    const tabs = (this.#tabs = new Channel(`rowcast session ${this.#options.origin}`));
    tabs.onmessage = ({ data }) => {
      if (data.type === 'login') this.#take(data.login);
      else if (data.type === 'end') this.#end();
    };
    /** @type {any} */ (tabs).unref?.();
  }
}

/**
 * @param {SessionOptions} options
 * @returns {Session}
 */
export function session(options) {
  return new Session(options);
}
