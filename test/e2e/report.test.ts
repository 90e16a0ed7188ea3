/** The report that a run leaves: at its end, interrupted, failed, killed. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SFTTrainer } from '../../src/index.ts';
import type { RunPage } from '../../src/page/run.ts';
import { closeBrowser, hasBrowser, openPage } from '../src/page/chromium.ts';
import { hasShared, STORIES, temporary } from './shared.ts';

if (hasShared(3)) {
  const dir = temporary();
  const trainFile = join(dir, 'rows.jsonl');
  const rows = Array.from({ length: 12 }, (_, i) => ({
    text: `Once upon a time there were ${i}.`,
  }));
  writeFileSync(trainFile, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const options = (name: string, maxSteps = 3) => ({
    model: STORIES,
    trainFile,
    outputDir: join(dir, name),
    maxSteps,
    perDeviceTrainBatchSize: 2,
    loggingSteps: 1,
    datasetNumProc: 1,
    saveStrategy: 'no' as const,
  });
  const reportOf = (name: string): RunPage => {
    const html = readFileSync(join(dir, name, 'report.html'), 'utf8');
    return JSON.parse(/id="model">(.*?)<\/script>/s.exec(html)?.[1] ?? '');
  };

  test('of a finished run: curves, plan, rows, settings', async () => {
    await new SFTTrainer(options('finished')).train();
    const page = reportOf('finished');
    assert.is(page.outcome, 'finished');
    assert.equal(page.curves.step, [1, 2, 3]);
    assert.ok(page.curves.loss.every((loss) => (loss ?? 0) > 0));
    assert.equal([page.steps, page.totalSteps], [3, 3]);
    assert.is(page.account?.trained, page.account?.read);
    assert.is(
      page.memory.classes.reduce((sum, { bytes }) => sum + bytes, 0),
      page.memory.total,
    );
    assert.ok(page.settings.some(({ name, value }) => name === 'max_steps' && value === '3'));
    // Of a run that was killed: there is no end in run.json, and no report.
    const run = join(dir, 'finished', 'run.json');
    const killed = { ...JSON.parse(readFileSync(run, 'utf8')), ended: null, outcome: 'running' };
    writeFileSync(run, JSON.stringify(killed));
    rmSync(join(dir, 'finished', 'report.html'));
    const cli = join(import.meta.dirname, '../../src/cli.ts');
    const words = ['--import', 'tsx', cli, 'report', join(dir, 'finished')];
    const { stdout, status } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    assert.is(status, 0);
    assert.is(stdout.trim(), join(dir, 'finished', 'report.html'));
    assert.is(reportOf('finished').outcome, 'running');
    assert.equal(reportOf('finished').curves, page.curves);
  });

  test('of an interrupted run, and of one whose steps were left', async () => {
    const abort = new AbortController();
    const trainer = new SFTTrainer({ ...options('stopped', 50), signal: abort.signal });
    trainer.on('step', ({ step }) => step === 2 && abort.abort());
    await trainer.train().then(
      () => assert.unreachable(),
      () => {},
    );
    const page = reportOf('stopped');
    assert.is(page.outcome, 'interrupted');
    assert.match(page.failure ?? '', /after step 2/);
    assert.is(page.steps, 2);
    for await (const { step } of new SFTTrainer(options('left', 50)).steps()) if (step === 2) break;
    assert.is(reportOf('left').outcome, 'interrupted');
  });

  test('of a failed run; and none where nothing began', async () => {
    const trainer = new SFTTrainer(options('failed'));
    trainer.on('step', ({ step }) => {
      if (step === 2) throw new Error('a listener of <script>alert(1)</script>');
    });
    await trainer.train().then(
      () => assert.unreachable(),
      () => {},
    );
    assert.is(reportOf('failed').outcome, 'failed');
    const none = new SFTTrainer({ ...options('none'), trainFile: join(dir, 'absent.jsonl') });
    await none.train().then(
      () => assert.unreachable(),
      () => {},
    );
    assert.not.ok(existsSync(join(dir, 'none', 'report.html')));
    if (!hasBrowser(1)) return;
    const { page, faults } = await openPage(join(dir, 'failed', 'report.html'), 390);
    assert.match((await page.textContent('.reason')) ?? '', /failed: a listener of <script>/);
    assert.is(await page.locator('.plot canvas').count(), 6);
    assert.is(await page.evaluate('document.documentElement.scrollWidth'), 390);
    assert.equal(faults, []);
  });

  test.after(closeBrowser);
}

test.run();
