/** People with devices at the real hub, and waiting for what they see. */

import { connect } from '../../src/index.js';
import { WebSocket } from 'ws';
import { Network } from './network.js';
import { until } from '../helper.js';

/** What a person waits seconds for takes milliseconds here. */
export const QUICK = { firstRetryMs: 20, maxRetryMs: 200, waitingMs: 300, pongMs: 300, editRetryMs: 10, resetSpreadMs: 5 };

/**
 * A device of a demo person at the demo project, with a network of its own.
 *
 * @param {import('node:test').TestContext} t
 * @param {import('./hub.js').Hub} hub
 * @param {{ token: string, project: string }} login
 * @param {Partial<import('../../src/client.js').ConnectOptions>} [options]
 */
export async function aDevice(t, hub, login, options = {}) {
  const network = await Network.to(t, hub);
  const client = connect({ url: network.socket, token: login.token, WebSocket, ...options, timing: { ...QUICK, ...options.timing } });
  t.after(() => client.close());
  const project = client.channel(`project:${login.project}`, { presence: 'join' });
  await project.ready;
  return { client, project, network, tasks: project.table('tasks'), comments: project.table('comments') };
}

/** Two people of a new project: one device each. @param {import('node:test').TestContext} t @param {import('./hub.js').Hub} hub */
export async function twoPeople(t, hub) {
  const logins = [await hub.demo(0), await hub.demo(1)];
  const [ada, bob] = await Promise.all(logins.map((login) => aDevice(t, hub, login)));
  return /** @type {{ ada: Device, bob: Device, logins: Awaited<ReturnType<import('./hub.js').Hub['demo']>>[] }} */ ({ ada, bob, logins });
}

/** @typedef {Awaited<ReturnType<typeof aDevice>>} Device */

/**
 * Waits until all devices have sent everything and stand at the same place.
 *
 * @param {Device[]} devices
 */
export async function settled(...devices) {
  for (const { project } of devices) await until(project, () => project.status === 'live' && project.unsent === 0);
  const head = Math.max(...devices.map(({ project }) => project.position?.seq ?? 0));
  for (const { project } of devices) await until(project, () => (project.position?.seq ?? 0) >= head);
}
