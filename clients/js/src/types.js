/**
 * The messages of the protocol as types, for editors and for `tsc --checkJs`. Nothing here runs.
 * Names and members are those of PROTOCOL.md.
 *
 * @module
 */

/** @typedef {any} Value What a field holds: null, a boolean, a number, text, a list or an object; in JSON also an `ExactNumber`. */
/** @typedef {{ [name: string]: Value }} Fields */
/** @typedef {Readonly<Fields>} Row A whole row; never changed in place. */
/** @typedef {string | number | Value[]} Key A row's key: one value, or a list where the key has several columns. */
/** @typedef {'viewer' | 'editor' | 'owner'} Role */

/**
 * @typedef {'first' | 'last' | { after: Key } | { before: Key }} Place
 *   A place in a hand-made order, named by an anchor.
 */

/** @typedef {{ op: 'insert', table: string, row: Fields, place?: Place }} InsertOp */
/**
 * @typedef {{ op: 'update', table: string, key: Key, set?: Fields, inc?: Fields, add?: Fields,
 *   remove?: Fields, place?: Place, if?: Fields }} UpdateOp
 */
/** @typedef {{ op: 'delete', table: string, key: Key, if?: Fields }} DeleteOp */
/** @typedef {{ op: 'move', table: string, key: Key, to: string, if?: Fields }} MoveOp */
/** @typedef {InsertOp | UpdateOp | DeleteOp | MoveOp} Op */

/**
 * @typedef {{ name: string, type: string, items?: string, nullable?: boolean, readonly?: boolean, values?: string[] }} ColumnSchema
 * @typedef {{ name: string, channel: string, key: string[], order?: string, insert?: Role,
 *   update?: Role, delete?: Role, columns: ColumnSchema[] }} TableSchema
 * @typedef {{ hash: string, tables?: TableSchema[] }} Schema
 */

/** @typedef {{ id: string, name: string }} Person */

/**
 * @typedef {{ message_bytes: number, depth: number, ops: number, subscriptions: number,
 *   requests_per_second: number, ping_seconds: number }} Limits
 * @typedef {{ type: 'welcome', ref: number, session: string, user: Person, expires?: string,
 *   time: string, server: string, schema: Schema, limits: Limits }} Welcome
 * @typedef {{ type: 'renewed', ref: number, expires?: string }} Renewed
 * @typedef {{ type: 'subscribed', ref: number, channel: string, start: 'resume' | 'snapshot',
 *   reason?: string, epoch: string, head: number, role: Role }} Subscribed
 * @typedef {{ type: 'ack', ref: number, id: string, channel: string, epoch: string, seq: number,
 *   replayed?: boolean }} Ack
 * @typedef {{ seq: number, at: string, op: string, user?: string, edit?: string, new?: Fields,
 *   old?: Fields }} PastChange
 * @typedef {{ type: 'history_page', ref: number, channel: string, changes: PastChange[],
 *   more: boolean, next?: number }} HistoryPage
 * @typedef {{ type: 'error', ref?: number, code: string, message: string, retry: boolean,
 *   retry_after_ms?: number, path?: string, op?: number, table?: string, field?: string,
 *   constraint?: string, row?: Fields, id?: string, channel?: string, limit?: number,
 *   key?: Key }} ErrorReply
 * @typedef {{ type: string, ref: number, [member: string]: any }} Reply
 */

/**
 * @typedef {{ op: 'insert' | 'enter', table: string, key: Key, row: Fields, edit?: number }} RowChange
 * @typedef {{ op: 'update', table: string, key: Key, set: Fields, edit?: number }} FieldsChange
 * @typedef {{ op: 'delete' | 'leave', table: string, key: Key, edit?: number }} KeyChange
 * @typedef {RowChange | FieldsChange | KeyChange} Change
 * @typedef {{ id: string, user: string }} EditOf
 * @typedef {{ seq: number, at: string, edits?: EditOf[], by?: string, changes?: Change[],
 *   reset?: string[] }} Entry
 */

/**
 * @typedef {{ type: 'entries', channel: string, entries: Entry[], cursor: string }} EntriesNews
 * @typedef {{ type: 'snapshot_begin', channel: string, epoch: string, reason: string }} SnapshotBegin
 * @typedef {{ type: 'snapshot', channel: string, table: string, seq: number, rows: Fields[] }} SnapshotPage
 * @typedef {{ type: 'snapshot_end', channel: string, cursor: string, seq: number, show: number }} SnapshotEnd
 * @typedef {{ session: string, user: string, key: string, value: Value }} StateItem
 * @typedef {{ type: 'states', channel: string, full?: boolean, states: StateItem[] }} StatesNews
 * @typedef {{ user: string, name: string, devices: number, meta?: Value }} PresentPerson
 * @typedef {{ type: 'presence', channel: string, full?: boolean, here?: PresentPerson[],
 *   left?: string[] }} PresenceNews
 * @typedef {{ session: string, user: string, name: string, body?: Value }} SignalItem
 * @typedef {{ type: 'signals', channel: string, signals: SignalItem[] }} SignalsNews
 * @typedef {{ type: 'missed', channel: string, signals: number }} MissedNews
 * @typedef {{ type: 'removed', channel: string, code: string, message: string }} RemovedNews
 * @typedef {EntriesNews | SnapshotBegin | SnapshotPage | SnapshotEnd | StatesNews |
 *   PresenceNews | SignalsNews | MissedNews | RemovedNews} ChannelNews
 * @typedef {{ type: 'part', part: number, of: number, data: unknown }} Part
 * @typedef {{ type: 'token_expiring', expires: string }} TokenExpiring
 * @typedef {{ type: 'drain', reconnect_after_ms: number }} DrainNews
 * @typedef {{ type: 'degraded', parts: string[] }} DegradedNews
 * @typedef {Schema & { type: 'schema' }} SchemaNews
 * @typedef {TokenExpiring | DrainNews | DegradedNews | SchemaNews} SessionNews
 */

/** @typedef {{ epoch: string, seq: number, cursor: string }} Position A place in a channel's log. */

/**
 * @typedef {object} ConnectionStatus
 * @property {'connecting' | 'catching-up' | 'live' | 'degraded' | 'offline' | 'closed'} state
 * @property {string[]} parts what works less well, when degraded: `store`, `bus`
 * @property {import('./errors.js').RowcastError | null} reason why it is offline or closed, or why edits wait although it is not
 * @property {number | null} retryInMs how long it waits before it connects again, when offline
 */

/** The part of a WebSocket that the client uses; browsers' and `ws` both fit. */
/**
 * @typedef {object} SocketLike
 * @property {string} protocol
 * @property {BinaryType} binaryType
 * @property {number} bufferedAmount
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onclose
 * @property {((event: any) => void) | null} onerror
 * @property {(data: import('./codec.js').Frame) => void} send
 * @property {(code?: number, reason?: string) => void} close
 */
/** @typedef {new (url: string, protocols: string[]) => any} SocketClass */

export {};
