/** A parser, and what counts as its ordinary answer to bytes that are wrong. */
export interface Target {
  name: string;
  /** Valid inputs, and some that were found to matter. */
  seeds: readonly (string | Uint8Array)[];
  /** Words that inputs of this kind are made of. */
  words: readonly string[];
  /** Whether inputs are JSON, whose values are then changed as well as their bytes. */
  json: boolean;
  /** Where inputs are JSON with something around it: that JSON, and an input with another. */
  frame?: {
    open(input: Uint8Array): Uint8Array;
    close(json: Uint8Array, input: Uint8Array): Uint8Array;
  };
  /** Whether inputs say where in them things lie, so that bytes are mostly changed where they stand. */
  places?: boolean;
  /** Makes right in a changed value what must fit together, so that more is reached than the check of that. */
  repair?(value: unknown): void;
  /** Whether the parser runs in a thread of its own: one that hangs or dies is an answer. */
  contained?: boolean;
  /** Whether it calls native code, a fault of which ends the process: it gets one of its own. */
  isNative?: boolean;
  /** Why it cannot be fuzzed here; null where it can. */
  absence?(): string | null;
  /**
   * Gives the parser one input. Returns what was accepted in a few words; throws what the parser
   * throws, and a plain Error where something was accepted that must not be.
   */
  run(input: Uint8Array): string | Promise<string>;
  /** Whether an error is the parser's own refusal. */
  refuses(error: unknown): boolean;
}

/** Throws, for an input that was accepted against the rules. */
export function rule(holds: boolean, message: string): void {
  if (!holds) throw new Error(`accepted against the rules: ${message}`);
}
