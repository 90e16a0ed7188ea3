import type { DataOptions } from '../data/options.ts';
import { checkShape, type Place, type Shape, toRecord } from '../data/record.ts';
import { RowError } from '../errors.ts';
import { cutDocument } from '../pack/cut.ts';
import { ChatTemplate } from '../template/chat.ts';
import { type SegmentOptions, type Span, toSegments } from '../template/segments.ts';
import type { Encoding, Tokenizer } from '../tokenizer/tokenizer.ts';
import { countTrained, labelTokens, recordLabels } from './labels.ts';

/** A row as it is trained, before packing. ids and labels [n] after truncation. */
export interface EncodedRow {
  ids: Int32Array;
  labels: Int32Array;
  /** [start, end) of each token in turn, in UTF-16 units of `text`; empty where there is none. */
  offsets: Int32Array;
  /** null where the row came tokenized. */
  text: string | null;
  /** [start, end, trained] in UTF-16 units, covering `text`. */
  spans: Span[];
  /** Tokens before truncation. */
  whole: number;
  truncated: boolean;
  /** Why the row is left out, or null. */
  dropped: string | null;
}

/** Turns rows into ids and labels: the one function of a row that training and `inspect` share. */
export class RowEncoder {
  private readonly segmentOptions: SegmentOptions;

  constructor(
    private readonly tokenizer: Tokenizer,
    private readonly options: DataOptions,
  ) {
    const source = options.chatTemplate ?? tokenizer.chatTemplate;
    this.segmentOptions = {
      eos: tokenizer.eos,
      template: source === null ? null : new ChatTemplate(source, tokenizer.special),
      completionOnlyLoss: options.completionOnlyLoss,
      assistantOnlyLoss: options.assistantOnlyLoss,
      rolesToTrain: options.rolesToTrain,
      maskHistory: options.maskHistory,
      trainOnEos: options.trainOnEos,
      findControls: (text) => tokenizer.controls(text),
    };
  }

  /**
   * Encodes a parsed row of a file whose first row has shape `first`, and cuts it. Throws as
   * `encodeWhole` does.
   */
  encode(row: unknown, first: Shape, place: Place): EncodedRow {
    const whole = this.encodeWhole(row, first, place);
    const { start, end, truncated, dropped } = cutDocument(
      whole.ids.length,
      this.options,
      (from, to) => countTrained(whole.labels, from, to) > 0,
    );
    if (!truncated) return { ...whole, dropped };
    const ids = whole.ids.slice(start, end);
    const labels = whole.labels.slice(start, end);
    const offsets = whole.offsets.slice(2 * start, 2 * end);
    return { ...whole, ids, labels, offsets, truncated, dropped };
  }

  /**
   * The same, before it is cut. Throws RowError, also where nothing of the row would be trained.
   */
  encodeWhole(row: unknown, first: Shape, place: Place): EncodedRow {
    const whole = this.encodeAny(row, first, place);
    checkVocabulary(whole, this.options.vocabularySize, this.tokenizer.vocabularySize, place);
    if (countTrained(whole.labels) === 0) {
      throw new RowError(place.file, place.line, nothingToTrain(whole));
    }
    return whole;
  }

  private encodeAny(row: unknown, first: Shape, place: Place): EncodedRow {
    const record = toRecord(row, this.options.datasetTextField, place);
    checkShape(record, first, place);
    const kept = { truncated: false, dropped: null };
    if (record.shape === 'input_ids') {
      const { completionOnlyLoss, assistantOnlyLoss } = this.options;
      const labels = recordLabels(record, completionOnlyLoss, assistantOnlyLoss);
      const offsets = new Int32Array(0);
      return {
        ids: record.ids,
        whole: record.ids.length,
        labels,
        offsets,
        text: null,
        spans: [],
        ...kept,
      };
    }
    const { text, spans, ...how } = toSegments(record, this.segmentOptions, place);
    const encoding = this.tokenizer.encode(text, how);
    if (!how.addSpecialTokens) this.checkStart(encoding.ids, place);
    const { ids, offsets } = withoutDoubles(encoding);
    const labels = labelTokens(ids, offsets, spans);
    return { ids, whole: ids.length, labels, offsets, text, spans, ...kept };
  }

  /** Throws RowError where a chat template writes BOS twice. */
  private checkStart(ids: Int32Array, place: Place): void {
    const { bos, bosId } = this.tokenizer;
    if (bosId === null || ids[0] !== bosId || ids[1] !== bosId) return;
    throw new RowError(
      place.file,
      place.line,
      `the chat template writes ${bos} twice at the start: take one out`,
      'template',
    );
  }
}

/**
 * Text that starts with BOS, or ends in EOS, gets no second one from the tokenizer. Those it adds have
 * no width.
 */
function withoutDoubles({ ids, offsets }: Encoding): Encoding {
  const last = ids.length - 1;
  const added = (i: number): boolean => offsets[2 * i] === offsets[2 * i + 1];
  const double = (i: number, other: number): boolean =>
    last > 0 && ids[i] === ids[other] && added(i) && !added(other);
  const from = double(0, 1) ? 1 : 0;
  const to = double(last, last - 1) ? last : last + 1;
  return { ids: ids.subarray(from, to), offsets: offsets.subarray(2 * from, 2 * to) };
}

function nothingToTrain({ ids, text }: EncodedRow): string {
  if (ids.length === 0) return 'nothing to train: the row is empty';
  if (ids.length === 1) return 'nothing to train: a single token predicts nothing';
  return text === null
    ? 'nothing to train: every label but the first is -100'
    : 'nothing to train: the row has no completion, and no turn that is trained';
}

function checkVocabulary(
  { ids, labels }: EncodedRow,
  modelSize: number,
  tokenizerSize: number,
  place: Place,
): void {
  for (const values of [ids, labels]) {
    let bad = -1;
    for (let i = 0; i < values.length && bad < 0; i++)
      if (values[i]! >= modelSize) bad = values[i]!;
    if (bad < 0) continue;
    throw new RowError(
      place.file,
      place.line,
      `vocabulary mismatch: token ${bad} is beyond the model's vocabulary of ${modelSize} ` +
        `(the tokenizer's is ${tokenizerSize})`,
      'tokenizer',
    );
  }
}
