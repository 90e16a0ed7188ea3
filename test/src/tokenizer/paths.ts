import * as assert from 'uvu/assert';
import { Tokenizer } from '../../../src/tokenizer/tokenizer.ts';

/** Loads a tokenizer on one of its two paths; fails where it takes the other. */
export async function loadPath(folder: string, path: 'native' | 'js'): Promise<Tokenizer> {
  const before = process.env.ATTUNE_TOKENIZER;
  process.env.ATTUNE_TOKENIZER = path;
  try {
    const tokenizer = await Tokenizer.load(folder);
    assert.is(tokenizer.path, path);
    return tokenizer;
  } finally {
    if (before === undefined) Reflect.deleteProperty(process.env, 'ATTUNE_TOKENIZER');
    else process.env.ATTUNE_TOKENIZER = before;
  }
}
