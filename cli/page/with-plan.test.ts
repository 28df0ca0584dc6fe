import { expect, test } from "vitest";
import { instance, snapshot } from "../../page/testing/snapshots.ts";
import { plannedStack } from "../planned-stack.ts";
import { readSnapshot, withPlan } from "./with-plan.ts";

const { plan } = plannedStack("vllm-ascend-2p2d-two-hosts");
const addressOf = (role: string) => {
  const container = plan.containers.find((one) => one.role === role);
  const host = plan.hosts.find(({ name }) => name === container?.host);
  return { container, host, address: `${host?.address}:${container?.port}` };
};

test("The Plan says which stack it is, what its hosts are called, and whose NPUs they are that no rank table has.", () => {
  const { container, host, address } = addressOf("decode");
  const known = instance("decode", 0, host?.address ?? "", { address, npus: [] });
  const seen = snapshot(0, { instances: [known], hosts: [{ address: host?.address ?? "" }] });

  const more = withPlan(seen, plan);

  expect(more.stack).toBe("vllm-ascend-2p2d-two-hosts");
  expect(more.hosts).toEqual([{ address: host?.address, name: container?.host }]);
  expect(more.instances[0]?.npus).toEqual(container?.npus);
  expect(more.instances[0]?.npus.length).toBeGreaterThan(0);
});

test("Of an instance that the Plan does not have all stays as the scheduler says.", () => {
  const seen = snapshot(1);

  expect(withPlan(seen, plan)).toEqual({ ...seen, stack: plan.stack });
});

test.each(["", "null", "7", "{", "[]", '{"instances":[]}', '{"at":1,"instances":{},"hosts":[]}'])(
  "%s is no snapshot.",
  (line) => {
    expect(readSnapshot(line)).toBeUndefined();
  },
);

test("What a scheduler tells is read as it was said.", () => {
  const seen = snapshot(2);

  expect(readSnapshot(JSON.stringify(seen))).toEqual(seen);
});
