import { expect, test } from "vitest";
import { plan } from "../planning/make-plan.ts";
import { sampleInput } from "../planning/testing/sample-input.ts";
import { planJson } from "./plan-json.ts";

test("Every file is printed once, however many containers have it.", () => {
  const result = plan("two", sampleInput());
  if ("problems" in result) throw new Error("the sample breaks a rule");

  const json = planJson(result);

  expect(json.match(/server_group_list/g)).toHaveLength(1);
  const { rankTables, containers } = JSON.parse(json).plan;
  expect(rankTables).toEqual(result.plan.rankTables);
  expect(containers[1].files).toEqual([rankTables.global.path, rankTables.local[1].path]);
});

test("Problems are printed as they are.", () => {
  const result = plan("two", {});

  expect(JSON.parse(planJson(result))).toEqual(result);
});
