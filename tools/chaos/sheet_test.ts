import { assertEquals } from "@std/assert";
import { balance, type Incident, isSound, type Outcome, type SentEvent } from "./sheet.ts";

const EXPIRY = 60_000;

/** Events that were sent every 10 ms from 100,000 on: "0" at 100,000, "1" at 100,010 ... */
function events(count: number, outcome: Outcome = "sent", from = 0): SentEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const at = 100_000 + 10 * (from + index);
    return { id: `${from + index}`, at, until: at + 1, outcome };
  });
}

function idsOf(sent: readonly SentEvent[], ...without: string[]): string[] {
  return sent.map(({ id }) => id).filter((id) => !without.includes(id));
}

function incident(from: number, to: number, rest: Partial<Incident> = {}): Incident {
  return { kind: "crash", from, to, mayLose: 100, isBlackout: false, ...rest };
}

Deno.test("balance() of a run without trouble is sound", () => {
  const sent = events(100);
  const sheet = balance({ sent, handled: idsOf(sent), incidents: [], expiry: EXPIRY });
  assertEquals(isSound(sheet), true);
  assertEquals([sheet.sent, sheet.handled, sheet.lost, sheet.expired], [100, 100, 0, 0]);
});

Deno.test("balance() finds an event that nothing explains", () => {
  const sent = events(100);
  const handled = idsOf(sent, "7");
  const far = incident(109_000, 109_500);
  for (const incidents of [[], [far]]) {
    const sheet = balance({ sent, handled, incidents, expiry: EXPIRY });
    assertEquals(sheet.unexplained, ["7"]);
    assertEquals(isSound(sheet), false);
  }
});

Deno.test("balance() puts a lost event to the account of the incident at its time", () => {
  const sent = events(1_000);
  const incidents = [incident(104_000, 104_500), incident(109_000, 109_100, { kind: "cut" })];
  const handled = idsOf(sent, "400", "420", "900");
  const sheet = balance({ sent, handled, incidents, expiry: EXPIRY });
  assertEquals(isSound(sheet), true);
  assertEquals(sheet.lost, 3);
  assertEquals(sheet.costs, [
    { kind: "crash", times: 1, lost: 2 },
    { kind: "cut", times: 1, lost: 1 },
  ]);
});

Deno.test("balance() blames the incident that follows, rather than the one before", () => {
  const sent = events(100, "sent", 100);
  const incidents = [incident(100_000, 100_900), incident(102_500, 102_600, { kind: "flush" })];
  const sheet = balance({ sent, handled: idsOf(sent, "101"), incidents, expiry: EXPIRY });
  assertEquals(sheet.costs.map(({ lost }) => lost), [0, 1]);
});

Deno.test("balance() lets an incident explain no more events than it may cost", () => {
  const sent = events(100);
  const incidents = [incident(100_000, 101_000, { mayLose: 2 })];
  const handled = idsOf(sent, "1", "2", "3");
  const sheet = balance({ sent, handled, incidents, expiry: EXPIRY });
  assertEquals(sheet.unexplained, ["3"]);
});

Deno.test("balance() finds what was handled twice, whatever else happened", () => {
  const sent = [...events(100), ...events(10, "uncertain", 100)];
  const handled = [...idsOf(sent), "5", "105"];
  const incidents = [incident(0, 1e9)];
  const sheet = balance({ sent, handled, incidents, expiry: EXPIRY });
  assertEquals(sheet.twice, ["5", "105"]);
  assertEquals(isSound(sheet), false);
});

Deno.test("balance() finds what was handled, though it was refused or never sent", () => {
  const sent = [...events(10), ...events(1, "refused", 10), ...events(1, "undone", 11)];
  const handled = [...idsOf(sent), "stranger"];
  const sheet = balance({ sent, handled, incidents: [], expiry: EXPIRY });
  assertEquals(sheet.phantoms, ["10", "11", "stranger"]);
  assertEquals(isSound(sheet), false);
});

Deno.test("balance() asks nothing of events that may not have been sent", () => {
  const sent = [...events(10), ...events(4, "uncertain", 10), ...events(3, "refused", 14)];
  const handled = idsOf(sent, "11", "12", "14", "15", "16");
  const sheet = balance({ sent, handled, incidents: [], expiry: EXPIRY });
  assertEquals(isSound(sheet), true);
  assertEquals([sheet.uncertain, sheet.arrived, sheet.refused], [4, 2, 3]);
});

Deno.test("balance() takes for expired only what nobody could receive in time", () => {
  const sent = events(3);
  const dark = (to: number) => incident(99_000, to, { mayLose: 0, isBlackout: true });
  const of = (incidents: Incident[]) => balance({ sent, handled: [], incidents, expiry: EXPIRY });
  assertEquals(of([dark(170_000)]).expired, 3);
  assertEquals(of([dark(140_000)]).unexplained, ["0", "1", "2"]);
  assertEquals(of([incident(99_000, 170_000, { mayLose: 0 })]).unexplained, ["0", "1", "2"]);
});

Deno.test("balance() lets an event expire in a blackout that began while it waited", () => {
  const sent = events(1);
  const blackout = incident(105_000, 180_000, { isBlackout: true, mayLose: 0 });
  for (const { backlog, expired } of [{ backlog: 0, expired: 0 }, { backlog: 5_000, expired: 1 }]) {
    const incidents = [{ ...blackout, backlog }];
    const sheet = balance({ sent, handled: [], incidents, expiry: EXPIRY });
    assertEquals([sheet.expired, sheet.unexplained.length], [expired, 1 - expired]);
  }
});

Deno.test("balance() lets an incident cost events that waited when it began", () => {
  const sent = events(1);
  const deletion = incident(105_000, 106_000, { mayLose: 1 });
  for (const { backlog, lost } of [{ backlog: 0, lost: 0 }, { backlog: 6_000, lost: 1 }]) {
    const sheet = balance({
      sent,
      handled: [],
      incidents: [{ ...deletion, backlog }],
      expiry: EXPIRY,
    });
    assertEquals(sheet.unexplained.length, 1 - lost);
  }
});
