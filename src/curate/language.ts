/** What language a text is in: ISO 639-1 of 60 languages; '' where it cannot be told. */
export interface Language {
  code: string;
  /** Whether the detector is sure; of short texts it often is not. */
  isReliable: boolean;
}

/** Characters that are looked at: more change nothing, and cost time. */
const looked = 500;

/** Loads the detector (n-gram frequencies, in the package; nothing is downloaded). */
export async function languageDetector(): Promise<{
  languages: readonly string[];
  detect(text: string): Language;
}> {
  const { eld } = await import('eld/large');
  return {
    languages: Object.values(eld.info().Languages),
    detect(text) {
      const found = eld.detect(text.slice(0, looked));
      return { code: found.language, isReliable: found.isReliable() };
    },
  };
}
