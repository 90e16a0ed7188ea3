/** Who may import whom: data flows one way. docs/architecture.md gives the reasons. */
import { dirname, join, normalize } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { filesBelow, type SourceFile } from './tree.ts';

/** Folder (or file) → what it may import besides itself. The longest matching entry holds. */
const TYPESCRIPT: Record<string, string[]> = {
  'src/errors.ts': [],
  'src/version.ts': [],
  'src/read.ts': ['src/errors.ts'],
  'src/confined.ts': ['src/errors.ts'],
  'src/env.ts': [],
  // Cutting and merging text is native work, done where the text is.
  'src/tokenizer': ['src/errors.ts', 'src/read.ts', 'src/confined.ts', 'src/env.ts', 'src/native'],
  'src/data': ['src/errors.ts', 'src/read.ts', 'src/confined.ts', 'src/env.ts'],
  'src/template': ['src/errors.ts', 'src/data', 'src/tokenizer'],
  'src/pack': ['src/errors.ts'],
  'src/worker': [
    'src/errors.ts',
    'src/env.ts',
    'src/data',
    'src/template',
    'src/tokenizer',
    'src/pack',
    'src/batch/batch.ts',
  ],
  'src/cache': [
    'src/errors.ts',
    'src/read.ts',
    'src/env.ts',
    'src/data',
    'src/native/binding.ts',
    'src/tokenizer/files.ts',
    'src/worker/documents.ts',
  ],
  'src/batch': [
    'src/cache',
    'src/errors.ts',
    'src/data',
    'src/template',
    'src/tokenizer',
    'src/pack',
    'src/worker',
  ],
  'src/curate': ['src/errors.ts', 'src/data', 'src/tokenizer', 'src/checkpoint/files.ts'],
  // What a page shows and how, from plain models; its programs run in the browser.
  'src/page': [],
  'src/native': ['src/errors.ts', 'src/env.ts'],
  'src/arch': ['src/errors.ts', 'src/native/addon.d.ts'],
  'src/checkpoint': [
    'src/errors.ts',
    'src/read.ts',
    'src/confined.ts',
    'src/arch',
    'src/native/addon.d.ts',
  ],
  'src/hub': ['src/errors.ts', 'src/confined.ts', 'src/env.ts', 'src/data/kinds.ts'],
  'src/config': ['src/errors.ts', 'src/env.ts', 'src/data/options.ts'],
  'src/config.ts': ['src/errors.ts', 'src/env.ts', 'src/config', 'src/data/options.ts'],
  'src/train': [
    'src/errors.ts',
    'src/read.ts',
    'src/env.ts',
    'src/config',
    'src/config.ts',
    'src/data',
    'src/hub',
    'src/template',
    'src/tokenizer',
    'src/worker',
    'src/batch',
    'src/cache/hash.ts',
    'src/arch',
    'src/checkpoint',
    'src/native',
    'src/version.ts',
    'src/page',
  ],
  // Looks at data and models, and at nothing that trains; makes the pages of them.
  'src/inspect': [
    'src/errors.ts',
    'src/config',
    'src/config.ts',
    'src/data',
    'src/tokenizer',
    'src/worker',
    'src/pack',
    'src/batch',
    'src/curate',
    'src/arch',
    'src/checkpoint',
    'src/native',
    'src/train',
    'src/page',
    'src/version.ts',
  ],
  'src/index.ts': ['src'],
  'src/cli': ['src'],
  'src/cli.ts': ['src'],
};

const NATIVE: Record<string, string[]> = {
  'native/core': [],
  'native/ops': ['native/core'],
  'native/backend/backend.h': ['native/core', 'native/ops'],
  'native/backend/shapes.h': ['native/core', 'native/ops'],
  'native/backend/parts.h': ['native/backend/backend.h'],
  'native/backend/device_info.h': [],
  'native/backend/cpu': [
    'native/core',
    'native/ops',
    'native/backend/backend.h',
    'native/backend/shapes.h',
    'native/backend/parts.h',
  ],
  'native/backend/cuda': [
    'native/core',
    'native/ops',
    'native/backend/backend.h',
    'native/backend/shapes.h',
    'native/backend/parts.h',
  ],
  'native/backend/cuda/library.h': ['native/backend/backend.h', 'native/backend/device_info.h'],
  'native/backend/cuda/library.cpp': ['native/core', 'native/backend/cuda'],
  'native/backend/cuda_loader.h': ['native/backend/cuda/library.h'],
  'native/backend/cuda_loader.cpp': ['native/backend/cuda_loader.h'],
  'native/backend/registry.h': ['native/backend/backend.h', 'native/backend/device_info.h'],
  'native/backend/registry.cpp': ['native/core', 'native/backend'],
  'native/model': ['native/core', 'native/ops', 'native/backend/backend.h'],
  'native/train': ['native/core', 'native/ops', 'native/backend/backend.h', 'native/model'],
  'native/io': ['native/core'],
  'native/text': ['native/core'],
  'native/engine.h': ['native/core', 'native/backend/registry.h', 'native/model', 'native/train'],
  'native/engine.cpp': [
    'native/core',
    'native/backend/registry.h',
    'native/model',
    'native/train',
    'native/io',
    'native/engine.h',
  ],
  'native/addon': ['native/engine.h', 'native/text/text_encoder.h', 'native/core/error.h'],
  'native/tools': ['native/engine.h', 'native/core', 'native/backend/backend.h'],
  'native/tools/device.cpp': ['native/tools', 'native/backend/cuda/cuda_backend.h'],
};

const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);

function importsOf(file: SourceFile): string[] {
  if (file.path.startsWith('native/')) {
    return [...file.text.matchAll(/^#include "(.+)"$/gm)].map((match) => `native/${match[1]}`);
  }
  return [...file.text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) =>
    normalize(join(dirname(file.path), match[1]!)),
  );
}

/** Imports that the table forbids, as `importer → imported`. */
function violations(files: SourceFile[], table: Record<string, string[]>): string[] {
  return files.flatMap((file) => {
    const layer = Object.keys(table)
      .filter((entry) => within(file.path, entry))
      .sort((a, b) => b.length - a.length)[0];
    if (!layer) return [`${file.path} belongs to no layer`];
    return importsOf(file)
      .filter((path) => ![layer, ...table[layer]!].some((allowed) => within(path, allowed)))
      .map((path) => `${file.path} → ${path}`);
  });
}

test('TypeScript imports follow the table', () => {
  assert.equal(violations(filesBelow('src', ['.ts']), TYPESCRIPT), []);
});

test('native includes follow the table', () => {
  assert.equal(violations(filesBelow('native', ['.h', '.cpp', '.cc', '.cu']), NATIVE), []);
});

test('a reversed import is found', () => {
  const reversed = [{ path: 'src/pack/bfd.ts', text: "import { x } from '../train/trainer.ts';" }];
  assert.is(violations(reversed, TYPESCRIPT).length, 1);
  const upward = [{ path: 'native/ops/norm.h', text: '#include "model/decoder.h"' }];
  assert.is(violations(upward, NATIVE).length, 1);
});

test.run();
