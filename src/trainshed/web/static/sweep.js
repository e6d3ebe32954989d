// A sweep: how good is the best, is it worth going on, which parameters matter.
import { $, css, el, get, grouped, many, onTheme, runAddress, sig, took, tried } from './base.js';
import { Parallel, ramp, short } from './parallel.js';
import { uplot } from './charts.js';
import { repair, tabulator, text } from './tables.js';

const LEAST = 10, OFTEN = 800;
const STATES = { c: ['completed', 'Completed'], s: ['stopped', 'Stopped early'], f: ['failed', 'Failed'], x: ['canceled', 'Canceled'], r: ['running', 'Running'], p: ['queued', 'Not yet running'], n: ['notstarted', 'No run'] };
const KINDS = { random: 'random search', grid: 'grid search', bayesian: 'Bayesian search' };
const POLICIES = { bandit: 'bandit stopping', median_stopping: 'median stopping', truncation_selection: 'truncation stopping', asha: 'successive halving' };
const here = new URL('.', import.meta.url);
const style = new Promise((done) => document.head.append(el('link', { rel: 'stylesheet', href: new URL('sweep.css', here).href, onload: done, onerror: done })));

export class SweepScreen {
  constructor(id, state) {
    this.path = `runs/${encodeURIComponent(id)}/sweep`;
    this.id = id;
    this.state = state; // of the sweep's run, drawn
    this.bar = el('div', { class: 'bar st4', tabindex: '0', role: 'group', 'aria-label': 'Progress' });
    this.bestChart = el('div', { class: 'ch', id: 'best', role: 'group', 'aria-label': 'Best so far' }, el('header'), el('div', { class: 'plot' }));
    this.mattered = el('div', { class: 'im', tabindex: '0', role: 'group', 'aria-label': 'What mattered' });
    this.matteredHead = el('span', { class: 'k' });
    this.kept = el('span', { class: 'kept', role: 'status' });
    this.legend = el('span', { class: 'x' });
    const clear = el('button', { class: 'btn ghost', hidden: true, onclick: () => this.lines.clear() }, 'Clear');
    this.clear = clear;
    const host = el('div');
    this.pcw = el('div', { class: 'ch pcw' }, this.pcHead = el('header'), host);
    this.count = el('span', { class: 'muted', role: 'status' });
    this.orders = el('span', { class: 'seg', role: 'group', 'aria-label': 'Order' });
    this.host = el('div', { 'aria-label': 'Trials' });
    this.scroller = el('div', { class: 'trials' }, this.host);
    this.node = el('div', {}, el('div', { class: 'two' }, this.bestChart, el('div', { class: 'ch', id: 'imp' }, el('header', {}, el('b', {}, 'What mattered'), this.matteredHead), this.mattered)),
      this.pcw, el('div', { class: 'trh' }, el('h2', {}, 'Trials'), this.count, el('span', { class: 'sp' }), this.orders), this.scroller);
    this.lines = new Parallel(host, { open: (number, event) => this.open(number, event), hover: (number) => this.hover(number), filtered: () => this.filtered() });
    onTheme(() => { this.plot?.destroy(); this.plot = null; this.draw(); });
    new ResizeObserver(() => this.size()).observe(this.scroller);
  }

  // Asks anew, so that asking and drawing take at most a tenth of the time.
  soon() {
    if (this.due) { this.again = true; return; }
    const asked = performance.now();
    this.due = this.load().then(() => new Promise((go) => setTimeout(go, Math.max(OFTEN, 9 * (performance.now() - asked))))).then(() => {
      this.due = null;
      if (this.again) { this.again = false; this.soon(); }
    });
  }

  async load() {
    const found = await tried(() => get(this.path));
    const [Table] = await Promise.all([tabulator(), style]);
    if (!found) return;
    const { trials } = found;
    this.sweep = found.sweep;
    this.importance = found.importance;
    this.trials = trials.number.map((number, i) => ({ number, i, state: trials.state[i], best: trials.best[i], stopped: trials.stopped[i], error: trials.errors[number],
      begun: trials.started[i] === null ? null : trials.started[i] + trials.begin, took: trials.took[i], id: trials.ids[number] ?? `${this.id}_${number}`, params: trials.values.map((column) => column[i]) }));
    this.spread();
    this.axes = found.axes.map((axis, i) => this.axis(axis, i));
    this.draw();
    await this.list(Table);
  }

  // How far the colours and the axis of the metric reach: a few values far out do not press all others together.
  spread() {
    const sign = this.sweep.maximize ? 1 : -1, values = this.trials.map((trial) => trial.best).filter(Number.isFinite).sort((a, b) => a - b);
    const at = (part) => values[Math.floor(part * (values.length - 1))], reach = 3 * (at(0.75) - at(0.25));
    this.low = values.length ? Math.max(values[0], at(0.25) - reach) : 0;
    this.high = values.length ? Math.min(values.at(-1), at(0.75) + reach) : 1;
    if (sign > 0 && values.length) this.high = values.at(-1);
    else if (values.length) this.low = values[0];
    this.winner = this.trials.reduce((best, trial) => (Number.isFinite(trial.best) && (!best || (trial.best - best.best) * sign > 0) ? trial : best), null);
  }

  goodness(value) {
    const part = (value - this.low) / (this.high - this.low || 1);
    return Math.min(Math.max(this.sweep.maximize ? part : 1 - part, 0), 1);
  }

  axis(axis, i) {
    if (axis.choice) return { ...axis };
    const values = this.trials.map((trial) => trial.params[i]).filter((value) => typeof value === 'number' && (!axis.log || value > 0));
    const low = axis.low ?? Math.min(...values), high = axis.high ?? Math.max(...values);
    return { ...axis, low: Number.isFinite(low) ? low : 0, high: Number.isFinite(high) ? high : 1 };
  }

  draw() {
    if (!this.trials) return;
    this.progress();
    this.shares();
    this.chart();
    const drawn = this.trials.filter((trial) => Number.isFinite(trial.best)).map((trial) => ({ number: trial.number, state: trial.state, goodness: this.goodness(trial.best), value: trial.best,
      values: [...trial.params, Math.min(Math.max(trial.best, this.low), this.high)] }));
    drawn.sort((a, b) => (a.value - b.value) * (this.sweep.maximize ? 1 : -1));
    this.pcw.hidden = drawn.length < 2 || !this.axes.length;
    const [worst, top] = this.sweep.maximize ? [this.low, this.high] : [this.high, this.low];
    this.legend.replaceChildren(short(worst), el('span', { class: 'ramp', style: { background: `linear-gradient(90deg,${[0, 0.25, 0.5, 0.75, 1].map(ramp)})` } }), `${short(top)} ${this.sweep.metric}`);
    this.lines.set([...this.axes, { name: this.sweep.metric, low: this.low, high: this.high, sig: true }], drawn);
    this.pcHead.replaceChildren(el('b', {}, `Parameters and ${this.sweep.metric}`), el('span', { class: 'k' }, 'drag on an axis to filter, click a line to open'), el('span', { class: 'k' }, this.lines.drawn?.length < drawn.length ? `${grouped(this.lines.drawn.length)} of ${many(drawn.length, 'line')} drawn` : ''), this.kept, this.clear, this.legend);
    if (this.pcw.hidden) this.filtered();
    this.node.dataset.trials = String(this.trials.length);
  }

  progress() {
    const count = (state) => this.trials.filter((trial) => trial.state === state).length, { sweep } = this;
    const counts = Object.keys(STATES).map((state) => [state, count(state)]).filter(([state, n]) => n && state !== 'n'), goes = this.trials.some((trial) => 'rp'.includes(trial.state)) || !this.over;
    const words = counts.map(([state, n]) => `${n} ${STATES[state][1].toLowerCase()}`).join(', ');
    const policy = sweep.policy.name === 'none' ? null : `${POLICIES[sweep.policy.name] ?? sweep.policy.name}${sweep.policy.delay_evaluation ? ` after interval ${sweep.policy.delay_evaluation}` : ''}`;
    this.bar.replaceChildren(...[this.state, el('span', {}, el('b', {}, grouped(this.trials.length)), ` of ${goes ? '' : 'at most '}${many(sweep.most, 'trial')}`),
      el('span', { class: 'tri', role: 'img', 'aria-label': words, title: words }, counts.map(([state, n]) => el('i', { class: state, style: { 'flex-basis': `${(100 * n) / Math.max(sweep.most, this.trials.length)}%` } }))),
      counts.map(([state, n]) => el('span', { class: `st ${STATES[state][0]}`, title: STATES[state][1] }, el('i'), el('span', { class: 'sr' }, `${STATES[state][1]}: `), `${grouped(n)}${state === 's' ? ' early' : ''}`)),
      el('span', { class: 'muted' }, this.over ? '' : this.left()), el('span', { class: 'sp' }),
      el('span', { class: 'muted how' }, sweep.maximize ? 'maximize ' : 'minimize ', el('code', {}, sweep.metric), [KINDS[sweep.sampling] ?? sweep.sampling, policy, `${sweep.at_once} at once`].filter(Boolean).map((text) => ` · ${text}`))].flat());
  }

  // How long it will still take, by how long the trials took.
  left() {
    const times = this.trials.filter((trial) => trial.took !== null && 'cs'.includes(trial.state)).map((trial) => trial.took), open = this.sweep.most - this.trials.filter((trial) => 'csfx'.includes(trial.state)).length;
    if (times.length < 3 || open <= 0) return '';
    const mean = times.reduce((a, b) => a + b, 0) / times.length, now = Date.now() / 1000, run = this.trials.filter((trial) => trial.state === 'r' && trial.begun).reduce((sum, trial) => sum + Math.min(now - trial.begun, mean), 0);
    const seconds = Math.max(open * mean - run, 0) / Math.max(Math.min(this.sweep.at_once, open), 1);
    return seconds < 60 ? 'less than a minute left' : `about ${seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`} left`;
  }

  shares() {
    const { shares, trials } = this.importance, most = Math.max(...shares.map(([, share]) => share), 0.01);
    this.matteredHead.textContent = shares.length ? `share of the variance, ${many(trials, 'trial')}` : '';
    const row = (name, share, title, kind) => [el('span', { class: kind ? kind : 'nm', title: title ?? name }, name), el('span', {}, el('i', { style: { width: `${(100 * share) / most}%` } })), el('span', { class: 'num' }, `${Math.round(share * 100)} %`)];
    const rest = Math.max(1 - shares.reduce((sum, [, share]) => sum + share, 0), 0);
    this.mattered.classList.toggle('many', shares.length > 4);
    const range = (low, high) => (low === high ? short(low) : `${short(low)} to ${short(high)}`);
    this.mattered.replaceChildren(...(shares.length ? [...shares.flatMap(([name, share, low, high]) => row(name, share, `${name}: best ${range(low, high)}`)), ...(rest >= 0.01 ? row('together, chance', Math.min(rest, most), 'What parameters do only together, and chance', 'rest') : [])]
      : [el('p', {}, this.axes.length ? `Shows up after ${LEAST} trials with a value of ${this.sweep.metric} have ended.` : 'There is nothing to choose among.')]));
    if (shares.length && rest >= 0.01) this.mattered.lastChild.textContent = `${Math.round(rest * 100)} %`;
  }

  async chart() {
    const UPlot = await uplot(), host = $('.plot', this.bestChart), { sweep, trials } = this, sign = sweep.maximize ? 1 : -1;
    let best = null;
    const data = [trials.map((trial) => trial.number), trials.map((trial) => { if (Number.isFinite(trial.best) && (best === null || (trial.best - best) * sign > 0)) best = trial.best; return best; })];
    const value = el('span');
    this.readBest = (at) => { value.textContent = sig(at === null || at === undefined ? best : data[1][at]); };
    $('header', this.bestChart).replaceChildren(el('b', {}, 'Best so far'), el('span', { class: 'k lead' }, `${sweep.metric}, by trial`), el('span', { class: 'k lead' }, el('i', { style: { background: css('--c1') } }), 'best ', value),
      ...[['c', 'completed'], ['s', 'stopped early'], ['r', 'running']].map(([state, name], i) => el('span', { class: `k ${i ? '' : 'last'}` }, el('i', { class: `dt ${state}` }), name)));
    this.readBest(null);
    if (this.plot) { this.plot.setData(data); return; }
    if (!host.clientWidth || best === null) return;
    const font = `11px ${css('--sans')}`, axis = { stroke: css('--axis'), font, ticks: { show: false } };
    this.plot = new UPlot({
      width: host.clientWidth, height: host.clientHeight, padding: [12, 16, 0, 0], legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { x: { time: false, range: (u, low, high) => [low - 0.5, Math.max(high, low + 1) + 0.5] }, y: { range: () => this.reach() } },
      axes: [{ ...axis, size: 22, gap: 4, space: 64, grid: { show: false }, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], values: (u, all) => all.map((each) => (Number.isInteger(each) ? String(each) : '')) },
        { ...axis, size: 52, gap: 4, space: 28, grid: { stroke: css('--grid'), width: 1 }, values: (u, all) => all.map(short) }],
      series: [{}, { stroke: css('--c1'), width: 2, paths: UPlot.paths.stepped({ align: 1 }), points: { show: false } }],
      hooks: { draw: [(u) => this.dots(u)], setCursor: [(u) => { this.readBest(u.cursor.left >= 0 ? u.cursor.idx : null); this.lines.mark(this.under(u)); }] },
    }, data, host);
    this.plot.over.addEventListener('click', (event) => { const found = this.under(this.plot); if (found !== null) this.open(found, event); });
    this.bestChart.dataset.drawn = 'yes';
  }

  reach() {
    const margin = (this.high - this.low || Math.abs(this.high) || 1) * 0.06;
    return [this.low - margin, this.high + margin];
  }

  dots(u) {
    const g = u.ctx, ratio = window.devicePixelRatio || 1, size = (this.trials.length > 2000 ? 1.4 : this.trials.length > 400 ? 2.2 : 3) * ratio, colours = { c1: css('--c1'), c2: css('--c2'), off: css('--off'), run: css('--run'), bg: css('--bg'), text: css('--text') };
    g.save();
    g.lineWidth = 1.4 * ratio;
    for (const trial of this.trials) if (Number.isFinite(trial.best) && trial !== this.winner) this.dot(g, u, trial, size, colours);
    if (this.winner) {
      this.dot(g, u, this.winner, size * 1.5, colours);
      const x = u.valToPos(this.winner.number, 'x', true), y = u.valToPos(this.winner.best, 'y', true), text = `${sig(this.winner.best)}, trial ${this.winner.number}`;
      g.fillStyle = colours.text;
      g.font = `600 ${11 * ratio}px ${css('--sans')}`;
      g.textAlign = x > u.bbox.left + u.bbox.width / 2 ? 'right' : 'left';
      g.fillText(text, x + (g.textAlign === 'right' ? 4 : -4) * ratio, y - 9 * ratio);
    }
    g.restore();
  }

  dot(g, u, trial, size, colours) {
    const x = u.valToPos(trial.number, 'x', true), y = u.valToPos(Math.min(Math.max(trial.best, this.low), this.high), 'y', true), hollow = 'srxp'.includes(trial.state);
    if (this.trials.length > 2000 && trial !== this.winner) {
      g.fillStyle = trial.state === 'r' ? colours.run : hollow ? colours.off : colours.c1;
      g.fillRect(x - size, y - size, 2 * size, 2 * size);
      return;
    }
    g.beginPath();
    g.arc(x, y, size, 0, 7);
    g.strokeStyle = trial === this.winner ? colours.bg : trial.state === 'r' ? colours.run : hollow ? colours.off : colours.c1;
    g.fillStyle = trial === this.winner ? colours.c2 : hollow ? colours.bg : colours.c1;
    g.fill();
    g.stroke();
  }

  // The trial whose point is under the pointer.
  under(u) {
    const { left, top } = u.cursor;
    let nearest = 9, found = null;
    if (left < 0) return null;
    for (const trial of this.trials) {
      if (!Number.isFinite(trial.best)) continue;
      const far = Math.hypot(u.valToPos(trial.number, 'x') - left, u.valToPos(Math.min(Math.max(trial.best, this.low), this.high), 'y') - top);
      if (far < nearest) { nearest = far; found = trial.number; }
    }
    u.over.classList.toggle('point', found !== null);
    return found;
  }

  size() {
    const host = $('.plot', this.bestChart);
    if (!this.plot && this.trials) this.chart();
    else if (this.plot && host.clientWidth && Math.abs(this.plot.width - host.clientWidth) > 1) this.plot.setSize({ width: host.clientWidth, height: host.clientHeight });
  }

  trial(number) { return this.trials.find((each) => each.number === number); }

  open(number, event) {
    const address = new URL(runAddress(this.trial(number).id), document.baseURI).href;
    if (event?.ctrlKey || event?.metaKey) window.open(address, '_blank', 'noopener');
    else location.href = address;
  }

  hover(number) {
    for (const row of this.host.querySelectorAll('.hov')) row.classList.remove('hov');
    if (number !== null) $(`[data-n="${number}"]`, this.host)?.classList.add('hov');
  }

  filtered() {
    const { brush, inside, trials } = this.lines, filters = brush.size > 0;
    this.clear.hidden = !filters;
    this.within = filters ? new Set(trials.filter((_, i) => inside[i]).map((trial) => trial.number)) : null;
    this.kept.textContent = filters ? `${this.within.size} of ${trials.length} kept: ${this.lines.words()}` : '';
    this.count.textContent = filters ? `${this.within.size} inside the filter, the others dimmed` : many(this.trials.length, 'trial');
    if (!this.table) return;
    this.table.setSort(this.table.getSorters().map(({ field, dir }) => ({ column: field, dir })));
    this.table.redraw(true);
  }

  // The table.
  async list(Table) {
    if (this.table && String(this.axes.map((axis) => axis.name)) === this.named) { await this.table.replaceData(this.trials); return; }
    this.named = String(this.axes.map((axis) => axis.name));
    this.table?.destroy();
    const best = this.sweep.maximize ? 'desc' : 'asc', orders = [['Best first', 'best', best], ['Newest first', 'number', 'desc']];
    this.table = new Table(this.host, {
      data: this.trials, index: 'number', columns: this.columns(best), height: '100%', rowHeight: 28, layout: 'fitColumns', nestedFieldSeparator: false, movableColumns: true,
      initialSort: [{ column: 'best', dir: best }], headerSortElement: '<i></i>', rowFormatter: (row) => this.mark(row),
    });
    this.table.on('rowMouseEnter', (_, row) => this.lines.mark(row.getData().number));
    this.table.on('rowMouseLeave', (_, row) => { if (this.lines.hovered === row.getData().number) this.lines.mark(null); }); // it comes late
    this.table.on('dataSorted', ([by]) => {
      this.orders.replaceChildren(...orders.map(([title, field, dir]) => el('button', { 'aria-pressed': String(by?.field === field && by.dir === dir), onclick: () => this.table.setSort(field, dir) }, title)));
    });
    await new Promise((done) => this.table.on('tableBuilt', done));
    repair(this.table);
  }

  numeric(column) { return !this.axes[column].choice || this.axes[column].choice.every((each) => each !== '' && !Number.isNaN(Number(each))); }

  columns(best) {
    const column = (field, title, cell, more = {}) => ({ field, headerSortStartingDir: 'asc', minWidth: 90, ...more, headerHozAlign: more.hozAlign, titleFormatter: () => el('button', { class: 'th' }, title),
      formatter: (at) => text(cell(at.getData())), sorter: (_, __, a, b, at, dir) => this.compare(field, a.getData(), b.getData(), dir === 'desc' ? -1 : 1) });
    return [
      column('state', 'Status', (trial) => this.status(trial), { minWidth: 150, widthGrow: 2 }),
      column('number', 'Name', (trial) => el('span', {}, el('a', { class: 'nm', href: runAddress(trial.id), title: trial.id }, `trial ${trial.number}`), trial === this.winner ? [' ', el('span', { class: 'tag' }, 'best')] : null), { minWidth: 120, headerSortStartingDir: 'desc' }),
      column('best', this.sweep.metric, (trial) => el('span', {}, Number.isFinite(trial.best) ? el('span', { class: `bar2 ${trial.state}`, 'aria-hidden': 'true' }, el('i', { style: { width: `${Math.max(2, 100 * this.goodness(trial.best))}%` } })) : null, trial.best === null ? '' : sig(trial.best)), { minWidth: 160, hozAlign: 'right', headerSortStartingDir: best }),
      ...this.axes.map((axis, i) => column(`p${i}`, axis.name, ({ params }) => (params[i] === null ? '' : axis.choice ? axis.choice[params[i]] : short(params[i])), { hozAlign: this.numeric(i) ? 'right' : undefined })),
      column('took', 'Took', (trial) => took(trial.took ?? (trial.state === 'r' && trial.begun ? Date.now() / 1000 - trial.begun : NaN)), { minWidth: 80, hozAlign: 'right' }),
    ];
  }

  // Those inside the filter come first and those without a value last, whatever the direction.
  compare(field, a, b, turn) {
    if (this.within && this.within.has(a.number) !== this.within.has(b.number)) return this.within.has(a.number) ? -turn : turn;
    const value = (trial) => (field.startsWith('p') ? trial.params[field.slice(1)] : field === 'state' ? 'rpcsfxn'.indexOf(trial.state) : trial[field]), nothing = (each) => each === null || each === undefined || Number.isNaN(each);
    const x = value(a), y = value(b);
    if (nothing(x) || nothing(y)) return (nothing(x) - nothing(y) || b.number - a.number) * turn;
    return (x < y ? -1 : x > y ? 1 : 0) || (b.number - a.number) * turn;
  }

  mark(row) {
    const trial = row.getData(), node = row.getElement(), out = Boolean(this.within) && !this.within.has(trial.number);
    node.dataset.n = trial.number;
    for (const [name, on] of [['pin', trial === this.winner], ['out', out], ['hov', trial.number === this.lines.hovered]]) node.classList.toggle(name, on);
  }

  status(trial) {
    const [kind, word] = STATES[trial.state], hint = trial.error ?? (trial.state === 's' ? `at interval ${trial.stopped}` : '');
    return el('span', { class: `st ${kind}` }, el('i'), word, hint ? el('small', { title: hint }, hint) : null);
  }

  // The command of the best run, to be run again.
  async command() {
    const found = this.winner && await tried(() => get(`runs/${encodeURIComponent(this.winner.id)}`));
    return found?.command ?? '';
  }
}
