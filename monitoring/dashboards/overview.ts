import { scheduler } from "../metrics.ts";
import type { Dashboard } from "./dashboard.ts";
import { lines, number, of, quantiles, rate, share, stackVariable, sum } from "./queries.ts";

const requests = sum(rate(scheduler.requests));
const failed = sum(rate(scheduler.requests, 'status=~"5.."'));

export const overview: Dashboard = {
  uid: "ascend-pd-overview",
  title: "ascend-pd: overview",
  description: "Whether a stack serves, how much, how fast, and how well.",
  variables: [stackVariable],
  rows: [
    {
      title: "Now",
      panels: [
        number("Ready", "1 while the scheduler takes requests.", "none", `min(${of(scheduler.ready)})`, [
          { from: 0, colour: "red" },
          { from: 1, colour: "green" },
        ]),
        number(
          "Prefill instances",
          "Those that get requests.",
          "none",
          sum(of(scheduler.instanceReady, 'role="prefill"')),
        ),
        number(
          "Decode instances",
          "Those that get requests.",
          "none",
          sum(of(scheduler.instanceReady, 'role="decode"')),
        ),
        number("In flight", "Requests that are not over.", "short", sum(of(scheduler.requestsInFlight))),
        number(
          "Waiting",
          "Of these: requests that wait for their turn.",
          "short",
          sum(of(scheduler.requestsWaiting)),
          [{ from: 1, colour: "orange" }],
        ),
        number("Failed", "Share of answers 5xx.", "percentunit", share(failed, requests), [
          { from: 0.01, colour: "orange" },
          { from: 0.05, colour: "red" },
        ]),
      ],
    },
    {
      title: "Traffic",
      panels: [
        lines("Requests by status", "Requests that are over.", "reqps", [
          { expr: sum(rate(scheduler.requests), "status"), legend: "{{status}}" },
        ]),
        lines("Requests by path", "Requests that are over.", "reqps", [
          { expr: sum(rate(scheduler.requests), "path"), legend: "{{path}}" },
        ]),
        lines("Tokens", "A second, as engines count them.", "short", [
          { expr: sum(rate(scheduler.promptTokens)), legend: "of prompts" },
          { expr: sum(rate(scheduler.cachedTokens)), legend: "of these in prefill's prefix cache" },
          { expr: sum(rate(scheduler.generatedTokens)), legend: "generated" },
        ]),
        lines("Answers", "Bytes of answers a second.", "Bps", [
          { expr: sum(rate(scheduler.answerBytes)), legend: "bytes" },
        ]),
      ],
    },
    {
      title: "Latency",
      panels: [
        lines("Time to first token", "Of streams.", "s", quantiles(scheduler.timeToFirstToken)),
        lines(
          "Time per output token",
          "Of whole streams, behind the first.",
          "s",
          quantiles(scheduler.timePerOutputToken),
        ),
      ],
    },
    {
      title: "Scheduler",
      panels: [
        lines("Connections", "Of clients, and of them refused ones a second.", "short", [
          { expr: sum(of(scheduler.connections)), legend: "open" },
          { expr: sum(rate(scheduler.connectionsRefused)), legend: "refused a second" },
        ]),
        lines("Bytes held", "What --max-buffered-bytes limits.", "bytes", [
          { expr: sum(of(scheduler.bufferedBytes)), legend: "bytes" },
        ]),
        lines("Event loop", "How late it comes to what is due.", "s", quantiles(scheduler.eventLoopLag)),
        lines("Versions", "Of the program and of Node, one line each.", "none", [
          { expr: of(scheduler.buildInfo), legend: "{{version}} on Node {{node}}" },
        ]),
      ],
    },
  ],
};
