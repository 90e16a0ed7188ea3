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
  /**
   * Kernel threads that wait should sleep, not spin: the data workers, and other programs, need the
   * cores. (Contended, spinning made steps two to three times slower; alone it gains nothing.)
   * Must be called before the addon is loaded; a setting of the user's is kept.
   */
  sleepWhileWaiting(): void {
    process.env.OMP_WAIT_POLICY ??= 'passive';
  },
};
