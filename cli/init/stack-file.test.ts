import fc from "fast-check";
import { expect, test } from "vitest";
import { plan } from "../../planning/make-plan.ts";
import { parseYaml } from "../yaml.ts";
import { hostNames, type InitHost, layOut, stackFileText } from "./stack-file.ts";

const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ6GE0bSjXCpjpmUqc8vRmqL3rTLTBSrvJsQ/UIoTn0Z";

function host(index: number, npus: readonly number[], notes: readonly string[] = []): InitHost {
  const generation = npus.length > 8 ? "a3" : "a2";
  return {
    name: `host-${index}`,
    docker: `ssh://root@10.0.0.${index + 10}`,
    hostKey: key,
    versions: "driver 25.5.1, Docker 26.1.4",
    seen: {
      address: `10.0.0.${index + 10}`,
      interface: "bond0",
      machine: "aarch64",
      npus,
      names: ["910B3"],
      generation,
      deviceIps: new Map(npus.map((npu) => [npu, `29.0.${index}.${npu + 10}`])),
      notes,
    },
  };
}

function planned(hosts: readonly InitHost[]) {
  const parsed = parseYaml(Buffer.from(stackFileText(hosts, "ascend-pd init …")));
  if (!("value" in parsed)) throw new Error(parsed.mistake.message);
  return plan("first", Object(parsed.value).config["ascend-pd:deployment"]);
}

const npusOf = fc.oneof(
  fc.constantFrom(8, 16, 4, 2, 6).map((count) => Array.from({ length: count }, (_, npu) => npu)),
  fc.uniqueArray(fc.nat(7), { minLength: 2, maxLength: 8 }).map((some) => some.sort((a, b) => a - b)),
);

test("Whatever NPUs hosts have and whatever they say, the file is read and breaks no rule.", () => {
  const hosts = fc
    .array(fc.tuple(npusOf, fc.array(fc.string({ unit: "binary" }), { maxLength: 2 })), {
      minLength: 1,
      maxLength: 6,
    })
    .filter((all) => new Set(all.map(([npus]) => npus.length > 8)).size === 1)
    .map((all) => all.map(([npus, notes], index) => host(index, npus, notes)));

  fc.assert(
    fc.property(hosts, (all) => {
      const result = planned(all);

      expect("problems" in result ? result.problems : []).toEqual([]);
    }),
  );
});

test("Hosts that are reached by IPv6 plan too.", () => {
  const both = [0, 1].map((index): InitHost => {
    const { seen, ...one } = host(index, [0, 1]);
    const address = `2001:db8::${index + 1}`;
    return { ...one, docker: `ssh://root@[${address}]`, seen: { ...seen, address } };
  });

  expect(planned(both)).toMatchObject({ plan: { endpoint: "http://[2001:db8::1]:9000" } });
});

test("One host has both roles, each on half of its NPUs; of several each has one.", () => {
  const eight = [0, 1, 2, 3, 4, 5, 6, 7];

  expect(layOut([host(0, eight)])).toEqual({
    prefill: [{ host: "host-0", devices: [0, 1, 2, 3] }],
    decode: [{ host: "host-0", devices: [4, 5, 6, 7] }],
  });
  expect(layOut([host(0, eight), host(1, []), host(2, [0, 1, 2, 4, 5, 6])])).toEqual({
    prefill: [{ host: "host-0", devices: [0, 1, 2, 3] }],
    decode: [{ host: "host-2", devices: [0, 1, 2, 4] }],
  });
  for (const too of [[], [host(0, [])], [host(0, [3])]]) expect(() => layOut(too)).toThrow("too few NPUs");
});

test("What was seen stands in comments, and what nobody could see is marked.", () => {
  const text = stackFileText(
    [host(0, [4, 5], ["NPU 4 is not well: Warning\nengine: x"])],
    "ascend-pd init root@a",
  );

  expect(text).toContain("# NPUs 4, 5 (910B3); aarch64; driver 25.5.1, Docker 26.1.4\n");
  expect(text).toContain("# deviceIps: { 4: 29.0.0.14, 5: 29.0.0.15 }\n");
  expect(text).toContain("# TODO: NPU 4 is not well: Warning\\nengine: x\n");
  expect(text).toMatch(/path: \/data\/models\/MODEL # TODO/);
});

test("Hosts are named as they were called, each otherwise.", () => {
  expect(
    hostNames(["root@10.0.0.18", "Node_A.example.com", "root@node-a:2222", "ssh://x@node-a", "..."]),
  ).toEqual(["host-10-0-0-18", "node-a", "node-a-2", "node-a-3", "host"]);
  expect(hostNames(["root@[2001:db8::18]:2222", "root@2001:db8::18"])).toEqual([
    "host-2001-db8-18",
    "host-2001-db8-18-2",
  ]);
});
