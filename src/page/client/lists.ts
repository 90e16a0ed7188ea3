import { FLAGS, type PageAccount, type PageSetting } from '../model.ts';
import { count, percent } from '../numbers.ts';
import { button, el } from './dom.ts';
import type { Query } from './query.ts';
import type { Store } from './store.ts';
import { table } from './table.ts';

/** Groups that are in view at once; more of them unfold. */
const shownGroups = 8;

/** Lists the rows of a query. */
export type Show = (query: Partial<Query>) => void;

/** What became of the rows of an epoch. */
export function accountOf(account: PageAccount): HTMLElement {
  const { available, read, trained, leftOut, quarantined, truncated } = account;
  const { tokens, trainedTokens } = account;
  const bad = quarantined.count > 0 ? ` + ${count(quarantined.count)} bad, in quarantine` : '';
  const out = leftOut.reduce((sum, reason) => sum + reason.count, 0);
  const of = read < available ? ` of ${count(available)}` : '';
  return el(
    'div',
    {},
    el(
      'p',
      {},
      `An epoch reads ${count(read)}${of} rows = ${count(trained)} trained + ${count(out)} left out${bad}; ${count(truncated)} of the trained are truncated. ${count(tokens)} tokens, ${percent(trainedTokens, tokens)} of them trained.`,
    ),
    leftOut.length > 0
      ? table(
          ['Left out', 'Rows', 'For example'],
          leftOut.map(({ reason, count: number, examples }) => [
            reason,
            count(number),
            examples.join(', '),
          ]),
          [1, 2],
        )
      : null,
    quarantined.count > 0
      ? table(
          ['Bad rows, for example'],
          quarantined.examples.map((row) => [row]),
        )
      : null,
  );
}

/** What each file gives. */
export function sources(store: Store, show: Show): HTMLElement {
  const { page, columns } = store;
  const sums = page.sources.map(() => ({
    rows: 0,
    tokens: 0,
    trained: 0,
    truncated: 0,
    out: 0,
    loss: 0,
    losses: 0,
  }));
  for (let row = 0; row < store.rows; row++) {
    const sum = sums[columns.source[row] ?? 0];
    if (sum === undefined) continue;
    const flags = columns.flags[row] ?? 0;
    sum.rows++;
    sum.tokens += columns.tokens[row] ?? 0;
    sum.trained += columns.trained[row] ?? 0;
    if (flags & FLAGS.truncated) sum.truncated++;
    if (flags & FLAGS.leftOut) sum.out++;
    const loss = columns.loss[row] ?? Number.NaN;
    if (Number.isNaN(loss)) continue;
    sum.loss += loss * (columns.trained[row] ?? 0);
    sum.losses += columns.trained[row] ?? 0;
  }
  const hasLosses = page.lossesOf !== null;
  const rows = page.sources.map(({ file, role, rows: all, weight, used }, source) => {
    const sum = sums[source];
    if (sum === undefined) return [];
    return [
      button(store.name(source), () => show({ source }), { title: file }),
      role === 'eval' ? 'evaluation' : 'training',
      count(all),
      weight === 1 ? '1' : `${weight} (${count(used)} rows)`,
      count(sum.tokens),
      sum.rows === 0 ? '–' : count(sum.tokens / sum.rows),
      percent(sum.trained, sum.tokens),
      count(sum.truncated),
      count(sum.out),
      ...(hasLosses ? [sum.losses === 0 ? '–' : (sum.loss / sum.losses).toFixed(3)] : []),
    ];
  });
  const head = [
    'File',
    'Used for',
    'Rows',
    'Weight',
    'Tokens',
    'A row',
    'Trained',
    'Truncated',
    'Left out',
  ];
  return table([...head, ...(hasLosses ? ['Loss a token'] : [])], rows, [2, 10]);
}

/** Groups of rows that repeat each other. */
export function repeats(store: Store, show: Show): HTMLElement {
  const { columns } = store;
  const groups = new Map<number, number[]>();
  for (let row = 0; row < store.rows; row++) {
    const of = (columns.repeats[row] ?? 0) - 1;
    if (of < 0) continue;
    const group = groups.get(of);
    if (group) group.push(row);
    else groups.set(of, [row]);
  }
  if (groups.size === 0) return el('p', {}, 'No row repeats another.');
  const largest = [...groups].sort(([a, m], [b, n]) => n.length - m.length || a - b).slice(0, 50);
  const leak = store.flagCount(FLAGS.leak);
  const rows = largest.map(([of, group]) => [
    button(store.place(of), () => show({ group: of })),
    count(group.length + 1),
    `${Math.min(...group.map((row) => columns.similarity[row] ?? 100))} %`,
    (columns.flags[of] ?? 0) & FLAGS.leak ? 'yes' : '',
  ]);
  const head = ['First row of the group', 'Rows', 'Least similarity', 'Leak'];
  const { threshold, cut } = store.page.duplicates;
  return el(
    'div',
    {},
    el(
      'p',
      {},
      `${count(groups.size)} groups, as attune data dedupe finds them: by all text of a row, without what a template adds. Near-duplicates share at least ${Math.round(100 * threshold)} % of their runs of five words.`,
      cut > 0 && ` ${count(cut)} rows had more candidates than were compared.`,
    ),
    leak > 0 &&
      el(
        'p',
        { class: 'reason' },
        `${count(leak)} rows are in groups that stand in the training data and in the evaluation data: an evaluation on them measures memory.`,
      ),
    table(head, rows.slice(0, shownGroups), [1, 3]),
    rows.length > shownGroups &&
      el(
        'details',
        {},
        el('summary', {}, `${rows.length - shownGroups} more groups`),
        table(head, rows.slice(shownGroups), [1, 3]),
      ),
    groups.size > largest.length
      ? el(
          'p',
          { class: 'hint' },
          `The ${largest.length} largest of ${count(groups.size)}; the filters of the rows find all.`,
        )
      : null,
  );
}

export function settingsTable(settings: PageSetting[]): HTMLElement {
  if (settings.length === 0) return el('p', {}, 'None.');
  return table(
    ['Key', 'Value', 'Default'],
    settings.map(({ name, value, fallback }) => [el('code', {}, name), value, fallback]),
    [3, 3],
  );
}
