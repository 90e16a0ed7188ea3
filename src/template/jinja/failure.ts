/** Why a template does not render: its own refusal, a mistake in it, or what is not supported. */
export class JinjaFailure extends Error {}

/** Throws a JinjaFailure. */
export function fail(message: string): never {
  throw new JinjaFailure(message);
}
