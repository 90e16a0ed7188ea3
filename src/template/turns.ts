import type { Message } from '../data/message.ts';
import { AttuneError } from '../errors.ts';

/** Which turns of a conversation are trained. */
export interface TurnRules {
  /** Roles whose turns are trained, unless a turn says otherwise by `train` or `weight`. */
  rolesToTrain: readonly string[];
  /** Only the last of these turns. */
  maskHistory: boolean;
}

/** Indices of the messages from `from` on that are trained. Throws `data` for a flag that is none. */
export function trainedTurns(messages: readonly Message[], rules: TurnRules, from = 0): number[] {
  const turns = messages.flatMap((message, i) => {
    const trained = ownFlag(message, i) ?? rules.rolesToTrain.includes(message.role);
    return trained && i >= from ? [i] : [];
  });
  return rules.maskHistory ? turns.slice(-1) : turns;
}

/** Keys by which a message says whether it is trained, as peers spell them. */
export const flagKeys = ['train', 'weight', 'loss_weight'] as const;

/** Throws `data` where a message says whether it is trained, and all tokens are. */
export function refuseFlags(messages: readonly Message[]): void {
  const at = messages.findIndex((message, i) => ownFlag(message, i) !== null);
  if (at < 0) return;
  const key = flagKeys.find((name) => messages[at]?.[name] != null);
  throw new AttuneError(
    'data',
    `messages[${at}] has "${key}", which says nothing where every token is trained: leave ` +
      'assistant_only_loss: false out',
  );
}

/** What a message itself says about its training; null: nothing. */
function ownFlag(message: Message, index: number): boolean | null {
  const given = flagKeys.filter((key) => message[key] !== undefined && message[key] !== null);
  const flags = given.map((key) => toFlag(message[key], `messages[${index}].${key}`));
  if (new Set(flags).size > 1) {
    throw new AttuneError('data', `messages[${index}]: ${given.join(' and ')} disagree`);
  }
  return flags[0] ?? null;
}

function toFlag(value: unknown, name: string): boolean {
  if (typeof value === 'boolean') return value;
  if (value === 0 || value === 1) return value === 1;
  const reason =
    typeof value === 'number'
      ? 'a token is trained or it is not; a share would need a loss weighted by token'
      : 'it says whether the turn is trained';
  throw new AttuneError(
    'data',
    `${name} is ${JSON.stringify(value)}: it must be true, false, 1 or 0; ${reason}`,
  );
}
