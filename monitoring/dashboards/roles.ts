import { engine, scheduler } from "../metrics.ts";
import type { Dashboard, Row } from "./dashboard.ts";
import { lines, of, quantiles, rate, share, stackVariable, sum } from "./queries.ts";

const named = (expr: string) => [{ expr, legend: "{{pd_instance}}" }];

function rowOf(role: "prefill" | "decode", title: string): Row {
  const own = `role="${role}"`;
  return {
    title,
    panels: [
      lines(
        `${title}: duration`,
        "Of its part of a request.",
        "s",
        quantiles(scheduler.legs, `leg="${role}"`),
      ),
      lines(
        `${title}: in flight`,
        "What the scheduler has there.",
        "short",
        named(of(scheduler.instanceInFlight, own)),
      ),
      lines(
        `${title}: running`,
        "By the instances' own word.",
        "short",
        named(sum(of(engine.running, own), "pd_instance")),
      ),
      lines(
        `${title}: waiting`,
        "By the instances' own word.",
        "short",
        named(sum(of(engine.waiting, own), "pd_instance")),
      ),
      lines(
        `${title}: KV cache`,
        "Part that is in use.",
        "percentunit",
        named(`max by (pd_instance) (${of(engine.kvUsage, own)} or ${of(engine.kvUsageBefore, own)})`),
      ),
      lines(
        `${title}: tokens`,
        role === "prefill" ? "Of prompts, a second." : "Generated, a second.",
        "short",
        named(
          sum(rate(role === "prefill" ? engine.promptTokens : engine.generationTokens, own), "pd_instance"),
        ),
      ),
    ],
  };
}

export const roles: Dashboard = {
  uid: "ascend-pd-roles",
  title: "ascend-pd: prefill and decode",
  description: "What each role does, and what passes between them.",
  variables: [stackVariable],
  rows: [
    rowOf("prefill", "Prefill"),
    rowOf("decode", "Decode"),
    {
      title: "Handoff",
      panels: [
        lines(
          "KV cache held",
          "Prompts whose KV cache prefill keeps for decode.",
          "short",
          named(of(scheduler.kvHeld, 'role="prefill"')),
        ),
        lines(
          "KV cache not fetched",
          "Prompts a second whose KV cache decode is not known to have fetched.",
          "short",
          [
            { expr: sum(rate(scheduler.kvAbandoned)), legend: "abandoned" },
            { expr: sum(rate(scheduler.kvReleased)), legend: "released" },
            { expr: sum(rate(scheduler.kvExpired)), legend: "expired" },
          ],
        ),
        lines(
          "Prompts that decode computed",
          "Share of requests for which prefill gave no KV parameters.",
          "percentunit",
          [{ expr: share(sum(rate(scheduler.recomputed)), sum(rate(scheduler.requests))), legend: "share" }],
        ),
        lines(
          "Prompts from prefill",
          "Part of the prompt tokens of the last minute, those cached aside, that decode got and did not compute.",
          "percentunit",
          named(of(scheduler.transferShare)),
        ),
        lines("Prompt tokens of decode", "A second, by where they came from.", "short", [
          { expr: sum(rate(scheduler.promptSources), "source"), legend: "{{source}}" },
        ]),
        lines("Answers given back", "By decode for want of KV cache, a second.", "short", [
          { expr: sum(rate(scheduler.givenBack)), legend: "given back" },
        ]),
        lines("Prefix cache", "Share of prompt tokens that were there.", "percentunit", [
          {
            expr: share(
              sum(rate(engine.prefixHits), "pd_instance"),
              sum(rate(engine.prefixQueries), "pd_instance"),
            ),
            legend: "{{pd_instance}}",
          },
        ]),
      ],
    },
  ],
};
