/** What may come instead of Redis's answer: no answer at all, one of another kind, one without an end. */
export const GARBAGE: readonly Uint8Array[] = [
  "\u0000\u0001 this is no Redis\r\n",
  ":7\r\n",
  ":12a\r\n",
  "+OK\r\n",
  "+OK\r\n:5\r\n",
  "-ERR odd\r\n",
  "!\r\n\r\n",
  "$-7\r\n",
  "$3\r\nabc\r\n",
  "$9999999999\r\nx",
  "*-1\r\n",
  "*1\r\n:1\r\n",
  "*3\r\n$5\r\nhello\r\n",
  "*3\r\n$11\r\nasgiletters\r\n:1\r\n:2\r\n",
  "*1000000000\r\n",
].map((text) => new TextEncoder().encode(text));
