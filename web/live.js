/**
 * The person's one connection to the hub: their own channel, and the projects they look at.
 *
 * @module
 */

import { connect } from '/client/index.js';

/** @typedef {import('/client/index.js').Client} Client */
/** @typedef {import('/client/index.js').Channel} Channel */

/** Where this page's hub has its socket. */
function socketUrl() {
  const url = new URL('/socket', location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  url.hash = '';
  return url.href;
}

export class Live {
  /** @type {Client} */
  client;
  /** The person's own channel. @type {Channel} */
  own;

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    let asked = false;
    const token = () => {
      // Asked again means that the hub refused the one at hand, or that it is about to end.
      const again = asked;
      asked = true;
      return again ? session.renewed() : session.token();
    };
    this.client = connect({ url: socketUrl(), token });
    this.own = this.client.channel(`user:${session.user?.id}`);
  }

  /**
   * Follows a project.
   *
   * @param {string} id
   * @returns {Channel}
   */
  project(id) {
    return this.client.channel(`project:${id}`, { presence: 'join' });
  }

  /** Stops following a project, once everything typed there has been sent. @param {Channel} channel */
  leave(channel) {
    if (channel.unsent === 0 || channel.status === 'removed') return channel.close();
    const stop = channel.subscribe(() => {
      if (channel.unsent > 0) return;
      stop();
      channel.close();
    });
  }

  close() {
    this.client.close();
  }
}
