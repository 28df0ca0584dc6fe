import { jobs, type Targets } from "./targets.ts";

const scrapeSeconds = 15;

interface StaticConfig {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Prometheus' configuration, for versions 2 and 3. Each series of a stack has its name in `stack`; series of an instance have
 * `role` and `pd_instance` as the scheduler's own series of it have, so that they can be joined.
 */
export function scrapeConfig(
  { stack, scheduler, instances, npuExporters }: Targets,
  rulesFile: string,
): object {
  const job = (name: string, static_configs: readonly StaticConfig[]) =>
    static_configs.length === 0 ? [] : [{ job_name: name, static_configs }];
  return {
    global: { scrape_interval: `${scrapeSeconds}s`, evaluation_interval: `${scrapeSeconds}s` },
    rule_files: [rulesFile],
    scrape_configs: [
      ...job(
        jobs.scheduler,
        scheduler === undefined
          ? []
          : [{ targets: [scheduler.address], labels: { stack, host: scheduler.host } }],
      ),
      ...job(
        jobs.engine,
        instances.map(({ address, role, name, host }) => ({
          targets: [address],
          labels: { stack, role, pd_instance: name, host },
        })),
      ),
      ...job(jobs.npu, npuExporters.length === 0 ? [] : [{ targets: npuExporters, labels: { stack } }]),
    ],
  };
}
