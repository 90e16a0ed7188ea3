import { usage } from '../cache/directory.ts';
import { entry } from '../config/entry.ts';
import { resolveConfig } from '../config.ts';
import { env } from '../env.ts';
import type { DeviceInfo, MemoryPlan } from '../native/addon.d.ts';
import { cudaAbsence, devices } from '../native/binding.ts';
import { findDevice } from '../native/device.ts';
import { bytes, count, memoryLine } from '../train/format.ts';
import { openModel, planMemory } from '../train/model.ts';
import { engineRequest, planAdapter } from '../train/run.ts';
import { readWords } from './keys.ts';
import { print, printJson } from './report.ts';

/** `attune info`: what this machine has, and with `--model` what training would take of it. */
export async function info(words: string[]): Promise<void> {
  const { entries, own } = await readWords(words, ['json']);
  const found = devices();
  const absence = cudaAbsence();
  const plan = entries.length > 0 ? await modelPlan(entries) : null;
  const cache = { ...usage(), limit: env.cacheLimit };
  if (own.json) {
    const facts = { devices: found, cudaAbsence: absence || null, cache };
    return printJson({ ...facts, ...(plan ? { plan } : {}) });
  }
  for (const device of found) await print(deviceText(device));
  if (absence) await print(`no GPU can be used: ${absence}`);
  const { directory, entries: sets } = cache;
  const held = `${bytes(cache.bytes)} of at most ${bytes(cache.limit)} in ${count(sets)} data sets`;
  await print(`tokenized rows: ${held}, ${directory}`);
  if (plan)
    await print(
      `${count(plan.parameters)} parameters, ${count(plan.trainableParameters)} trained\n${memoryLine(plan)}`,
    );
}

async function modelPlan(entries: Parameters<typeof resolveConfig>[0]): Promise<MemoryPlan> {
  // No data is read; the key is required elsewhere.
  const { config } = resolveConfig([entry('option', 'trainFile', 'none'), ...entries]);
  const model = await openModel(config.model, config.adapter);
  const maxLength = config.maxLength ?? model.spec.maxPositions;
  const device = findDevice(config.device);
  return planMemory(model, engineRequest(config, device, planAdapter(config, model), maxLength));
}

function deviceText(device: DeviceInfo): string {
  const units = device.kind === 'cpu' ? 'threads' : 'multiprocessors';
  return [
    `device: ${device.id}, ${device.name}, ${device.threads} ${units}, ${bytes(device.memory)}`,
    `instruction sets: ${device.isas.join(', ')}; in use: ${device.isa}`,
    `products: ${device.product}; bfloat16 in hardware: ${device.bfloat16 ? 'yes' : 'no'}`,
  ].join('\n');
}
