import { RowProblem } from './problem.ts';
import type { TokensRecord } from './record.ts';

/** Label of a token that is not trained, as Hugging Face writes it. */
const ignored = -100;

/** A pre-tokenized row. Throws RowProblem that names the field. */
export function toTokens(row: Record<string, unknown>): TokensRecord {
  const ids = integers(row, 'input_ids', (id) => id >= 0);
  const record: TokensRecord = {
    shape: 'input_ids',
    ids,
    labels: null,
    completionMask: null,
    assistantMask: null,
  };
  if (row.labels != null) {
    record.labels = sized(
      integers(row, 'labels', (id) => id >= 0 || id === ignored),
      ids,
      'labels',
    );
    return record;
  }
  record.completionMask = mask(row, 'completion_mask', ids);
  record.assistantMask = mask(row, 'assistant_masks', ids);
  return record;
}

function mask(row: Record<string, unknown>, name: string, ids: Int32Array): Uint8Array | null {
  if (row[name] == null) return null;
  return Uint8Array.from(
    sized(
      integers(row, name, (bit) => bit === 0 || bit === 1),
      ids,
      name,
    ),
  );
}

function sized(values: Int32Array, ids: Int32Array, name: string): Int32Array {
  if (values.length === ids.length) return values;
  throw new RowProblem(
    `"${name}" has ${values.length} entries and "input_ids" ${ids.length}: they must be equal`,
  );
}

function integers(
  row: Record<string, unknown>,
  name: string,
  allowed: (value: number) => boolean,
): Int32Array {
  const values = row[name];
  if (!Array.isArray(values)) throw new RowProblem(`"${name}" must be a list of integers`);
  const array = new Int32Array(values.length);
  values.forEach((value, index) => {
    if (!Number.isInteger(value) || value > 0x7fffffff || !allowed(value)) {
      throw new RowProblem(`"${name}[${index}]" is ${JSON.stringify(value)}`);
    }
    array[index] = value;
  });
  return array;
}
