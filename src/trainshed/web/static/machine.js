// What a run uses of its machine: small curves under the phases.
import { bytes, css, el, get, onTheme, sig, tried } from './base.js';
import { query } from './http.js';

const SHOWN = [['system: cpu', 'CPU', (value) => [sig(+value.toFixed(value < 10 ? 2 : 1)), value >= 0.995 && value < 1.005 ? 'core' : 'cores']], ['system: memory', 'Memory', (value) => bytes(value).split(' ')],
  ['system: gpu', 'GPU', (value) => [String(Math.round(value * 100)), '%']], ['system: gpu memory', 'GPU memory', (value) => bytes(value).split(' ')],
  ['system: disk read', 'Disk read', (value) => [bytes(value).split(' ')[0], `${bytes(value).split(' ')[1]}/s`]], ['system: disk write', 'Disk write', (value) => [bytes(value).split(' ')[0], `${bytes(value).split(' ')[1]}/s`]]];

export class Machine {
  constructor(run) {
    this.path = `runs/${encodeURIComponent(run)}`;
    this.node = el('div', { class: 'sys', hidden: true, role: 'group', 'aria-label': 'Machine' });
    onTheme(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  async load(resources) {
    const names = resources.map((each) => each.name);
    if (!names.length) return;
    const found = await tried(() => get(`${this.path}/curves?${query({ name: names, width: 100, by: 'time' })}`));
    if (!found) return;
    this.curves = found.curves;
    this.node.hidden = false;
    this.draw();
  }

  draw() {
    if (!this.curves) return;
    const cells = SHOWN.filter(([name]) => this.curves[name]).map(([name, title, format]) => {
      const { t, y } = this.curves[name], canvas = el('canvas', { width: 152, height: 56, 'aria-hidden': 'true' });
      canvas.style.width = '76px';
      canvas.style.height = '28px';
      const g = canvas.getContext('2d'), top = Math.max(...y) || 1, span = t.at(-1) - t[0] || 1;
      g.strokeStyle = g.fillStyle = css('--c1');
      g.lineWidth = 2.5;
      g.beginPath();
      y.forEach((value, i) => g[i ? 'lineTo' : 'moveTo'](3 + ((t[i] - t[0]) / span) * 144, 52 - (value / top) * 46));
      g.stroke();
      const [number, unit] = format(y.at(-1)), most = format(Math.max(...y)).join(' ');
      return el('div', { title: `${title}: at most ${most}` }, el('span', {}, title), el('b', {}, number, ' ', el('small', {}, unit)), canvas);
    });
    this.node.style.setProperty('grid-template-columns', `repeat(${cells.length}, 1fr)`);
    this.node.replaceChildren(...cells);
  }
}
