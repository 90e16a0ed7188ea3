import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hubError, isRepositoryId, type Repository } from './repository.ts';
import { snapshot } from './snapshot.ts';
import { SplitProblem, splitFiles } from './splits.ts';

/**
 * Files of one split of a data set of the hub, on this machine: only those are downloaded. `config`
 * null is the default configuration. Throws `data` for what does not exist.
 */
export async function datasetFiles(
  id: string,
  config: string | null,
  split: string,
): Promise<string[]> {
  const repository: Repository = { type: 'dataset', id, revision: 'main' };
  if (existsSync(id)) throw hubError(repository, 'it is a path: name it with train_file');
  if (!isRepositoryId(id))
    throw hubError(repository, 'not the id of a data set, which is owner/name');
  const { directory, paths } = await snapshot(repository, async (all, read) => {
    try {
      const card = all.includes('README.md') ? await readCard(await read('README.md')) : {};
      return splitFiles(all, card, config, split);
    } catch (error) {
      if (error instanceof SplitProblem) throw hubError(repository, error.message);
      throw error;
    }
  });
  return paths.map((path) => join(directory, path));
}

/** The YAML at the head of a data set's README; without one, an empty object. */
async function readCard(path: string): Promise<Record<string, unknown>> {
  const [, head] = /^---\r?\n([\s\S]*?)\r?\n---/.exec(readFileSync(path, 'utf8')) ?? [];
  if (head === undefined) return {};
  const { parse } = await import('yaml');
  try {
    const value: unknown = parse(head);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch (error) {
    throw new SplitProblem(`the head of its README.md is not YAML: ${(error as Error).message}`);
  }
}
