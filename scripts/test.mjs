// `npm test`: everything a fresh clone can check, ending with one line `N passed, N failed, N skipped`.
//   npm test                 all
//   npm test -- src/pack     only uvu files whose path matches
import { fork, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready } from './ready.mjs';

ready();
// Of a package that may have been installed just now.
const { parse } = await import('uvu/parse');
const only = process.argv[2];
// What the tests cache goes with them.
const cache = mkdtempSync(join(tmpdir(), 'attune-cache-'));
process.env.ATTUNE_CACHE = cache;
process.on('exit', () => rmSync(cache, { recursive: true, force: true }));
const totals = { passed: 0, failed: 0, skipped: 0 };

/** Runs a command, echoing it; resolves with its exit code and output. */
function run(args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, FORCE_COLOR: '0', ...env },
    });
    let output = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
      process.stdout.write(chunk);
    });
    child.on('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/**
 * Runs the test files below a folder in two processes, each of which takes the next file when it is done
 * with one. uvu passes a suite that forgets run(), and a file that ends its process: count for it.
 */
async function uvu(folder, env = {}, files = '\\.test\\.ts$') {
  const { suites: queue } = await parse(folder, only ? `${only}.*${files}` : files);
  if (queue.length === 0 && !only) totals.failed++;
  const lane = async () => {
    while (queue.length > 0) await runFiles(queue, env);
  };
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane));
}

/** Runs files of the queue in one process until there are no more, or it ends in the middle of one. */
function runFiles(queue, env) {
  const child = fork('scripts/suites.mjs', {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    // Threads that wait leave the processor to the other process.
    env: { OMP_WAIT_POLICY: 'passive', ...process.env, FORCE_COLOR: '0', ...env },
  });
  let running;
  const next = () => {
    running = queue.shift();
    child.send(running ?? { name: null });
  };
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
    const end = output.indexOf('\0');
    if (end < 0) return;
    countTests(output.slice(0, end));
    output = output.slice(end + 1);
    next();
  });
  next();
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      process.stdout.write(output);
      if (running) {
        console.log(`FAILED: ${running.name}: its process ended by ${signal ?? `code ${code}`}`);
        totals.failed++;
      }
      resolve();
    });
  });
}

/** Prints and counts what a test file has said. A test that cannot run says so: `SKIPPED n: reason`. */
function countTests(output) {
  const [, said, total, passed, skips, duration] = output.match(
    /^(.*)\n {2}Total: +(\d+)\n {2}Passed: +(\d+)\n {2}Skipped: +(\d+)\n {2}Duration: +([\d.]+)ms\s*$/s,
  );
  console.log(`${said.trimEnd()}  ${(Number(duration) / 1000).toFixed(1)} s`);
  const skipped = [...said.matchAll(/^SKIPPED (\d+):/gm)].map(([, count]) => Number(count));
  totals.passed += Number(passed);
  totals.failed += Number(total) - Number(passed);
  totals.skipped += skipped.reduce((sum, count) => sum + count, Number(skips));
  if (Number(total) === 0 && skipped.length === 0) {
    console.log('FAILED: it has no test');
    totals.failed++;
  }
}

/** A check that either passes or fails. */
async function check(name, args) {
  const { code } = await run(args);
  console.log(`${code === 0 ? 'ok' : 'FAILED'}: ${name}`);
  totals[code === 0 ? 'passed' : 'failed']++;
}

async function kernels(args, env = {}) {
  const { code, output } = await run(['scripts/kernels.mjs', ...args], env);
  const line = output.match(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$/m);
  totals.passed += Number(line?.[1] ?? 0);
  totals.failed += line ? Number(line[2]) : 1;
  totals.skipped += Number(line?.[3] ?? 0);
  if (line && code !== 0 && line[2] === '0') totals.failed++;
}

if (!only) {
  await check('biome', ['node_modules/@biomejs/biome/bin/biome', 'check', '.']);
  for (const project of ['tsconfig.json', 'src/page/client'])
    await check(`types of ${project}`, [
      'node_modules/typescript/bin/tsc',
      '-p',
      project,
      '--noEmit',
    ]);
  if (existsSync('scripts/format.mjs'))
    await check('clang-format', ['scripts/format.mjs', '--check']);
  await kernels([]);
  await kernels(['--sanitize']);
  // oneDNN's generated code is not instrumented; the built-in product is. Other devices do not use it.
  await kernels(['--sanitize', 'engine'], { ATTUNE_ONEDNN: '0', ATTUNE_DEVICES: 'cpu' });
}
await uvu('test');
if (!only) {
  // The engine once more at every lower instruction set of this machine, and without oneDNN.
  const { devices } = await import('../dist/index.js');
  const [{ isas, isa, product }] = devices();
  const others = isas.slice(0, isas.indexOf(isa)).map((lower) => ({ ATTUNE_ISA: lower }));
  if (product !== 'built-in') others.push({ ATTUNE_ONEDNN: '0' });
  for (const env of others) {
    console.log(`\nwith ${Object.entries(env).map((pair) => pair.join('='))}:`);
    await uvu('test/e2e', env, '(engine|slopes|gradients|exchange|stories)\\.test\\.ts$');
  }
}
console.log(`${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed > 0 || totals.passed === 0 ? 1 : 0);
