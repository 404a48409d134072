/**
 * Simple marks in what people write: bold, italic, code, lists, links. Everything becomes elements and text,
 * never markup, and only links to the web and to mail are links. Fetched when a text has such marks.
 *
 * @module
 */

import { h, visible } from '../ui/dom.js';

/** What may be within a line; the lengths keep a hostile text from being searched again and again. */
const INLINE =
  /`([^`\n]{1,500})`|\*\*([^*\n]{1,500})\*\*|\*([^*\s][^*\n]{0,500})\*|(?<![\w@])_([^_\s][^_\n]{0,500})_(?!\w)|\[([^[\]\n]{1,500})\]\(([^\s()]{1,2000})\)|((?:https?:\/\/|mailto:)[^\s<>"'`]{1,2000})/g;
const BULLET = /^\s{0,3}[-*]\s+(?=\S)/;
const NUMBER = /^\s{0,3}\d{1,4}[.)]\s+(?=\S)/;
const FENCE = /^```/;
/** Where a link may lead. */
const SAFE = new Set(['http:', 'https:', 'mailto:']);

/** @typedef {(text: string) => (Node | string)[]} Plain what becomes of text without marks */

/** @type {Plain} */
const asText = (text) => [visible(text)];

/** @param {string} text @returns {HTMLElement[]} */
export function rendered(text) {
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  /** @type {HTMLElement[]} */
  const blocks = [];
  while (lines.length > 0) {
    const line = lines[0] ?? '';
    if (line.trim() === '') lines.shift();
    else blocks.push(FENCE.test(line) ? code(lines) : BULLET.test(line) ? list(lines, 'ul', BULLET) : NUMBER.test(line) ? list(lines, 'ol', NUMBER) : paragraph(lines));
  }
  return blocks;
}

/** @param {string[]} lines those of the block are taken away */
function code(lines) {
  lines.shift();
  const end = lines.findIndex((line) => FENCE.test(line));
  const body = lines.splice(0, end < 0 ? lines.length : end);
  lines.shift();
  return h('pre', {}, h('code', {}, visible(body.join('\n'))));
}

/** @param {string[]} lines @param {'ul' | 'ol'} tag @param {RegExp} mark */
function list(lines, tag, mark) {
  const items = [];
  const start = /\d+/.exec(lines[0] ?? '')?.[0];
  while (mark.test(lines[0] ?? '')) items.push(h('li', { dir: 'auto' }, ...inline((lines.shift() ?? '').replace(mark, ''))));
  return h(tag, tag === 'ol' ? { start } : {}, ...items);
}

/** @param {string[]} lines */
function paragraph(lines) {
  const end = lines.findIndex((line, at) => at > 0 && (line.trim() === '' || FENCE.test(line) || BULLET.test(line) || NUMBER.test(line)));
  const body = lines.splice(0, end < 0 ? lines.length : end).join('\n');
  return h('p', { dir: 'auto' }, ...inline(body));
}

/**
 * @param {string} text
 * @param {Plain} [plain]
 * @param {number} [depth] how deep marks stand within marks
 * @returns {(Node | string)[]}
 */
export function inline(text, plain = asText, depth = 0) {
  if (depth > 3) return plain(text);
  /** @type {(Node | string)[]} */
  const parts = [];
  let at = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, code, bold, italic, italicToo, words, target, bare] = found;
    const within = (/** @type {string} */ inner) => inline(inner, plain, depth + 1);
    parts.push(...plain(text.slice(at, found.index)));
    at = found.index + whole.length;
    if (code !== undefined) parts.push(h('code', {}, visible(code)));
    else if (bold !== undefined) parts.push(h('strong', {}, ...within(bold)));
    else if (words !== undefined && target !== undefined) parts.push(link(target, words) ?? visible(whole));
    else if (bare !== undefined) {
      // A mark at the end belongs to the sentence.
      const address = bare.replace(/[.,;:!?)\]*_]+$/, '');
      at -= bare.length - address.length;
      parts.push(link(address, address) ?? visible(address));
    } else parts.push(h('em', {}, ...within(italic ?? italicToo ?? '')));
  }
  parts.push(...plain(text.slice(at)));
  return parts;
}

/** @param {string} target @param {string} words @returns {HTMLElement | null} null: it may not be a link */
function link(target, words) {
  if (!URL.canParse(target)) return null;
  const { protocol, href } = new URL(target);
  if (!SAFE.has(protocol)) return null;
  return h('a', { href, title: href, target: '_blank', rel: 'noopener noreferrer nofollow' }, visible(words));
}
