/**
 * React hooks. A separate entry, `rowcast/react`: who does not use React does not load it.
 *
 * @module
 */

import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react';
import { holder } from './holding.js';

/** @typedef {import('./client.js').Client} Client */
/** @typedef {import('./channel.js').Channel} Channel */
/** @typedef {import('./types.js').Row} Row */
/** @typedef {import('./types.js').Key} Key */
/** @typedef {import('./query.js').QueryOptions} QueryOptions */

/** @type {import('react').Context<Client | null>} */
const Context = createContext(/** @type {Client | null} */ (null));

/**
 * Gives a client to all hooks below.
 *
 * @param {{ client: Client, children?: import('react').ReactNode }} props
 */
export function RowcastProvider({ client, children }) {
  return createElement(Context.Provider, { value: client }, children);
}

/** The client of the nearest `RowcastProvider`. @returns {Client} */
export function useRowcast() {
  const client = useContext(Context);
  if (client === null) throw new Error('there is no RowcastProvider above');
  return client;
}

/**
 * Follows a channel as long as a component that asked for it is there, and a moment longer.
 *
 * @param {string} name
 * @param {import('./channel.js').ChannelOptions} [options] count only the first time
 * @returns {Channel}
 */
export function useChannel(name, options) {
  const client = useRowcast();
  const channel = holder(client).get(name, options);
  const [, renderAgain] = useState(0);
  useEffect(() => {
    const letGo = holder(client).hold(name, options);
    // Whoever was hidden for long comes back to another channel.
    if (holder(client).get(name) !== channel) renderAgain((times) => times + 1);
    return letGo;
  }, [client, name]);
  useSyncExternalStore(
    useCallback((listener) => channel.subscribe(listener), [channel]),
    () => channelLook(channel),
    () => channelLook(channel),
  );
  return channel;
}

/** What a component sees of a channel besides its rows. @param {Channel} channel */
function channelLook({ status, role, unsent, error, canUndo, canRedo }) {
  return [status, role, unsent, error?.code, canUndo, canRedo].join();
}

/**
 * The rows of a table that fit, in order: the same list until one of them changes.
 *
 * @param {Channel} channel
 * @param {string} table
 * @param {QueryOptions} [options] compared by content; functions in it by `deps`
 * @param {unknown[]} [deps] what functions in `options` depend on
 * @returns {readonly Row[]}
 */
export function useRows(channel, table, options = {}, deps = []) {
  const content = JSON.stringify(options);
  const query = useMemo(() => channel.table(table).query(options), [channel, table, content, ...deps]);
  return useSyncExternalStore(query.subscribe, query.rows, query.rows);
}

/**
 * One row; undefined if it is not there.
 *
 * @param {Channel} channel
 * @param {string} table
 * @param {Key} key
 * @returns {Row | undefined}
 */
export function useRow(channel, table, key) {
  const content = JSON.stringify(key);
  const row = useMemo(() => channel.table(table).row(key), [channel, table, content]);
  return useSyncExternalStore(row.subscribe, row.get, row.get);
}

/**
 * Who is here, each person once.
 *
 * @param {Channel} channel
 * @returns {readonly import('./types.js').PresentPerson[]}
 */
export function usePresence({ presence }) {
  const subscribe = useCallback((/** @type {() => void} */ listener) => presence.subscribe(listener), [presence]);
  const look = useCallback(() => presence.people(), [presence]);
  return useSyncExternalStore(subscribe, look, look);
}

/**
 * The latest values of a state of everybody, and a function that sets one's own.
 *
 * @param {Channel} channel
 * @param {string} key
 * @returns {[readonly import('./types.js').StateItem[], (value: import('./types.js').Value) => void]}
 */
export function useShared({ state }, key) {
  const subscribe = useCallback((/** @type {() => void} */ listener) => state.subscribe(listener), [state]);
  const look = useCallback(() => state.of(key), [state, key]);
  const items = useSyncExternalStore(subscribe, look, look);
  const set = useCallback((/** @type {import('./types.js').Value} */ value) => state.set(key, value), [state, key]);
  useEffect(() => () => state.set(key, null), [state, key]);
  return [items, set];
}

/**
 * Edits a channel and tells how that goes.
 *
 * @param {Channel} channel
 * @returns {{
 *   edit: Channel['edit'],
 *   undo: () => Promise<import('./undo.js').UndoResult>,
 *   redo: () => Promise<import('./undo.js').UndoResult>,
 *   pending: number,
 *   error: Error | null,
 *   forgetError: () => void,
 * }} `pending`: how many edits made here are not durable; `error`: of the last that was refused
 */
export function useEdit(channel) {
  const [{ pending, error }, set] = useState({ pending: 0, error: /** @type {Error | null} */ (null) });
  const mounted = useMounted();
  return useMemo(() => {
    /** @type {typeof set} */
    const tell = (change) => void (mounted.current && set(change));
    /** @type {Channel['edit']} */
    const edit = (ops, options) => {
      const made = channel.edit(ops, options);
      tell((was) => ({ pending: was.pending + 1, error: null }));
      made.ack.then(
        () => tell((was) => ({ ...was, pending: was.pending - 1 })),
        (reason) => tell((was) => ({ pending: was.pending - 1, error: reason })),
      );
      return made;
    };
    const forgetError = () => tell((was) => ({ ...was, error: null }));
    return { edit, undo: () => channel.undo(), redo: () => channel.redo(), pending, error, forgetError };
  }, [channel, pending, error]);
}

/** Whether the component is there; right under StrictMode too. */
function useMounted() {
  const mounted = useRef(true);
  useEffect(() => {
    mounted.current = true;
    return () => void (mounted.current = false);
  }, []);
  return mounted;
}

/**
 * How the connection is and what waits to be sent.
 *
 * @returns {Readonly<import('./client.js').ClientState>}
 */
export function useStatus() {
  const client = useRowcast();
  const subscribe = useCallback((/** @type {() => void} */ listener) => client.subscribe(listener), [client]);
  const look = useCallback(() => client.state, [client]);
  return useSyncExternalStore(subscribe, look, look);
}
