// A log: its end first, more when somebody scrolls up; it follows, and finds a text anywhere in the file.
import { $, bytes, el, get, icon, onKey, tried } from './base.js';
import { download, query } from './http.js';
import { Ansi } from './ansi.js';

const PIECE = 65536, MOST_LINES = 20000;

export class LogView {
  constructor(run, node, state) {
    this.run = run;
    this.address = `runs/${encodeURIComponent(run)}`;
    this.following = true;
    this.mark = '';
    this.hits = [];
    this.hit = -1;
    this.name = '';
    this.select = el('select', { 'aria-label': 'Log', onchange: () => this.open(this.select.value) });
    this.input = el('input', { type: 'search', 'aria-label': 'Search the log', placeholder: 'Search', spellcheck: 'false', oninput: () => this.later(), onkeydown: (event) => { if (event.key === 'Enter') { event.preventDefault(); this.go(event.shiftKey ? -1 : 1); } } });
    this.where = el('span', { role: 'status' });
    this.follow = el('button', { class: 'btn follow', onclick: () => this.toEnd() });
    this.wrap = el('button', { class: 'btn ghost opt', 'aria-pressed': 'false', onclick: () => { const on = this.text.classList.toggle('wrap'); this.wrap.setAttribute('aria-pressed', String(on)); } }, 'Wrap');
    this.save = el('button', { class: 'btn ghost opt', onclick: () => tried(() => download(`${this.address}/files/${this.name.split('/').map(encodeURIComponent).join('/')}`, this.name.split('/').pop())) }, 'Download');
    this.earlier = el('button', { class: 'earlier', hidden: true, onclick: () => this.before() });
    this.text = el('div', { class: 'lines', tabindex: '0', role: 'log', 'aria-label': 'Log', 'aria-live': 'off' });
    this.text.addEventListener('scroll', () => { const at = this.atEnd(); if (this.following !== at && !this.moving) { this.following = at && this.end >= this.size; this.tell(); } });
    node.append(
      el('div', { class: 'sh' }, el('h2', {}, 'Log'), this.select, el('label', { class: 'find' }, icon('search'), this.input, this.where,
        el('button', { class: 'icon', 'aria-label': 'Previous hit', onclick: () => this.go(-1) }, icon('up')), el('button', { class: 'icon', 'aria-label': 'Next hit', onclick: () => this.go(1) }, icon('down'))),
      el('span', { class: 'sp' }), this.wrap, this.save, this.follow), this.earlier, this.text);
    this.state = state;
    onKey('End', 'Follow the log', () => this.toEnd());
    onKey('n', 'Next hit', () => this.go(1));
    onKey('p', 'Previous hit', () => this.go(-1));
    this.tell();
  }

  atEnd() { return this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < 24; }

  // logs: [{name, size}]
  async known(logs, terminal, waiting) {
    this.terminal = terminal;
    const names = logs.map((each) => each.name).join('\n');
    if (names !== this.names) {
      this.names = names;
      this.select.replaceChildren(...logs.map((each) => el('option', { value: each.name }, title(each.name))));
      this.select.value = this.name;
      this.select.hidden = logs.length < 2;
    }
    const now = logs.find((each) => each.name === this.name);
    const filled = logs.find((each) => each.size) ?? logs[0];
    if (!this.name || (this.auto && filled && filled.name !== this.name && !this.size)) { if (filled) { this.auto = true; await this.open(filled.name, true); } else this.empty(waiting); }
    else if (now && now.size > this.size) { this.size = now.size; await this.more(); }
    else if (!this.size) this.empty(waiting);
    this.tell();
  }

  empty(waiting) { if (!this.text.querySelector('.ln')) this.text.replaceChildren(el('p', { class: 'muted' }, waiting || (this.terminal ? 'Nothing was printed.' : 'Nothing printed yet.'))); }

  async open(name, auto) {
    this.auto = Boolean(auto);
    this.name = name;
    this.select.value = name;
    this.following = true;
    this.state?.(name);
    this.clear(await this.read(-1));
    if (this.mark) await this.search();
  }

  async read(from, count = PIECE) {
    return await tried(() => get(`${this.address}/log?${query({ name: this.name, from: String(from), bytes: count })}`)) ?? { start: 0, end: 0, size: 0, text: '' };
  }

  clear(piece) {
    this.start = piece.start;
    this.end = piece.start;
    this.rest = '';
    this.ansi = new Ansi();
    this.text.replaceChildren();
    this.append(piece);
    if (this.following) this.bottom();
  }

  append(piece) {
    if (piece.start !== this.end) return;
    this.size = piece.size;
    this.end = piece.end;
    if (!piece.text) return;
    this.text.querySelector('p')?.remove();
    this.part?.remove();
    this.part = null;
    const lines = (this.rest + piece.text).split('\n');
    this.rest = lines.pop();
    const made = document.createDocumentFragment();
    for (const line of lines) made.append(this.line(line, this.ansi));
    if (this.rest) { const ansi = Object.assign(new Ansi(), this.ansi); this.part = this.line(this.rest, ansi); made.append(this.part); }
    this.text.append(made);
    if (this.following) while (this.text.children.length > MOST_LINES) this.text.firstChild.remove();
  }

  line(text, ansi) {
    const kind = /^\s*Traceback \(most recent|^\w*(Error|Exception)\b|\bERROR\b|\bCRITICAL\b/.test(text) ? 'er' : /\bWARN(ING)?\b|Warning:/.test(text) ? 'wr' : '';
    return el('div', { class: `ln ${kind}` }, ansi.line(text, this.mark), '\n');
  }

  async more() {
    if (this.loading) return;
    this.loading = true;
    const stay = this.following;
    try {
      while (this.end < this.size) {
        if (stay && this.size - this.end > 8 * PIECE) { this.clear(await this.read(-1)); break; }
        const piece = await this.read(this.end);
        if (piece.end === this.end) break;
        this.append(piece);
        if (!stay && this.text.children.length > MOST_LINES) break;
      }
    } finally { this.loading = false; }
    if (stay) this.bottom();
  }

  async before() {
    const from = Math.max(this.start - PIECE, 0), piece = await this.read(from, this.start - from);
    let text = piece.text, start = piece.start;
    if (from) { const cut = text.indexOf('\n') + 1; start += new TextEncoder().encode(text.slice(0, cut)).length; text = text.slice(cut); }
    const ansi = new Ansi(), height = this.text.scrollHeight, made = document.createDocumentFragment();
    for (const line of text.replace(/\n$/, '').split('\n')) made.append(this.line(line, ansi));
    this.text.prepend(made);
    this.start = start;
    this.text.scrollTop += this.text.scrollHeight - height;
    this.tell();
  }

  bottom() { this.moving = true; this.text.scrollTop = this.text.scrollHeight; requestAnimationFrame(() => { this.moving = false; }); }

  async toEnd() {
    this.following = true;
    if (this.end < this.size) this.clear(await this.read(-1));
    this.bottom();
    this.tell();
  }

  tell() {
    this.follow.replaceChildren(this.terminal ? 'End of the log' : this.following ? 'Following' : 'Follow', el('kbd', {}, 'End'));
    this.follow.setAttribute('aria-pressed', String(this.following));
    this.earlier.hidden = !this.start;
    this.earlier.textContent = `${bytes(this.start ?? 0)} above. Load more`;
    this.save.textContent = this.size ? `Download ${bytes(this.size)}` : 'Download';
    this.save.disabled = !this.name;
  }

  // Searching in the whole file.
  later() { clearTimeout(this.timer); this.timer = setTimeout(() => this.search(), 200); }

  async search() {
    this.mark = this.input.value;
    this.hits = [];
    this.hit = -1;
    if (this.mark && this.name) {
      const found = await tried(() => get(`${this.address}/find?${query({ name: this.name, text: this.mark })}`));
      this.hits = found?.lines ?? [];
      this.over = found?.more ?? false;
    }
    const following = this.following;
    this.clear(await this.read(following ? -1 : this.start, following ? PIECE : Math.max(this.end - this.start, PIECE)));
    if (this.hits.length) await this.go(-1);
    else this.where.textContent = this.mark ? 'none' : '';
  }

  async go(by) {
    if (!this.hits.length) return;
    this.hit = this.hit < 0 ? (by < 0 ? this.hits.length - 1 : 0) : (this.hit + by + this.hits.length) % this.hits.length;
    this.where.textContent = `${this.hit + 1} of ${this.hits.length}${this.over ? '+' : ''}`;
    const offset = this.hits[this.hit];
    this.following = false;
    if (offset < this.start || offset >= this.end) {
      const piece = await this.read(Math.max(offset - PIECE / 4, 0));
      const cut = piece.start ? piece.text.indexOf('\n') + 1 : 0;
      this.clear({ ...piece, start: piece.start + new TextEncoder().encode(piece.text.slice(0, cut)).length, text: piece.text.slice(cut) });
    }
    // The marked line with as many marked lines of the file before it in what is shown.
    const shown = this.hits.filter((each) => each >= this.start && each < this.end).indexOf(offset);
    const lines = [...this.text.children].filter((each) => $('mark', each));
    $('.cur', this.text)?.classList.remove('cur');
    lines[shown]?.classList.add('cur');
    this.moving = true;
    lines[shown]?.scrollIntoView({ block: 'center' });
    requestAnimationFrame(() => { this.moving = false; });
    this.tell();
  }
}

function title(name) {
  const rank = /70_driver_log_(\d+)\.txt$/.exec(name);
  if (rank) return `rank ${rank[1]}`;
  return { 'azureml-logs/70_driver_log.txt': 'output', 'azureml-logs/20_image_build_log.txt': 'environment', 'azureml-logs/hyperdrive.txt': 'sweep', 'azureml-logs/70_mpi_log.txt': 'MPI', 'logs/user_log.txt': 'output' }[name] ?? name;
}
