// Builds and runs the native tests: npm run test:kernels [-- FILTER]. CUDA kernels run on the
// processor; each is listed with the cases that ran it.
//   --sanitize  with the address and undefined-behaviour sanitizers, in a build folder of their own
//   --bench     the kernel benchmark instead
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const words = process.argv.slice(2);
const sanitize = words.includes('--sanitize');
const bench = words.includes('--bench');
const rest = words.filter((word) => word !== '--sanitize' && word !== '--bench');
// The addon's own objects serve the tests too.
const build = join(root, sanitize ? 'build-sanitize' : 'build');
const target = bench ? 'attune_bench' : 'attune_test';

/** Runs a program to its end; a failure ends this script with its code. */
function run(program, args, options = {}) {
  const result = spawnSync(program, args, { cwd: root, stdio: 'inherit', ...options });
  if (result.status === 0) return;
  process.stderr.write(result.stderr ?? '');
  if (result.error) {
    const missing = result.error.code === 'ENOENT';
    console.error(missing ? `${program} is not installed: npm run setup` : String(result.error));
  }
  if (result.signal) console.error(`${program} ended by ${result.signal}`);
  process.exit(result.status ?? 1);
}

/** Ninja where it is installed; a build folder keeps the generator that it was made with. */
function generator() {
  if (existsSync(join(build, 'CMakeCache.txt'))) return [];
  const found = spawnSync('ninja', ['--version'], { stdio: 'ignore' }).status === 0;
  return found ? ['-G', 'Ninja'] : [];
}

/** The names of all CUDA kernels: what launches, and functions that launch, are given first. */
function kernelNames() {
  const folder = join(root, 'native/backend/cuda');
  const sources = readdirSync(folder).filter((name) => name.endsWith('.cu'));
  const names = sources.flatMap((name) => {
    const text = readFileSync(join(folder, name), 'utf8');
    return [...text.matchAll(/\(\s*runtime,\s*"([a-z0-9_]+)"/g)].map((match) => match[1]);
  });
  return [...new Set(names)].sort();
}

/** Adds up what several processes print alike: `NAME 3 passed 0 failed …`. */
class Sums {
  lines = new Map();
  add(name, numbers) {
    const before = this.lines.get(name) ?? numbers.map(() => 0);
    this.lines.set(
      name,
      numbers.map((number, i) => number + before[i]),
    );
  }
}

/** Runs one share of the tests, passing on what is no count; resolves with how it ended. */
async function runShare(share, shares, sums) {
  const child = spawn(join(build, target), [rest[0] ?? '', `${share}/${shares}`], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  );
  let whole = false;
  for await (const line of createInterface({ input: child.stdout })) {
    const kernel = line.match(/^kernel (\w+) cuda-host (\d+) cases (\d+) launches$/);
    const group = line.match(/^(\w+) +(\d+) passed +(\d+) failed +(\d+) skipped$/);
    const counts = line.match(/^(\d+) passed, (\d+) failed, (\d+) skipped$/);
    if (kernel) sums.kernels.add(kernel[1], kernel.slice(2).map(Number));
    else if (group) sums.groups.add(group[1], group.slice(2).map(Number));
    else if (counts) {
      sums.all.add('all', counts.slice(1).map(Number));
      whole = true;
    } else console.log(line);
  }
  return { whole, ...(await ended) };
}

/** Runs the tests in as many processes as there are processors, at most two. */
async function runTests() {
  const sums = { kernels: new Sums(), groups: new Sums(), all: new Sums() };
  const lanes = Math.min(2, availableParallelism());
  // Several for each processor, so that none waits long for the other.
  const shares = 6 * lanes;
  let next = 0;
  const lane = async () => {
    while (next < shares) {
      const { whole, code, signal } = await runShare(next++, shares, sums);
      if (whole) continue;
      console.error(`the tests ended by ${signal ?? `code ${code}`} before their last line`);
      process.exit(1);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  for (const [name, [passed, failed, skipped]] of sums.groups.lines) {
    const column = (number, width) => String(number).padStart(width);
    console.log(
      `${name.padEnd(24)} ${column(passed, 5)} passed ${column(failed, 3)} failed ${column(skipped, 3)} skipped`,
    );
  }
  const [passed, failed, skipped] = sums.all.lines.get('all');
  const none = passed + failed + skipped === 0;
  if (none) console.log(`no case matches '${rest[0] ?? ''}'`);
  return {
    kernels: sums.kernels.lines,
    counts: { passed, failed: failed + Number(none), skipped },
  };
}

const options = ['-DATTUNE_TESTS=ON', '-DCMAKE_BUILD_TYPE=Release'];
options.push(`-DATTUNE_SANITIZE=${sanitize ? 'address,undefined' : ''}`);
run('cmake', ['-S', root, '-B', build, ...generator(), ...options], { stdio: 'pipe' });
const jobs = String(Math.min(2, availableParallelism()));
// The tests of records run the other program.
const targets = bench || sanitize ? [target] : [target, 'attune_replay'];
run('cmake', ['--build', build, '--target', ...targets, '--parallel', jobs], {
  stdio: ['ignore', 2, 2], // results alone go to stdout
});
// A test asks for more memory than there is, which the sanitizer would end the process for.
// Threads that wait leave the processor to the other share of the tests.
const env = {
  ASAN_OPTIONS: 'allocator_may_return_null=1',
  OMP_WAIT_POLICY: 'passive',
  ...process.env,
};
if (bench) {
  run(join(build, target), rest, { env });
  process.exit(0);
}

const { kernels, counts } = await runTests();
console.log('\nCUDA kernels on the processor:');
for (const name of kernelNames()) {
  const ran = kernels.get(name);
  let state = ran && `${String(ran[0]).padStart(5)} cases ${String(ran[1]).padStart(6)} launches`;
  if (!ran && rest.length > 0) {
    continue; // the filter has left its cases out
  } else if (!ran) {
    state = '      compiled only: FAILED, no case starts it';
    counts.failed++;
  }
  console.log(`  ${name.padEnd(36)} ${state}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 ? 1 : 0);
