// What a run uses of its machine: small curves under the phases.
import { $, bytes, colour, el, get, onTheme, sig, tried } from './base.js';
import { query } from './http.js';

const SHOWN = [['system: cpu', 'CPU', (value) => [sig(+value.toFixed(value < 10 ? 2 : 1)), value >= 0.995 && value < 1.005 ? 'core' : 'cores']], ['system: memory', 'Memory', (value) => bytes(value).split(' ')],
  ['system: gpu', 'GPU', (value) => [String(Math.round(value * 100)), '%']], ['system: gpu memory', 'GPU memory', (value) => bytes(value).split(' ')],
  ['system: disk read', 'Disk read', (value) => [bytes(value).split(' ')[0], `${bytes(value).split(' ')[1]}/s`]], ['system: disk write', 'Disk write', (value) => [bytes(value).split(' ')[0], `${bytes(value).split(' ')[1]}/s`]]];

export class Machine {
  constructor(run) {
    this.path = `runs/${encodeURIComponent(run)}`;
    this.node = $('#machine');
    onTheme(() => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  async load(resources) {
    const names = resources.map((each) => each.name).slice(0, 100); // those of sixteen nodes
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
      // Of several nodes, the first has the plain name, and the others come after it in brackets.
      const nodes = Object.keys(this.curves).filter((each) => each === name || each.startsWith(`${name} (`));
      const canvas = el('canvas', { width: 152, height: 56, 'aria-hidden': 'true' });
      canvas.style.width = '76px';
      canvas.style.height = '28px';
      const drawn = nodes.map((each) => this.curves[each]), most = drawn.map(({ y }) => Math.max(...y));
      const begin = Math.min(...drawn.map(({ t }) => t[0])), span = Math.max(...drawn.map(({ t }) => t.at(-1))) - begin || 1;
      const g = canvas.getContext('2d'), top = Math.max(...most) || 1;
      g.lineWidth = 2.5;
      drawn.forEach(({ t, y }, index) => {
        g.strokeStyle = colour(index);
        g.beginPath();
        y.forEach((value, i) => g[i ? 'lineTo' : 'moveTo'](3 + ((t[i] - begin) / span) * 144, 52 - (value / top) * 46));
        g.stroke();
      });
      const [number, unit] = format(drawn[0].y.at(-1)), where = (each) => (each === name ? 'node-0' : each.slice(name.length + 2, -1));
      const told = nodes.length === 1 ? [`at most ${format(most[0]).join(' ')}`] : nodes.map((each, i) => `${where(each)}: at most ${format(most[i]).join(' ')}`);
      return el('div', { title: `${title}: ${told.join('\n')}` }, el('span', {}, nodes.length > 1 ? `${title}, ${nodes.length} nodes` : title), el('b', {}, number, ' ', el('small', {}, unit)), canvas);
    });
    this.node.style.setProperty('grid-template-columns', `repeat(${cells.length}, 1fr)`);
    this.node.replaceChildren(...cells);
  }
}
