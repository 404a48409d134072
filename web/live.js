/**
 * The person's one connection to the hub: their own channel, and the projects they look at.
 *
 * @module
 */

import { Client } from '/client/client.js';

/** @typedef {import('/client/channel.js').Channel} Channel */

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
  /** Channels of projects that are looked at. @type {Set<string>} */
  #followed = new Set();

  /** @param {import('./session.js').Session} session */
  constructor(session) {
    const token = (/** @type {{ not: string | null }} */ { not }) => (not === null ? session.token() : session.renewed());
    this.client = new Client({ url: socketUrl(), token, user: session.user?.id ?? '' });
    this.own = this.client.channel(`user:${session.user?.id}`);
  }

  /**
   * Follows a project.
   *
   * @param {string} id
   * @returns {Channel}
   */
  project(id) {
    this.#followed.add(`project:${id}`);
    return this.client.channel(`project:${id}`, { presence: 'join' });
  }

  /** What was made there is sent all the same. @param {Channel} channel */
  leave(channel) {
    this.#followed.delete(channel.name);
    channel.close();
  }

  /**
   * An edit in a project, looked at or not.
   *
   * @param {string} name of its channel
   * @param {import('/client/types.js').Op[]} ops
   */
  edit(name, ops) {
    const channel = this.client.channel(name);
    const edit = channel.edit(ops);
    if (!this.#followed.has(name)) channel.close();
    return edit;
  }

  close() {
    this.client.close();
  }
}
