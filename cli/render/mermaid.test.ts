import fc from "fast-check";
import { expect, test } from "vitest";
import { hostileNames, samplePlan } from "../testing/rendered.ts";
import { mermaid } from "./mermaid.ts";

test("Hosts hold their instances; requests and KV cache flow along the edges.", () => {
  expect(mermaid(samplePlan())).toMatch(
    `flowchart TB
  clients(["clients"])
  subgraph h0["host-a 10.0.0.18"]
    c0["prefill-0<br/>NPUs 4,5<br/>:8088"]:::prefill
    c2["decode-0<br/>NPUs 6,7<br/>:8089"]:::decode
    c4["scheduler<br/>:9000"]:::scheduler
  end
  subgraph h1["host-b 10.0.0.19"]
    c1["prefill-1<br/>NPUs 4,5<br/>:8088"]:::prefill
    c3["decode-1<br/>NPUs 6,7<br/>:8089"]:::decode
  end
  kv{{"KV cache"}}:::kv
  clients <--> c4
  c4 -->|"①"| c0
  c4 -->|"①"| c1
  c4 -->|"②"| c2
  c4 -->|"②"| c3
  c0 ==> kv
  c1 ==> kv
  kv ==> c2
  kv ==> c3
`,
  );
});

test("Whatever a name holds, it stays in its label, and the label can be read back.", () => {
  const skeleton = (text: string) => text.replaceAll(/"[^"\n]*"/g, '""').replace(/^title: .*/m, "");
  fc.assert(
    fc.property(hostileNames, (plan) => {
      const drawn = mermaid(plan);

      expect(skeleton(drawn)).toBe(skeleton(mermaid(samplePlan())));
      const labels = [...drawn.matchAll(/subgraph h\d\["(.*)"\]/g)].map(([, label = ""]) =>
        label.replaceAll(/#(\d+);/g, (_, code) => String.fromCodePoint(Number(code))),
      );
      expect(labels).toEqual(plan.hosts.map(({ name, address }) => `${name} ${address}`));
    }),
  );
});
