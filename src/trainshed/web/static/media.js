// What is logged and is no curve: tables, rows, lists, images, confusion matrices, ROC curves, residuals.
import { colour, css, el, get, onTheme, sig, tried } from './base.js';
import { query } from './http.js';
import { image } from './files.js';
import { grid } from './tables.js';

const ROWS = 5000;
export const CARDS = new Set(['table', 'row', 'list', 'image', 'artifact']);

export function card(run, metric) {
  const about = el('span', { class: 'k' }), body = el('div', { class: 'plot card', tabindex: '0', role: 'region', 'aria-label': metric.name });
  const node = el('div', { class: 'ch', 'data-metric': metric.name }, el('header', {}, el('b', { title: metric.name }, metric.name), about), body);
  const draw = DRAW[metric.kind];
  const eye = new IntersectionObserver((seen) => { if (seen.some((each) => each.isIntersecting)) { eye.disconnect(); tried(() => draw(run, metric, body, about)); } }, { rootMargin: '300px' });
  eye.observe(node);
  return node;
}

const valueOf = async (run, name) => (await get(`runs/${encodeURIComponent(run)}/value?${query({ name })}`)).value;
const listed = (value) => (Array.isArray(value) ? value : [value]);
const stored = (text) => String(text).replace(/^aml:\/\/artifactId\//, '');

async function columns(run, metric, body, about) {
  const value = await valueOf(run, metric.name), heads = Object.keys(value), cells = heads.map((head) => listed(value[head]));
  const length = Math.max(0, ...cells.map((each) => each.length));
  const rows = Array.from({ length: Math.min(length, ROWS) }, (_, at) => cells.map((each) => each[at]));
  about.textContent = length > ROWS ? `the first ${ROWS} of ${length.toLocaleString('en-US')} rows` : '';
  const numbers = cells.filter((each) => each.length > 2 && each.every((cell) => typeof cell === 'number'));
  if (heads.length === 2 && numbers.length === 2) { about.textContent = heads.join(', '); plot(body, [{ x: cells[0], y: cells[1] }]); return; }
  await grid(body, heads, rows);
}

async function list(run, metric, body, about) {
  const value = listed(await valueOf(run, metric.name));
  about.textContent = `${value.length.toLocaleString('en-US')} values`;
  if (value.length > 2 && value.every((each) => typeof each === 'number')) { plot(body, [{ x: value.map((_, i) => i), y: value }]); return; }
  await grid(body, ['value'], value.slice(0, ROWS).map((each) => [each]));
}

async function images(run, metric, body, about) {
  const names = listed(await valueOf(run, metric.name)).map(stored);
  let at = names.length - 1;
  const show = async () => { const shown = await tried(() => image(run, names[at])); if (shown) body.replaceChildren(shown); };
  if (names.length > 1) {
    const output = el('output', {}, `${at + 1} of ${names.length}`);
    about.replaceChildren(el('input', { type: 'range', min: '0', max: String(at), value: String(at), 'aria-label': `Which of ${metric.name}`, oninput: (event) => { at = Number(event.target.value); output.textContent = `${at + 1} of ${names.length}`; show(); } }), output);
  }
  await show();
}

async function artifact(run, metric, body, about) {
  const name = stored(listed(await valueOf(run, metric.name)).at(-1));
  const found = await get(`runs/${encodeURIComponent(run)}/preview?${query({ name })}`);
  let chart = null;
  try { chart = found.whole && JSON.parse(found.text); } catch { /* shown as text, then */ }
  const data = chart?.data ?? {};
  if (Array.isArray(data.matrix)) confusion(body, about, data);
  else if (Array.isArray(data.bin_counts) && Array.isArray(data.bin_edges)) bars(body, about, data);
  else if (Array.isArray(data.probability_tables)) roc(body, about, data);
  else if (Array.isArray(data.bin_averages)) predictions(body, about, data);
  else body.replaceChildren(el('pre', {}, found.text ?? name));
}

const DRAW = { table: columns, row: columns, list, image: images, artifact };

// A drawing that is made again when its size or the colours change.
function drawing(body, describe, paint) {
  const canvas = el('canvas', { role: 'img', 'aria-label': describe });
  body.replaceChildren(canvas);
  body.classList.add('drawn');
  const draw = () => {
    const width = body.clientWidth, height = body.clientHeight, ratio = window.devicePixelRatio || 1;
    if (!width || !canvas.isConnected) return;
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    const g = canvas.getContext('2d');
    g.scale(ratio, ratio);
    paint(g, width, height, css('--sans'));
  };
  new ResizeObserver(draw).observe(body);
  onTheme(draw);
}

function confusion(body, about, { matrix, class_labels: labels = [] }) {
  const size = matrix.length, total = matrix.flat().reduce((sum, n) => sum + n, 0), right = matrix.reduce((sum, row, i) => sum + (row[i] ?? 0), 0);
  about.textContent = `${total.toLocaleString('en-US')} cases, ${((100 * right) / (total || 1)).toFixed(1)} % right; rows: true`;
  drawing(body, `Confusion matrix of ${size} classes`, (g, width, height, font) => {
    const text = labels.map(String), left = Math.min(90, 12 + Math.max(8, ...text.map((each) => each.length * 6))), across = (width - left - 8) / size, down = (height - 28) / size;
    matrix.forEach((row, i) => row.forEach((n, j) => {
      const x = left + j * across, y = 6 + i * down, share = n / (row.reduce((sum, each) => sum + each, 0) || 1);
      g.globalAlpha = 1;
      g.fillStyle = css('--sunk');
      g.fillRect(x, y, across - 1, down - 1);
      if (!n) return;
      // The root, so that mistakes are seen.
      g.globalAlpha = 0.15 + 0.85 * Math.sqrt(share);
      g.fillStyle = i === j ? css('--c1') : css('--c2');
      g.fillRect(x, y, across - 1, down - 1);
      const strong = g.globalAlpha > 0.6;
      g.globalAlpha = 1;
      if (across < 20 || down < 11) return;
      g.fillStyle = strong ? (i === j ? css('--accent-ink') : '#1a1f24') : css('--text');
      g.font = `10px ${font}`;
      g.textAlign = 'center';
      g.textBaseline = 'middle';
      g.fillText(sig(n), x + across / 2, y + down / 2);
    }));
    g.fillStyle = css('--axis');
    g.font = `11px ${font}`;
    g.textBaseline = 'middle';
    text.forEach((each, i) => {
      if (down >= 11 || i % Math.ceil(11 / down) === 0) { g.textAlign = 'right'; g.fillText(each.slice(0, 12), left - 6, 6 + i * down + down / 2); }
      if (across >= each.length * 6 || i % Math.ceil((each.length * 7) / across) === 0) { g.textAlign = 'center'; g.fillText(each.slice(0, 12), left + i * across + across / 2, height - 11); }
    });
  });
}

function bars(body, about, { bin_edges: edges, bin_counts: heights }) {
  about.textContent = `${heights.reduce((sum, n) => sum + n, 0).toLocaleString('en-US')} residuals`;
  drawing(body, 'Histogram of residuals', (g, width, height, font) => {
    const top = Math.max(...heights) || 1, across = (width - 16) / heights.length;
    g.fillStyle = css('--c1');
    heights.forEach((n, i) => { const tall = ((height - 32) * n) / top; g.fillRect(8 + i * across, height - 24 - tall, Math.max(across - 1, 1), tall); });
    g.fillStyle = css('--axis');
    g.font = `11px ${font}`;
    g.textAlign = 'center';
    const every = Math.ceil(edges.length / Math.max(Math.floor(width / 56), 2));
    edges.forEach((edge, i) => { if (i % every === 0) g.fillText(sig(edge), Math.min(Math.max(8 + i * across, 16), width - 16), height - 8); });
  });
}

function roc(body, about, { probability_tables: tables, class_labels: labels = [] }) {
  about.textContent = 'ROC: right alarms over false ones';
  const lines = tables.slice(0, 10).map((rows, i) => ({ label: String(labels[i] ?? i), x: rows.map(([, fp, tn]) => fp / (fp + tn || 1)), y: rows.map(([tp, , , fn]) => tp / (tp + fn || 1)) }));
  for (const line of lines) { const order = line.x.map((_, i) => i).sort((a, b) => line.x[a] - line.x[b] || line.y[a] - line.y[b]); [line.x, line.y] = [order.map((i) => line.x[i]), order.map((i) => line.y[i])]; }
  plot(body, lines, { low: [0, 0], high: [1, 1], diagonal: true });
}

function predictions(body, about, { bin_averages: averages, bin_edges: edges = [], bin_errors: errors }) {
  about.textContent = 'predicted over true';
  const middle = averages.map((_, i) => (edges.length > averages.length ? (edges[i] + edges[i + 1]) / 2 : edges[i] ?? i));
  plot(body, [{ x: middle, y: averages, errors }], { diagonal: true });
}

// A plain plot of some lines.
function plot(body, lines, { low, high, diagonal } = {}) {
  drawing(body, 'Plot', (g, width, height, font) => {
    const xs = lines.flatMap((line) => line.x).filter(Number.isFinite), ys = lines.flatMap((line) => line.y).filter(Number.isFinite);
    const from = low ?? [Math.min(...xs), Math.min(...ys)], to = high ?? [Math.max(...xs), Math.max(...ys)];
    const X = (x) => 48 + ((x - from[0]) / (to[0] - from[0] || 1)) * (width - 60), Y = (y) => height - 24 - ((y - from[1]) / (to[1] - from[1] || 1)) * (height - 34);
    g.font = `11px ${font}`;
    for (let i = 0; i <= 3; i++) {
      const y = from[1] + ((to[1] - from[1]) * i) / 3, x = from[0] + ((to[0] - from[0]) * i) / 3;
      g.strokeStyle = css('--grid');
      g.beginPath();
      g.moveTo(48, Y(y));
      g.lineTo(width - 12, Y(y));
      g.stroke();
      g.fillStyle = css('--axis');
      g.textAlign = 'right';
      g.fillText(sig(+y.toPrecision(3)), 42, Y(y) + 4);
      g.textAlign = i === 3 ? 'right' : 'center';
      g.fillText(sig(+x.toPrecision(3)), X(x), height - 8);
    }
    if (diagonal) { g.strokeStyle = css('--line2'); g.setLineDash([3, 3]); g.beginPath(); g.moveTo(X(from[0]), Y(from[1])); g.lineTo(X(to[0]), Y(to[1])); g.stroke(); g.setLineDash([]); }
    lines.forEach((line, number) => {
      g.strokeStyle = colour(number);
      g.lineWidth = 1.6;
      g.beginPath();
      line.x.forEach((x, i) => (i ? g.lineTo(X(x), Y(line.y[i])) : g.moveTo(X(x), Y(line.y[i]))));
      g.stroke();
      if (line.label) { g.fillStyle = colour(number); g.textAlign = 'right'; g.fillText(line.label.slice(0, 24), width - 12, height - 32 - 14 * (lines.length - 1 - number)); }
    });
  });
}
