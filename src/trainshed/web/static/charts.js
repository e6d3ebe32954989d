// Curves: one plot for each group of names, drawn when it comes into view. The pointer and the zoom are common to all.
import { $, colour, css, el, get, keep, kept, onTheme, sig, tried } from './base.js';
import { query } from './http.js';

const FIRST = 30, AT_ONCE = 6, REDRAW = 250;
const KINDS = '(train|training|val|valid|validation|test|eval)';
const BEFORE = new RegExp(`^${KINDS}[/_.-](.+)$`, 'i'), AFTER = new RegExp(`^(.+)[/_.-]${KINDS}$`, 'i');
const DASHES = [undefined, [7, 3], undefined, [2, 3]];
let library = null;
// Asked for at once, while the curves' names are still on their way.
export const uplot = () => (library ??= new Promise((done, failed) => {
  const here = new URL('.', import.meta.url);
  document.head.append(el('link', { rel: 'stylesheet', href: new URL('uplot-1.6.32.min.css', here).href }));
  document.head.append(el('script', { src: new URL('uplot-1.6.32.min.js', here).href, onload: () => done(window.uPlot), onerror: failed }));
}));

uplot();

// loss, train/loss and val_loss share a plot.
export function family(name) {
  const before = BEFORE.exec(name);
  if (before) return [before[2], before[1]];
  const after = AFTER.exec(name);
  return after ? [after[1], after[2]] : [name, ''];
}
export function goal(name) {
  if (/loss|error|mse|mae|rmse|perplex|nll|wer$/i.test(name)) return -1;
  return /acc|f1|auc|r2|precision|recall|score|map|bleu|iou|dice/i.test(name) ? 1 : 0;
}

// A debiased exponential mean; one number smooths all.
function smooth(values, strength) {
  if (!strength) return values;
  // A few values, as of epochs, are smoothed less than many: what counts is the part of the curve.
  const weight = strength ** Math.max(300 / values.length, 1);
  let sum = 0, total = 0;
  return values.map((value) => {
    if (value === null || value === undefined) return value;
    sum = sum * weight + value;
    total = total * weight + 1;
    return sum / total;
  });
}

export class Charts {
  // runs: [{id, label, begin}]
  constructor(host, runs) {
    this.host = host;
    this.runs = runs;
    this.set = { smooth: kept('smooth', 0.6), log: kept('log', false), time: kept('time', false) };
    this.zoom = null;
    this.filter = '';
    this.groups = new Map();
    this.shown = FIRST;
    this.count = 0;
    this.dirty = new Set();
    this.wanted = new Set();
    this.eye = new IntersectionObserver((seen) => this.saw(seen), { rootMargin: '300px' });
    this.end = el('div', { class: 'more-charts' });
    this.eye.observe(this.end);
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(host);
    onTheme(() => this.all((group) => this.rebuild(group)));
  }

  close() {
    this.eye.disconnect();
    this.sizes.disconnect();
    this.all((group) => { group.plot.destroy(); group.plot = null; });
    this.host.replaceChildren();
  }

  // names: of each run, in order.
  names(names) {
    let fresh = false;
    this.runs.forEach((run, number) => {
      for (const name of names[number] ?? []) {
        // Of several runs, each name has a plot of its own: what is compared are the runs.
        const [title, label] = this.runs.length > 1 ? [name, ''] : family(name);
        let group = this.groups.get(title);
        if (!group) { group = { title, series: [], plot: null, node: null, seen: false }; this.groups.set(title, group); fresh = true; }
        if (!group.series.some((each) => each.run === number && each.name === name)) {
          group.series.push({ run: number, name, label, x: [], t: [], y: [], points: 0, asked: null });
          if (group.seen) { this.want(group); }
          fresh = true;
        }
      }
    });
    if (fresh) this.layout();
  }

  layout() {
    const wanted = this.filter.toLowerCase();
    const groups = [...this.groups.values()].filter((group) => !wanted || group.series.some((each) => each.name.toLowerCase().includes(wanted)));
    const nodes = groups.slice(0, this.shown).map((group) => (group.node ??= this.cell(group)));
    const after = [...this.host.children].filter((node) => !node.dataset.curve && node !== this.end);
    this.host.replaceChildren(...nodes, ...after, groups.length > this.shown ? this.end : '');
    this.count = groups.length;
    this.changed?.();
    // The first ones at once: whether they are in view is known only after a frame, and what else the page asks can wait.
    if (this.begun || !nodes.length) return;
    this.begun = true;
    for (const group of groups.slice(0, AT_ONCE)) { group.seen = true; this.wanted.add(group); }
    this.ask();
  }

  cell(group) {
    const node = el('div', { class: 'ch', 'data-curve': group.title, role: 'group', 'aria-label': group.title },
      el('header', {}, el('b', { title: group.title }, group.title), el('span', { class: 'ks' }), el('span', { class: 'x' })), el('div', { class: 'plot' }));
    node.group = group;
    this.eye.observe(node);
    return node;
  }

  saw(seen) {
    for (const { target, isIntersecting } of seen) {
      if (target === this.end) { if (isIntersecting) { this.shown += FIRST; this.layout(); } continue; }
      target.group.seen = isIntersecting;
      if (isIntersecting) this.want(target.group);
    }
  }

  all(act) { for (const group of this.groups.values()) if (group.plot) act(group); }

  // Asking: what has come into view, in one request for each run.
  want(group) {
    this.wanted.add(group);
    this.asking ??= setTimeout(() => { this.asking = null; this.ask(); });
  }

  async ask() {
    const groups = [...this.wanted], part = this.zoom ? `${this.zoom}` : 'all';
    this.wanted.clear();
    await Promise.all(this.runs.map(async (run, number) => {
      const series = groups.flatMap((group) => group.series.filter((each) => each.run === number && each.asked !== part));
      if (!series.length) return;
      series.forEach((each) => { each.asked = part; });
      const width = Math.min(Math.max(Math.round(this.host.clientWidth / this.columns()), 200), 1000);
      const between = this.zoom ? { from: this.absolute(this.zoom[0], run), to: this.absolute(this.zoom[1], run) } : {};
      const asked = query({ name: series.map((each) => each.name), width, by: this.set.time ? 'time' : 'step', ...between });
      const found = await tried(() => get(`runs/${encodeURIComponent(run.id)}/curves?${asked}`));
      for (const each of series) {
        const curve = found?.curves[each.name];
        if (!curve) { each.asked = null; continue; }
        const late = each.late ?? [];
        Object.assign(each, curve, { late: null });
        for (const [step, time, value, at] of late) if (at > curve.place) this.push(each, step, time, value);
      }
    }));
    for (const group of groups) if (group.plot) this.refresh(group); else await this.build(group);
    await new Promise((go) => requestAnimationFrame(go));
    this.host.dataset.drawn = String(this.host.querySelectorAll('.uplot').length);
  }

  columns() { return Math.max(getComputedStyle(this.host).gridTemplateColumns.split(' ').length, 1); }
  absolute(x, run) { return this.set.time ? x + run.begin : x; }

  // A live run: what it has just logged, as [name, step, time, value].
  add(number, points, place) {
    const fresh = new Set(), known = new Map();
    for (const group of this.groups.values()) for (const each of group.series) if (each.run === number) known.set(each.name, [group, each]);
    for (const [name, step, time, value] of points) {
      if (typeof value !== 'number' && value !== null) continue;
      const found = known.get(name);
      if (!found) { fresh.add(name); continue; }
      const [group, series] = found;
      if (!series.asked) { series.points++; continue; }
      if (series.late) series.late.push([step, time, value, place]);
      else this.push(series, step, time, value);
      this.dirty.add(group);
    }
    this.soon();
    return fresh;
  }

  push(series, step, time, value) {
    series.x.push(step ?? series.points);
    series.t.push(time);
    series.y.push(Number.isFinite(value) ? value : null);
    series.points++;
    if (series.y.length > 6000 && !this.zoom) series.asked = null;
  }

  soon() {
    const wait = Math.max(REDRAW - (performance.now() - (this.last ?? 0)), 0);
    this.drawing ??= setTimeout(() => {
      this.drawing = null;
      this.last = performance.now();
      for (const group of this.dirty) {
        if (group.series.some((each) => each.asked === null)) this.want(group);
        else if (group.plot && group.seen) this.refresh(group);
      }
      this.dirty.clear();
      this.host.dataset.live = String(Number(this.host.dataset.live ?? 0) + 1);
    }, wait);
  }

  // Asks for everything in view again.
  renew() {
    for (const group of this.groups.values()) { group.series.forEach((each) => { each.asked = null; }); if (group.seen) this.want(group); }
  }

  // Drawing.
  look(series) {
    const many = this.runs.length > 1, order = many ? series.run : series.order;
    return { stroke: colour(order), dash: many ? DASHES[Math.floor(order / (order > 9 ? 10 : 1)) % 4] : undefined, width: many && order % 4 === 2 ? 2.4 : 1.6 };
  }

  data(group) {
    const tables = [], time = this.set.time;
    group.series.forEach((each, order) => {
      each.order = order;
      const begin = this.runs[each.run].begin;
      let x = time ? each.t.map((t) => t - begin) : each.x;
      let y = this.set.log ? each.y.map((value) => (value > 0 ? value : null)) : each.y;
      // Steps may begin anew, as after a restart; a line goes from left to right.
      if (x.some((value, i) => i && value < x[i - 1])) {
        const sorted = x.map((value, i) => i).sort((a, b) => x[a] - x[b]);
        [x, y] = [sorted.map((i) => x[i]), sorted.map((i) => y[i])];
      }
      // Of a thinned curve, the middle between the smallest and the largest value of a pixel is smoothed.
      const middle = (value, i) => (x[i ^ 1] === x[i] && typeof value === 'number' && typeof y[i ^ 1] === 'number' ? (value + y[i ^ 1]) / 2 : value);
      if (this.set.smooth) tables.push([x, y, smooth(each.thinned ? y.map(middle) : y, this.set.smooth)]);
      else tables.push([x, y]);
    });
    // Where values of one x are several, they are spread by less than a pixel can show.
    for (const table of tables) { const x = table[0] = table[0].slice(); for (let i = 1; i < x.length; i++) if (x[i] <= x[i - 1]) x[i] = x[i - 1] + Math.max(Math.abs(x[i - 1]), 1) * 1e-9; }
    return tables.length === 1 ? tables[0] : window.uPlot.join(tables);
  }

  async build(group) {
    const UPlot = await uplot(), host = $('.plot', group.node);
    if (group.plot || !group.node.isConnected) return;
    const data = this.data(group), series = [{}], keys = [], order = [];
    group.series.forEach((each) => {
      const look = this.look(each), raw = this.set.smooth > 0, common = { stroke: look.stroke, spanGaps: true, points: { show: (u, i) => u.data[i].length < 2 || each.y.length < 2 } };
      if (raw) series.push({ ...common, width: 1, alpha: 0.28, points: { show: false } });
      series.push({ ...common, width: look.width, dash: look.dash });
      order.push(series.length - 1);
      const value = el('span'), label = this.runs.length > 1 ? each.label : each.label || (group.series.length > 1 ? each.name : '');
      keys.push(value);
      each.key = el('span', { class: 'k', title: `${this.runs.length > 1 ? `${this.runs[each.run].label}: ` : ''}${each.name}` }, el('i', { style: { background: look.stroke } }), label ? `${label} ` : '', value);
    });
    $('.ks', group.node).replaceChildren(...group.series.slice(0, 12).map((each) => each.key));
    const font = `11px ${css('--sans')}`, axis = { stroke: css('--axis'), font, grid: { stroke: css('--grid'), width: 1 }, ticks: { show: false } };
    const short = (value) => (value === null ? '' : Math.abs(value) >= 1e6 ? `${+(value / 1e6).toPrecision(4)}M` : Math.abs(value) >= 1e4 ? `${+(value / 1000).toPrecision(4)}k` : value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(0) : String(+value.toPrecision(6)));
    const clock = (value) => (value >= 3600 ? `${+(value / 3600).toFixed(2)}h` : value >= 60 ? `${+(value / 60).toFixed(1)}m` : `${+value.toFixed(2)}s`);
    const read = (u) => {
      const at = u.cursor.left >= 0 ? u.cursor.idx : null;
      order.forEach((place, i) => {
        const values = u.data[place - (this.set.smooth ? 1 : 0)];
        let j = at ?? values.length - 1;
        while (j > 0 && (values[j] === null || values[j] === undefined)) j--;
        keys[i].textContent = sig(values[j]);
      });
      $('.x', group.node).textContent = at === null || u.data[0][at] === undefined ? '' : this.set.time ? clock(u.data[0][at]) : `step ${Math.round(u.data[0][at]).toLocaleString('en-US')}`;
    };
    group.plot = new UPlot({
      width: host.clientWidth, height: host.clientHeight, padding: [8, 16, 0, 0], legend: { show: false },
      cursor: { sync: { key: 'charts', setSeries: false }, y: false, points: { size: 6, width: 1.5 }, drag: { x: true, y: false, setScale: false }, bind: { dblclick: () => () => { this.zoomTo(null); } } },
      scales: { x: { time: false, range: (u, low, high) => this.zoom ?? (low === high ? [low - 1, high + 1] : [low, high]) }, y: { distr: this.set.log ? 3 : 1, range: this.set.log ? undefined : (u, low, high) => (low === null ? [0, 1] : low === high ? [low - (Math.abs(low) || 1) * 0.1, high + (Math.abs(high) || 1) * 0.1] : [low - (high - low) * 0.04, high + (high - low) * 0.06]) } },
      axes: [{ ...axis, size: 22, gap: 4, space: 64, grid: { show: false }, values: (u, all) => all.map(this.set.time ? clock : short) },
        { ...axis, size: 48, gap: 4, space: 34, values: (u, all) => all.map((value) => (value === null || (this.set.log && !/^1(0*$|e)|^0?\.0*1$/.test(String(+value.toPrecision(3)))) ? '' : short(value))) }],
      series,
      hooks: { setCursor: [read], setData: [read], draw: [(u) => this.best(u, group, order)], setSelect: [(u) => { if (u.select.width > 3) this.zoomTo([u.posToVal(u.select.left, 'x'), u.posToVal(u.select.left + u.select.width, 'x')]); }] },
    }, data, host);
    read(group.plot);
  }

  best(u, group, order) {
    const direction = goal(group.title);
    if (!direction || this.runs.length > 1) return;
    const at = group.series.findIndex((each) => /^(val|valid|validation|test|eval)$/i.test(each.label)), which = at < 0 && group.series.length === 1 ? 0 : at;
    if (which < 0) return;
    const raw = u.data[order[which] - (this.set.smooth ? 1 : 0)];
    let found = -1;
    for (let i = 0; i < raw.length; i++) if (typeof raw[i] === 'number' && (found < 0 || (raw[i] - raw[found]) * direction > 0)) found = i;
    if (found < 0 || raw.length < 3) return;
    const ratio = window.devicePixelRatio || 1, g = u.ctx, x = u.valToPos(u.data[0][found], 'x', true), y = u.valToPos(raw[found], 'y', true);
    if (x < u.bbox.left - 1 || x > u.bbox.left + u.bbox.width + 1) return;
    const text = `best ${sig(raw[found])}${this.set.time ? '' : ` at ${Math.round(u.data[0][found]).toLocaleString('en-US')}`}`;
    g.save();
    g.strokeStyle = this.look(group.series[which]).stroke;
    g.fillStyle = css('--bg');
    g.lineWidth = 1.5 * ratio;
    g.beginPath();
    g.arc(x, y, 3.5 * ratio, 0, 7);
    g.fill();
    g.stroke();
    g.fillStyle = css('--muted');
    g.font = `${11 * ratio}px ${css('--sans')}`;
    g.textAlign = x > u.bbox.left + u.bbox.width / 2 ? 'right' : 'left';
    g.fillText(text, g.textAlign === 'right' ? x + 8 * ratio : Math.max(x - 8 * ratio, u.bbox.left + 4 * ratio), y + (direction > 0 ? 20 : -14) * ratio);
    g.restore();
  }

  refresh(group) {
    if (group.plot.series.length !== 1 + group.series.length * (this.set.smooth ? 2 : 1)) { this.rebuild(group); return; }
    group.plot.setData(this.data(group));
  }

  rebuild(group) {
    group.plot?.destroy();
    group.plot = null;
    if (group.seen) this.build(group);
  }

  resize() {
    this.all((group) => {
      const host = $('.plot', group.node);
      if (host.clientWidth && Math.abs(group.plot.width - host.clientWidth) > 1) group.plot.setSize({ width: host.clientWidth, height: host.clientHeight });
    });
  }

  zoomTo(range) {
    this.zoom = range;
    this.host.dataset.zoom = range ? range.map((x) => x.toPrecision(6)).join(' ') : '';
    this.all((group) => {
      group.plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      const thin = group.series.some((each) => each.thinned || each.asked !== 'all');
      if (thin) { group.series.forEach((each) => { each.asked = null; }); if (group.seen) this.want(group); }
      group.plot.setData(group.plot.data);
    });
  }

  option(name, value) {
    this.set[name] = value;
    keep(name, value);
    if (name === 'time') { this.zoom = null; this.renew(); }
    this.all((group) => this.rebuild(group));
  }
}

// The controls above the charts.
export function controls(charts, onKey) {
  const output = el('output', {}, charts.set.smooth.toFixed(2));
  const slider = el('input', { type: 'range', min: '0', max: '99', value: String(charts.set.smooth * 100), 'aria-label': 'Smoothing',
    oninput: (event) => { const value = event.target.value / 100; output.textContent = value.toFixed(2); charts.option('smooth', value); } });
  const seg = (title, name, words) => {
    const node = el('span', { class: 'seg', role: 'group', 'aria-label': title });
    const fill = () => node.replaceChildren(...words.map((word, i) => el('button', { 'aria-pressed': String(charts.set[name] === Boolean(i)), onclick: () => { charts.option(name, Boolean(i)); fill(); } }, word)));
    fill();
    return [node, () => { charts.option(name, !charts.set[name]); fill(); }];
  };
  const [scale, turnScale] = seg('Y axis', 'log', ['Linear', 'Log']), [axis, turnAxis] = seg('X axis', 'time', ['Step', 'Time']);
  const filter = el('input', { type: 'search', class: 'flt', placeholder: 'Filter charts', 'aria-label': 'Filter charts', oninput: (event) => { charts.filter = event.target.value; charts.shown = FIRST; charts.layout(); } });
  onKey('f', 'Filter charts', () => filter.focus());
  onKey('l', 'Log scale', turnScale);
  onKey('s', 'Step or time', turnAxis);
  return [el('label', { class: 'sl' }, 'Smooth ', slider, output), scale, axis, filter];
}
