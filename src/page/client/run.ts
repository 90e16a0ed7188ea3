import './page.css';
import './run.css';
import { count, duration, percent, short } from '../numbers.ts';
import type { RunPage } from '../run.ts';
import { charts } from './charts.ts';
import { el, pageModel, themeButton } from './dom.ts';
import { accountOf, settingsTable } from './lists.ts';
import { table } from './table.ts';

const outcomes: Record<RunPage['outcome'], string> = {
  running: 'did not end: it still runs, or was killed',
  finished: 'finished',
  interrupted: 'interrupted',
  failed: 'failed',
};

function report(page: RunPage): HTMLElement {
  const best = page.evaluations.reduce<number | null>(
    (least, { loss }) => (loss === null ? least : Math.min(least ?? loss, loss)),
    null,
  );
  const losses = page.curves.loss.filter((loss) => loss !== null);
  const card = (name: string, value: string, kind = ''): HTMLElement =>
    el('div', { class: `card ${kind}` }, el('b', {}, value), el('span', {}, name));
  return el(
    'main',
    { class: 'overview' },
    page.outcome !== 'finished' &&
      el(
        'p',
        { class: page.outcome === 'failed' ? 'reason' : 'notice', at: { role: 'status' } },
        `This run ${page.outcome === 'running' ? outcomes.running : `was ${outcomes[page.outcome]}`.replace('was failed', 'failed')}${page.failure === null ? '' : `: ${page.failure}`}.`,
      ),
    el(
      'div',
      { class: 'cards' },
      card(
        'steps',
        page.steps === page.totalSteps
          ? count(page.steps)
          : `${count(page.steps)} of ${count(page.totalSteps)}`,
      ),
      card('epochs', short(page.epochs)),
      card('last loss', losses.length === 0 ? '–' : (losses.at(-1) as number).toFixed(4)),
      best !== null && card('best evaluation loss', best.toFixed(4)),
      card('tokens', short(page.tokens)),
      card('tokens a second', page.seconds > 0 ? count(page.tokens / page.seconds) : '–'),
      card('time of the steps', duration(page.seconds)),
      page.events.length > 0 && card('events', count(page.events.length), 'warn'),
    ),
    charts(page),
    section('Events', page.events.length === 0 ? null : events(page)),
    section('Evaluation', page.evaluations.length === 0 ? null : evaluations(page)),
    section('Memory', memory(page)),
    section(
      'Data',
      page.account === null ? el('p', {}, 'The rows had not been accounted for.') : data(page),
    ),
    section('Settings that differ from the defaults', settingsTable(page.settings)),
    section(
      'Notes',
      page.notes.length === 0
        ? null
        : el('ul', {}, ...page.notes.map((note) => el('li', {}, note))),
    ),
    section('Numbers', numbers(page)),
  );
}

function section(title: string, content: Node | null): HTMLElement | null {
  return content && el('section', {}, el('h2', {}, title), content);
}

function events({ events: all }: RunPage): HTMLElement {
  const rows = all.slice(0, 500).map(({ step, text }) => [step === null ? '–' : count(step), text]);
  return el(
    'div',
    {},
    table(['Step', 'What happened'], rows, [0, 1]),
    all.length > 500 && el('p', { class: 'hint' }, `The first 500 of ${count(all.length)}.`),
  );
}

function evaluations({ evaluations: all }: RunPage): HTMLElement {
  return table(
    ['Step', 'Epoch', 'Loss', 'Perplexity', 'Accuracy', 'Tokens', 'Time'],
    all.map(({ step, epoch, loss, accuracy, tokens, seconds }) => [
      count(step),
      epoch.toFixed(2),
      loss === null ? 'not finite' : loss.toFixed(4),
      loss === null ? '–' : short(Math.exp(loss)),
      accuracy === null ? '–' : percent(accuracy, 1),
      count(tokens),
      duration(seconds),
    ]),
    [0, 7],
  );
}

function memory({ memory: { classes, total, recomputedLayers } }: RunPage): HTMLElement {
  const parts = classes.map(({ name, bytes }, i) => {
    const part = el('div', { class: `part c${i}`, title: `${name}: ${size(bytes)}` });
    part.style.flexGrow = String(bytes / Math.max(1, total));
    return part;
  });
  const again =
    recomputedLayers > 0
      ? ` ${recomputedLayers} layers are run again in the backward pass to save memory.`
      : '';
  return el(
    'div',
    {},
    el('p', {}, `${size(total)}, all taken before step 1.${again}`),
    el(
      'div',
      {
        class: 'stack',
        at: {
          role: 'img',
          'aria-label': classes.map(({ name, bytes }) => `${name} ${size(bytes)}`).join(', '),
        },
      },
      ...parts,
    ),
    table(
      ['Class', 'Bytes', 'Share'],
      classes.map(({ name, bytes }, i) => [
        el('span', {}, el('span', { class: `swatch c${i}` }), name),
        size(bytes),
        percent(bytes, total),
      ]),
    ),
  );
}

function size(bytes: number): string {
  const mebi = bytes / 2 ** 20;
  return mebi < 1024 ? `${mebi.toFixed(1)} MiB` : `${(mebi / 1024).toFixed(2)} GiB`;
}

function data({ account, sources }: RunPage): HTMLElement {
  return el(
    'div',
    {},
    account && accountOf(account),
    table(
      ['File', 'Rows', 'Weight', 'Used an epoch'],
      sources.map(({ file, rows, weight, used }) => [
        file,
        count(rows),
        String(weight),
        count(used),
      ]),
    ),
  );
}

/** The values of the charts, for those who cannot see them and those who copy them. */
function numbers({ curves, rowsPerPoint }: RunPage): HTMLElement {
  const every = Math.max(1, Math.ceil(curves.step.length / 500));
  const rows = curves.step
    .map((step, i) => [
      count(step),
      ...[
        curves.loss,
        curves.learningRate,
        curves.gradNorm,
        curves.accuracy,
        curves.entropy,
        curves.tokensPerSecond,
      ].map((values) => {
        const value = values[i] ?? null;
        return value === null ? 'not finite' : String(Number(value.toPrecision(5)));
      }),
    ])
    .filter((_, i, all) => i % every === 0 || i === all.length - 1);
  const head = [
    'Step',
    'Loss',
    'Learning rate',
    'Gradient norm',
    'Accuracy',
    'Entropy',
    'Tokens/s',
  ];
  const which =
    every * rowsPerPoint === 1 ? 'all rows' : `one of every ${every * rowsPerPoint} rows`;
  return el(
    'details',
    {},
    el('summary', {}, `${count(rows.length)} rows of metrics.jsonl as a table (${which})`),
    table(head, rows, [0, 7]),
  );
}

function about(page: RunPage): string {
  const trained =
    page.method === 'full'
      ? 'every weight'
      : `${page.method}, ${short(page.trainableParameters)} parameters`;
  const own = page.parameters - (page.method === 'full' ? 0 : page.trainableParameters);
  const when = (iso: string): string => iso.slice(0, 16).replace('T', ' ');
  const ended = page.ended === null ? '' : until(page.started, page.ended);
  return `${page.model} · ${page.family}, ${short(own)} parameters · ${trained} · ${page.dtype} on ${page.device} · ${when(page.started)}${ended} UTC · attune ${page.version}`;
}

/** Without the date where it is the same. */
function until(started: string, ended: string): string {
  const sameDay = started.slice(0, 10) === ended.slice(0, 10);
  return ` to ${ended.slice(sameDay ? 11 : 0, 16).replace('T', ' ')}`;
}

const page = pageModel<RunPage>();
document
  .getElementById('app')
  ?.replaceChildren(
    el(
      'header',
      {},
      el('div', { class: 'name' }, el('h1', {}, page.title), el('p', {}, about(page))),
      el(
        'span',
        { class: `badge ${page.outcome}` },
        page.outcome === 'running' ? 'no end' : outcomes[page.outcome],
      ),
      themeButton(),
    ),
    report(page),
  );
