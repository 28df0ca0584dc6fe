import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "../planning/make-plan.ts";
import { parseStackFile } from "../planning/read-stack-file.ts";
import { sampleInput } from "../planning/testing/sample-input.ts";
import { topologyOf } from "../planning/topology.ts";
import { place } from "./place.ts";

/** A simulated stack with hosts of 8 or 16 NPUs. */
function stackWith(npusOfHosts: readonly number[]) {
  const hosts = npusOfHosts.map((npus, index) => [
    `host-${index}`,
    { address: `10.0.0.${index + 1}`, docker: `unix:///host-${index}.sock`, npus },
  ]);
  const scheduler = { host: "host-0", port: 9000 };
  const one = { host: "host-0", devices: [0], port: 8088 };
  return {
    ...sampleInput(),
    engine: { kind: "simulated" },
    hosts: Object.fromEntries(hosts),
    prefill: [one],
    decode: [{ ...one, devices: [1], port: 8089 }],
    scheduler,
  };
}

const hosts = fc.array(fc.constantFrom(8, 16), { minLength: 1, maxLength: 4 });
const instances = fc.integer({ min: 1, max: 20 });

test("Instances that fit are placed so that the stack can be planned; those that do not are refused.", () => {
  let placed = 0;
  fc.assert(
    fc.property(
      hosts,
      fc.constantFrom(1, 2, 3, 4, 8),
      instances,
      instances,
      (npusOfHosts, npus, prefill, decode) => {
        const stack = stackWith(npusOfHosts);
        const parsed = parseStackFile(stack);
        if ("problems" in parsed) throw new Error(JSON.stringify(parsed.problems));

        const placement = place(topologyOf("s", parsed.file), {
          prefill: { instances: prefill, npus },
          decode: { instances: decode, npus },
        });

        const room = npusOfHosts.reduce((sum, size) => sum + Math.floor(size / npus), 0);
        expect(placement !== undefined).toBe(room >= prefill + decode);
        if (placement === undefined) return;
        placed++;
        expect([placement.prefill.length, placement.decode.length]).toEqual([prefill, decode]);
        const result = plan("s", { ...stack, ...placement });
        expect("problems" in result ? result.problems : []).toEqual([]);
      },
    ),
  );
  expect(placed).toBeGreaterThan(10);
});

test("NPUs without a device IP stay free.", () => {
  const parsed = parseStackFile(sampleInput());
  if ("problems" in parsed) throw new Error("the sample breaks a rule");

  const placement = place(topologyOf("s", parsed.file), {
    prefill: { instances: 2, npus: 2 },
    decode: { instances: 2, npus: 2 },
  });

  expect(placement).toEqual({
    prefill: [
      { host: "host-a", devices: [4, 5], port: 8088 },
      { host: "host-a", devices: [6, 7], port: 8090 },
    ],
    decode: [
      { host: "host-b", devices: [4, 5], port: 8089 },
      { host: "host-b", devices: [6, 7], port: 8091 },
    ],
  });
});
