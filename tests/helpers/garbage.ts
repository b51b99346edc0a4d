/** What may come instead of Redis's answer: no answer at all, one of another kind, one without an end. */
export const GARBAGE: readonly Uint8Array[] = encoded(
  "\u0000\u0001 this is no Redis\r\n",
  "+OK\r\n",
  "+OK\r\n:5\r\n",
  "!\r\n\r\n",
  "$-7\r\n",
  "$3\r\nabc\r\n",
  "$9999999999\r\nx",
  "*-1\r\n",
  "*1\r\n:1\r\n",
  "*3\r\n$5\r\nhello\r\n",
  "*3\r\n$11\r\nasgiletters\r\n:1\r\n:2\r\n",
  "*1000000000\r\n",
);

/** What a sender has to believe, because it could be the answer. */
export const LIES: readonly Uint8Array[] = encoded(":7\r\n", ":12a\r\n", "-ERR odd\r\n");

function encoded(...texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => new TextEncoder().encode(text));
}
