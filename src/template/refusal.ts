/** A template's own refusal, as by raise_exception("…"). */
export class TemplateRefusal extends Error {}
