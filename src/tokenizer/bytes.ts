/** GPT-2's alphabet: a printable character for every byte, so that no piece has white space. */
export const byteCharacters: readonly string[] = makeAlphabet();

const bytesByCharacter = new Map(byteCharacters.map((character, byte) => [character, byte]));

function makeAlphabet(): string[] {
  const printable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCharCode(printable(byte) ? byte : next++),
  );
}

/** Writes bytes in that alphabet. */
export function spellBytes(bytes: Uint8Array): string {
  let word = '';
  for (const byte of bytes) word += byteCharacters[byte];
  return word;
}

/** The bytes a token stands for: by the alphabet, or as UTF-8 where it has other characters. */
export function tokenBytes(token: string): Uint8Array {
  const bytes = new Uint8Array(token.length);
  for (let i = 0; i < token.length; i++) {
    const byte = bytesByCharacter.get(token[i] ?? '');
    if (byte === undefined) return Buffer.from(token, 'utf8');
    bytes[i] = byte;
  }
  return bytes;
}

/**
 * For each of the `bytes` UTF-8 bytes of `text`, the UTF-16 offset at which its character starts; one
 * more entry holds the length. Unpaired surrogates count as U+FFFD, as they are encoded.
 */
export function byteStarts(text: string, bytes: number): Int32Array {
  const starts = new Int32Array(bytes + 1);
  let byte = 0;
  for (let unit = 0; unit < text.length; ) {
    const point = text.codePointAt(unit) as number;
    const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (let i = 0; i < size; i++) starts[byte++] = unit;
    unit += point < 0x10000 ? 1 : 2;
  }
  starts[byte] = text.length;
  return starts;
}
