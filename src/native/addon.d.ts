/**
 * The whole boundary between TypeScript and native code. Every export of the addon is here and
 * nothing else; test/rules/boundary.test.ts compares the two. All promises reject with an
 * AttuneError made from the native error's code; calls on one engine run in the order made, on the
 * engine's own thread.
 */

export type NativeDType = 'float32' | 'bfloat16' | 'float16';

/** A device as an engine is asked to run on it; `cuda` is the first GPU. */
export type DeviceId = 'cpu' | 'cuda' | `cuda:${number}`;

export interface DeviceInfo {
  id: DeviceId;
  kind: 'cpu' | 'cuda';
  name: string;
  /** Instruction sets the device can run, best last, and the one in use; a GPU's is "sm_90". */
  isas: string[];
  isa: string;
  /** Dense product in use: "oneDNN 2.6.3", "built-in", "cuBLASLt 13.1.1". */
  product: string;
  /** Whether bfloat16 products run in hardware. */
  bfloat16: boolean;
  /** Threads of the processor; multiprocessors of a GPU. */
  threads: number;
  /** Bytes of memory. */
  memory: number;
}

/** A decoder as switches and sizes; no family has a name here. Mirrors native/model/spec.h. */
export interface ModelSpec {
  vocabularySize: number;
  hiddenSize: number;
  /** Width of the token embedding; where it differs from hiddenSize there are projections in and out. */
  embeddingSize: number;
  intermediateSize: number;
  layers: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  /** Largest number of positions (rotary: rows of the angle table; learned: without the offset). */
  maxPositions: number;
  norm: 'rms' | 'layer';
  normEpsilon: number;
  /** Norm before each sub-block, or after its residual addition. */
  normPlacement: 'pre' | 'post';
  finalNorm: boolean;
  position: 'rotary' | 'learned';
  /** Learned positions: row p + positionOffset of the table. */
  positionOffset: number;
  /** Rotary: headSize / 2 frequencies in float32, scaling already applied; empty otherwise. */
  inverseFrequencies: Float32Array;
  /** Rotary: factor on cosine and sine (1 unless the scaling asks otherwise). */
  rotaryScale: number;
  attentionBias: boolean;
  attentionOutputBias: boolean;
  mlpBias: boolean;
  activation: 'silu' | 'relu' | 'gelu' | 'gelu_tanh';
  gated: boolean;
  tiedHead: boolean;
}

export interface AdapterSpec {
  rank: number;
  /** alpha / rank, or alpha / sqrt(rank) for rsLoRA. */
  scale: number;
  dropout: number;
  /** Canonical module names: `layers.0.q`, `layers.3.down`, `project_in` … */
  modules: string[];
}

export interface EngineOptions {
  device: DeviceId;
  /** A GPU may round the inputs of float32 products to TF32. */
  tf32: boolean;
  dtype: 'float32' | 'bfloat16';
  /** full: every parameter is trained; lora: the adapter alone; none: inference and evaluation. */
  method: 'full' | 'lora' | 'none';
  adapter: AdapterSpec | null;
  /** Largest number of tokens in one batch; memory is planned for it. */
  maxTokens: number;
  /** Layers that the backward pass runs again instead of keeping what it needs of them; null: as few as memory allows. */
  recompute: number | null;
  /** Seeds adapter initialisation and dropout. */
  seed: number;
  loss: 'nll' | 'dft';
  labelSmoothing: number;
}

/** One parameter of the engine, by canonical name (see `parameters`). */
export interface ParameterInfo {
  /** `embedding`, `position`, `layers.0.q.weight`, `layers.0.q.lora_a`, `final_norm.weight` … */
  name: string;
  shape: number[];
  trainable: boolean;
}

export interface MemoryPlan {
  /** Bytes by class, taken before step 1; scratch also holds what products take as they run. */
  weights: number;
  adapters: number;
  gradients: number;
  optimizer: number;
  activations: number;
  scratch: number;
  /**
   * In use besides, as it is now: on a GPU its libraries and workspaces and other processes; else
   * this process.
   */
  device: number;
  total: number;
  parameters: number;
  trainableParameters: number;
  /** Layers that the backward pass runs again. */
  recomputedLayers: number;
}

/** Where the bytes of a parameter lie in a file: little-endian, row-major, `dtype` elements. */
export interface TensorRead {
  name: string;
  path: string;
  offset: number;
  bytes: number;
  dtype: NativeDType;
  /** What it fills: a value, where nothing else is said, or a moment of AdamW. */
  part?: TensorPart;
}

/** A tensor to write: value of parameter `name` as `dtype`, at `offset` of the file. */
export interface TensorWrite {
  name: string;
  offset: number;
  dtype: NativeDType;
  part?: TensorPart;
}

/** A trained parameter: itself in float32, and its first and second moment. */
export type TensorPart = 'value' | 'first' | 'second';

/** What an engine counts: AdamW's bias correction and the random streams follow from it. */
export interface Progress {
  /** Updates that were applied. */
  updates: number;
  /** Micro-batches that were accumulated. */
  microBatches: number;
}

/** Sums over the supervised positions of a batch; nothing is divided. */
export interface BatchSums {
  /** Loss that is trained (label smoothing and DFT included). */
  loss: number;
  /** Plain negative log-likelihood, nats. */
  nll: number;
  entropy: number;
  correct: number;
  /** Supervised positions. */
  tokens: number;
}

export interface NativeBatch {
  tokens: Int32Array;
  targets: Int32Array;
  positions: Int32Array;
  segments: Int32Array;
}

export interface UpdateOptions {
  learningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** 0 turns clipping off. */
  maxGradNorm: number;
  /** Divisor of the summed gradients: trained tokens of the whole optimizer step. */
  tokens: number;
}

export interface UpdateResult {
  /** Global L2 norm of the divided gradient, before clipping. */
  gradNorm: number;
  /** False when the norm or a loss was not finite: weights and moments are untouched, gradients cleared. */
  applied: boolean;
}

export interface Addon {
  readonly IGNORE: number;
  /** The processor, then the GPUs that can be used. */
  devices(): DeviceInfo[];
  /** Why no GPU can be used; empty where one can. */
  cudaAbsence(): string;
  Engine: new (spec: ModelSpec, options: EngineOptions) => Engine;
  TextEncoder: new (model: TextModel) => TextEncoder;
}

/** Strings one behind the other, and the length of each. */
export interface StringList {
  text: string;
  lengths: Int32Array;
}

/** A byte-pair encoding. Mirrors native/text/text_encoder.h. */
export interface TextModel {
  /** Pieces spelled in bytes; otherwise words spelled in characters. */
  byteLevel: boolean;
  /** Byte-level: how text is cut, each step within the pieces of the one before. */
  steps: SplitTable[];
  /** The vocabulary: tokens[i] has ids[i]. */
  tokens: StringList;
  ids: Int32Array;
  /** "left right", best first. */
  merges: StringList;
  /** Byte-level: a piece that is a token is not merged. */
  ignoreMerges: boolean;
  /** One unit: what stands in front of a text that is `prefixed`; in words, for a space. */
  mark: string;
  /** A word begins at every mark; otherwise where no token reaches across. */
  cutAtMarks: boolean;
  byteFallback: boolean;
  /** Id of the unknown token, or -1; whether neighbours are one. */
  unknown: number;
  fuseUnknown: boolean;
}

/** A pattern as a table (src/tokenizer/pattern/automaton.ts); `gaps`: what lies between is kept. */
export interface SplitTable {
  classes: Uint8Array;
  transitions: Uint16Array;
  width: number;
  gaps: boolean;
}

/** Works on the thread that calls it. */
export interface TextEncoder {
  /**
   * Encodes `text` behind the mark if `prefixed`; returns the number n of its tokens. ids [from, from + n)
   * and offsets, start and end of each in UTF-16 units moved by `at`, are written if they have room.
   */
  encode(
    text: string,
    prefixed: boolean,
    at: number,
    ids: Int32Array,
    offsets: Int32Array,
    from: number,
  ): number;
  /** The tokens of the last text again, for arrays that had no room. */
  take(ids: Int32Array, offsets: Int32Array, from: number): void;
}

export interface Engine {
  plan(): MemoryPlan;
  parameters(): ParameterInfo[];
  /** Reads parameters from files, converting to the engine's types. Adapters not read keep their initial values. */
  load(reads: TensorRead[]): Promise<void>;
  /** Forward and backward; gradients are added up. */
  accumulate(batch: NativeBatch): Promise<BatchSums>;
  /** Divides, clips, steps AdamW, clears the gradients. */
  update(options: UpdateOptions): Promise<UpdateResult>;
  /** Forward only. */
  evaluate(batch: NativeBatch): Promise<BatchSums>;
  /** Negative log-likelihood of each supervised position, in order of position. */
  tokenLosses(batch: NativeBatch): Promise<Float32Array>;
  /** float32 [T, V] logits of one document. */
  logits(tokens: Int32Array): Promise<Float32Array>;
  /** Appends tokens to the key/value cache (emptied first where `reset`) and returns the last position's logits [V]. */
  decode(tokens: Int32Array, reset: boolean): Promise<Float32Array>;
  /** Adds scale * B A to the base weights and turns the adapter off; its own values are spent. */
  merge(): Promise<void>;
  /** Writes `header`, then each tensor at its offset, to `path`; fsynced. */
  save(path: string, header: Uint8Array, tensors: TensorWrite[]): Promise<void>;
  /**
   * The bytes that `save` would write, while calls that follow already run. Rejects with
   * `non_finite`, naming the parameter, rather than keep a value that is not finite.
   */
  snapshot(header: Uint8Array, tensors: TensorWrite[]): Promise<Uint8Array>;
  progress(): Promise<Progress>;
  /** Goes on as after that progress, gradients cleared; values and moments are loaded apart. */
  restore(progress: Progress): Promise<void>;
  /** A parameter's value, its accumulated gradient, or a moment, as float32 (tests and tools). */
  read(name: string, what: 'value' | 'gradient' | 'first' | 'second'): Promise<Float32Array>;
  /** Frees everything once the calls already made have ended; later ones reject with code `disposed`. Idempotent. */
  dispose(): void;
}
