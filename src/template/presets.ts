/**
 * Chat templates by name, with {% generation %} blocks, so that masks come from the template. Each
 * refuses what its format has no place for. Formats: see docs/templates.md.
 */

/** Refuses tools and every role but those named; `names` is a Jinja list. */
function only(names: string): string {
  return (
    "{% if tools %}{{ raise_exception('this template has no place for tools') }}{% endif %}" +
    '{% for message in messages %}' +
    `{% if message['role'] not in ${names} %}` +
    "{{ raise_exception('this template has no role ' ~ message['role']) }}{% endif %}" +
    "{% if message['tool_calls'] %}" +
    "{{ raise_exception('this template has no place for tool calls') }}{% endif %}" +
    "{% if message['role'] == 'system' and not loop.first %}" +
    "{{ raise_exception('a system prompt comes first') }}{% endif %}" +
    '{% endfor %}'
  );
}

const chat = only("['system', 'user', 'assistant']");

/** What the assistant says, and `end`, are trained. */
function answer(end: string, content = "message['content']"): string {
  return `{% generation %}{{ ${content} + ${end} }}{% endgeneration %}`;
}

/** One turn per message: `turns` by role. */
function turns(byRole: { system?: string; user: string; assistant: string }): string {
  const system = byRole.system ?? '';
  return (
    "{% for message in messages %}{% if message['role'] == 'system' %}" +
    `${system}{% elif message['role'] == 'user' %}${byRole.user}{% else %}${byRole.assistant}` +
    '{% endif %}{% endfor %}'
  );
}

function prompt(text: string): string {
  return `{% if add_generation_prompt %}{{ ${text} }}{% endif %}`;
}

/** The system message, or `otherwise`, as the variable `system`; `messages` are the others. */
function takeSystem(otherwise: string): string {
  return (
    "{% if messages and messages[0]['role'] == 'system' %}" +
    "{% set system = messages[0]['content'] %}{% set messages = messages[1:] %}" +
    `{% else %}{% set system = ${otherwise} %}{% endif %}`
  );
}

const eos = 'eos_token';

/** `BOS system USER: … ASSISTANT: …EOS`, as Vicuna 1.1 has it. */
function vicuna(system: string, user: string, assistant: string, space: string): string {
  return (
    `${chat}${takeSystem(system)}{{ bos_token }}{{ system + ' ' }}` +
    turns({
      user: `{{ '${user}: ' + message['content'] + ' ' }}`,
      assistant: `{{ '${assistant}:' }}${answer(eos, `'${space}' + message['content']`)}`,
    }) +
    prompt(`'${assistant}:'`)
  );
}

/** Turns between `<|role|>` and an end, each on its own lines. */
function piped(end: string): string {
  const turn = (role: string): string =>
    `{{ '<|${role}|>\\n' + message['content'] + ${end} + '\\n' }}`;
  return (
    chat +
    turns({
      system: turn('system'),
      user: turn('user'),
      assistant: `{{ '<|assistant|>\\n' }}${answer(`${end} + '\\n'`)}`,
    }) +
    prompt("'<|assistant|>\\n'")
  );
}

const alpacaSystem =
  "'Below is an instruction that describes a task. " +
  "Write a response that appropriately completes the request.'";

const vicunaSystem =
  "'A chat between a curious user and an artificial intelligence assistant. The assistant gives " +
  "helpful, detailed, and polite answers to the user\\'s questions.'";

const llama3Turn = (role: string): string =>
  `'<|start_header_id|>' + ${role} + '<|end_header_id|>\\n\\n'`;

export const presets: Readonly<Record<string, string>> = {
  alpaca:
    `${chat}${takeSystem(alpacaSystem)}{{ bos_token }}{{ system + '\\n\\n' }}` +
    turns({
      user: "{{ '### Instruction:\\n' + message['content'] + '\\n\\n' }}",
      assistant: `{{ '### Response:' }}${answer(eos)}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}`,
    }) +
    prompt("'### Response:'"),

  vicuna: vicuna(vicunaSystem, 'USER', 'ASSISTANT', ' '),

  airoboros: vicuna("'A chat.'", 'USER', 'ASSISTANT', ' '),

  koala: vicuna("'BEGINNING OF CONVERSATION:'", 'USER', 'GPT', ''),

  guanaco:
    `${chat}{{ bos_token }}` +
    turns({
      system: "{{ message['content'] + '\\n\\n' }}",
      user: "{{ '### Human: ' + message['content'] }}",
      assistant: `{{ '### Assistant:' }}${answer(eos, "' ' + message['content']")}`,
    }) +
    prompt("'### Assistant:'"),

  orca:
    `${chat}{{ bos_token }}` +
    turns({
      system: "{{ '### System:\\n' + message['content'] + '\\n\\n' }}",
      user: "{{ '### User:\\n' + message['content'] + '\\n\\n' }}",
      assistant: `{{ '### Response:\\n' }}${answer(eos)}{% if not loop.last %}{{ '\\n\\n' }}{% endif %}`,
    }) +
    prompt("'### Response:\\n'"),

  chatml:
    chat +
    turns({
      system: "{{ '<|im_start|>system\\n' + message['content'] + '<|im_end|>\\n' }}",
      user: "{{ '<|im_start|>user\\n' + message['content'] + '<|im_end|>\\n' }}",
      assistant: `{{ '<|im_start|>assistant\\n' }}${answer("'<|im_end|>\\n'")}`,
    }) +
    prompt("'<|im_start|>assistant\\n'"),

  'llama-2':
    `${chat}${takeSystem('none')}` +
    turns({
      user:
        "{{ bos_token + '[INST] ' }}" +
        "{% if loop.first and system is not none %}{{ '<<SYS>>\\n' + system + '\\n<</SYS>>\\n\\n' }}" +
        "{% endif %}{{ message['content'] | trim + ' [/INST]' }}",
      assistant: answer(`' ' + ${eos}`, "' ' + message['content'] | trim"),
    }),

  'llama-3':
    `${chat}{{ bos_token }}` +
    turns({
      system: `{{ ${llama3Turn("'system'")} + message['content'] | trim + '<|eot_id|>' }}`,
      user: `{{ ${llama3Turn("'user'")} + message['content'] | trim + '<|eot_id|>' }}`,
      assistant: `{{ ${llama3Turn("'assistant'")} }}${answer("'<|eot_id|>'", "message['content'] | trim")}`,
    }) +
    prompt(llama3Turn("'assistant'")),

  zephyr: piped(eos),

  'phi-3': piped("'<|end|>'"),

  mistral:
    `${chat}${takeSystem('none')}{{ bos_token }}` +
    turns({
      user:
        "{{ '[INST] ' }}{% if loop.first and system is not none %}{{ system + '\\n\\n' }}{% endif %}" +
        "{{ message['content'] + '[/INST]' }}",
      assistant: answer(eos, "' ' + message['content']"),
    }),

  gemma:
    `${only("['user', 'assistant']")}{{ bos_token }}` +
    turns({
      user: "{{ '<start_of_turn>user\\n' + message['content'] | trim + '<end_of_turn>\\n' }}",
      assistant: `{{ '<start_of_turn>model\\n' }}${answer("'<end_of_turn>\\n'", "message['content'] | trim")}`,
    }) +
    prompt("'<start_of_turn>model\\n'"),
};

/** Recipes that use the format of another one. */
export const presetAliases: Readonly<Record<string, string>> = {
  platypus: 'alpaca',
  wizardlm: 'vicuna',
  llama2: 'llama-2',
  llama3: 'llama-3',
  phi3: 'phi-3',
};

/** Source of a preset, or null where there is none of that name. */
export function presetTemplate(name: string): string | null {
  const known = Object.hasOwn(presetAliases, name) ? presetAliases[name] : name;
  return known !== undefined && Object.hasOwn(presets, known) ? (presets[known] ?? null) : null;
}

export const presetNames: readonly string[] = [
  ...Object.keys(presets),
  ...Object.keys(presetAliases),
];
