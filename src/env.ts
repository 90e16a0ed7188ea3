/** Switches for debugging, read from the environment; ATTUNE_ISA is read by native code. */
export const env = {
  /** Path of an addon to load instead of the one that was built. */
  get addon(): string | undefined {
    return process.env.ATTUNE_ADDON || undefined;
  },
  /** Set: errors on the command line are printed with their stack. */
  get debug(): boolean {
    return Boolean(process.env.ATTUNE_DEBUG);
  },
};
