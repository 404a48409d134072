/**
 * A small line of what happened in the last minutes.
 *
 * @module
 */

import { h, setText } from './dom.js';

const NS = 'http://www.w3.org/2000/svg';
/** Points kept. */
const MOST = 90;
const [WIDTH, HEIGHT] = [240, 48];

export class Chart {
  /** @type {number[]} */
  #points = [];
  #unit;
  #value = h('b', { class: 'chart-value' }, '–');
  #line = document.createElementNS(NS, 'polyline');
  #area = document.createElementNS(NS, 'polygon');

  /** @param {string} name @param {string} unit */
  constructor(name, unit) {
    this.#unit = unit;
    const svg = document.createElementNS(NS, 'svg');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    svg.append(this.#area, this.#line);
    this.element = h('figure', { class: 'chart' }, h('figcaption', {}, name), this.#value, svg);
  }

  /** @param {number} value */
  add(value) {
    this.#points.push(value);
    if (this.#points.length > MOST) this.#points.shift();
    setText(this.#value, `${value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 1 : 0 })}${this.#unit}`);
    const top = Math.max(1, ...this.#points);
    const spread = WIDTH / (MOST - 1);
    const from = WIDTH - (this.#points.length - 1) * spread;
    const line = this.#points.map((point, at) => `${(from + at * spread).toFixed(1)},${(HEIGHT - 2 - (point / top) * (HEIGHT - 6)).toFixed(1)}`);
    this.#line.setAttribute('points', line.join(' '));
    this.#area.setAttribute('points', [`${from.toFixed(1)},${HEIGHT}`, ...line, `${WIDTH},${HEIGHT}`].join(' '));
  }
}
