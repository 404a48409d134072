/**
 * Pictures, drawn as lines in the colour of the text.
 *
 * @module
 */

const NS = 'http://www.w3.org/2000/svg';

/** Paths in a square of 16. */
const PATHS = {
  add: 'M8 3v10M3 8h10',
  bell: 'M4 7a4 4 0 0 1 8 0c0 3 1.2 4 1.2 4H2.8S4 10 4 7M6.7 13.3a1.5 1.5 0 0 0 2.6 0',
  board: 'M2.5 3h3v10h-3zM6.5 3h3v7h-3zM10.5 3h3v4.5h-3z',
  chart: 'M2.5 13.5h11M4 11V8M7 11V4.5M10 11V6.5M13 11V3',
  check: 'M3 8.5l3.2 3.2L13 4.8',
  chat: 'M2.5 3.5h11v7.5H7l-3 2.5V11H2.5z',
  close: 'M4 4l8 8M12 4l-8 8',
  clock: 'M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M8 5v3.2l2 1.3',
  code: 'M5.5 4.5L2 8l3.5 3.5M10.5 4.5L14 8l-3.5 3.5',
  down: 'M4 6l4 4 4-4',
  grip: 'M6 4h.01M10 4h.01M6 8h.01M10 8h.01M6 12h.01M10 12h.01',
  help: 'M6 6a2 2 0 1 1 2.8 1.9c-.6.2-.8.6-.8 1.4M8 11.6v.1M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8',
  link: 'M6.5 9.5l3-3M7 5l1.3-1.3a2.6 2.6 0 0 1 3.8 3.8L10.8 9M9 11l-1.3 1.3a2.6 2.6 0 0 1-3.8-3.8L5.2 7',
  menu: 'M2.5 4.5h11M2.5 8h11M2.5 11.5h11',
  moon: 'M13 9.5A5.5 5.5 0 0 1 6.5 3 5.5 5.5 0 1 0 13 9.5',
  more: 'M3.5 8h.01M8 8h.01M12.5 8h.01',
  people: 'M6 7.5a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6M1.8 13c.2-2.4 2-3.6 4.2-3.6s4 1.2 4.2 3.6M10.7 3.2a2.2 2.2 0 0 1 0 4.1M12 9.8c1.3.5 2 1.6 2.2 3.2',
  person: 'M8 8a2.6 2.6 0 1 0 0-5.2A2.6 2.6 0 0 0 8 8M3 13.6c.3-2.6 2.4-3.9 5-3.9s4.7 1.3 5 3.9',
  redo: 'M12.5 3.500v3.500H9M12.3 7A5 5 0 1 0 13 9.5',
  search: 'M7 2.500a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.300l3.2 3.2',
  steps: 'M2.5 4.500l1 1 1.8-2M7.5 4.500h6M2.5 10.500l1 1 1.8-2M7.5 10.500h6',
  sun: 'M8 5.200a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.600M8 1.500v1.300M8 13.200v1.300M1.5 8h1.300M13.2 8h1.300M3.4 3.400l.9.9M11.7 11.700l.9.9M3.4 12.600l.9-.9M11.7 4.300l.9-.9',
  trash: 'M3 4.500h10M6.5 4.500V3h3v1.500M4.3 4.500l.6 8.500h6.200l.6-8.5',
  undo: 'M3.5 3.500V7H7M3.7 7A5 5 0 1 1 3 9.5',
  blocked: 'M8 2.500a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11M4.2 4.200l7.6 7.6',
};

/** @typedef {keyof typeof PATHS} IconName */

/**
 * @param {IconName} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const path = document.createElementNS(NS, 'path');
  path.setAttribute('d', PATHS[name]);
  return picture([path], 'icon');
}

/**
 * How urgent, as bars; the word stands beside it for those who do not see it.
 *
 * @param {string} priority
 */
export function priorityIcon(priority) {
  const level = ['low', 'medium', 'high', 'urgent'].indexOf(priority) + 1;
  const bars = [0, 1, 2].map((at) => bar(at, at < Math.min(level, 3)));
  const svg = picture(bars, 'priority');
  svg.dataset.priority = priority;
  return svg;
}

/**
 * @param {number} at
 * @param {boolean} on
 */
function bar(at, on) {
  const rect = document.createElementNS(NS, 'rect');
  const height = 4 + at * 4;
  const box = { x: 2 + at * 4.5, y: 14 - height, width: 3, height, rx: 1 };
  for (const [name, value] of Object.entries(box)) rect.setAttribute(name, String(value));
  rect.classList.toggle('off', !on);
  return rect;
}

/**
 * @param {SVGElement[]} parts
 * @param {string} className
 */
function picture(parts, className) {
  const svg = document.createElementNS(NS, 'svg');
  svg.setAttribute('viewBox', '0 0 16 16');
  svg.setAttribute('aria-hidden', 'true');
  svg.setAttribute('class', className);
  svg.append(...parts);
  return svg;
}
