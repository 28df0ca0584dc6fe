import { expect, onTestFinished, test } from "vitest";
import { Deadlines } from "../data/deadlines.ts";
import { Connector } from "../trust/tls.ts";
import { Account } from "./account.ts";
import { Instance } from "./instances.ts";
import { Lines } from "./lines.ts";
import { Picker, type Policy } from "./policy.ts";

const deadlines = new Deadlines();

/** Two threads' views of a ready prefill instance each. */
function instances(): { ours: Instance[]; theirs: Instance[] } {
  const memories = [Account.allocate(2), Account.allocate(2)];
  const seenBy = (thread: number) =>
    memories.map((memory, id) => {
      const member = {
        role: "prefill",
        name: `prefill-${id}`,
        id,
        place: id,
        memory,
        host: "127.0.0.1",
        port: 1,
      } as const;
      const surroundings = {
        deadlines,
        connectMs: 1000,
        lines: new Lines(),
        hosts: new Set<string>(),
        authorization: "",
        connector: new Connector(undefined),
        becameIdle: () => {},
      };
      return new Instance(member, { threads: 2, thread }, surroundings);
    });
  const [ours, theirs] = [seenBy(0), seenBy(1)];
  for (const instance of theirs) instance.healthy = true;
  onTestFinished(() => deadlines.close());
  return { ours, theirs };
}

const turn = () => new Int32Array(new SharedArrayBuffer(4));

test("An instance that another thread began to drain after it was chosen gets nothing.", async () => {
  const { ours, theirs } = instances();
  // Costs are asked for when readiness has been looked at: the drain begins between that and the request.
  const drainMeanwhile: Policy = () => (instance) => {
    if (instance.id === 0 && theirs[0]) theirs[0].draining = true;
    return instance.id;
  };
  const picker = new Picker("prefill", drainMeanwhile, turn());
  picker.instances = ours;

  const served = await picker.run(10, async (instance, again) => ({ name: instance.name, again }));

  expect(served).toEqual({ name: "prefill-1", again: false });
  expect(ours.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
});

test("Where every instance began to drain meanwhile there is none, and nothing was sent.", async () => {
  const { ours, theirs } = instances();
  const drainAll: Policy = () => () => {
    for (const instance of theirs) instance.draining = true;
    return 0;
  };
  const picker = new Picker("prefill", drainAll, turn());
  picker.instances = ours;
  const sent: string[] = [];

  const failure = await picker.run(10, async ({ name }) => sent.push(name)).catch((error: unknown) => error);

  expect(failure).toMatchObject({ code: "no_prefill" });
  expect(sent).toEqual([]);
});
