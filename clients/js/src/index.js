/**
 * The Rowcast client: rows of a hub as live collections, edits that show at once and are never lost
 * or doubled, presence, states and signals. For browsers and Node, without a build step.
 *
 * @module
 */

import { Client } from './client.js';

export { Api, ApiError, api } from './api.js';
export { Channel } from './channel.js';
export { Client } from './client.js';
export { Collection } from './collection.js';
export { Closed, ConnectionLost, EditError, HubError, Misuse, RowcastError } from './errors.js';
export { Edit } from './edit.js';
export { ExactNumber } from './exact.js';
export { indexedDbStorage, memoryStorage } from './storage.js';
export { Query } from './query.js';
export { Session, session } from './session.js';
export { uuidv7 } from './uuid.js';

/**
 * Connects to a hub and stays connected until `close`.
 *
 * @param {import('./client.js').ConnectOptions} options
 * @returns {Client}
 */
export function connect(options) {
  return new Client(options);
}
