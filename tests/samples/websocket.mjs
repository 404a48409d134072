// Node.js has a WebSocket of its own from version 22 on, for which the samples are written.
import WebSocket from '../../clients/js/node_modules/ws/wrapper.mjs';

globalThis.WebSocket ??= WebSocket;
