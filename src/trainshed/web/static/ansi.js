// Text with ANSI colours as spans. Anything else that a terminal would obey is left out.
import { el } from './base.js';

const NAMES = ['', 'a-red', 'a-green', 'a-yellow', 'a-blue', 'a-mag', 'a-cyan', ''];
// eslint-disable-next-line no-control-regex
const CODE = /\x1b\[([0-9;:]*)m|\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g;

export class Ansi {
  constructor() { this.reset(); }
  reset() { this.ink = ''; this.bold = false; this.faint = false; }

  take(codes) {
    const list = codes === '' ? [0] : codes.split(/[;:]/).map(Number);
    for (let i = 0; i < list.length; i++) {
      const code = list[i];
      if (code === 0) this.reset();
      else if (code === 1) this.bold = true;
      else if (code === 2) this.faint = true;
      else if (code === 22) this.bold = this.faint = false;
      else if (code >= 30 && code <= 37) this.ink = NAMES[code - 30];
      else if (code >= 90 && code <= 97) { this.ink = NAMES[code - 90]; if (code === 90) this.faint = true; }
      else if (code === 39) { this.ink = ''; this.faint = false; }
      else if (code === 38 || code === 48) {
        const wide = list[i + 1] === 2;
        if (code === 38) this.ink = wide ? nearest(list.slice(i + 2, i + 5)) : cube(list[i + 2]);
        i += wide ? 4 : 2;
      }
    }
  }

  // One line as nodes; parts that are equal to `mark`, in any case, are marked.
  line(text, mark) {
    // What a progress bar has written over is not shown.
    const shown = text.endsWith('\r') ? text.slice(0, -1) : text, last = shown.slice(shown.lastIndexOf('\r') + 1);
    const nodes = [];
    let from = 0, skipped = shown.slice(0, shown.length - last.length);
    for (const found of skipped.matchAll(CODE)) if (found[1] !== undefined) this.take(found[1]);
    for (const found of last.matchAll(CODE)) {
      this.put(nodes, last.slice(from, found.index), mark);
      from = found.index + found[0].length;
      if (found[1] !== undefined) this.take(found[1]);
    }
    this.put(nodes, last.slice(from), mark);
    return nodes;
  }

  put(nodes, text, mark) {
    if (!text) return;
    const kind = [this.ink, this.bold && 'bo', this.faint && 'd'].filter(Boolean).join(' ');
    const parts = mark ? marked(text, mark) : [text];
    nodes.push(...(kind ? [el('span', { class: kind }, parts)] : parts));
  }
}

function marked(text, mark) {
  const parts = [], lower = text.toLowerCase(), wanted = mark.toLowerCase();
  let from = 0;
  for (let at; (at = lower.indexOf(wanted, from)) >= 0; from = at + wanted.length) parts.push(text.slice(from, at), el('mark', {}, text.slice(at, at + wanted.length)));
  parts.push(text.slice(from));
  return parts;
}

// Colours of 256 and of millions become the nearest of ours, which can be read on the background.
function nearest([r, g, b]) {
  const top = Math.max(r, g, b), low = Math.min(r, g, b);
  if (!(top >= 0) || top - low < 40) return '';
  const kinds = [r > (top + low) / 2, g > (top + low) / 2, b > (top + low) / 2].map(Number).join('');
  return { 100: 'a-red', '010': 'a-green', '001': 'a-blue', 110: 'a-yellow', '011': 'a-cyan', 101: 'a-mag' }[kinds] ?? '';
}
function cube(index) {
  if (!(index >= 0)) return '';
  if (index < 16) return NAMES[index % 8];
  if (index >= 232) return '';
  const at = index - 16, level = (n) => (n ? 55 + n * 40 : 0);
  return nearest([level(Math.floor(at / 36)), level(Math.floor(at / 6) % 6), level(at % 6)]);
}
export const plain = (text) => text.replace(CODE, '');
