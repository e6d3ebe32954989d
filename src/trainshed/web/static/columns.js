// Which columns the table has: chosen from all names of metrics and parameters, which are only then asked for.
import { ask, el, get, tried } from './base.js';

const SHOWN = 300;
const FIXED = { status: 'Status', name: 'Name', experiment: 'Experiment', started: 'Started', took: 'Took', target: 'Target', tags: 'Tags' };

export async function choose(view) {
  const names = await tried(() => get('names'));
  if (!names) return false;
  const now = view.columns ?? { fixed: Object.keys(FIXED), metrics: [], parameters: [] };
  const chosen = { fixed: new Set(now.fixed), metrics: new Set(now.metrics), parameters: new Set(now.parameters) };
  const box = (kind, name, title) => el('label', { class: 'pick' }, el('input', { type: 'checkbox', checked: chosen[kind].has(name),
    onchange: (event) => chosen[kind][event.target.checked ? 'add' : 'delete'](name) }), el('span', { title }, title));
  const list = el('div', { class: 'picks' });
  const fill = (text) => {
    const wanted = text.toLowerCase(), part = (kind, title) => {
      const all = [...new Set([...chosen[kind], ...names[kind]])].filter((name) => name.toLowerCase().includes(wanted));
      return all.length ? [el('h3', {}, title), el('div', { class: 'boxes mono' }, all.slice(0, SHOWN).map((name) => box(kind, name, name))),
        all.length > SHOWN ? el('p', { class: 'muted' }, `${all.length - SHOWN} more; type a part of the name`) : null] : [];
    };
    list.replaceChildren(el('h3', {}, 'About the run'), el('div', { class: 'boxes' }, Object.entries(FIXED).map(([name, title]) => box('fixed', name, title))),
      ...part('metrics', 'Metrics').filter(Boolean), ...part('parameters', 'Parameters').filter(Boolean));
  };
  fill('');
  const search = el('input', { 'aria-label': 'Search names', placeholder: 'Search names', oninput: (event) => fill(event.target.value) });
  if (!await ask('Columns', [search, list], { yes: 'Show these' })) return false;
  if (!chosen.fixed.size) chosen.fixed.add('name');
  view.columns = { fixed: Object.keys(FIXED).filter((name) => chosen.fixed.has(name)), metrics: [...chosen.metrics], parameters: [...chosen.parameters] };
  return true;
}
