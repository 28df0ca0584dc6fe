/** What each probe is told, as JSON in the environment variable PROBE. `docker` as in HostPlan. */
export interface ProbeArguments {
  "claim-npus": {
    readonly docker: string | undefined;
    /** Container that the devices are for; its own hold on them is no conflict. */
    readonly container: string;
    /** Device nodes on the host. */
    readonly devices: readonly string[];
  };
  "await-ready": {
    readonly docker: string | undefined;
    readonly container: string;
    readonly url: string;
    readonly timeoutSeconds: number;
  };
  "first-completion": {
    readonly url: string;
    readonly api: "openai" | "vllm";
    readonly model: string;
    readonly timeoutSeconds: number;
  };
}

export function probeArguments<Name extends keyof ProbeArguments>(_name: Name): ProbeArguments[Name] {
  const text = process.env.PROBE;
  if (text === undefined) throw new Error("the environment variable PROBE is not set; `pulumi up` sets it");
  return JSON.parse(text);
}
