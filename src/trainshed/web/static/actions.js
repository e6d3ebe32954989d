// What can be done with the selected runs.
import { $, ask, colour, el, ended, indexOf, many, onKey, runTime, toast, tried } from './base.js';
import { post } from './http.js';

export async function act(what, ids, more) {
  const found = await tried(() => post('act', { do: what, runs: ids, ...more }));
  if (!found) return false;
  const failed = Object.values(found.failed);
  if (failed.length) toast(failed.length === 1 ? failed[0] : `${many(failed.length, 'run')}: ${failed[0]}`);
  return found.done.length > 0;
}

export async function cancel(runs) {
  const active = runs.filter((run) => !ended(run));
  if (!active.length) return false;
  const one = active[0], ran = runTime(one);
  const text = active.length === 1 ? `Cancel ${one.name ?? one.display_name ?? one.id}?` : `Cancel ${many(active.length, 'run')}?`;
  const files = active.length === 1 ? `${ran ? `It ran ${ran}; its` : 'Its'} files stay.` : 'Their files stay.';
  return await ask(text, [el('p', {}, files)], { yes: active.length === 1 ? 'Cancel the run' : 'Cancel the runs', bad: true, no: 'Keep' }) && act('cancel', active.map((run) => run.id));
}

export async function remove(runs) {
  const gone = runs.filter(ended);
  if (!gone.length) { toast('Runs that have not ended cannot be deleted. Cancel them first.'); return false; }
  const left = runs.length - gone.length;
  const parts = [el('p', {}, 'Their files, metrics, logs and child runs are removed. This cannot be undone.'), left ? el('p', {}, `${many(left, 'run')} that ${left === 1 ? 'has' : 'have'} not ended ${left === 1 ? 'stays' : 'stay'}.`) : ''];
  return await ask(`Delete ${many(gone.length, 'run')}?`, parts, { yes: 'Delete', bad: true }) && act('delete', gone.map((run) => run.id));
}

export async function tag(runs) {
  const input = el('input', { name: 'tag', autocomplete: 'off', required: true, placeholder: 'best, or stage=trial' });
  const parts = [el('label', {}, 'Tag, or NAME=VALUE; with a minus before it, it is removed', input)];
  if (!await ask(`Tag ${many(runs.length, 'run')}`, parts, { yes: 'Tag' }) || !input.value.trim()) return false;
  const text = input.value.trim(), ids = runs.map((run) => run.id);
  if (text.startsWith('-')) return act('tag', ids, { remove: [text.slice(1).split('=')[0]] });
  const cut = text.indexOf('=');
  return act('tag', ids, { set: cut > 0 ? { [text.slice(0, cut)]: text.slice(cut + 1) } : { [text]: '' } });
}

export const compare = (ids) => { location.href = `compare?runs=${ids.map(encodeURIComponent).join(',')}`; };

// The bar under the table.
export function bar(selected, draw, renew) {
  const runs = () => [...selected.values()];
  const after = async (work) => { if (await work) renew(); };
  const node = $('.actions'), button = (name) => $(`[data-act=${name}]`, node), number = $('b', node), swatches = $('.swl', node);
  const acts = {
    compare: () => (selected.size > 1 ? compare([...selected.keys()].slice(0, 50)) : toast('Pick a second run.')),
    cancel: () => after(cancel(runs())),
    tag: () => selected.size && after(tag(runs())),
    archive: () => selected.size && after(act(runs().every((run) => run.archived) ? 'restore' : 'archive', [...selected.keys()]).then((done) => { selected.clear(); return done; })),
    delete: () => selected.size && after(remove(runs()).then((done) => { if (done) selected.clear(); return done; })),
  };
  acts.clear = () => { selected.clear(); draw(); };
  const stop = button('cancel'), store = button('archive'), compared = button('compare');
  node.addEventListener('click', (event) => acts[event.target.closest('[data-act]')?.dataset.act]?.());
  return {
    update() {
      node.classList.toggle('none', !selected.size);
      number.textContent = `${selected.size} selected`;
      swatches.replaceChildren(...runs().slice(0, 8).map((run) => el('span', { class: 'sw', style: { background: colour(indexOf(run.id)) } })));
      const active = runs().filter((run) => !ended(run)).length;
      stop.firstChild.textContent = active ? `Cancel ${active} active` : 'Cancel';
      stop.disabled = !active;
      compared.disabled = selected.size < 2;
      store.firstChild.textContent = selected.size && runs().every((run) => run.archived) ? 'Restore' : 'Archive';
    },
    keys() {
      onKey('c', 'Compare the selected', acts.compare);
      onKey('x', 'Cancel the selected', acts.cancel);
      onKey('g', 'Tag the selected', acts.tag);
      onKey('e', 'Archive the selected', acts.archive);
    },
  };
}
