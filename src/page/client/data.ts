import './page.css';
import './data.css';
import type { DataPage } from '../model.ts';
import { count } from '../numbers.ts';
import { RowBrowser } from './browser.ts';
import { button, el, pageModel, pause, themeButton } from './dom.ts';
import { overview } from './overview.ts';
import { Store } from './store.ts';

async function start(): Promise<void> {
  const page = pageModel<DataPage>();
  const app = document.getElementById('app') as HTMLElement;
  const store = await Store.open(page);
  await pause();
  const browser = new RowBrowser(store);
  const show = (name: 'overview' | 'rows'): void => {
    document.body.dataset.view = name;
    for (const tab of tabs) tab.setAttribute('aria-selected', String(tab.dataset.view === name));
    history.replaceState(null, '', `#${name}`);
    if (name === 'rows') browser.focus();
  };
  const tab = (name: 'overview' | 'rows', text: string): HTMLElement =>
    button(text, () => show(name), {
      at: { role: 'tab', 'data-view': name, 'aria-controls': name },
    });
  const tabs = [tab('overview', 'Overview'), tab('rows', `Rows (${count(store.rows)})`)];
  const summary = await overview(store, (query) => {
    browser.ask(query);
    show('rows');
  });
  app.replaceChildren(
    el(
      'header',
      {},
      el('div', { class: 'name' }, el('h1', {}, page.title), el('p', {}, about(page))),
      el(
        'nav',
        {
          at: { role: 'tablist', 'aria-label': 'Views' },
          on: {
            keydown: ({ key }) => {
              if (key !== 'ArrowLeft' && key !== 'ArrowRight') return;
              const other = tabs.find((each) => each !== document.activeElement);
              other?.click();
              other?.focus();
            },
          },
        },
        ...tabs,
      ),
      themeButton(),
    ),
    summary,
    browser.element,
  );
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
    event.preventDefault();
    show('rows');
    browser.focusSearch();
  });
  show(location.hash === '#rows' || page.lossesOf !== null ? 'rows' : 'overview');
}

function about({ made, version, model, lossesOf }: DataPage): string {
  const losses = lossesOf === null ? '' : ` · losses of ${lossesOf}`;
  return `${model}${losses} · attune ${version} · ${made.slice(0, 16).replace('T', ' ')} UTC`;
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}

start().catch((error: Error) => {
  document
    .getElementById('app')
    ?.replaceChildren(el('p', { class: 'notice' }, `This page cannot be shown: ${error.message}`));
});
