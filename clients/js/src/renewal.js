/**
 * Renews the token of a connection before it expires, in place.
 *
 * @module
 */

import { jitteredDelay } from './backoff.js';
import { RowcastError } from './errors.js';
import { LONGEST_TIMER_MS } from './timing.js';

export class Renewal {
  #tokens;
  #timing;
  #send;
  #stopped = false;
  #renewing = false;
  #failures = 0;
  /** The token that the connection has. @type {string} */
  #last;
  /** The hub's clock minus ours. */
  #offset = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {string} token with which the connection was greeted
   * @param {import('./tokens.js').Tokens} tokens
   * @param {import('./timing.js').Timing} timing
   * @param {(token: string) => Promise<import('./types.js').Renewed>} send
   */
  constructor(token, tokens, timing, send) {
    this.#last = token;
    this.#tokens = tokens;
    this.#timing = timing;
    this.#send = send;
  }

  /** @param {import('./types.js').Welcome} welcome */
  begin(welcome) {
    this.#offset = Date.parse(welcome.time) - Date.now() || 0;
    this.#expects(welcome.expires);
  }

  /** Renews at once, unless that is under way. */
  async now() {
    if (this.#renewing || this.#stopped) return;
    this.#renewing = true;
    try {
      const token = await this.#tokens.fresh();
      if (token === this.#last) throw new RowcastError('no_token', 'the source has no newer token');
      const renewed = await this.#send(token);
      this.#last = token;
      this.#failures = 0;
      this.#expects(renewed.expires);
    } catch {
      // The connection still holds. If nothing helps, the hub closes it, and connecting again says why.
      this.#failures += 1;
      this.#arm(this.#pauseAfterFailure());
    } finally {
      this.#renewing = false;
    }
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** @param {string | undefined} expires */
  #expects(expires) {
    if (expires === undefined) return;
    const left = Date.parse(expires) - this.#offset - Date.now();
    if (Number.isNaN(left)) return;
    this.#tokens.goodFor(left);
    const lead = Math.min(this.#timing.renewLeadMs, left / 4);
    this.#arm(Math.max(left - lead, this.#timing.renewFloorMs));
  }

  #pauseAfterFailure() {
    const { renewFloorMs, maxRetryMs } = this.#timing;
    return renewFloorMs + jitteredDelay(this.#failures, renewFloorMs, maxRetryMs, Math.random);
  }

  /** @param {number} ms */
  #arm(ms) {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => void this.now(), Math.min(ms, LONGEST_TIMER_MS));
  }
}
