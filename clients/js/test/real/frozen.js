/** A program of its own that follows a project and says what it sees, for a test that freezes it. */

import { WebSocket } from 'ws';
import { connect } from '../../src/index.js';

const [url = '', token = '', project = ''] = process.argv.slice(2);
const client = connect({ url, token, WebSocket, timing: { firstRetryMs: 20 } });
const channel = client.channel(`project:${project}`, { presence: 'join' });
channel.table('tasks').subscribe(({ inserted }) => inserted.forEach((row) => console.log(row.title)));
await channel.ready;
console.log('live');
