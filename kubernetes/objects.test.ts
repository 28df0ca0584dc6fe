import { expect, test } from "vitest";
import { readStackFile, stackNames } from "../cli/stack-file.ts";
import { plan as makePlan } from "../planning/make-plan.ts";
import { kubernetesObjects } from "./objects.ts";
import { faultsOf } from "./testing/faults.ts";
import { clusterPlan } from "./testing/sample.ts";

test("An API server finds nothing wrong with the objects of a stack.", () => {
  expect(kubernetesObjects(clusterPlan()).flatMap(faultsOf)).toEqual([]);
});

test.each(stackNames().filter((name) => name.startsWith("k8s-")))("Nor with those of %s.", (stack) => {
  const result = makePlan(stack, readStackFile(stack).deployment);
  const plan = "plan" in result ? result.plan : undefined;
  if (plan?.kubernetes === undefined) throw new Error("it has no cluster");

  expect(kubernetesObjects({ ...plan, kubernetes: plan.kubernetes }).flatMap(faultsOf)).toEqual([]);
});
