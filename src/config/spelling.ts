/** `per_device_train_batch_size`, `per-device-…` and `perDevice…` alike as `perDevice…`. */
export function camelCase(name: string): string {
  return name.replace(/[_-]([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** TRL's spelling. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]|\d+bit/g, (part) => `_${part.toLowerCase()}`);
}

/** The spelling of flags. */
export function kebabCase(name: string): string {
  return snakeCase(name).replaceAll('_', '-');
}
