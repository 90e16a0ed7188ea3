import type { Message } from '../../../src/data/message.ts';
import { ChatTemplate } from '../../../src/template/chat.ts';
import { presetTemplate } from '../../../src/template/presets.ts';
import { type SegmentOptions, toSegments } from '../../../src/template/segments.ts';

/** Templates without markers, of the constructs that published ones use. */
export const unmarked = {
  chatml:
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>' + '\\n' }}{% endfor %}" +
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}",
  llama3:
    "{% for m in messages %}{% set content = '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' %}" +
    '{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}' +
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}",
  mistral:
    '{{ bos_token }}{% for m in messages %}' +
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant') }}{% endif %}" +
    "{% if m.role == 'user' %}{{ '[INST] ' + m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + eos_token }}{% endif %}{% endfor %}",
  /** Drops what was thought before the last question, as Qwen3 and DeepSeek R1 do. */
  thinking:
    "{%- set ns = namespace(last=0) %}{%- for m in messages %}{%- if m.role == 'user' %}{%- set ns.last = loop.index0 %}{%- endif %}{%- endfor %}" +
    "{%- for m in messages %}{%- set content = m.content %}{%- if m.role == 'assistant' and '</think>' in content and loop.index0 < ns.last %}" +
    "{%- set content = content.split('</think>')[-1].lstrip('\\n') %}{%- endif %}" +
    "{{- '<|im_start|>' + m.role + '\\n' + content + '<|im_end|>\\n' }}{%- endfor %}" +
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
  /** Calls tools as Hermes and Qwen do. */
  hermes:
    "{%- if tools %}{{- '<|im_start|>system\\n# Tools\\n' }}{%- for tool in tools %}{{- tool | tojson }}{{- '\\n' }}{%- endfor %}{{- '<|im_end|>\\n' }}{%- endif %}" +
    "{%- for m in messages %}{%- if m.role == 'assistant' and m.tool_calls %}{{- '<|im_start|>assistant' }}{%- if m.content %}{{- '\\n' + m.content }}{%- endif %}" +
    "{%- for call in m.tool_calls %}{{- '\\n<tool_call>\\n' ~ ({'name': call.function.name, 'arguments': call.function.arguments} | tojson) ~ '\\n</tool_call>' }}{%- endfor %}{{- '<|im_end|>\\n' }}" +
    "{%- elif m.role == 'tool' %}{%- if loop.first or messages[loop.index0 - 1].role != 'tool' %}{{- '<|im_start|>user' }}{%- endif %}{{- '\\n<tool_response>\\n' + m.content + '\\n</tool_response>' }}" +
    "{%- if loop.last or messages[loop.index0 + 1].role != 'tool' %}{{- '<|im_end|>\\n' }}{%- endif %}" +
    "{%- else %}{{- '<|im_start|>' + m.role + '\\n' + m.content + '<|im_end|>\\n' }}{%- endif %}{%- endfor %}" +
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}",
  /** Puts the system prompt into the last question, as Mistral v3 does. */
  moving:
    "{%- if messages[0].role == 'system' %}{%- set system = messages[0].content %}{%- set rest = messages[1:] %}{%- else %}{%- set rest = messages %}{%- endif %}" +
    "{{- bos_token }}{%- for m in rest %}{%- if m.role == 'user' %}{%- if loop.last and system is defined %}{{- '[INST]' + system + '|' + m.content + '[/INST]' }}{%- else %}{{- '[INST]' + m.content + '[/INST]' }}{%- endif %}" +
    '{%- else %}{{- m.content + eos_token }}{%- endif %}{%- endfor %}',
  dated:
    "{{ 'Today is ' + strftime_now('%Y-%m-%d %H:%M:%S.%f') + '.' }}{% for m in messages %}{{ '<' + m.role + '>' + m.content + '</>' }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
};

/** What opens a turn of Llama 3. */
export const head = (role: string): string => `<|start_header_id|>${role}<|end_header_id|>\n\n`;

export const special = { bos_token: '<s>', eos_token: '</s>' };

const control = /<\|[a-z_]+\|>|<\/?s>|<(?:start|end)_of_turn>/g;

export const defaults: Omit<SegmentOptions, 'template'> = {
  eos: '</s>',
  completionOnlyLoss: null,
  assistantOnlyLoss: null,
  rolesToTrain: ['assistant'],
  maskHistory: false,
  trainOnEos: 'turn',
  findControls: (text) =>
    [...text.matchAll(control)].map((match) => [match.index, match.index + match[0].length]),
};

const templates = new Map<string, ChatTemplate>();

/** A template by name: a preset, or one of those above. */
export function template(name: string): ChatTemplate {
  let found = templates.get(name);
  if (found === undefined) {
    const source = (unmarked as Record<string, string>)[name.replace('plain ', '')];
    found = new ChatTemplate(
      (name.startsWith('plain ') ? source : presetTemplate(name)) ?? '',
      special,
    );
    templates.set(name, found);
  }
  return found;
}

export interface Given {
  rules?: Partial<SegmentOptions>;
  tools?: unknown[];
}

/** The rendered conversation with what is trained in brackets. */
export function trained(
  name: string,
  messages: Message[],
  { rules = {}, tools }: Given = {},
): string {
  const extras = { tools: tools ?? null, documents: null, variables: {} };
  const options = { ...defaults, template: template(name), ...rules };
  const place = { file: 'f.jsonl', line: 1 };
  const { text, spans } = toSegments({ shape: 'messages', messages, extras }, options, place);
  return spans
    .map(([start, end, on]) => (on ? `⟦${text.slice(start, end)}⟧` : text.slice(start, end)))
    .join('');
}

/** Messages written as `u: hi`, `a: yo`, `s: be kind`, `t: result`; extra fields beside. */
export function talk(...turns: (string | [string, Record<string, unknown>])[]): Message[] {
  const roles: Record<string, string> = { u: 'user', a: 'assistant', s: 'system', t: 'tool' };
  return turns.map((turn) => {
    const [text, fields] = typeof turn === 'string' ? [turn, {}] : turn;
    return { role: roles[text[0] as string] as string, content: text.slice(3), ...fields };
  });
}
