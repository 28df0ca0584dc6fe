/** What is scraped. Addresses are as in a URL, with a port: `10.0.0.18:8088`, `[2001:db8::18]:8088`. */
export interface Targets {
  readonly stack: string;
  /** Absent: it tells nothing that could be scraped. */
  readonly scheduler?: { readonly address: string; readonly host: string };
  readonly instances: readonly InstanceTarget[];
  readonly npuExporters: readonly string[];
}

export interface InstanceTarget {
  readonly address: string;
  readonly role: "prefill" | "decode";
  /** As the scheduler calls it. */
  readonly name: string;
  readonly host: string;
}

export const jobs = { scheduler: "ascend-pd-scheduler", engine: "ascend-pd-engine", npu: "npu-exporter" };
