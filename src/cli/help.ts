import {
  type Group,
  type KeyName,
  kebabCase,
  keyNames,
  shownDefault,
  table,
} from '../config/table.ts';

const TITLES: Record<Group, string> = {
  model: 'Model',
  data: 'Data',
  lora: 'LoRA',
  training: 'Training',
  reporting: 'Reporting',
};

/** Every key of the configuration as flags, by group, with defaults. */
export function configHelp(): string {
  const lines = [
    '',
    'Keys may stand in a YAML or JSON file (--config FILE), in snake_case or camelCase; flags win.',
    'Results go to stdout, progress to stderr; --json makes stdout JSON.',
  ];
  for (const [group, title] of Object.entries(TITLES)) {
    lines.push('', `${title}:`);
    for (const name of keyNames) if (table[name].group === group) lines.push(...keyHelp(name));
  }
  return lines.join('\n');
}

function keyHelp(name: KeyName): string[] {
  const { kind, doc } = table[name];
  return [
    `  --${kebabCase(name).padEnd(32)} ${doc}`,
    `    ${' '.repeat(32)} ${kind.expected} [${shownDefault(name)}]`,
  ];
}
