/**
 * The signals that end a verb. This module imports nothing and is the first that the command line
 * loads, so that they are heard as soon as JavaScript runs. SIGUSR1 is not among them: Node opens its
 * debugger with it.
 */
const NAMES = ['SIGINT', 'SIGTERM', 'SIGUSR2'] as const;

/** The exit code of what was interrupted. */
export const INTERRUPTED = 130;

const controller = new AbortController();
/** What a verb that ends in its own time says; null: nothing has begun, and the process ends at once. */
let announcement: string | null = null;

for (const name of NAMES) {
  process.on(name, () => {
    const again = controller.signal.aborted;
    // A time limit may be announced by several signals; only a person who repeats Ctrl-C is in a hurry.
    if (announcement === null || (again && name === 'SIGINT')) process.exit(INTERRUPTED);
    if (again) return;
    process.stderr.write(`\n${name}: ${announcement}\n`);
    controller.abort();
  });
}

/**
 * Aborted by the first of these signals, which prints `message`, from now on; a SIGINT that follows
 * ends the process at once. Until this is called any of them does.
 */
export function interruptSignal(message: string): AbortSignal {
  announcement = message;
  return controller.signal;
}
