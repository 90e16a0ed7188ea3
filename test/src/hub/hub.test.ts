import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { datasetFiles } from '../../../src/hub/dataset.ts';
import { modelDirectory } from '../../../src/hub/model.ts';
import { checkPath, isRepositoryId } from '../../../src/hub/repository.ts';
import { snapshot } from '../../../src/hub/snapshot.ts';
import { failure, rejection } from '../data/files.ts';
import { commit, type Hub, hashOf, startHub } from './server.ts';

const big = Buffer.from(
  Array.from({ length: 3000 }, (_, i) => JSON.stringify({ text: `row ${i}` })).join('\n'),
);
const small = Buffer.from('{"text":"a"}\n');
const card = (configs: string): Buffer => Buffer.from(`---\nlicense: mit\n${configs}---\n# Data\n`);

const repositories = {
  'datasets/o/plain': {
    'README.md': card(''),
    'data/train-00000-of-00002.jsonl': small,
    'data/train-00001-of-00002.jsonl': big,
    'data/test-00000-of-00001.jsonl': small,
    '.gitattributes': small,
  },
  'datasets/o/card': {
    'README.md': card(
      'configs:\n- config_name: a\n  data_files:\n  - split: train\n    path: "x/*.jsonl"\n  - split: test\n    path: [y/**]\n- config_name: b\n  default: true\n  data_files: z.csv\n',
    ),
    'x/1.jsonl': small,
    'x/2.jsonl': small,
    'x/deep/3.jsonl': small,
    'y/deep/4.jsonl': small,
    'z.csv': Buffer.from('text\na\n'),
  },
  'datasets/o/script': { 'script.py': small },
  'datasets/o/evil': { '../../escape.jsonl': small },
  'models/o/model': {
    'config.json': small,
    'model.safetensors': big,
    'pytorch_model.bin': big,
    'tokenizer.json': small,
    'sub/x.json': small,
  },
};

const id = { type: 'dataset', id: 'o/plain', revision: 'main' } as const;
const only = (path: string) => () => [path];
const bigPath = 'data/train-00001-of-00002.jsonl';

function hubTest(name: string, run: (hub: Hub) => Promise<void>): void {
  test(name, async () => {
    const hub = await startHub(repositories);
    try {
      await run(hub);
    } finally {
      await hub.close();
    }
  });
}

const folder = (hub: Hub, repository = 'datasets--o--plain') => join(hub.cache, 'hub', repository);

hubTest(
  'a snapshot lies where the hub’s other programs keep it; the second asks for no file',
  async (hub) => {
    const { directory, paths } = await snapshot(id, (all) =>
      all.filter((path) => path.includes('train')),
    );
    assert.equal(paths, ['data/train-00000-of-00002.jsonl', bigPath]);
    assert.is(directory, join(folder(hub), 'snapshots', commit));
    assert.equal(readFileSync(join(directory, bigPath)), big);
    assert.equal(readFileSync(join(folder(hub), 'blobs', hashOf(big))), big);
    assert.is(readFileSync(join(folder(hub), 'refs/main'), 'utf8'), commit);
    assert.is(hub.requests.length, 2);
    await snapshot(id, () => paths);
    assert.is(hub.requests.length, 2);
  },
);

hubTest('an interrupted download goes on where it was', async (hub) => {
  hub.behaviour.cutAfter = 20_000;
  await snapshot(id, only(bigPath));
  const starts = hub.requests.map((range) => Number(/\d+/.exec(range)?.[0] ?? 0));
  assert.ok(
    starts.length > 2 &&
      (starts.at(-1) ?? 0) > 0 &&
      starts.every((start, i) => start >= (starts[i - 1] ?? 0)),
    String(starts),
  );
  assert.equal(readFileSync(join(folder(hub), 'blobs', hashOf(big))), big);
});

hubTest('what a killed process left is continued', async (hub) => {
  mkdirSync(join(folder(hub), 'blobs'), { recursive: true });
  const part = join(folder(hub), 'blobs', `${hashOf(big)}.incomplete`);
  writeFileSync(part, big.subarray(0, 12_345));
  await snapshot(id, only(bigPath));
  assert.equal(hub.requests, ['bytes=12345-']);
  assert.not(existsSync(part));
});

hubTest('what was left and is damaged is downloaded again', async (hub) => {
  mkdirSync(join(folder(hub), 'blobs'), { recursive: true });
  const part = join(folder(hub), 'blobs', `${hashOf(big)}.incomplete`);
  writeFileSync(part, Buffer.alloc(100));
  const { directory } = await snapshot(id, only(bigPath));
  assert.equal(hub.requests, ['bytes=100-', 'all']);
  assert.equal(readFileSync(join(directory, bigPath)), big);
});

hubTest('a server without ranges sends all again', async (hub) => {
  mkdirSync(join(folder(hub), 'blobs'), { recursive: true });
  writeFileSync(join(folder(hub), 'blobs', `${hashOf(big)}.incomplete`), 'wrong');
  hub.behaviour.noRanges = true;
  const { directory } = await snapshot(id, only(bigPath));
  assert.equal(readFileSync(join(directory, bigPath)), big);
});

for (const [kind, path] of [
  ['large', bigPath],
  ['small', 'data/train-00000-of-00002.jsonl'],
] as const) {
  hubTest(`a ${kind} file with a wrong bit is refused, and nothing of it stays`, async (hub) => {
    hub.behaviour.corrupt = true;
    const message = await rejection('data', snapshot(id, only(path)));
    assert.match(message, /^o\/plain: data\/train-.*does not have the hash that the hub lists/);
    assert.equal(readdirSync(join(folder(hub), 'blobs')), []);
    assert.not(existsSync(join(folder(hub), 'snapshots', commit, path)));
  });
}

hubTest('errors of the server are waited out; others are not', async (hub) => {
  hub.behaviour.statuses = [503, 429];
  await snapshot(id, only(bigPath));
  hub.behaviour.statuses = [403];
  const other = snapshot(id, only('data/test-00000-of-00001.jsonl'));
  assert.match(await rejection('data', other), /the hub answered with status 403/);
});

hubTest('a private data set takes HF_TOKEN', async (hub) => {
  hub.behaviour.token = 'hf_secret';
  assert.match(
    await rejection('data', snapshot(id, only(bigPath))),
    /private or gated: .* HF_TOKEN/,
  );
  writeFileSync(join(hub.cache, 'token'), 'hf_secret\n');
  await snapshot(id, only(bigPath));
  process.env.HF_TOKEN = 'secret';
  assert.match(await rejection('data', snapshot(id, only(bigPath))), /those begin with hf_/);
});

hubTest('without the hub, the cache serves what is whole', async () => {
  await snapshot(id, only(bigPath));
  for (const offline of ['1', '']) {
    if (offline) process.env.HF_HUB_OFFLINE = offline;
    else {
      delete process.env.HF_HUB_OFFLINE;
      process.env.HF_ENDPOINT = 'http://127.0.0.1:9';
    }
    const { directory } = await snapshot(id, only(bigPath));
    assert.equal(readFileSync(join(directory, bigPath)), big);
    const other = { ...id, id: 'o/card' };
    assert.match(
      await rejection('data', snapshot(other, only('z.csv'))),
      /^o\/card: .*not in the cache/,
    );
  }
  process.env.HF_HUB_OFFLINE = '1';
  assert.match(
    await rejection('data', snapshot(id, only('README.md'))),
    /README\.md is not in the cache/,
  );
});

hubTest('splits: by the card, by names, or none', async () => {
  const names = async (...given: Parameters<typeof datasetFiles>) =>
    (await datasetFiles(...given)).map((path) => path.split(`${commit}/`)[1]);
  assert.equal(await names('o/plain', null, 'test'), ['data/test-00000-of-00001.jsonl']);
  assert.equal(await names('o/card', 'a', 'train'), ['x/1.jsonl', 'x/2.jsonl']);
  assert.equal(await names('o/card', 'a', 'test'), ['y/deep/4.jsonl']);
  assert.equal(await names('o/card', null, 'train'), ['z.csv']);
  assert.is(
    await rejection('data', datasetFiles('o/plain', null, 'dev')),
    'o/plain: it has no split dev, but test, train',
  );
  assert.is(
    await rejection('data', datasetFiles('o/card', 'c', 'train')),
    'o/card: it has no configuration c, but a, b',
  );
  assert.match(
    await rejection('data', datasetFiles('o/plain', 'c', 'train')),
    /lists no configurations/,
  );
  assert.match(
    await rejection('data', datasetFiles('o/script', null, 'train')),
    /a program \(script\.py\), which is not run/,
  );
  assert.match(
    await rejection('data', datasetFiles('o/none', null, 'train')),
    /^o\/none: the hub has no such data set/,
  );
  assert.match(
    await rejection('data', datasetFiles('src/data', null, 'train')),
    /it is a path: name it with train_file/,
  );
});

hubTest('a path that leads out is refused before anything is written', async (hub) => {
  assert.match(await rejection('data', datasetFiles('o/evil', null, 'train')), /is no plain path/);
  assert.not(existsSync(join(hub.cache, 'hub')));
});

hubTest('a model: weights as safetensors alone, or none of them', async () => {
  const tokenizer = await modelDirectory('o/model', 'main', false);
  assert.equal(readdirSync(tokenizer).sort(), ['config.json', 'tokenizer.json']);
  const whole = await modelDirectory('o/model');
  assert.equal(readdirSync(whole).sort(), ['config.json', 'model.safetensors', 'tokenizer.json']);
  assert.is(await modelDirectory('/no/such/dir'), '/no/such/dir');
  assert.match(
    await rejection('checkpoint', modelDirectory('o/other')),
    /^o\/other: the hub has no such model/,
  );
});

test('ids and paths', () => {
  for (const good of ['a/b', 'openai/gsm8k', 'A-1/b_c.d']) assert.ok(isRepositoryId(good), good);
  for (const bad of ['a', '../b', 'a/../b', './a', 'a/b/c', '/a/b', 'a/b--c', '.a/b', ''])
    assert.not(isRepositoryId(bad), bad);
  const repository = { type: 'dataset', id: 'a/b', revision: 'main' } as const;
  for (const bad of ['../x', 'a/../x', '/x', 'a//x', 'C:x', 'a\\x', 'x\0', 'x.', 'a /x', '.', '']) {
    failure('data', () => checkPath(repository, bad));
  }
  checkPath(repository, '.gitattributes');
  checkPath(repository, 'a/b c/d-\u00e9.jsonl');
});

test.run();
