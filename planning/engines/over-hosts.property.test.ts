import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "../make-plan.ts";
import type { ContainerPlan, Plan } from "../plan.ts";

/** Random deployments in each property; CONTRIBUTING.md says how to try more. */
const numRuns = Number(process.env.PROPERTY_RUNS ?? 1000);

interface Part {
  readonly host: string;
  readonly devices: readonly number[];
}

/**
 * NPUs of some hosts in a random order, dealt out to decode instances over several of them, with as many ranks on each as
 * it happens, and to prefill instances on one.
 */
const deployment = fc
  .record({
    npus: fc.constantFrom(8, 16),
    hosts: fc.integer({ min: 2, max: 5 }),
    tp: fc.constantFrom(1, 2),
    ranks: fc.integer({ min: 2, max: 6 }),
    kvPort: fc.constantFrom(undefined, 28_000, 36_000, 61_100, 65_280),
    kind: fc.constantFrom("vllm-ascend", "simulated"),
    seed: fc.array(fc.nat(), { minLength: 80, maxLength: 80 }),
  })
  .map(({ npus, hosts, tp, ranks, kvPort, kind, seed }) => {
    const names = Array.from({ length: hosts }, (_, index) => `h${index}`);
    const free = names.map((_, of) =>
      Array.from({ length: npus }, (_, npu) => npu).sort(
        (a, b) => (seed[of * 16 + a] ?? 0) - (seed[of * 16 + b] ?? 0),
      ),
    );
    const perHost = kind === "simulated" ? 1 : ranks;
    const decode: { hosts: Part[]; port: number }[] = [];
    for (let turn = 0; ; turn++) {
      const parts = new Map<number, number[]>();
      const members = kind === "simulated" ? Math.min(ranks, hosts) : ranks;
      for (let rank = 0; rank < members; rank++) {
        const wanted = ((seed[turn % 80] ?? 0) + (perHost > 1 ? rank >> 1 : rank)) % hosts;
        const devices = free[wanted]?.splice(0, tp) ?? [];
        parts.set(wanted, [...(parts.get(wanted) ?? []), ...devices]);
      }
      const hostsOf = [...parts].map(([index, devices]) => ({ host: names[index] ?? "", devices }));
      if (hostsOf.some(({ devices }) => devices.length === 0 || devices.length % tp !== 0) || turn > 2) break;
      if (hostsOf.reduce((sum, { devices }) => sum + devices.length, 0) !== members * tp) break;
      decode.push({ hosts: hostsOf, port: 8100 + turn });
    }
    const prefill = free.flatMap((rest, index) =>
      rest.length >= tp ? [{ host: names[index], devices: rest.slice(0, tp), port: 8088 }] : [],
    );
    const engine =
      kind === "simulated"
        ? { kind }
        : {
            kind,
            image: npus === 16 ? "vllm-ascend:v0.23.0-a3" : "vllm-ascend:v0.23.0",
            workDir: { source: "/data", target: "/data" },
            decode: { tensorParallel: tp, dataParallel: ranks, expertParallel: true },
            ...(kvPort !== undefined && { kvPort }),
          };
    return {
      engine,
      model: { path: "/data/m", servedName: "m", maxModelLen: 4096, maxNumBatchedTokens: 4096 },
      hosts: Object.fromEntries(
        names.map((name, index) => [
          name,
          {
            address: `10.0.0.${index + 1}`,
            interface: `bond${index}`,
            docker: `ssh://root@${name}`,
            hostKey: "ssh-ed25519 AAAA",
            npus,
          },
        ]),
      ),
      prefill,
      decode,
      scheduler: { host: "h0", port: 9000 },
    };
  })
  .filter(({ prefill, decode }) => prefill.length > 0 && decode.length > 0);

function planOf(input: unknown): Plan | undefined {
  const result = plan("s", input);
  return "plan" in result ? result.plan : undefined;
}

const number = (container: ContainerPlan, flag: string): number | undefined => {
  const value = text(container, flag);
  return value === undefined ? undefined : Number(value);
};

const text = ({ command }: ContainerPlan, flag: string): string | undefined =>
  command.find((one) => one.startsWith(`--${flag}=`))?.slice(flag.length + 3);

/** The ports on which it listens by its own command, as vLLM and vllm-ascend's connectors count them. */
function listensOn(container: ContainerPlan): number[] {
  const isHeadless = container.command.includes("--headless");
  const api = isHeadless ? [] : [container.port];
  const rpc = container.member?.index === 0 ? [number(container, "data-parallel-rpc-port") ?? 0] : [];
  const kvTransfer = text(container, "kv-transfer-config");
  if (kvTransfer === undefined) return [...api, ...rpc];
  const tp = number(container, "tensor-parallel-size") ?? 1;
  const first = JSON.parse(kvTransfer).kv_port + (number(container, "data-parallel-start-rank") ?? 0) * tp;
  return [...api, ...rpc, ...container.npus.map((_, index) => first + index)];
}

test("Members have each rank once, one head that all know, and their own host's address.", () => {
  const seen = { wide: 0 };
  fc.assert(
    fc.property(deployment, (input) => {
      const accepted = planOf(input);
      if (accepted === undefined) return;
      const addressOf = (name: string) => accepted.hosts.find((host) => host.name === name)?.address;
      const instances = Map.groupBy(accepted.containers, ({ name, member }) => member?.of ?? name);
      for (const members of instances.values()) {
        const [head] = members;
        if (head?.member === undefined) continue;
        seen.wide++;
        const ranks = members.flatMap((one) => {
          const first = number(one, "data-parallel-start-rank") ?? 0;
          return Array.from({ length: number(one, "data-parallel-size-local") ?? 0 }, (_, n) => first + n);
        });
        const all = number(head, "data-parallel-size") ?? 0;

        expect(ranks).toEqual(Array.from({ length: all }, (_, rank) => rank));
        expect(members.map(({ command }) => command.includes("--headless"))).toEqual(
          members.map((_, index) => index > 0),
        );
        expect(new Set(members.map(({ host }) => host)).size).toBe(members.length);
        for (const [index, one] of members.entries()) {
          expect(one.member).toEqual({ ...head.member, index });
          expect(number(one, "data-parallel-size")).toBe(all);
          expect(text(one, "data-parallel-address")).toBe(addressOf(head.host));
          expect(text(one, "data-parallel-rpc-port")).toBe(text(head, "data-parallel-rpc-port"));
          expect(number(one, "tensor-parallel-size")).toBe(number(head, "tensor-parallel-size"));
          if (input.engine.kind === "vllm-ascend") {
            // Where it is on a host, whatever ranks are before it on others.
            const first = (input.engine.kvPort ?? 61_000) + 16 * (one.npus[0] ?? 0);
            expect(listensOn(one).slice(-one.npus.length)).toEqual(one.npus.map((_, index) => first + index));
            if (index > 0) expect(one.port).toBe(first);
            expect(one.env.HCCL_IF_IP).toBe(addressOf(one.host));
            expect(one.env.VLLM_HOST_IP).toBe(addressOf(one.host));
            expect(one.env.HCCL_SOCKET_IFNAME).toBe(input.hosts[one.host]?.interface);
          }
        }
      }
    }),
    { numRuns },
  );
  expect(seen.wide).toBeGreaterThan(numRuns / 10);
});

test("No two listeners of a host share a port, those of members included.", () => {
  const seen = { accepted: 0 };
  fc.assert(
    fc.property(deployment, (input) => {
      const accepted = planOf(input);
      if (accepted === undefined) return;
      seen.accepted++;
      for (const { name } of accepted.hosts) {
        const here = accepted.containers.filter(({ host }) => host === name);
        const ports = [...here.flatMap(listensOn), ...Array.from({ length: 32 }, (_, n) => 60_000 + n)];
        expect(ports.filter((port, index) => ports.indexOf(port) !== index)).toEqual([]);
        expect(ports.every((port) => port >= 1024 && port <= 65_535)).toBe(true);
      }
    }),
    { numRuns },
  );
  expect(seen.accepted).toBeGreaterThan(numRuns / 10);
});

test("A member that changes changes all members of its instance, and no container of another.", () => {
  const seen = { compared: 0 };
  fc.assert(
    fc.property(deployment, (input) => {
      const [first, ...others] = input.decode;
      if (first === undefined) return;
      const hosts = first.hosts.toReversed();
      const [before, after] = [planOf(input), planOf({ ...input, decode: [{ ...first, hosts }, ...others] })];
      if (before === undefined || after === undefined || hosts.length === 1) return;
      seen.compared++;
      for (const one of before.containers.filter(({ role }) => role !== "scheduler")) {
        const isOfIt = one.member?.of === "s-decode-0";
        const then = after.containers.find(({ name }) => name === one.name);
        expect(JSON.stringify(then) === JSON.stringify(one)).toBe(!isOfIt);
        if (isOfIt) expect(then?.member?.definition).not.toBe(one.member?.definition);
      }
    }),
    { numRuns: numRuns / 4 },
  );
  expect(seen.compared).toBeGreaterThan(numRuns / 80);
});
