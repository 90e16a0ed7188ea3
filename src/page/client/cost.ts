import { count, duration, short } from '../numbers.ts';
import { el } from './dom.ts';
import type { Store } from './store.ts';

/** What a run would take. The speed can be changed, and the time follows. */
export function cost({ page }: Store): HTMLElement {
  const { steps, epochs, tokens, trainedTokens, parameters, flops, tokensPerSecond, from } =
    page.cost;
  const time = el('b', {}, '–');
  const speed = el('input', {
    at: {
      type: 'number',
      min: 0,
      step: 'any',
      value: tokensPerSecond === null ? '' : Math.round(tokensPerSecond),
      'aria-label': 'Tokens per second',
    },
    on: { input: () => update() },
  });
  const update = (): void => {
    const rate = Number(speed.value);
    time.textContent = rate > 0 ? duration(tokens / rate) : '–';
  };
  update();
  const fact = (name: string, value: string): Node =>
    el('div', {}, el('dt', {}, name), el('dd', {}, value));
  const hint = tokensPerSecond === null ? `${from} Type the speed that you expect.` : from;
  return el(
    'div',
    {},
    el(
      'dl',
      { class: 'facts' },
      fact('optimizer steps', count(steps)),
      fact('epochs', short(epochs)),
      fact('tokens of the run', short(tokens)),
      fact('of them trained', short(trainedTokens)),
      fact('parameters', short(parameters)),
      fact('operations', `${short(flops)}FLOP`.replace(/(\d)FLOP/, '$1 FLOP')),
    ),
    el('p', {}, 'Time: ', time, ' at ', speed, ' tokens/s. ', el('span', { class: 'hint' }, hint)),
  );
}
