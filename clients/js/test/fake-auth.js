/** The accounts of a hub in memory: tokens that expire, refresh tokens that work once, problems as documents. */

import { once } from 'node:events';
import { createServer } from 'node:http';

export class FakeAuth {
  /** Every request, in order. @type {{ method: string, path: string, body: any, headers: any }[]} */
  received = [];
  /** How long access tokens live. */
  tokenMs = 600_000;
  /** How far its clock is ahead of this device’s. */
  clockMs = 0;
  /** Whether tokens are JWTs. */
  signed = false;
  /** How often a refresh says that another was quicker. */
  races = 0;
  /** Whether the server fails. */
  broken = false;
  #issued = 0;
  /** @type {Map<string, any>} */
  #access = new Map();
  /** @type {Map<string, { user: any, used: boolean }>} */
  #refresh = new Map();
  /** @type {any} */
  #server;

  /** @param {import('node:test').TestContext} t */
  async listen(t) {
    this.#server = createServer((request, response) => void this.#handle(request, response));
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    t.after(() => {
      this.#server.closeAllConnections();
      this.#server.close();
    });
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  /** Every login ends. */
  endAll() {
    this.#access.clear();
    this.#refresh.clear();
  }

  /** @param {string} path */
  count(path) {
    return this.received.filter((request) => request.path === `/api/v1${path}`).length;
  }

  /** @param {import('node:http').IncomingMessage} request @param {import('node:http').ServerResponse} response */
  async #handle(request, response) {
    let text = '';
    for await (const piece of request) text += piece;
    const path = request.url ?? '';
    const body = text === '' ? undefined : JSON.parse(text);
    this.received.push({ method: request.method ?? '', path, body, headers: request.headers });
    const { status, data, headers = {} } = this.#answer(path.replace('/api/v1', ''), body ?? {}, request.headers.authorization);
    const type = status >= 400 ? 'application/problem+json' : 'application/json';
    response.writeHead(status, { 'content-type': type, 'x-request-id': 'r-1', ...headers });
    response.end(data === undefined ? '' : JSON.stringify(data));
  }

  /** @param {string} path @param {any} body @param {string | undefined} authorization @returns {{ status: number, data?: any, headers?: any }} */
  #answer(path, body, authorization) {
    if (this.broken) return { status: 503, data: { code: 'unavailable', detail: 'no database' }, headers: { 'retry-after': '2' } };
    switch (path) {
      case '/auth/register':
        if (body.password.length < 8) return problem(422, 'weak_password', { field: 'password', errors: [{ field: 'password', message: 'too short' }] });
        return { status: 201, data: this.#login({ id: body.email, name: body.name, email: body.email, admin: false }) };
      case '/auth/login':
        if (body.password !== 'correct horse') return problem(401, 'wrong_password');
        return { status: 200, data: this.#login({ id: body.email, name: 'Ada', email: body.email, admin: false }) };
      case '/auth/refresh':
        return this.#rotate(body.refresh_token);
      case '/auth/logout':
        this.#refresh.delete(body.refresh_token);
        return { status: 204 };
      case '/demo/session':
        return { status: 200, data: { ...this.#login({ id: 'ada', name: 'Ada' }), project: 'p1' } };
      default:
        return this.#asPerson(path, body, authorization);
    }
  }

  /** @param {string} path @param {any} body @param {string | undefined} authorization */
  #asPerson(path, body, authorization = '') {
    const user = this.#access.get(authorization.replace('Bearer ', ''));
    if (!user) return problem(401, 'unauthorized');
    if (path === '/auth/me') return { status: 200, data: user };
    if (path === '/auth/password') return { status: 200, data: this.#login(user) };
    if (path.startsWith('/echo')) return { status: 200, data: { path, body } };
    return problem(404, 'not_found', { detail: 'there is no such thing' });
  }

  /** A token that says how long it lives. */
  #jwt() {
    const iat = (Date.now() + this.clockMs) / 1_000;
    const claims = { sub: `${this.#issued} ä`, iat, exp: iat + this.tokenMs / 1_000 };
    return ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), 'c2ln'].join('.');
  }

  /** @param {any} user */
  #login(user) {
    this.#issued += 1;
    const [access_token, refresh_token] = [this.signed ? this.#jwt() : `access-${this.#issued}`, `refresh-${this.#issued}`];
    this.#access.set(access_token, user);
    this.#refresh.set(refresh_token, { user, used: false });
    const expires_at = new Date(Date.now() + this.clockMs + this.tokenMs).toISOString();
    return { access_token, token_type: 'Bearer', expires_at, refresh_token, user };
  }

  /** @param {string} token */
  #rotate(token) {
    if (this.races > 0) {
      this.races -= 1;
      return problem(409, 'refresh_raced');
    }
    const known = this.#refresh.get(token);
    if (!known) return problem(401, 'unauthorized');
    if (known.used) return problem(401, 'refresh_reused');
    known.used = true;
    return { status: 200, data: this.#login(known.user) };
  }
}

/** @param {number} status @param {string} code @param {object} [more] */
function problem(status, code, more = {}) {
  return { status, data: { type: 'about:blank', title: code, status, code, ...more } };
}
