import { expect, test } from "vitest";
import { resource, violationsOf } from "../test-support.ts";
import { noPrivilegedContainer } from "./no-privileged-container.ts";

test("A privileged container is reported by its name.", async () => {
  const violations = await violationsOf(noPrivilegedContainer, resource("decode-0", { privileged: true }));

  expect(violations).toEqual(["decode-0 is privileged; give it its devices instead"]);
});

test.each([{}, { privileged: false }])("A container with %o passes.", async (props) => {
  const violations = await violationsOf(noPrivilegedContainer, resource("decode-0", props));

  expect(violations).toEqual([]);
});

test("What is no container may be called privileged.", async () => {
  const image = resource("image", { privileged: true }, "docker:index/remoteImage:RemoteImage");

  const violations = await violationsOf(noPrivilegedContainer, image);

  expect(violations).toEqual([]);
});
