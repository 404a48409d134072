/**
 * Who is signed in, and their tokens. The refresh token is a cookie that the page never sees; the access
 * token is kept for this tab, so that a reload needs no round trip.
 *
 * @module
 */

import { lifetimeOf } from '/client/lifetime.js';
import { Problem, request } from './api.js';

/** @typedef {{ id: string, name: string, email?: string, admin?: boolean, has_password?: boolean }} User */

/** For this tab: the access token. For the browser: that there is a cookie worth trying. */
const KEPT = 'rowcast.session';
const KNOWN = 'rowcast.signed-in';
/** A token that ends sooner is renewed before it is used. */
const MARGIN_MS = 20_000;
/** Another tab renewed at the same moment: its cookie is on the way. */
const RACED_MS = 300;
const RACES = 6;

/** @typedef {{ token: string, until: number, user: User }} Kept */

export class Session {
  /** @type {Kept | null} */
  #kept = readKept();
  /** @type {Promise<string> | null} */
  #renewing = null;
  /** Called when the session ended by itself. @type {(error: any) => void} */
  onended = () => {};

  /** Who is signed in. @returns {User | null} */
  get user() {
    return this.#kept?.user ?? null;
  }

  /** Finds out whether somebody is signed in already. */
  async restore() {
    if (this.#kept !== null || localStorage.getItem(KNOWN) === null) return;
    await this.#renew().catch(() => {});
  }

  /**
   * Signs in.
   *
   * @param {string} path such as `/auth/login`
   * @param {object} body
   * @returns {Promise<any>} the hub's answer
   */
  async signIn(path, body) {
    const answer = await request('POST', path, { body: { ...body, cookie: true } });
    this.#take(answer);
    return answer;
  }

  /**
   * Signs somebody in, in the place of whoever is; as {@link signIn}.
   *
   * @param {string} path
   * @param {object} body
   * @returns {Promise<any>} the hub's answer
   */
  async change(path, body) {
    const answer = await request('POST', path, { body: { ...body, cookie: true } });
    this.forget();
    this.#take(answer);
    return answer;
  }

  /** A token that is good for a while. @returns {Promise<string>} */
  async token() {
    const kept = this.#kept;
    if (kept !== null && kept.until - MARGIN_MS > Date.now()) return kept.token;
    return this.renewed();
  }

  /** A token newer than the one at hand; several callers share one request. */
  renewed() {
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = null));
    return this.#renewing;
  }

  /**
   * A request in the person's name. A token that the hub refuses is renewed once.
   *
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   */
  async call(method, path, body) {
    const token = await this.token();
    try {
      return await request(method, path, { body, token });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 401 || error.code === 'wrong_password') throw error;
      return request(method, path, { body, token: await this.renewed() });
    }
  }

  /** Takes what a changed password gave. @param {any} answer */
  replace(answer) {
    this.#take(answer);
  }

  /** Takes up another name. @param {string} name */
  rename(name) {
    if (this.#kept) this.#keep({ ...this.#kept, user: { ...this.#kept.user, name } });
  }

  /** Signs out, here or everywhere. @param {boolean} everywhere */
  async signOut(everywhere) {
    const token = this.#kept?.token;
    this.forget();
    await request('POST', '/auth/logout', { body: { everywhere }, ...(token ? { token } : {}) }).catch(() => {});
  }

  forget() {
    this.#kept = null;
    sessionStorage.removeItem(KEPT);
    localStorage.removeItem(KNOWN);
  }

  /** One tab of this browser at a time. @returns {Promise<string>} */
  async #renew() {
    try {
      return await exclusively(() => this.#renewAlone(RACES));
    } catch (error) {
      const over = error instanceof Problem && (error.status === 401 || error.status === 404);
      if (over && this.#kept !== null) this.#end(error);
      throw error;
    }
  }

  /** @param {number} races @returns {Promise<string>} */
  async #renewAlone(races) {
    try {
      return this.#take(await request('POST', '/auth/refresh', { body: {} }));
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'refresh_raced' || races === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, RACED_MS));
      return this.#renewAlone(races - 1);
    }
  }

  /** @param {any} answer @returns {string} the token */
  #take(answer) {
    const before = this.#kept?.user.id;
    const token = answer.access_token ?? answer.token;
    const user = answer.user;
    if (before !== undefined && before !== user.id) {
      throw new Problem(401, { code: 'unauthorized', title: 'somebody else signed in' });
    }
    this.#keep({ token, until: Date.now() + lifetimeOf(token, answer.expires_at), user });
    return token;
  }

  /** @param {Kept} kept */
  #keep(kept) {
    this.#kept = kept;
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
    localStorage.setItem(KNOWN, kept.user.id);
  }

  /** @param {any} error */
  #end(error) {
    this.#kept = null;
    sessionStorage.removeItem(KEPT);
    this.onended(error);
  }
}

/** @param {() => Promise<string>} action @returns {Promise<string>} */
async function exclusively(action) {
  const { locks } = navigator;
  return locks ? locks.request('rowcast-refresh', action) : action();
}

/** @returns {Kept | null} */
function readKept() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? 'null');
    return typeof kept?.token === 'string' && typeof kept?.user?.id === 'string' ? kept : null;
  } catch {
    return null;
  }
}
