import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "../make-plan.ts";
import type { ContainerPlan } from "../plan.ts";

/** Random deployments in each property; CONTRIBUTING.md says how to try more. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 1000);

interface Placed {
  readonly host: string;
  readonly devices: readonly number[];
  readonly port: number;
}

/** NPUs of some hosts in a random order, dealt out to instances of `size`, and of `rest` for the other role. */
const deployment = fc
  .record({
    npus: fc.constantFrom(8, 16),
    hosts: fc.constantFrom(1, 2),
    decodeTp: fc.constantFrom(1, 2, 4),
    prefillTimes: fc.constantFrom(1, 2),
    decodeDp: fc.constantFrom(1, 2),
    kvPort: fc.option(fc.integer({ min: 1024, max: 65_280 }), { nil: undefined }),
    firstPort: fc.oneof(fc.constant(8088), fc.integer({ min: 1024, max: 65_000 })),
    seed: fc.array(fc.nat(), { minLength: 32, maxLength: 32 }),
  })
  .map(({ npus, hosts, prefillTimes, decodeTp, decodeDp, kvPort, firstPort, seed }) => {
    const names = Array.from({ length: hosts }, (_, index) => `h${index}`);
    const shuffled = (of: number) =>
      Array.from({ length: npus }, (_, npu) => npu).sort(
        (a, b) => (seed[of * 16 + a] ?? 0) - (seed[of * 16 + b] ?? 0),
      );
    const instances = { prefill: [] as Placed[], decode: [] as Placed[] };
    for (const [index, host] of names.entries()) {
      const free = shuffled(index);
      let port = firstPort;
      for (let turn = index; free.length > 0; turn++) {
        const [role, size] =
          turn % 2 === 0
            ? (["prefill", decodeTp * prefillTimes] as const)
            : (["decode", decodeTp * decodeDp] as const);
        if (free.length < size) break;
        instances[role].push({ host, devices: free.splice(0, size), port: port++ });
      }
    }
    return {
      engine: {
        kind: "vllm-ascend",
        image: npus === 16 ? "vllm-ascend:v0.23.0-a3" : "vllm-ascend:v0.23.0",
        workDir: { source: "/data", target: "/data" },
        decode: { tensorParallel: decodeTp, dataParallel: decodeDp, expertParallel: true },
        ...(kvPort !== undefined && { kvPort }),
      },
      model: { path: "/data/m", servedName: "m", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
      hosts: Object.fromEntries(
        names.map((name, index) => [
          name,
          {
            address: `10.0.0.${index + 1}`,
            interface: "bond0",
            docker: `ssh://root@${name}`,
            hostKey: "ssh-ed25519 AAAA",
            npus,
          },
        ]),
      ),
      ...instances,
      scheduler: { host: "h0", port: firstPort + 100 },
    };
  })
  .filter(({ prefill, decode }) => prefill.length > 0 && decode.length > 0);

type Deployment = typeof deployment extends fc.Arbitrary<infer T> ? T : never;

function planOf(input: unknown) {
  const result = plan("s", input);
  return "plan" in result ? result.plan : undefined;
}

/** The ports on which it listens by its own command, as vllm-ascend reads that. */
function listensOn({ command, npus, port }: ContainerPlan): number[] {
  const flag = "--kv-transfer-config=";
  const kvTransfer = command.find((one) => one.startsWith(flag))?.slice(flag.length);
  const first = kvTransfer === undefined ? 0 : JSON.parse(kvTransfer).kv_port;
  return [port, ...npus.map((_, rank) => first + rank)];
}

test("No two listeners of a host share a port, and none has one that is taken at random.", () => {
  const seen = { accepted: 0 };
  fc.assert(
    fc.property(deployment, (input) => {
      const accepted = planOf(input);
      if (accepted === undefined) return;
      seen.accepted++;

      for (const { name } of accepted.hosts) {
        const here = accepted.containers.filter(({ host }) => host === name);
        const hccl = Array.from({ length: 32 }, (_, index) => 60000 + index);
        const ports = [...here.flatMap(listensOn), ...hccl];
        expect(new Set(ports).size).toBe(ports.length);
        const hasNpus = here.some(({ npus }) => npus.length > 0);
        const random = 20000 + 1000 * (input.hosts[name]?.npus ?? 0);
        expect(hasNpus && ports.some((port) => port >= 20000 && port < random)).toBe(false);
      }
    }),
    { numRuns },
  );
  expect(seen.accepted).toBeGreaterThan(numRuns / 10);
});

const without = (list: readonly Placed[], index: number) => list.filter((_, place) => place !== index);

test("The last instance of a role comes and goes, and no other one's container changes by a byte.", () => {
  const seen = { compared: 0 };
  fc.assert(
    fc.property(deployment, fc.constantFrom("prefill" as const, "decode" as const), (input, role) => {
      const smaller = { ...input, [role]: without(input[role], input[role].length - 1) } satisfies Deployment;
      const [more, fewer] = [planOf(input), planOf(smaller)];
      if (more === undefined || fewer === undefined) return;
      seen.compared++;

      const others = fewer.containers.filter((container) => container.role !== "scheduler");
      for (const container of others) {
        const same = more.containers.find(({ name }) => name === container.name);
        expect(JSON.stringify(same)).toBe(JSON.stringify(container));
      }
    }),
    { numRuns: numRuns / 4 },
  );
  expect(seen.compared).toBeGreaterThan(numRuns / 40);
});
