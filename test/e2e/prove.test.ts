/** The proofs of prove/, cut down to a few trials; `npm run prove:NAME` runs them at full size. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { proveAccounting } from '../../prove/accounting.ts';
import { proveBitrot } from '../../prove/bitrot.ts';
import { proveCrash } from '../../prove/crash.ts';
import { proveEnospc } from '../../prove/enospc.ts';
import { provePower } from '../../prove/power.ts';
import { proveResume } from '../../prove/resume.ts';
import { proveSignals } from '../../prove/signals.ts';
import { proveStreaming } from '../../prove/streaming.ts';

const PROOFS = {
  proveAccounting: 3,
  proveBitrot: 200,
  proveCrash: 12,
  proveEnospc: 12,
  provePower: 200,
  proveResume: 2,
  proveSignals: 12,
  proveStreaming: 8,
};

for (const [name, trials] of Object.entries(PROOFS)) {
  test(`${name}, ${trials} trials`, async () => {
    const prove = {
      proveAccounting,
      proveBitrot,
      proveCrash,
      proveEnospc,
      provePower,
      proveResume,
      proveSignals,
      proveStreaming,
    }[name]!;
    const { line, holds } = await prove({ trials, seed: 7 });
    if (line.startsWith('SKIPPED')) console.log(line);
    assert.ok(holds, line);
  });
}

test.run();
