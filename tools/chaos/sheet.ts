/** What a sender was told of an event: `undone` is not sent, since the layer was not available. */
export type Outcome = "sent" | "refused" | "undone" | "uncertain";

/** An event, as its sender has noted it; times are milliseconds since 1970. */
export interface SentEvent {
  readonly id: string;
  /** When it was about to be sent. */
  readonly at: number;
  /** When the answer came. */
  readonly until: number;
  readonly outcome: Outcome;
}

/** Something that went wrong on purpose, and what it may cost. */
export interface Incident {
  readonly kind: string;
  readonly from: number;
  readonly to: number;
  /** How many events may be lost by it at most. */
  readonly mayLose: number;
  /** Whether nobody could receive meanwhile: what expires then was not lost, but too old. */
  readonly isBlackout: boolean;
  /** How long the oldest event had waited in a channel when it began, in milliseconds. */
  readonly backlog?: number;
}

/** Everything that was written down in a run. */
export interface Records {
  readonly sent: readonly SentEvent[];
  /** The ids of the events that were handled, once for each time. */
  readonly handled: readonly string[];
  readonly incidents: readonly Incident[];
  /** How long an event may wait, in milliseconds. */
  readonly expiry: number;
}

/** What an incident of one kind was seen to cost. */
export interface Cost {
  readonly kind: string;
  readonly times: number;
  readonly lost: number;
}

/** What has become of the events. */
export interface Sheet {
  readonly sent: number;
  readonly refused: number;
  /** The layer was not available, and they were not sent. */
  readonly undone: number;
  /** The layer was not available, and they may have been sent. */
  readonly uncertain: number;
  /** Of the uncertain ones, those that were handled. */
  readonly arrived: number;
  /** How many different events were handled. */
  readonly handled: number;
  /** Sent, not handled, and too old by the time that anybody could receive. */
  readonly expired: number;
  /** Sent, not handled, not expired: explained by an incident or not. */
  readonly lost: number;
  readonly costs: readonly Cost[];
  /** The lost events that no incident explains. */
  readonly unexplained: readonly string[];
  /** When the first and the last of these were sent, in milliseconds since the first incident. */
  readonly unexplainedAt: readonly number[];
  /** The events that were handled more than once. */
  readonly twice: readonly string[];
  /** The events that were handled, though the sender was told that they were not sent. */
  readonly phantoms: readonly string[];
}

/** How long before an incident an event that it cost may have been sent at least, in milliseconds. */
export const REACH = 2_000;

/** How long after it, because a process notices late. */
export const GRACE = 1_000;

/** Whether nothing is on the sheet that may never be. */
export function isSound({ unexplained, twice, phantoms }: Sheet): boolean {
  return unexplained.length + twice.length + phantoms.length === 0;
}

/** Draws the balance. */
export function balance({ sent, handled, incidents, expiry }: Records): Sheet {
  const times = countsOf(handled);
  const of = (outcome: Outcome) => sent.filter((event) => event.outcome === outcome);
  const wasHandled = ({ id }: SentEvent) => times.has(id);
  const missing = of("sent").filter((event) => !wasHandled(event));
  const [expired, lost] = parted(missing, (event) => hasExpired(event, incidents, expiry));
  const { costs, unexplained } = explain(lost, incidents);
  const expected = new Set([...of("sent"), ...of("uncertain")].map(({ id }) => id));
  return {
    sent: of("sent").length,
    refused: of("refused").length,
    undone: of("undone").length,
    uncertain: of("uncertain").length,
    arrived: of("uncertain").filter(wasHandled).length,
    handled: times.size,
    expired: expired.length,
    lost: lost.length,
    costs,
    unexplained: unexplained.map(({ id }) => id),
    unexplainedAt: [unexplained[0], unexplained.at(-1)]
      .map((event) => (event?.at ?? 0) - (incidents[0]?.from ?? 0)),
    twice: [...times].filter(([, count]) => count > 1).map(([id]) => id),
    phantoms: [...times.keys()].filter((id) => !expected.has(id)),
  };
}

/** Whether there was no way to receive an event from when it was sent until it was too old. */
function hasExpired(
  { at, until }: SentEvent,
  incidents: readonly Incident[],
  expiry: number,
): boolean {
  return incidents.some(({ isBlackout, from, to, backlog = 0 }) =>
    isBlackout && from - backlog <= until + GRACE && to >= at + expiry - GRACE
  );
}

/** Each lost event is put to the account of the nearest incident, which is good for a number of them. */
function explain(
  lost: readonly SentEvent[],
  incidents: readonly Incident[],
): { readonly costs: Cost[]; readonly unexplained: SentEvent[] } {
  const accounts = incidents.map((incident) => ({ incident, lost: 0 }));
  const unexplained: SentEvent[] = [];
  for (const event of lost.toSorted((one, other) => one.at - other.at)) {
    const [account] = accounts
      .filter(({ incident, lost }) => lost < incident.mayLose && touches(incident, event))
      .sort((one, other) => distance(one.incident, event) - distance(other.incident, event));
    if (account) account.lost++;
    else unexplained.push(event);
  }
  const byKind = Map.groupBy(accounts, ({ incident }) => incident.kind);
  const costs = Array.from(byKind, ([kind, group]) => ({
    kind,
    times: group.length,
    lost: group.reduce((sum, { lost }) => sum + lost, 0),
  }));
  return { costs, unexplained };
}

/** Whether an event may have waited in a channel, or been in transit, during an incident. */
function touches({ from, to, backlog = 0 }: Incident, { at, until }: SentEvent): boolean {
  return from - Math.max(REACH, backlog) <= until && at <= to + GRACE;
}

/** How far an event is from an incident: one that was over before is the last to be blamed. */
function distance({ from, to }: Incident, { at, until }: SentEvent): number {
  return at > to ? REACH + at - to : Math.max(0, from - until);
}

function countsOf(ids: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function parted<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  const [first, second]: [T[], T[]] = [[], []];
  for (const item of items) (isFirst(item) ? first : second).push(item);
  return [first, second];
}
