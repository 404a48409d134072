/**
 * Requests to the hub's REST interface.
 *
 * @module
 */

/** The hub refused a request, or could not be reached. */
export class Problem extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super(body?.detail ?? body?.title ?? `the hub answered ${status}`);
    this.status = status;
    /** @type {string} */
    this.code = body?.code ?? `http_${status}`;
    this.field = body?.field;
    /** @type {{ field: string, message: string }[] | undefined} */
    this.errors = body?.errors;
  }
}

/**
 * @param {string} method
 * @param {string} path below `/api/v1`
 * @param {{ body?: unknown, token?: string | null }} [options]
 * @returns {Promise<any>} the answer's content; rejected with `Problem`
 */
export async function request(method, path, { body, token } = {}) {
  /** @type {Record<string, string>} */
  const headers = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (token) headers.authorization = `Bearer ${token}`;
  const init = { method, headers, body: body === undefined ? undefined : JSON.stringify(body) };
  const response = await fetch(`/api/v1${path}`, init).catch(() => {
    throw new Problem(0, { code: 'offline', title: 'the hub could not be reached' });
  });
  const content = await read(response);
  if (!response.ok) throw new Problem(response.status, content);
  return content;
}

/** @param {Response} response */
async function read(response) {
  const text = await response.text().catch(() => '');
  try {
    return text === '' ? null : JSON.parse(text);
  } catch {
    return { title: text.trim() };
  }
}
