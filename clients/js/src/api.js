/**
 * The hub's REST interface: requests with a token, answers as data, problems as errors.
 *
 * @module
 */

import { RowcastError } from './errors.js';
import { fromJson, toJson } from './exact.js';
import { sendable } from './sendable.js';

/**
 * A problem as the hub tells it, RFC 9457.
 *
 * @typedef {object} Problem
 * @property {string} [title]
 * @property {string} [detail]
 * @property {string} [code]
 * @property {string} [field]
 * @property {string} [table]
 * @property {string} [constraint]
 * @property {import('./types.js').Fields} [row]
 * @property {{ field: string, message: string }[]} [errors]
 * @property {number} [retry_after_ms]
 * @property {string} [request_id]
 */

/** A request that the hub refused, or that did not reach it (`code` is `network`, `status` 0). */
export class ApiError extends RowcastError {
  /**
   * @param {number} status of HTTP
   * @param {Problem} problem
   */
  constructor(status, problem) {
    super(problem.code ?? `http_${status}`, problem.detail ?? problem.title ?? `the server answered ${status}`);
    this.status = status;
    /** The field to blame, if one is. */
    this.field = problem.field ?? problem.errors?.[0]?.field;
    /** What is wrong with which field. */
    this.errors = problem.errors ?? [];
    this.table = problem.table;
    this.constraint = problem.constraint;
    /** The row as it is, when it was not what the request took it for. */
    this.row = problem.row;
    this.retryAfterMs = problem.retry_after_ms;
    /** By which whoever runs the hub finds it in the log. */
    this.requestId = problem.request_id;
    /** Whether the same request may succeed later. */
    this.retry = status === 0 || status === 429 || status >= 500;
  }
}

/**
 * @typedef {object} RequestOptions
 * @property {Record<string, string | number | boolean | undefined>} [query]
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 */

/**
 * @typedef {object} ApiOptions
 * @property {string} url the hub's address, `https://hub.example`, or of anything on it
 * @property {import('./tokens.js').TokenSource} [token] asked for each request; left out: requests go
 *   without
 * @property {typeof fetch} [fetch]
 * @property {RequestCredentials} [credentials] whether cookies go along
 */

/** @typedef {{ status: number, headers: Headers, data: any }} Answer */

export class Api {
  #options;
  #base;

  /** @param {ApiOptions} options */
  constructor(options) {
    this.#options = options;
    this.#base = `${httpOrigin(options.url)}/api/v1`;
  }

  /** @param {string} path @param {Omit<RequestOptions, 'body'>} [options] @returns {Promise<any>} */
  async get(path, options) {
    return (await this.request('GET', path, options)).data;
  }

  /** @param {string} path @param {unknown} [body] @param {RequestOptions} [options] @returns {Promise<any>} */
  async post(path, body, options) {
    return (await this.request('POST', path, { ...options, body: body ?? {} })).data;
  }

  /** @param {string} path @param {unknown} body @param {RequestOptions} [options] @returns {Promise<any>} */
  async patch(path, body, options) {
    return (await this.request('PATCH', path, { ...options, body })).data;
  }

  /** @param {string} path @param {RequestOptions} [options] @returns {Promise<any>} */
  async delete(path, options) {
    return (await this.request('DELETE', path, options)).data;
  }

  /**
   * Any request, with the answer's status and headers.
   *
   * @param {string} method
   * @param {string} path below `/api/v1`, such as `/projects`
   * @param {RequestOptions} [options]
   * @returns {Promise<Answer>} rejected with `ApiError`
   */
  async request(method, path, options = {}) {
    const token = await this.#token(null);
    const answer = await this.#send(method, path, options, token);
    if (answer.status !== 401 || token === null) return checked(answer);
    // It may have ended a moment ago: once more with a newer one.
    const newer = await this.#token(token);
    return checked(newer === token ? answer : await this.#send(method, path, options, newer));
  }

  /** @param {string | null} not one that is no use any more */
  async #token(not) {
    const { token } = this.#options;
    return typeof token === 'function' ? token({ not }) : (token ?? null);
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} options
   * @param {string | null} token
   * @returns {Promise<Answer>}
   */
  async #send(method, path, { query, body, headers, signal }, token) {
    const { fetch: send = globalThis.fetch, credentials } = this.#options;
    /** @type {Record<string, string>} */
    const all = { accept: 'application/json', ...headers };
    if (token !== null) all['authorization'] = `Bearer ${token}`;
    if (body !== undefined) all['content-type'] = 'application/json';
    const init = { method, headers: all, body: body === undefined ? null : toJson(sendable('body', body, { nul: true, gaps: true })), signal: signal ?? null };
    try {
      const response = await send(`${this.#base}${path}${queryText(query)}`, { ...init, ...(credentials && { credentials }) });
      return { status: response.status, headers: response.headers, data: dataOf(await response.text()) };
    } catch (error) {
      if (signal?.aborted) throw error;
      throw new ApiError(0, { code: 'network', detail: error instanceof Error ? error.message : String(error) });
    }
  }
}

/**
 * @param {ApiOptions} options
 * @returns {Api}
 */
export function api(options) {
  return new Api(options);
}

/** @param {string} url of the hub, of its socket or a page @returns {string} */
export function httpOrigin(url) {
  const { protocol, host } = new URL(url, globalThis.location?.href);
  return `${protocol.replace('ws', 'http')}//${host}`;
}

/** @param {string} url of the hub or anything on it @returns {string} of its socket */
export function socketUrl(url) {
  return `${httpOrigin(url).replace('http', 'ws')}/socket`;
}

/** @param {Answer} answer */
function checked(answer) {
  if (answer.status < 300 || answer.status === 304) return answer;
  const problem = typeof answer.data === 'object' && answer.data !== null ? answer.data : {};
  const seconds = Number(answer.headers.get('retry-after') ?? NaN);
  const wait = Number.isNaN(seconds) ? {} : { retry_after_ms: seconds * 1000 };
  throw new ApiError(answer.status, { ...wait, ...problem });
}

/** @param {string} text */
function dataOf(text) {
  try {
    return text === '' ? null : fromJson(text);
  } catch {
    return text;
  }
}

/** @param {RequestOptions['query']} query */
function queryText(query) {
  const given = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}
