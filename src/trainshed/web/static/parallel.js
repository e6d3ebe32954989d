// Parallel coordinates: an axis for each parameter and the metric, a line for each trial. Dragging on an axis filters.
import { css, el, onTheme, sig } from './base.js';

const TOP = 30, BOTTOM = 10, SIDE = 64, NARROWEST = 96, MANY = 1500, MOST = 3000;
const rgb = (text) => [1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16));

// t: 0 the worst, 1 the best
export function ramp(t) {
  const stops = ['--r1', '--r2', '--r3'].map((name) => rgb(css(name)));
  const at = Math.min(Math.max(t, 0), 1) * 2, i = Math.min(Math.floor(at), 1), part = at - i;
  return `rgb(${stops[i].map((each, k) => Math.round(each + (stops[i + 1][k] - each) * part))})`;
}

export function short(value) {
  if (typeof value !== 'number') return String(value ?? '');
  const size = Math.abs(value);
  return size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(1).replace('.0e', 'e').replace('+', '') : String(+value.toPrecision(4));
}

function ticks(axis) {
  const { low, high } = axis;
  if (axis.choice) {
    const every = Math.ceil(axis.choice.length / 12);
    return axis.choice.map((text, i) => [i, text]).filter(([i]) => i % every === 0);
  }
  if (axis.log) {
    const found = [], first = Math.floor(Math.log10(low)), last = Math.ceil(Math.log10(high)), marks = last - first > 3 ? [1] : last - first > 1 ? [1, 3] : [1, 2, 5];
    for (let power = first; power <= last; power++) for (const mark of marks) found.push(+(mark * 10 ** power).toPrecision(3));
    return found.filter((value) => value >= low * 0.999 && value <= high * 1.001).map((value) => [value, short(value)]);
  }
  const span = high - low || 1, rough = span / 5, size = 10 ** Math.floor(Math.log10(rough)), unit = [1, 2, 5, 10].map((each) => each * size).find((each) => each >= rough), found = [];
  for (let value = Math.ceil(low / unit - 1e-9) * unit; value <= high + unit * 1e-9; value += unit) found.push([value, short(+value.toPrecision(10))]);
  return found;
}

export class Parallel {
  // acts: {open(trial), hover(trial), filtered()}
  constructor(host, acts) {
    Object.assign(this, { host, acts, axes: [], trials: [], brush: new Map(), hovered: null, best: null, at: null, drag: null });
    this.base = el('canvas', { 'aria-hidden': 'true' });
    this.over = el('canvas', { 'aria-hidden': 'true' });
    this.box = el('div', { class: 'pc', tabindex: '0', role: 'group', 'aria-label': 'Parallel coordinates. The table below has the same numbers. Left and right choose an axis; up raises the lower end of its filter, down lowers the upper end, with Shift the other way; Escape clears it, Enter opens the marked trial.' }, this.base, this.over);
    host.append(this.box);
    this.box.addEventListener('pointermove', (event) => this.moved(event));
    this.box.addEventListener('pointerdown', (event) => this.pressed(event));
    this.box.addEventListener('pointerup', (event) => this.released(event));
    this.box.addEventListener('pointerleave', () => { if (!this.drag) this.mark(null); });
    this.box.addEventListener('keydown', (event) => this.key(event));
    this.box.addEventListener('blur', () => { this.at = null; this.top(); });
    new ResizeObserver(() => { if (this.size !== `${this.wide()} ${this.box.clientHeight}`) this.draw(); }).observe(host);
    onTheme(() => this.draw());
  }

  // trials: [{number, values: one for each axis, state, goodness: 0 to 1}], the best last
  set(axes, trials) {
    this.axes = axes;
    this.best = trials.at(-1)?.number ?? null;
    this.trials = trials;
    for (const axis of axes) {
      axis.marks = ticks(axis);
      const at = axis.choice ? (v) => (v + 0.5) / axis.choice.length : axis.log ? (v) => Math.log(v / axis.low) / (Math.log(axis.high / axis.low) || 1) : (v) => (v - axis.low) / (axis.high - axis.low || 1);
      axis.unit = (v) => Math.min(Math.max(at(v), 0), 1);
      axis.value = axis.choice ? (u) => u * axis.choice.length - 0.5 : axis.log ? (u) => axis.low * (axis.high / axis.low) ** u : (u) => axis.low + u * (axis.high - axis.low);
      axis.text = (v) => (v === null || v === undefined ? '' : axis.choice ? axis.choice[v] : axis.sig ? sig(v) : short(v));
    }
    for (const name of this.brush.keys()) if (!axes.some((axis) => axis.name === name)) this.brush.delete(name);
    this.draw();
  }

  kept(trial) {
    return this.axes.every((axis, i) => {
      const brush = this.brush.get(axis.name), value = trial.values[i];
      if (!brush) return true;
      const unit = value === null ? -1 : axis.unit(value);
      return unit >= brush[0] - 1e-9 && unit <= brush[1] + 1e-9;
    });
  }

  words() {
    return this.axes.filter((axis) => this.brush.has(axis.name)).map((axis) => {
      const [low, high] = this.brush.get(axis.name);
      if (!axis.choice) return `${axis.name} ${short(axis.value(low))} to ${short(axis.value(high))}`;
      return `${axis.name} ${axis.choice.filter((_, i) => axis.unit(i) >= low && axis.unit(i) <= high).join(', ') || 'none'}`;
    }).join('; ');
  }

  wide() { return Math.max(this.host.clientWidth, 2 * SIDE + NARROWEST * Math.max(this.axes.length - 1, 1)); }
  x(i) { return SIDE + (i * (this.width - 2 * SIDE)) / Math.max(this.axes.length - 1, 1); }
  y(unit) { return TOP + (1 - unit) * (this.height - TOP - BOTTOM); }

  points(trial) {
    return this.axes.map((axis, i) => {
      const value = trial.values[i];
      if (value === null || value === undefined) return null;
      // Lines through one value lie beside each other.
      const spread = axis.choice ? (((trial.number * 37) % 11) - 5) * Math.min(4.5, (this.height - TOP - BOTTOM) / axis.choice.length / 14) : axis.stepped ? ((trial.number * 37) % 11) - 5 : 0;
      return [this.x(i), this.y(axis.unit(value)) + spread];
    });
  }

  path(g, points) {
    let last = null;
    for (const point of points) {
      if (point && last) {
        const bend = (point[0] - last[0]) * 0.4;
        if (this.drawn.length > MANY) g.lineTo(point[0], point[1]);
        else g.bezierCurveTo(last[0] + bend, last[1], point[0] - bend, point[1], point[0], point[1]);
      } else if (point) g.moveTo(point[0], point[1]);
      last = point;
    }
  }

  context(canvas) {
    const ratio = window.devicePixelRatio || 1;
    if (canvas.width !== Math.round(this.width * ratio) || canvas.height !== Math.round(this.height * ratio)) {
      canvas.width = Math.round(this.width * ratio);
      canvas.height = Math.round(this.height * ratio);
      canvas.style.width = `${this.width}px`;
      canvas.style.height = `${this.height}px`;
    }
    const g = canvas.getContext('2d');
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, this.width, this.height);
    return g;
  }

  draw() {
    this.width = this.wide();
    this.height = this.box.clientHeight;
    if (!this.host.clientWidth || !this.axes.length) return;
    this.inside = this.trials.map((trial) => this.kept(trial));
    this.pick();
    const g = this.context(this.base), crowd = Math.max(Math.sqrt(400 / Math.max(this.drawn.length, 400)), 0.12);
    this.lines = this.drawn.map((trial) => this.points(trial));
    const stroke = (wanted, style, alpha, width) => this.drawn.forEach((trial, i) => {
      if (trial.inside !== wanted) return;
      g.beginPath();
      this.path(g, this.lines[i]);
      g.setLineDash(trial.state === 's' ? [3, 3] : []);
      g.strokeStyle = style(trial);
      g.globalAlpha = alpha;
      g.lineWidth = width;
      g.stroke();
    });
    const grey = css('--line2'), colours = Array.from({ length: 33 }, (_, i) => ramp(i / 32));
    if (this.brush.size) stroke(false, () => grey, 0.55 * crowd, 1);
    stroke(true, (trial) => colours[Math.round(trial.goodness * 32)], 0.85 * crowd, this.drawn.length > MANY ? 1 : 1.6);
    g.setLineDash([]);
    g.globalAlpha = 1;
    this.top();
    this.size = `${this.width} ${this.height}`;
    this.host.dataset.lines = String(this.drawn.length);
    this.host.dataset.kept = String(this.inside.filter(Boolean).length);
    this.acts.filtered();
  }

  // The lines that are drawn: of thousands, those inside the filters first, and of them every so many by rank.
  pick() {
    this.trials.forEach((trial, i) => { trial.inside = this.inside[i]; });
    const thin = (all, most) => (all.length <= most ? all : Array.from({ length: most }, (_, i) => all[all.length - 1 - Math.floor((i * all.length) / most)]).reverse());
    const kept = thin(this.trials.filter((trial) => trial.inside), MOST);
    this.drawn = [...thin(this.trials.filter((trial) => !trial.inside), Math.max(MOST - kept.length, 300)), ...kept];
  }

  // What changes with the pointer: axes, filters, the marked trial.
  top() {
    if (!this.lines) return;
    const g = this.context(this.over), font = css('--sans'), marked = this.trials.find((trial) => trial.number === (this.hovered ?? this.best)), line = marked && this.points(marked);
    this.axes.forEach((axis, i) => {
      const x = this.x(i), last = i === this.axes.length - 1;
      g.strokeStyle = css('--axis');
      g.lineWidth = 1;
      g.beginPath();
      g.moveTo(x + 0.5, TOP - 4);
      g.lineTo(x + 0.5, this.height - BOTTOM + 4);
      g.stroke();
      g.textAlign = 'center';
      g.fillStyle = css(last || i === this.at ? '--accent' : '--text');
      g.font = `600 12px ${font}`;
      g.fillText(fit(g, axis.name, (this.width - 2 * SIDE) / Math.max(this.axes.length - 1, 1) - 12), x, 14);
      g.font = `11px ${font}`;
      g.textAlign = 'right';
      for (const [value, text] of axis.marks) {
        const y = this.y(axis.unit(value)), told = fit(g, text, 90);
        if (line?.[i] && Math.abs(y - line[i][1]) < 12) continue;
        const width = g.measureText(told).width;
        g.fillStyle = css('--bg');
        g.globalAlpha = 0.82;
        g.fillRect(x - width - 14, y - 7, width + 6, 14);
        g.globalAlpha = 1;
        g.fillStyle = css('--muted');
        g.fillText(told, x - 11, y + 4);
        g.fillRect(x - 4, y, 4, 1);
      }
      const brush = this.brush.get(axis.name);
      if (!brush) return;
      const upper = this.y(brush[1]), lower = this.y(brush[0]);
      g.fillStyle = g.strokeStyle = css('--accent');
      g.globalAlpha = 0.28;
      g.fillRect(x - 7, upper, 15, lower - upper);
      g.globalAlpha = 1;
      g.strokeRect(x - 6.5, upper + 0.5, 14, lower - upper);
      g.fillRect(x - 5, upper - 1, 11, 3);
      g.fillRect(x - 5, lower - 1, 11, 3);
    });
    if (line) this.highlight(g, font, marked, line);
  }

  highlight(g, font, trial, line) {
    for (const [style, width] of [['--bg', 5], ['--c2', 2.75]]) {
      g.beginPath();
      this.path(g, line);
      g.strokeStyle = css(style);
      g.lineWidth = width;
      g.stroke();
    }
    g.font = `600 11px ${font}`;
    line.forEach((point, i) => {
      if (!point) return;
      const [x, y] = point, text = fit(g, this.axes[i].text(trial.values[i]), 110), width = g.measureText(text).width, left = i === this.axes.length - 1 && x + width + 24 > this.width ? x - width - 20 : x + 10;
      g.fillStyle = css('--bg');
      g.strokeStyle = css('--c2');
      g.lineWidth = 1;
      g.beginPath();
      g.roundRect(left, y - 9, width + 10, 18, 3);
      g.fill();
      g.stroke();
      g.fillStyle = css('--text');
      g.textAlign = 'left';
      g.fillText(text, left + 5, y + 4);
      g.fillStyle = css('--c2');
      g.beginPath();
      g.arc(x, y, 4, 0, 7);
      g.fill();
    });
  }

  mark(number) {
    if (number === this.hovered) return;
    this.hovered = number;
    this.box.dataset.marked = number ?? '';
    this.top();
    this.acts.hover(number);
  }

  place(event) {
    const box = this.box.getBoundingClientRect();
    return [event.clientX - box.left + this.box.scrollLeft, event.clientY - box.top];
  }

  unit(y) { return Math.min(Math.max(1 - (y - TOP) / (this.height - TOP - BOTTOM), 0), 1); }
  axis(x) { return this.axes.findIndex((_, i) => Math.abs(this.x(i) - x) < 14); }

  moved(event) {
    const [x, y] = this.place(event);
    if (this.drag) {
      const ends = [this.unit(this.drag.y), this.unit(y)].sort((a, b) => a - b);
      if (Math.abs(y - this.drag.y) > 3) { this.drag.moved = true; this.brush.set(this.drag.name, ends); this.draw(); }
      return;
    }
    this.box.style.cursor = this.axis(x) >= 0 ? 'ns-resize' : '';
    this.mark(this.near(x, y));
    if (this.hovered !== null && this.axis(x) < 0) this.box.style.cursor = 'pointer';
  }

  // The trial whose line is next to a place, among those that the filters keep.
  near(x, y) {
    let nearest = 9, found = null;
    const i = this.axes.findIndex((_, k) => k && x <= this.x(k));
    if (i < 1 || !this.lines) return null;
    const part = (x - this.x(i - 1)) / (this.x(i) - this.x(i - 1)), bend = this.drawn.length > MANY ? part : part * part * (3 - 2 * part);
    this.lines.forEach((line, k) => {
      if (!this.drawn[k].inside || !line[i - 1] || !line[i]) return;
      const far = Math.abs(line[i - 1][1] + (line[i][1] - line[i - 1][1]) * bend - y);
      if (far < nearest) { nearest = far; found = this.drawn[k].number; }
    });
    return found;
  }

  pressed(event) {
    const [x, y] = this.place(event), i = this.axis(x);
    this.down = [x, y];
    if (i < 0 || event.button || event.pointerType === 'touch') return;
    this.box.setPointerCapture(event.pointerId);
    this.drag = { name: this.axes[i].name, y, moved: false };
  }

  released(event) {
    const drag = this.drag, [x, y] = this.place(event), [fromX, fromY] = this.down ?? [x, y];
    this.drag = null;
    if (drag) {
      if (!drag.moved && this.brush.delete(drag.name)) this.draw();
      return;
    }
    if (event.button || Math.hypot(x - fromX, y - fromY) > 4) return;
    const found = this.near(x, y);
    if (event.pointerType === 'touch' && found !== this.hovered) this.mark(found); // the second touch opens
    else if (found !== null) this.acts.open(found, event);
  }

  clear() { this.brush.clear(); this.draw(); }

  key(event) {
    const { key } = event, count = this.axes.length;
    if (event.ctrlKey || event.metaKey || event.altKey || !count) return;
    if (key === 'Escape') this.clear();
    else if (key === 'Enter' && this.hovered !== null) this.acts.open(this.hovered, event);
    else if (key === 'ArrowLeft' || key === 'ArrowRight') { this.at = this.at === null ? (key === 'ArrowLeft' ? count - 1 : 0) : (this.at + (key === 'ArrowLeft' ? count - 1 : 1)) % count; this.top(); }
    else if ((key === 'ArrowUp' || key === 'ArrowDown') && this.at !== null) {
      const axis = this.axes[this.at], ends = [...(this.brush.get(axis.name) ?? [0, 1])], up = key === 'ArrowUp', which = up === event.shiftKey ? 1 : 0;
      ends[which] = Math.min(Math.max(ends[which] + (up ? 0.05 : -0.05), which ? ends[0] : 0), which ? 1 : ends[1]);
      if (ends[0] < 1e-9 && ends[1] > 1 - 1e-9) this.brush.delete(axis.name);
      else this.brush.set(axis.name, ends);
      this.draw();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}

function fit(g, text, width) {
  if (g.measureText(text).width <= width) return text;
  let length = text.length;
  while (length > 1 && g.measureText(`${text.slice(0, length)}…`).width > width) length--;
  return `${text.slice(0, length)}…`;
}
