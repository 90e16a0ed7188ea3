import { existsSync } from 'node:fs';
import { isRepositoryId } from './repository.ts';
import { snapshot } from './snapshot.ts';

/** Weights are taken as safetensors alone: other formats can run code. */
const weights = /^model.*\.safetensors$/;
const rest = /^[^/]+\.(json|jinja|txt|model)$/;

const asked = new Map<string, Promise<string>>();

/**
 * The directory of a model: `model` itself where it is one, else of a snapshot of that repository,
 * with its weights unless they are not wanted. The hub is asked once in a process.
 */
export function modelDirectory(
  model: string,
  revision = 'main',
  withWeights = true,
): Promise<string> {
  if (existsSync(model) || !isRepositoryId(model)) return Promise.resolve(model);
  const key = `${model} ${revision} ${withWeights}`;
  const found = asked.get(key) ?? fetchModel(model, revision, withWeights);
  asked.set(key, found);
  found.catch(() => asked.delete(key));
  return found;
}

async function fetchModel(id: string, revision: string, withWeights: boolean): Promise<string> {
  const { directory } = await snapshot({ type: 'model', id, revision }, (paths) =>
    paths.filter((path) => rest.test(path) || (withWeights && weights.test(path))),
  );
  return directory;
}
