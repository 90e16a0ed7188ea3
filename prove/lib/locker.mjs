// Takes locks of directories when it is told to, with the lock of the built package:
//   node locker.mjs DIST
// Before anything that is done to a file it may pause, or end as by kill -9, so that every interleaving has
// its chance. Whoever has a lock says so in a log beside the directory, and looks who else does.
import { appendFileSync, readFileSync } from 'node:fs';
import files from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** Calls until the end, where one is set. */
let left = Number.POSITIVE_INFINITY;

function end() {
  process.kill(process.pid, 'SIGKILL');
}

async function pause() {
  if (--left === 0) end();
  if (Math.random() < 0.5) await sleep(2 * Math.random());
}

for (const name of ['link', 'open', 'readFile', 'readdir', 'rename', 'rm', 'writeFile']) {
  const call = files[name];
  files[name] = async (...given) => {
    await pause();
    return call(...given);
  };
}
syncBuiltinESMExports();
const { lockDirectory } = await import(
  pathToFileURL(join(process.argv[2], 'checkpoint/lock.js')).href
);

function isAlive(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2));
  } catch {
    return false;
  }
}

/** Others that have written that they hold the lock, and not that they let it go, and live. */
function otherHolders(log, own) {
  const holders = new Set();
  for (const line of readFileSync(log, 'utf8').trim().split('\n')) {
    if (line[0] === '+') holders.add(line.slice(1));
    else holders.delete(line.slice(1));
  }
  holders.delete(own);
  return [...holders].filter((holder) => isAlive(holder.split('/')[0]));
}

let count = 0;
process.on('message', async ({ dir, endAfter }) => {
  left = endAfter ?? Number.POSITIVE_INFINITY;
  const own = `${process.pid}/${++count}`;
  const log = `${dir}.log`;
  const answer = { outcome: 'held', others: [], message: '' };
  try {
    const lock = await lockDirectory(dir);
    appendFileSync(log, `+${own}\n`);
    answer.others = otherHolders(log, own);
    await pause();
    await pause();
    appendFileSync(log, `-${own}\n`);
    await lock.release();
  } catch (error) {
    answer.outcome = error.code === 'config' ? 'refused' : 'failed';
    answer.message = error.message;
  }
  process.send(answer);
});
process.send('ready');
