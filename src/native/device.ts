import { AttuneError } from '../errors.ts';
import type { DeviceInfo } from './addon.d.ts';
import { cudaAbsence, devices } from './binding.ts';

/**
 * The device that `name` asks for: `auto` is the first GPU that can be used, else the processor;
 * `cuda` the first GPU, `cuda:1` the second. Throws `device` with the reason why it is not there.
 */
export function findDevice(name: string): DeviceInfo {
  const all = devices();
  const gpu = all.find(({ kind }) => kind === 'cuda');
  const found =
    name === 'auto'
      ? (gpu ?? all[0])
      : all.find(({ id, kind }) => [id, kind].includes(name as never));
  if (found) return found;
  const reason = gpu
    ? `is not there; there are ${all.map(({ id }) => id).join(', ')}`
    : `no GPU can be used: ${cudaAbsence()}`;
  throw new AttuneError('device', `device: ${name}: ${reason}`);
}
