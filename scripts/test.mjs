// `npm test`: everything a fresh clone can check, ending with one line `N passed, N failed, N skipped`.
//   npm test                 all
//   npm test -- src/pack     only uvu files whose path matches
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready } from './ready.mjs';

ready();
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

/** uvu exits 0 when a hook throws, when no file matches and when a suite forgets run(): count for it. */
async function uvu(folder, env = {}, files = '\\.test\\.ts$') {
  const pattern = only ? `${only}.*${files}` : files;
  const { code, output } = await run(
    ['--import', 'tsx', 'node_modules/uvu/bin.js', folder, pattern],
    env,
  );
  const count = (label) =>
    Number(output.match(new RegExp(`^  ${label}:\\s+(\\d+)`, 'm'))?.[1] ?? Number.NaN);
  const total = count('Total');
  const passed = count('Passed');
  // A test that cannot run here says so: `SKIPPED n: reason`.
  const skipped = [...output.matchAll(/^SKIPPED (\d+):/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  );
  totals.passed += passed || 0;
  totals.skipped += (count('Skipped') || 0) + skipped;
  totals.failed += Number.isFinite(total) ? total - passed : 1;
  if (code !== 0 && total === passed) totals.failed++;
  if (!total && !only) totals.failed++;
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
  // oneDNN's generated code is not instrumented; the built-in product is.
  await kernels(['--sanitize', 'engine'], { ATTUNE_ONEDNN: '0' });
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
