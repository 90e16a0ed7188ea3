/**
 * Nothing phones home, nothing unpickles: training, going on, evaluation, inspection, merging, text and
 * curation, each whole in a network namespace without network and under a trace of system calls. No
 * socket of the internet is made, nothing but this Node is executed, and no pickle is opened, though
 * one lies beside every file of weights. A folder with nothing but a pickle is refused.
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attune, main, type ProofOptions, type Verdict, workspace } from './lib/proof.ts';
import { writeRows, writeTinyModel } from './lib/tiny.ts';

/** Names that hold pickles, as PyTorch, transformers and PEFT write them. */
const PICKLES = [
  'pytorch_model.bin',
  'adapter_model.bin',
  'training_args.bin',
  'optimizer.pt',
  'scheduler.pt',
  'rng_state.pth',
  'data.pkl',
];
const PICKLE =
  /\.(pkl|pickle|pt|pth|ckpt)$|(^|\/)(pytorch_model|adapter_model|training_args)[^/]*\.bin$/;

/** What is run, so that each kind of call is seen: its paths, and the families of its sockets. */
const TRACED = 'execve,execveat,socket,connect,bind,sendto,sendmsg,sendmmsg,open,openat,openat2';

interface Calls {
  /** Lines of the trace that are of the internet, of a program that is not Node, of a pickle. */
  network: string[];
  programs: string[];
  pickles: string[];
  all: number;
}

/** The calls of a trace. Strings are printed as C writes them; paths here have no character to quote. */
function readTrace(text: string): Calls {
  const lines = text.split('\n').filter((line) => /^\d+ +\w+\(/.test(line));
  const paths = (line: string) => [...line.matchAll(/"([^"]*)"/g)].map(([, path]) => path!);
  const calls = lines.map((line) => ({ line, name: /^\d+ +(\w+)/.exec(line)![1]! }));
  const of = (pattern: RegExp, judged: (line: string) => boolean) =>
    calls.filter(({ name, line }) => pattern.test(name) && judged(line)).map(({ line }) => line);
  return {
    network: of(/^(socket|connect|bind|send)/, (line) => /\b[AP]F_(INET6?|PACKET)\b/.test(line)),
    programs: of(/^exec/, (line) => paths(line)[0] !== process.execPath),
    pickles: of(/^open/, (line) => PICKLE.test(paths(line)[0] ?? '')),
    all: lines.length,
  };
}

/** Node with these words, without network and traced; `trace` is where the trace goes. */
function traced(trace: string, words: string[], env: Record<string, string>) {
  const tracing = [
    '-f',
    '-qq',
    '--seccomp-bpf',
    '-s',
    '4096',
    '-e',
    `trace=${TRACED}`,
    '-o',
    trace,
  ];
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['-rn', 'strace', ...tracing, process.execPath, ...words],
    { encoding: 'utf8', env: { ...process.env, ...env }, maxBuffer: 1 << 28 },
  );
  return { status, stdout, stderr };
}

/** Why this machine cannot run the proof; null: it can. */
function missing(trace: string): string | null {
  if (spawnSync('strace', ['-V']).status !== 0) return 'strace is absent';
  if (spawnSync('unshare', ['-rn', 'true']).status !== 0) {
    return 'a network namespace cannot be made (unshare -rn)';
  }
  const { status } = traced(trace, ['-e', ''], {});
  return status === 0 ? null : 'processes cannot be traced';
}

/** Does each of the three things, so that a trace which does not show them is noticed. */
const CONTROL = `
  const { readFileSync } = require('node:fs');
  require('node:child_process').execSync('true');
  try { readFileSync('data.pkl'); } catch {}
  require('node:net').connect(9, '127.0.0.1').on('error', () => {});
`;

export async function proveOffline({ short }: ProofOptions): Promise<Verdict> {
  const dir = workspace();
  const reason = missing(join(dir, 'trace'));
  if (reason !== null) return { line: `SKIPPED 1: ${reason}`, holds: true };
  const layPickles = (folder: string) => {
    for (const name of PICKLES) writeFileSync(join(folder, name), 'a pickle');
    return folder;
  };
  const model = layPickles(writeTinyModel(join(dir, 'model'), 'F32'));
  const rows = writeRows(join(dir, 'rows.jsonl'), 40);
  const bad = join(dir, 'pickled');
  mkdirSync(bad);
  for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(join(model, name), join(bad, name));
  }
  writeFileSync(join(bad, 'pytorch_model.bin'), 'a pickle');
  const badAdapter = join(dir, 'pickled-adapter');
  mkdirSync(badAdapter);

  const failures: string[] = [];
  const found: Calls = { network: [], programs: [], pickles: [], all: 0 };
  let commands = 0;
  const run = (words: string[], refusal?: RegExp): string => {
    const trace = join(dir, 'trace');
    const env = { ATTUNE_CACHE: join(dir, 'cache') };
    const { status, stdout, stderr } = traced(trace, [attune(), ...words], env);
    commands++;
    const label = `attune ${words.slice(0, 2).join(' ')}`;
    const ended = refusal ? status !== 0 && refusal.test(stderr) : status === 0;
    if (!ended) failures.push(`${label} ended with ${status}: ${stderr.slice(-500)}`);
    const calls = readTrace(readFileSync(trace, 'utf8'));
    found.all += calls.all;
    for (const kind of ['network', 'programs', 'pickles'] as const) {
      found[kind].push(...calls[kind].map((line) => `${label}: ${line}`));
    }
    return stdout;
  };

  traced(join(dir, 'trace'), ['-e', CONTROL], {});
  const control = readTrace(readFileSync(join(dir, 'trace'), 'utf8'));
  for (const kind of ['network', 'programs', 'pickles'] as const) {
    if (control[kind].length === 0) failures.push(`the trace does not show ${kind}`);
  }

  const out = join(dir, 'full');
  const common = ['--max-length=64', '--dtype=float32', '--dataset-num-proc=2'];
  const data = [`--model=${model}`, `--train-file=${rows}`, ...common];
  const steps = ['--max-steps=6', '--save-steps=2', '--save-total-limit=9'];
  const evaluated = [`--eval-file=${rows}`, '--eval-strategy=steps', '--eval-steps=3'];
  const train = (output: string, more: string[]) =>
    run(['train', ...data, ...steps, `--output-dir=${output}`, ...more]);
  train(out, ['--method=full', ...evaluated]);
  const evaluate = ['eval', `--data=${rows}`, ...common];
  run([...evaluate, `--model=${layPickles(out)}`]);
  if (!short) {
    rmSync(join(out, 'checkpoint-6'), { recursive: true });
    layPickles(join(out, 'checkpoint-4'));
    train(out, ['--method=full', ...evaluated, '--resume-from-checkpoint=auto']);
    const lora = join(dir, 'lora');
    train(lora, ['--packing=bfd', '--isolate']);
    layPickles(lora);
    run([...evaluate, `--model=${model}`, `--adapter=${lora}`]);
    run(['inspect', ...data, '--json']);
    run(['inspect', ...data, `--html=${join(dir, 'page.html')}`]);
    run(['merge', `--model=${model}`, `--adapter=${lora}`, `--output-dir=${join(dir, 'merged')}`]);
    run(['generate', `--model=${model}`, '--prompt=once', '--max-new-tokens=4']);
    run(['data', 'dedupe', rows, '--json']);
    run(['report', out]);
    run(['info', '--json']);
    copyFileSync(join(lora, 'adapter_config.json'), join(badAdapter, 'adapter_config.json'));
    writeFileSync(join(badAdapter, 'adapter_model.bin'), 'a pickle');
    const refused = /pickled weights are not read.*safetensors/;
    run([...evaluate, `--model=${bad}`], refused);
    run([...evaluate, `--model=${model}`, `--adapter=${badAdapter}`], refused);
  }
  const { network, programs, pickles, all } = found;
  for (const line of [...failures, ...network, ...programs, ...pickles].slice(0, 9)) {
    console.error(line);
  }
  const none = network.length + programs.length + pickles.length === 0;
  return {
    holds: none && failures.length === 0,
    line: `${commands} commands without network, ${all} calls traced: ${network.length} sockets of the internet, ${programs.length} programs but Node, ${pickles.length} pickles opened of the ${PICKLES.length} beside each file of weights${short ? '' : '; a model and an adapter that are only pickles refused'}; ${failures.length} failures`,
  };
}

await main(import.meta.url, 1, proveOffline);
