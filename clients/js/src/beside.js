/**
 * What a channel carries beside its log, and nobody stores: who is here, states, signals.
 *
 * @module
 */

import { Presence } from './presence.js';
import { Signals } from './signals.js';
import { States } from './states.js';

/** @typedef {import('./types.js').ChannelNews} ChannelNews */

export class Beside {
  #joins;

  /**
   * @param {string} name of the channel
   * @param {import('./channel.js').ChannelOptions['presence']} mode
   * @param {import('./timing.js').Timing} timing
   */
  constructor(name, mode, timing) {
    this.#joins = mode === 'join';
    this.presence = new Presence();
    this.state = new States(name, timing);
    this.signals = new Signals(name);
  }

  /** The channel is subscribed. @param {import('./socket.js').Socket} socket */
  attach(socket) {
    // One's own list follows whoever joins; whoever watches may be alone.
    if (!this.#joins) this.presence.clear();
    this.state.attach(socket);
    this.signals.attach(socket);
  }

  /** It is not any more; it may be again. */
  detach() {
    this.state.detach();
    this.signals.detach();
  }

  /** @param {ChannelNews} news those of a later version of the protocol are not for this client */
  news(news) {
    if (news.type === 'states') this.state.news(news);
    if (news.type === 'presence') this.presence.news(news);
    if (news.type === 'signals') this.signals.news(news.signals);
    if (news.type === 'missed') this.signals.missed(news.signals);
  }
}
