// What can be done with runs: forms of the service, sent by htmx.
import { $, ended, indexOf, el, onKey, toast } from './base.js';

export const act = (what, ids, more) => window.htmx.ajax('POST', 'data/act', { source: '#dialog', swap: 'none', values: { do: what, runs: ids.join(), ...more } });
export const ask = (what, ids) => { if (ids.length) window.htmx.ajax('POST', 'data/ask', { target: '#dialog', values: { do: what, runs: ids.join() } }); };
const compare = (ids) => { location.href = `compare?runs=${ids.map(encodeURIComponent).join(',')}`; };

// The bar under the table.
export function bar(selected, draw) {
  const runs = () => [...selected.values()], ids = () => [...selected.keys()];
  const node = $('.actions'), button = (name) => $(`[data-act=${name}]`, node), number = $('b', node), swatches = $('.swl', node);
  const acts = {
    compare: () => (selected.size > 1 ? compare(ids().slice(0, 50)) : toast('Pick a second run.')),
    cancel: () => ask('cancel', runs().filter((run) => !ended(run)).map((run) => run.id)),
    tag: () => ask('tag', ids()),
    archive: () => selected.size && act(runs().every((run) => run.archived) ? 'restore' : 'archive', ids()),
    delete: () => ask('delete', ids()),
    clear: () => { selected.clear(); draw(); },
  };
  const stop = button('cancel'), store = button('archive'), compared = button('compare');
  node.addEventListener('click', (event) => acts[event.target.closest('[data-act]')?.dataset.act]?.());
  addEventListener('acted', ({ detail }) => { if (['archive', 'restore', 'delete'].includes(detail.do) && detail.done) acts.clear(); });
  return {
    update() {
      node.classList.toggle('none', !selected.size);
      number.textContent = `${selected.size} selected`;
      swatches.replaceChildren(...ids().slice(0, 8).map((id) => el('span', { class: 'sw', style: { background: `var(--c${indexOf(id) + 1})` } })));
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
