import { expect, test } from "vitest";
import { hostNetworkLabel } from "../../planning/container/host-network.ts";
import { resource, unknown, violationsOf } from "../testing/validated.ts";
import { hostNetworkWithReason } from "./host-network-with-reason.ts";

const reason = (value: string) => ({
  labels: [
    { label: "other", value: "x" },
    { label: hostNetworkLabel, value },
  ],
});

test.each([
  { networkMode: "host" },
  { networkMode: "host", ...reason(" ") },
  { networkMode: "host", ...reason("\u200b\u2060") },
  { networkMode: "host", labels: [{ label: "other", value: "because" }] },
  { networksAdvanced: [{ name: "host" }] },
])("A container on the host's network with %j gives no reason.", async (props) => {
  const violations = await violationsOf(hostNetworkWithReason, resource("decode-0", props));

  expect(violations).toEqual(["decode-0 is on the host's network without a reason"]);
});

test.each([
  { networkMode: "host", ...reason("HCCL names the host's addresses") },
  { networkMode: "bridge" },
  { networkMode: "bridge", networksAdvanced: null, image: unknown },
  {},
])("A container with %j passes.", async (props) => {
  const violations = await violationsOf(hostNetworkWithReason, resource("decode-0", props));

  expect(violations).toEqual([]);
});

test("A network that is not known yet is left to the engine, which says so.", async () => {
  const asked = violationsOf(hostNetworkWithReason, resource("decode-0", { networkMode: unknown }));

  await expect(asked).rejects.toThrow("networkMode can't be known during preview");
});
