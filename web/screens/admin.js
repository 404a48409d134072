/**
 * How the hub does: nodes, channels, sockets, errors, live.
 *
 * @module
 */

import { Chart } from '../ui/chart.js';
import { clipped, h, setChildren } from '../ui/dom.js';
import { ago, errorWords } from '../ui/words.js';

/** How often the hub is asked; after errors up to this seldom, and not at all without the right to. */
const EVERY_MS = 2_000;
const SELDOM_MS = 60_000;

/** The figures that are drawn: name, how it is read from a node, unit. @type {[string, (node: any) => number, string][]} */
const CHARTS = [
  ['Sockets', (node) => node.sockets, ''],
  ['Edits', (node) => node.edits_per_second, '/s'],
  ['Deliveries', (node) => node.deliveries_per_second, '/s'],
  ['Sent', (node) => node.bytes_per_second / 1024, ' KiB/s'],
  ['Commit, 99 of 100', (node) => node.commit_ms?.p99 ?? 0, ' ms'],
  ['Processor', (node) => node.cpu_percent ?? 0, ' %'],
];

/** @type {import('../app.js').Screen} */
export function admin(app, outlet) {
  const { bar } = app.frame.bar('Statistics');
  const charts = CHARTS.map(([name, read, unit]) => ({ read, chart: new Chart(name, unit) }));
  const error = h('p', { class: 'error', role: 'alert', hidden: true });
  const tables = h('div', { class: 'stack' });
  outlet.append(bar, h('div', { class: 'page', tabindex: '0', role: 'region', 'aria-label': 'Figures' }, error, h('div', { class: 'charts' }, ...charts.map(({ chart }) => chart.element)), tables));
  document.title = 'Statistics · Rowcast';
  let closed = false;
  let wait = EVERY_MS;
  const ask = async () => {
    try {
      const stats = await app.session.call('GET', '/stats');
      if (closed) return;
      error.hidden = true;
      wait = EVERY_MS;
      for (const { read, chart } of charts) chart.add(sum(stats.nodes, read));
      setChildren(tables, sections(stats));
    } catch (problem) {
      error.hidden = false;
      const { status = 0 } = /** @type {any} */ (problem);
      const forbidden = status === 403 || status === 404;
      error.textContent = forbidden ? 'The statistics are for administrators.' : errorWords(problem);
      if (forbidden) return;
      wait = Math.min(wait * 2, SELDOM_MS);
    }
    if (!closed) timer = window.setTimeout(ask, wait);
  };
  let timer = window.setTimeout(ask, 0);
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** @param {any[]} nodes @param {(node: any) => number} read */
function sum(nodes, read) {
  return nodes.reduce((total, node) => total + (Number(read(node)) || 0), 0);
}

/** @param {any} stats */
function sections({ nodes = [], channels = [], sockets = [] }) {
  const errors = counted(nodes.map((/** @type {any} */ { errors }) => errors));
  const refused = counted(nodes.map((/** @type {any} */ { refused }) => refused));
  return [
    section('Nodes', ['Node', 'Version', 'Up', 'Sockets', 'People', 'Channels', 'Slow', 'Commit p50/p99', 'Lag', 'Memory', 'State'], nodes.map(nodeRow)),
    section('Busiest channels', ['Channel', 'Readers', 'Entries', 'In memory', 'Lag'], channels.map(channelRow)),
    section('Slowest sockets', ['Person', 'Address', 'Since', 'Channels', 'Waiting', 'Behind'], sockets.map(socketRow)),
    section('Errors', ['Code', 'Count'], errors),
    section('Refused by limits', ['Limit', 'Count'], refused),
  ];
}

/** @param {any} node @returns {string[]} */
function nodeRow(node) {
  const { name, version, uptime_seconds, sockets, people, channels, slow_readers, commit_ms, numbering_lag_ms, memory_bytes, degraded } = node;
  const commit = commit_ms ? `${number(commit_ms.p50)} / ${number(commit_ms.p99)} ms` : '';
  const state = degraded?.length > 0 ? `degraded: ${degraded.join(', ')}` : 'well';
  return [name, version, duration(uptime_seconds), number(sockets), number(people), number(channels), number(slow_readers), commit, `${number(numbering_lag_ms)} ms`, size(memory_bytes), state];
}

/** @param {any} channel @returns {string[]} */
function channelRow({ name, readers, head, tail_bytes, lag }) {
  return [name, number(readers), number(head), size(tail_bytes), number(lag)];
}

/** @param {any} socket @returns {string[]} */
function socketRow({ user, name, address, since, channels, queued_bytes, behind }) {
  const followed = Array.isArray(channels) ? channels.length : channels;
  return [name || user, address, ago(since), number(followed), size(queued_bytes), number(behind)];
}

/** @param {(Record<string, number> | undefined)[]} all @returns {string[][]} */
function counted(all) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const one of all) for (const [name, count] of Object.entries(one ?? {})) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].filter(([, count]) => count > 0).sort((a, b) => b[1] - a[1]).map(([name, count]) => [name, number(count)]);
}

/** @param {string} title @param {string[]} heads @param {string[][]} rows */
function section(title, heads, rows) {
  const head = h('thead', {}, h('tr', {}, ...heads.map((name) => h('th', { scope: 'col' }, name))));
  const body = h('tbody', {}, ...rows.map((cells) => h('tr', {}, ...cells.map((cell) => h('td', { dir: 'auto' }, clipped(cell ?? '', 80))))));
  const table = rows.length > 0 ? h('div', { class: 'table-box', tabindex: '0', role: 'region', 'aria-label': title }, h('table', {}, head, body)) : h('p', { class: 'faint' }, 'None.');
  return h('section', { class: 'panel' }, h('h2', {}, title), table);
}

/** @param {any} value */
function number(value) {
  return Number(value ?? 0).toLocaleString('en', { maximumFractionDigits: 1 });
}

/** @param {any} bytes */
function size(bytes) {
  const value = Number(bytes ?? 0);
  if (value < 1024) return `${number(value)} B`;
  return value < 1024 * 1024 ? `${number(value / 1024)} KiB` : `${number(value / 1024 / 1024)} MiB`;
}

/** @param {any} seconds */
function duration(seconds) {
  const value = Number(seconds ?? 0);
  if (value < 120) return `${Math.round(value)} s`;
  return value < 7_200 ? `${Math.round(value / 60)} min` : `${number(value / 3_600)} h`;
}
