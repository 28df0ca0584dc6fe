import { expect, test } from "vitest";
import { scrapeConfig } from "./scrape-config.ts";
import { sampleTargets } from "./testing/targets.ts";

test("The scheduler, each instance under its name, and each npu-exporter are scraped.", () => {
  const config = scrapeConfig(sampleTargets, "rules.yml");

  const prefill = { stack: "2p2d", role: "prefill", pd_instance: "prefill-0", host: "host-a" };
  const decode = { stack: "2p2d", role: "decode", pd_instance: "long", host: "host-b" };
  expect(config).toMatchObject({
    rule_files: ["rules.yml"],
    scrape_configs: [
      {
        job_name: "ascend-pd-scheduler",
        static_configs: [{ targets: ["127.0.0.1:9464"], labels: { stack: "2p2d", host: "host-a" } }],
      },
      {
        job_name: "ascend-pd-engine",
        static_configs: [
          { targets: ["10.0.0.18:8088"], labels: prefill },
          { targets: ["[2001:db8::19]:8089"], labels: decode },
        ],
      },
      {
        job_name: "npu-exporter",
        static_configs: [{ targets: ["10.0.0.18:8082"], labels: { stack: "2p2d" } }],
      },
    ],
  });
});

test("What there is none of has no job.", () => {
  const { scheduler: _, ...others } = sampleTargets;

  const config = scrapeConfig({ ...others, npuExporters: [] }, "rules.yml");

  expect(config).toMatchObject({ scrape_configs: [{ job_name: "ascend-pd-engine" }] });
});
