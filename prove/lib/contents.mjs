/** Files of a checkpoint of this step: every byte follows from step, name and place. */
export function contents(step, size) {
  return ['adapter_model.safetensors', 'optimizer.safetensors', 'trainer_state.json'].map(
    (name, i) => {
      const pattern = Buffer.from(Array.from({ length: 251 }, (_, at) => step * 31 + at * (i + 1)));
      return { name, bytes: Buffer.alloc(i === 2 ? 500 : Math.floor(size / 2), pattern) };
    },
  );
}
