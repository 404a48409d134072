// The samples are written for Node.js 22 and later. Older ones lack two things.
import { webcrypto } from 'node:crypto';

import WebSocket from '../../clients/js/node_modules/ws/wrapper.mjs';

globalThis.WebSocket ??= WebSocket;
globalThis.crypto ??= webcrypto;
