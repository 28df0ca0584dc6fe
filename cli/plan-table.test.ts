import { expect, test } from "vitest";
import { plan as makePlan } from "../planning/make-plan.ts";
import { sampleInput } from "../planning/testing/sample-input.ts";
import { planTable } from "./plan-table.ts";

test("The table shows every container in start order, in columns, without trailing spaces.", () => {
  const input = sampleInput();
  input.scheduler.port = 19000;
  const result = makePlan("2p2d-long-name", input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));

  const table = planTable(result.plan);

  expect(table).toBe(
    `
ROLE       INSTANCE                  HOST    NPUS  PORT
prefill    2p2d-long-name-prefill-0  host-a  4,5   8088
prefill    2p2d-long-name-prefill-1  host-b  4,5   8088
decode     2p2d-long-name-decode-0   host-a  6,7   8089
decode     2p2d-long-name-decode-1   host-b  6,7   8089
scheduler  2p2d-long-name-scheduler  host-a  -     19000`.slice(1),
  );
});
