// The files of a run: a tree, a preview of the chosen one, download.
import { $, bytes, el, get, icon, many, tried } from './base.js';
import { blob, download, query } from './http.js';
import { plain } from './ansi.js';
import { grid } from './tables.js';

const IMAGES = { png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif', webp: 'image/webp', svg: 'image/svg+xml', bmp: 'image/bmp' };
const LARGEST_IMAGE = 32e6;
const ending = (name) => name.slice(name.lastIndexOf('.') + 1).toLowerCase();
const path = (run, name) => `runs/${encodeURIComponent(run)}/files/${name.split('/').map(encodeURIComponent).join('/')}`;

export async function image(run, name) {
  const url = URL.createObjectURL(await blob(path(run, name), IMAGES[ending(name)] ?? 'application/octet-stream'));
  const shown = el('img', { src: url, alt: name, onload: () => URL.revokeObjectURL(url) });
  return shown;
}
export const isImage = (name) => ending(name) in IMAGES;

export class Files {
  constructor(run) {
    this.run = run;
    this.node = $('#files');
    this.count = $('.sh span', this.node);
    this.tree = $('.tree', this.node);
    this.preview = $('.prev', this.node);
    this.open = new Set(['outputs']);
  }

  async load() {
    const found = await tried(() => get(`runs/${encodeURIComponent(this.run)}/files`));
    if (!found) return 0;
    const files = found.files.filter((file) => !file.name.startsWith('user_logs/'));
    const text = JSON.stringify(files);
    if (text !== this.text) { this.text = text; this.fill(files); }
    return files.length;
  }

  fill(files) {
    this.files = files;
    this.count.textContent = files.length ? `${many(files.length, 'file')}, ${bytes(files.reduce((sum, file) => sum + file.size, 0))}` : '';
    const root = { folders: new Map(), files: [] };
    for (const file of files) {
      const parts = file.name.split('/');
      let at = root;
      for (const part of parts.slice(0, -1)) { if (!at.folders.has(part)) at.folders.set(part, { folders: new Map(), files: [] }); at = at.folders.get(part); }
      at.files.push({ ...file, short: parts.at(-1) });
    }
    this.tree.replaceChildren(...this.branch(root, '', 0));
    if (!files.length) this.tree.replaceChildren(el('li', { class: 'muted' }, el('span', {}, 'Write to ', el('code', {}, 'outputs/'), ' and files appear here.')));
    if (!this.chosen && files.length && innerWidth > 700) {
      const first = files.find((file) => file.name.startsWith('outputs/') && (isImage(file.name) || /\.(csv|tsv|json|txt|md)$/.test(file.name)));
      if (first) this.choose(first);
      else this.preview.replaceChildren(el('p', { class: 'note' }, 'Choose a file.'));
    }
  }

  branch(at, prefix, depth) {
    const indent = { 'padding-left': `${8 + depth * 16}px` }, nodes = [];
    for (const [name, folder] of at.folders) {
      const full = prefix + name, open = this.open.has(full);
      const under = el('ul', { hidden: !open }, this.branch(folder, `${full}/`, depth + 1));
      const button = el('button', { style: indent, 'aria-expanded': String(open), onclick: () => {
        under.hidden = !under.hidden;
        this.open[under.hidden ? 'delete' : 'add'](full);
        button.setAttribute('aria-expanded', String(!under.hidden));
      } }, icon('folder'), el('span', {}, name));
      nodes.push(el('li', {}, button, under));
    }
    for (const file of at.files.slice(0, 2000)) {
      nodes.push(el('li', {}, el('button', { style: indent, 'data-file': file.name, title: file.name, 'aria-pressed': String(file.name === this.chosen), onclick: () => this.choose(file) }, icon('file'), el('span', {}, file.short), el('em', {}, bytes(file.size)))));
    }
    if (at.files.length > 2000) nodes.push(el('li', { class: 'muted' }, `${at.files.length - 2000} more`));
    return nodes;
  }

  async choose(file) {
    this.chosen = file.name;
    for (const each of this.tree.querySelectorAll('[data-file]')) each.setAttribute('aria-pressed', String(each.dataset.file === file.name));
    const about = el('span', { class: 'muted' }, bytes(file.size)), body = el('div', { class: 'body', tabindex: '0', role: 'region', 'aria-label': file.name });
    const copy = el('button', { class: 'btn ghost', hidden: true }, 'Copy');
    this.preview.replaceChildren(el('div', { class: 'ph' }, el('code', { title: file.name }, file.name), about, el('span', { class: 'sp' }), copy,
      el('button', { class: 'btn ghost', onclick: () => tried(() => download(path(this.run, file.name), file.name.split('/').pop())) }, 'Download')), body);
    if (isImage(file.name) && file.size < LARGEST_IMAGE) { const shown = await tried(() => image(this.run, file.name)); if (shown) body.replaceChildren(shown); return; }
    const found = await tried(() => get(`runs/${encodeURIComponent(this.run)}/preview?${query({ name: file.name })}`));
    if (!found || this.chosen !== file.name) return;
    if (found.text === null) { body.replaceChildren(el('p', { class: 'note' }, 'This file is no text. Download it.')); return; }
    copy.hidden = !navigator.clipboard;
    copy.onclick = () => navigator.clipboard.writeText(found.text);
    const cut = found.whole ? '' : `, the first ${bytes(found.text.length)}`;
    if (/^(csv|tsv)$/.test(ending(file.name))) {
      const rows = csv(found.text, ending(file.name) === 'tsv' ? '\t' : ',');
      if (!found.whole) rows.pop();
      about.textContent = `${found.whole ? many(Math.max(rows.length - 1, 0), 'row') : `the first ${rows.length - 1} rows`}, ${many(rows[0]?.length ?? 0, 'column')}, ${bytes(file.size)}`;
      await grid(body, rows[0] ?? [], rows.slice(1));
      return;
    }
    let text = plain(found.text);
    if (/^(json|ipynb)$/.test(ending(file.name)) && found.whole) try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* as it is, then */ }
    about.textContent = `${bytes(file.size)}${cut}`;
    body.replaceChildren(el('pre', {}, text));
  }
}

function csv(text, comma) {
  const rows = [[]];
  let cell = '', inside = false;
  for (let i = 0; i < text.length; i++) {
    const mark = text[i];
    if (inside) { if (mark !== '"') cell += mark; else if (text[i + 1] === '"') { cell += '"'; i++; } else inside = false; }
    else if (mark === '"' && !cell) inside = true;
    else if (mark === comma) { rows.at(-1).push(cell); cell = ''; }
    else if (mark === '\n') { rows.at(-1).push(cell.replace(/\r$/, '')); cell = ''; rows.push([]); }
    else cell += mark;
  }
  if (cell || rows.at(-1).length) rows.at(-1).push(cell);
  else rows.pop();
  return rows;
}
