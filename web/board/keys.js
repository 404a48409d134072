/**
 * The board by keyboard.
 *
 * @module
 */

import { dialog } from '../ui/dialog.js';
import { h, isTyping } from '../ui/dom.js';

/**
 * @typedef {object} KeyHost
 * @property {(dx: number, dy: number) => void} step moves the focus
 * @property {(dx: number, dy: number) => void} carry moves the task whose card has the focus
 * @property {() => void} open
 * @property {() => void} create
 * @property {() => void} search
 * @property {() => void} escape
 * @property {() => void} remove
 * @property {() => void} take assigns the task to whoever presses the key
 * @property {(priority: number) => void} rank
 * @property {(way: 'undo' | 'redo') => void} back
 */

/** @type {Record<string, [number, number]>} */
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0], k: [0, -1], j: [0, 1] };

const HELP = [
  ['↑ ↓ ← →', 'Go from card to card'],
  ['Shift + ↑ ↓ ← →', 'Move the card, or a step up and down'],
  ['Enter or e', 'Open the task; e again: write its title'],
  ['c', 'New task in this column'],
  ['m', 'Assign to me, or not to me'],
  ['1 2 3 4', 'Low, medium, high, urgent'],
  ['Delete', 'Delete the task'],
  ['/', 'Search'],
  ['Ctrl + Z', 'Undo what you did last'],
  ['Ctrl + Shift + Z', 'Do it again'],
  ['Escape', 'Close, leave a field, or leave a title as it was'],
  ['?', 'This help'],
];

/**
 * @param {KeyHost} host
 * @returns {() => void} stops listening
 */
export function listenToKeys(host) {
  const listener = (/** @type {KeyboardEvent} */ event) => {
    if (event.defaultPrevented || document.querySelector('dialog[open]')) return;
    if (handled(event, host)) event.preventDefault();
  };
  document.addEventListener('keydown', listener);
  return () => document.removeEventListener('keydown', listener);
}

/**
 * @param {KeyboardEvent} event
 * @param {KeyHost} host
 * @returns {boolean}
 */
function handled(event, host) {
  const { key, target } = event;
  if (isTyping(target)) return false;
  if (event.ctrlKey || event.metaKey) return undone(event, host);
  if (event.altKey) return false;
  const arrow = ARROWS[key];
  if (arrow && elsewhere(target)) return false;
  if (arrow) return (event.shiftKey ? host.carry : host.step)(...arrow), true;
  const rank = ['1', '2', '3', '4'].indexOf(key);
  if (rank >= 0) return host.rank(rank), true;
  const action = { c: host.create, '/': host.search, e: host.open, m: host.take, '?': showHelp, Escape: host.escape, Delete: host.remove, Backspace: host.remove }[key];
  action?.();
  return action !== undefined;
}

/** Whether arrows belong to something else than the board. @param {EventTarget | null} target */
function elsewhere(target) {
  return target instanceof Element && target.closest('.task, .side, .bar, [role=listbox]') !== null;
}

/** @param {KeyboardEvent} event @param {KeyHost} host */
function undone(event, host) {
  const key = event.key.toLowerCase();
  if (key !== 'z' && key !== 'y') return false;
  host.back(key === 'y' || event.shiftKey ? 'redo' : 'undo');
  return true;
}

/** Shows the keys. */
export function showHelp() {
  const rows = HELP.map(([keys = '', words = '']) => h('div', {}, h('dt', {}, h('kbd', {}, keys)), h('dd', {}, words)));
  dialog('Keys', () => [h('dl', { class: 'keys' }, ...rows)]);
}
