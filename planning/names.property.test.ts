import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "./make-plan.ts";
import type { ContainerPlan, Plan } from "./plan.ts";
import { sampleInput } from "./testing/sample-input.ts";

const numRuns = Math.ceil(Number(process.env.PROPERTY_RUNS ?? 1000) / 4);

const weights = { source: "/data/models", target: "/data/models" };

/** What runs in the instances, and whether they have NPUs. */
const engines = {
  simulated: { engine: { kind: "simulated" }, takesNpus: true },
  vllm: { engine: { kind: "vllm", models: weights }, takesNpus: false },
  "vllm-ascend": {
    engine: { kind: "vllm-ascend", image: "vllm-ascend:v0.23.0-a3", workDir: weights },
    takesNpus: true,
  },
  ascendcloud: { engine: sampleInput().engine, takesNpus: true },
} as const;

type Kind = keyof typeof engines;

interface Named {
  readonly name: string;
  readonly host: string;
  readonly devices: readonly number[];
  readonly port: number;
  readonly extraArgs: readonly string[];
}

interface Lists {
  readonly prefill: readonly Named[];
  readonly decode: readonly Named[];
}

const hostNames = ["a", "b", "c"] as const;

/** Six instances a host, of which some are there, in any order. */
function lists(kind: Kind): fc.Arbitrary<Lists> {
  const of = (role: "prefill" | "decode", first: number) =>
    fc
      .shuffledSubarray(
        hostNames.flatMap((host) =>
          [0, 1, 2].map((index) => ({ host, npu: first + 2 * index, port: 8000 + first + index })),
        ),
        { minLength: 2 },
      )
      .chain((places) =>
        fc.record({
          names: fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}(-[0-9])?$/), {
            minLength: places.length,
            maxLength: places.length,
          }),
          args: fc.array(fc.constantFrom("--a=1", "--b=2"), { maxLength: 2 }),
          places: fc.constant(places),
        }),
      )
      .map(({ names, args, places }) =>
        places.map(({ host, npu, port }, index) => ({
          name: `${role}-${names[index]}-x`,
          host,
          devices: engines[kind].takesNpus ? [npu, npu + 1] : [],
          port,
          extraArgs: args,
        })),
      );
  return fc.record({ prefill: of("prefill", 0), decode: of("decode", 8) });
}

/** Some of a list, at least one, in any order. */
const some = (list: readonly Named[]) => fc.shuffledSubarray([...list], { minLength: 1 });

function planned(kind: Kind, { prefill, decode }: Lists): Plan {
  // A host that nobody uses any more may go as well.
  const used = hostNames.filter((name) => [...prefill, ...decode].some(({ host }) => host === name));
  const host = (name: string, index: number) => ({
    address: `10.0.0.${index + 1}`,
    docker: `ssh://root@${name}`,
    hostKey: "ssh-ed25519 AAAA",
    npus: 16,
    interface: "bond0",
    ...(engines[kind].takesNpus && {
      deviceIps: Object.fromEntries(
        Array.from({ length: 16 }, (_, npu) => [npu, `29.0.${index}.${npu + 1}`]),
      ),
    }),
  });
  const result = plan("s", {
    engine: engines[kind].engine,
    model: { path: "/data/models/m", servedName: "m", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
    hosts: Object.fromEntries(
      hostNames.flatMap((name, index) =>
        used.includes(name) || name === "a" ? [[name, host(name, index)]] : [],
      ),
    ),
    prefill,
    decode,
    scheduler: { host: "a", port: 9500 },
  });
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.plan;
}

const byName = ({ containers }: Plan) => new Map(containers.map((one) => [one.name, one]));

/** What every container of the manual's engine is told of all the others. */
const withoutTheTable = ({ env: { NODE_PORTS: _, ...env }, files, ...rest }: ContainerPlan) => ({
  ...rest,
  env,
  files: files.filter(({ path }) => !path.endsWith("/global_ranktable.json")),
});

const withoutFiles = (container: ContainerPlan | undefined) => ({ ...container, files: [] });

test.each(Object.keys(engines) as Kind[])(
  "With %s, named instances are taken out, moved in the list and added, and nothing else of the others changes.",
  (kind) => {
    const change = lists(kind).chain((before) =>
      fc.record({
        before: fc.constant(before),
        after: fc.record({ prefill: some(before.prefill), decode: some(before.decode) }),
      }),
    );
    fc.assert(
      fc.property(change, ({ before, after }) => {
        const [all, left] = [planned(kind, before), planned(kind, after)];

        const was = byName(all);
        const order = [...after.prefill, ...after.decode].map(({ name }) => `s-${name}`);
        expect(left.containers.map(({ name }) => name)).toEqual([...order, "s-scheduler"]);
        for (const container of left.containers.slice(0, -1)) {
          const same = kind === "ascendcloud" ? withoutTheTable : (one: ContainerPlan) => one;
          const old = was.get(container.name);
          expect(old && same(old)).toEqual(same(container));
        }
        expect(withoutFiles(left.containers.at(-1))).toEqual(withoutFiles(all.containers.at(-1)));
      }),
      { numRuns },
    );
  },
);

test("With simulated, a move to a host that is new changes nothing of the others.", () => {
  const at = (name: string, host: string, npu: number, port: number): Named => ({
    ...{ name, host, devices: [npu], port, extraArgs: [] },
  });
  const decode = [at("d", "c", 8, 8010)];
  const [here, there] = ["c", "b"].map((host) =>
    byName(planned("simulated", { prefill: [at("p", "c", 0, 8000), at("moved", host, 2, 8002)], decode })),
  );

  expect(here?.get("s-moved")).not.toEqual(there?.get("s-moved"));
  for (const name of ["s-p", "s-d"]) expect(here?.get(name)).toEqual(there?.get(name));
});
